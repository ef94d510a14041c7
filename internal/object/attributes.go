package object

import (
	"context"
	"fmt"
)

// SetAttributes changes the attributes of a version; that is durable on return.
// change gets the version as it is at the commit and alters its Attributes, and
// nothing else; an error of it is returned as it is and nothing is stored. It runs
// for everybody, so it must be quick, and it may run more than once. Of opts only
// VersionID counts.
//
// It returns ErrNotLockable for a retention or a legal hold in a bucket without
// object lock, and a *DeleteMarkerError for a delete marker. Who may shorten a
// retention is for change to decide.
func (e *Engine) SetAttributes(ctx context.Context, bucket, key string, opts SetAttributesOptions, change func(*Version) error) (Version, error) {
	b, err := e.writable(ctx, bucket, key, 0)
	if err != nil {
		return Version{}, err
	}
	var changed Version
	_, err = e.commit(func(tx *transaction) error {
		if b.dropped {
			return ErrNoSuchBucket
		}
		f, v, err := tx.version(b, key, opts.VersionID)
		if err != nil {
			return err
		}
		if v == nil {
			return absent(opts.VersionID)
		}
		if v.DeleteMarker {
			return &DeleteMarkerError{Version: v.Version, Named: opts.VersionID != ""}
		}
		whole, err := tx.getWhole(f.row)
		if err != nil {
			return err
		}
		_, _, body, err := cutVersion(whole)
		if err != nil {
			return err
		}
		if err := change(&v.Version); err != nil {
			return err
		}
		if err := checkDescription(&v.Metadata, &v.Attributes, nil); err != nil {
			return err
		}
		if !b.settings.Load().ObjectLock && (v.LegalHold || v.Retention != Retention{}) {
			return ErrNotLockable
		}
		tx.setVersion(b, f.row, v, body)
		tx.enqueue(opts.Messages, &v.Version)
		changed = v.Version
		return nil
	})
	if err != nil {
		return Version{}, fmt.Errorf("set attributes: %w", err)
	}
	return changed, nil
}

// SetAttributesOptions are the options of SetAttributes.
type SetAttributesOptions struct {
	VersionID string // empty: the current version

	// Messages, when set, returns what to put into the outbox together with
	// the change.
	Messages func(*Version) []Message
}

// absent is the error for a version that is not there.
func absent(versionID string) error {
	if versionID != "" {
		return ErrNoSuchVersion
	}
	return ErrNoSuchKey
}
