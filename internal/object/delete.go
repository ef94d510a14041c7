package object

import (
	"context"
	"time"
)

// DeleteOptions are the options of Delete.
type DeleteOptions struct {
	// VersionID names the version to remove for good. Empty: the current one,
	// which in a bucket with versioning only gets a delete marker above it.
	VersionID string

	// Condition is on the version named, or the current one.
	Condition Condition

	// Check, when set, is asked at the commit about that version, and told
	// whether it is the current one; its error refuses the deletion. Without a
	// version the error is ErrNoSuchKey or ErrNoSuchVersion, and no marker is
	// made. It runs for everybody, so it must be quick, and it may run more
	// than once.
	Check func(v *Version, current bool) error

	// BypassGovernance removes a version under Governance retention too.
	BypassGovernance bool

	// Messages, when set, returns what to put into the outbox together with
	// the deletion, of the version that was removed or the marker that was
	// made. It is not called when nothing was done.
	Messages func(*Version) []Message
}

// DeleteResult says what a delete did.
type DeleteResult struct {
	Key string

	// VersionID is that of the version removed, or of the delete marker made;
	// empty when there was nothing to remove.
	VersionID string

	// DeleteMarker says that VersionID is a delete marker's: made, or removed
	// when a version was named.
	DeleteMarker bool

	Existed bool  // a version was removed
	Err     error // of this key, in DeleteMany
}

// DeleteTarget is one key to delete in DeleteMany.
type DeleteTarget struct {
	Key     string
	Options DeleteOptions
}

// Delete deletes an object or a version; that is durable on return. Deleting what
// does not exist is no error, nor is naming a version that does not. It returns
// ErrObjectLocked for a version under retention or legal hold.
func (e *Engine) Delete(ctx context.Context, bucket, key string, opts DeleteOptions) (DeleteResult, error) {
	results, err := e.DeleteMany(ctx, bucket, []DeleteTarget{{Key: key, Options: opts}})
	if err != nil {
		return DeleteResult{Key: key}, err
	}
	result := results[0]
	err, result.Err = result.Err, nil
	return result, err
}

// DeleteMany deletes many objects in one commit. Results are in the order of
// targets; a target that is refused has its Err set and does not stop the rest.
func (e *Engine) DeleteMany(ctx context.Context, bucket string, targets []DeleteTarget) ([]DeleteResult, error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	results := make([]DeleteResult, len(targets))
	for i, t := range targets {
		results[i].Key = t.Key
		if results[i].Err = checkKey(t.Key); results[i].Err != nil {
			continue
		}
		if err := e.precheck(b, t.Key, Condition{}); err != nil {
			return nil, err
		}
	}
	// The mutation fills a copy: with an unknown outcome it may run after return.
	outcome := append([]DeleteResult(nil), results...)
	now := e.now()
	_, err = e.commit(func(tx *transaction) error {
		if b.dropped {
			return ErrNoSuchBucket
		}
		for i := range targets {
			if outcome[i].Err == nil {
				outcome[i].Err = tx.deleteTarget(b, &targets[i], now, &outcome[i])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcome, nil
}

// deleteTarget deletes one target. It fails before it writes.
func (tx *transaction) deleteTarget(b *bucketState, t *DeleteTarget, now time.Time, result *DeleteResult) error {
	if t.Options.Check != nil {
		if err := tx.ask(b, t); err != nil {
			return err
		}
	}
	if t.Options.VersionID == "" && b.versioned() {
		return tx.putMarker(b, t, now, result)
	}
	f, v, err := tx.version(b, t.Key, t.Options.VersionID)
	if err != nil {
		return err
	}
	var named *Version
	if v != nil {
		named = &v.Version
	}
	if err := t.Options.Condition.check(named); err != nil {
		// S3 User Guide, "Conditional deletes": If-Match on an absent key is 404.
		return err
	}
	if v == nil {
		return nil
	}
	if v.locked(now, t.Options.BypassGovernance) {
		return ErrObjectLocked
	}
	if err := tx.removeVersion(b, f.row, v); err != nil {
		return err
	}
	result.Existed, result.VersionID, result.DeleteMarker = true, v.VersionID, v.DeleteMarker
	tx.enqueue(t.Options.Messages, &v.Version)
	return nil
}

// ask asks a target's Check.
func (tx *transaction) ask(b *bucketState, t *DeleteTarget) error {
	f, v, err := tx.version(b, t.Key, t.Options.VersionID)
	if err != nil {
		return err
	}
	if v == nil {
		return absent(t.Options.VersionID)
	}
	current := t.Options.VersionID == ""
	if !current {
		first, err := tx.current(b, t.Key)
		if err != nil {
			return err
		}
		current = string(first.row) == string(f.row)
	}
	return t.Options.Check(&v.Version, current)
}

// locked reports whether a version may not be removed yet (S3 User Guide, "Locking
// objects with Object Lock").
func (v *Version) locked(now time.Time, bypassGovernance bool) bool {
	if v.LegalHold {
		return true
	}
	retained := v.Retention.Mode != NoRetention && now.Before(v.Retention.Until)
	return retained && (v.Retention.Mode == Compliance || !bypassGovernance)
}

// removeVersion removes a version for good. It fails before it writes.
func (tx *transaction) removeVersion(b *bucketState, row []byte, v *versionRecord) error {
	objects := int64(-1)
	if v.DeleteMarker {
		objects = 0
	}
	charge, err := tx.charge(b, v.Key, -v.SizeBytes, objects)
	if err != nil {
		return err
	}
	charge.apply()
	tx.deleteVersion(b, row)
	tx.free(v.ref)
	if v.number == (versionID{}) && sequenceOf(row) != nullSequence {
		tx.delete(nullKey(b.scope, v.Key))
	}
	return nil
}

// putMarker makes a delete marker the current version of a key. It fails before
// it writes.
func (tx *transaction) putMarker(b *bucketState, t *DeleteTarget, now time.Time, result *DeleteResult) error {
	marker := versionRecord{Version: Version{Key: t.Key, Modified: now, Owner: b.Account, DeleteMarker: true}}
	place, err := tx.place(b, &marker, t.Options.Condition)
	if err != nil {
		return err
	}
	if old := place.replaced; old != nil && !old.DeleteMarker {
		charge, err := tx.charge(b, t.Key, -old.SizeBytes, -1)
		if err != nil {
			return err
		}
		charge.apply()
	}
	tx.put(b, place, &marker, nil)
	result.VersionID, result.DeleteMarker, result.Existed = marker.VersionID, true, place.replaced != nil
	tx.enqueue(t.Options.Messages, &marker.Version)
	return nil
}
