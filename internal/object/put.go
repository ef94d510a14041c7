package object

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// embedMaxBytes is the largest body kept in the version row itself. A listing
// reads past it, so it stays small.
const embedMaxBytes = 1 << 10

// PutOptions are the options of Put.
type PutOptions struct {
	// SizeBytes is the exact size of the body, or UnknownSize.
	SizeBytes int64

	Metadata Metadata
	Owner    string // account ID; empty: the bucket's account

	// ContentMD5 is the expected MD5 of the body, 16 bytes; nil expects
	// nothing. A difference is ErrDigestMismatch.
	ContentMD5 []byte

	// Checksums are computed over the body and stored.
	Checksums []Algorithm

	// Verify, when set, sees the digests after the end of the body and before
	// the commit. Its error is returned as it is and nothing is stored.
	Verify func(Digests) error

	Condition Condition
}

// Put stores an object; it is durable and visible on return. Of concurrent
// writers of one key the last to commit wins. Errors of body come back wrapped.
func (e *Engine) Put(ctx context.Context, bucket, key string, body io.Reader, opts PutOptions) (Version, error) {
	b, err := e.writable(ctx, bucket, key, opts.SizeBytes)
	if err != nil {
		return Version{}, err
	}
	if opts.Metadata.sizeBytes() > MaxMetadataBytes {
		return Version{}, ErrInvalidMetadata
	}
	row := versionKey(b.versions, key, nullSequence)
	if err := e.precheck(row, opts.Condition); err != nil {
		return Version{}, err
	}
	received, err := e.receive(ctx, body, bodyOptions{
		sizeBytes: opts.SizeBytes, contentMD5: opts.ContentMD5, checksums: opts.Checksums, verify: opts.Verify,
	})
	if err != nil {
		return Version{}, err
	}
	settled := true
	defer func() { received.release(settled, err) }()
	if err = received.place(embedMaxBytes); err != nil {
		return Version{}, err
	}
	v := versionRecord{
		Version: Version{
			Key: key, VersionID: NullVersionID, SizeBytes: received.SizeBytes,
			ETag: etag(received.MD5, 0), Owner: opts.Owner,
			Checksums: received.Checksums, Metadata: opts.Metadata,
		},
		md5: received.MD5,
		ref: received.ref,
	}
	if v.Owner == "" {
		v.Owner = b.Account
	}
	var behind []byte // an embedded body
	if v.ref.where == embedded {
		behind = received.inline
	}
	v.Modified = e.now()
	header := appendVersion(nil, &v, b.Account)
	settled, err = e.commit(func(tx *transaction) error {
		old, err := tx.current(b, row, opts.Condition)
		if err != nil {
			return err
		}
		tx.set(row, header, behind)
		received.write(tx)
		tx.free(old.ref)
		return nil
	})
	if err != nil {
		return Version{}, err
	}
	return v.Version, nil
}

// writable returns the bucket for a write that may go ahead.
func (e *Engine) writable(ctx context.Context, bucket, key string, sizeBytes int64) (*bucketState, error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return nil, err
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return b, e.admit(ctx, sizeBytes)
}

// precheck evaluates a condition before the body is received, so that a write
// which cannot succeed costs no transfer. It also brings the row into the cache,
// which the committer, who serves everybody, then finds there.
func (e *Engine) precheck(row []byte, condition Condition) error {
	if err := e.enter(); err != nil {
		return err
	}
	old, err := e.get(row)
	e.leave()
	if err != nil {
		return err
	}
	refused := checkCondition(old, condition)
	if refused == nil {
		return nil
	}
	if err := e.barrier(); err != nil {
		return err
	}
	return refused
}

// current reads the version that a write is about to replace; the zero record
// when there is none. It checks the bucket and the condition.
func (tx *transaction) current(b *bucketState, row []byte, condition Condition) (versionRecord, error) {
	if b.dropped {
		return versionRecord{}, ErrNoSuchBucket
	}
	old, err := tx.get(row)
	if err != nil {
		return versionRecord{}, err
	}
	if err := checkCondition(old, condition); err != nil {
		return versionRecord{}, err
	}
	if old == nil {
		return versionRecord{}, nil
	}
	v, _, err := decodeVersion(old, b.Account)
	return v, err
}

// checkCondition evaluates a condition on a version row, nil when there is none.
func checkCondition(row []byte, condition Condition) error {
	if condition.zero() {
		return nil
	}
	var current string
	if row != nil {
		v, _, err := decodeVersion(row, "")
		if err != nil {
			return err
		}
		current = v.ETag
	}
	if want := condition.IfMatch; want != "" {
		if row == nil {
			return fmt.Errorf("If-Match: %w", ErrNoSuchKey)
		}
		if want != "*" && strings.Trim(want, `"`) != current {
			return fmt.Errorf("If-Match: %w", ErrPreconditionFailed)
		}
	}
	if deny := condition.IfNoneMatch; deny != "" && row != nil {
		if deny == "*" || strings.Trim(deny, `"`) == current {
			return fmt.Errorf("If-None-Match: %w", ErrPreconditionFailed)
		}
	}
	return nil
}
