package object

import (
	"context"
	"errors"
)

// DeleteOptions are the options of Delete.
type DeleteOptions struct {
	VersionID string // empty: the current version
	Condition Condition
}

// DeleteResult says what a delete did.
type DeleteResult struct {
	Key       string
	VersionID string // of the version deleted; empty when there was none
	Existed   bool
	Err       error // of this key, in DeleteMany
}

// DeleteTarget is one key to delete in DeleteMany.
type DeleteTarget struct {
	Key     string
	Options DeleteOptions
}

// Delete deletes an object; that is durable on return. Deleting what does not
// exist is no error, nor is naming a version that does not.
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
	rows := make([][]byte, len(targets)) // nil: nothing to do
	for i, t := range targets {
		results[i].Key = t.Key
		if results[i].Err = checkKey(t.Key); results[i].Err != nil {
			continue
		}
		if named := t.Options.VersionID; named == "" || named == NullVersionID {
			rows[i] = versionKey(b.versions, t.Key, nullSequence)
			if err := e.precheck(rows[i], Condition{}); err != nil {
				return nil, err
			}
		}
	}
	// The mutation fills a copy: with an unknown outcome it may run after return.
	outcome := append([]DeleteResult(nil), results...)
	_, err = e.commit(func(tx *transaction) error {
		if b.dropped {
			return ErrNoSuchBucket
		}
		return tx.deleteRows(b, rows, targets, outcome)
	})
	if err != nil {
		return nil, err
	}
	return outcome, nil
}

// deleteRows deletes version rows and records the outcome of each. It returns no
// error after the first write.
func (tx *transaction) deleteRows(b *bucketState, rows [][]byte, targets []DeleteTarget, results []DeleteResult) error {
	for i, row := range rows {
		if row == nil {
			continue
		}
		old, err := tx.current(b, row, targets[i].Options.Condition)
		if errors.Is(err, ErrNoSuchKey) {
			// S3 User Guide, "Conditional deletes": If-Match on an absent key is 404.
			results[i].Err = err
			continue
		}
		if err != nil {
			results[i].Err = err
			continue
		}
		if old.VersionID == "" {
			continue
		}
		tx.delete(row)
		tx.free(old.ref)
		results[i].Existed, results[i].VersionID = true, NullVersionID
	}
	return nil
}
