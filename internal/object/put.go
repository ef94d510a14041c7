package object

import (
	"context"
	"encoding/binary"
	"io"
)

// embedMaxBytes is the largest body kept in the version row itself. A listing
// reads past it, so it stays small.
const embedMaxBytes = 1 << 10

// PutOptions are the options of Put.
type PutOptions struct {
	// SizeBytes is the exact size of the body, or UnknownSize.
	SizeBytes int64

	Metadata   Metadata
	Attributes Attributes
	Owner      string // account ID; empty: the bucket's account

	// Encryption, when set, is how the body is stored.
	Encryption *Encryption

	// ContentMD5 is the expected MD5 of the body, 16 bytes; nil expects
	// nothing. A difference is ErrDigestMismatch.
	ContentMD5 []byte

	// Checksums are computed over the body and stored.
	Checksums []Algorithm

	// Verify, when set, sees the digests after the end of the body and before
	// the commit. Its error is returned as it is and nothing is stored.
	Verify func(Digests) error

	Condition Condition

	// Messages, when set, returns what to put into the outbox together with
	// the version. It runs at the commit, for everybody, so it must be quick.
	Messages func(*Version) []Message
}

// Put stores an object; it is durable and visible on return. In a bucket with
// versioning it becomes a version of its own; else it takes the place of the null
// version. Of concurrent writers of one key the last to commit wins. Errors of
// body come back wrapped.
func (e *Engine) Put(ctx context.Context, bucket, key string, body io.Reader, opts PutOptions) (Version, error) {
	b, err := e.writable(ctx, bucket, key, opts.SizeBytes)
	if err != nil {
		return Version{}, err
	}
	if err := checkDescription(&opts.Metadata, &opts.Attributes, opts.Encryption); err != nil {
		return Version{}, err
	}
	if err := opts.Encryption.fits(b); err != nil {
		return Version{}, err
	}
	if err := e.precheck(b, key, opts.Condition); err != nil {
		return Version{}, err
	}
	received, err := e.receive(ctx, body, bodyOptions{
		sizeBytes: opts.SizeBytes, contentMD5: opts.ContentMD5, checksums: opts.Checksums, verify: opts.Verify,
		encryption: opts.Encryption,
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
			Key: key, SizeBytes: received.SizeBytes, ETag: etag(received.etag, 0), Owner: opts.Owner,
			Checksums: received.Checksums, Metadata: opts.Metadata, Attributes: opts.Attributes,
		},
		md5: received.etag,
		ref: received.ref,
	}
	if opts.Encryption != nil {
		v.Encryption = opts.Encryption.Info
	}
	if v.Owner == "" {
		v.Owner = b.Account
	}
	v.Modified = e.now()
	// With an unknown outcome the mutation may run after return: it has a record
	// of its own.
	stored := new(versionRecord)
	*stored = v
	settled, err = e.commit(func(tx *transaction) error {
		if err := tx.putVersion(b, stored, received.embedded(), 0, opts.Condition, opts.Messages); err != nil {
			return err
		}
		received.write(tx)
		return nil
	})
	if err != nil {
		return Version{}, err
	}
	return stored.Version, nil
}

// checkDescription bounds what a new object carries beside its body.
func checkDescription(m *Metadata, a *Attributes, encryption *Encryption) error {
	switch {
	case m.sizeBytes() > MaxMetadataBytes:
		return ErrInvalidMetadata
	case a.sizeBytes() > MaxAttributesBytes:
		return ErrInvalidAttributes
	case encryption != nil && (encryption.Info == "" || len(encryption.Info) > MaxEncryptionInfoBytes):
		return ErrInvalidAttributes
	}
	return nil
}

// fits refuses a key that is for a bucket that was deleted meanwhile.
func (enc *Encryption) fits(b *bucketState) error {
	if enc != nil && enc.BucketID != "" && enc.BucketID != b.id.String() {
		return ErrNoSuchBucket
	}
	return nil
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
	if err := e.admit(ctx, sizeBytes); err != nil {
		return nil, err
	}
	return b, e.checkQuota(b, key, sizeBytes)
}

// precheck evaluates a condition before the body is received, so that a write
// which cannot succeed costs no transfer. It also brings the row into the cache,
// which the committer, who serves everybody, then finds there.
func (e *Engine) precheck(b *bucketState, key string, condition Condition) error {
	if err := e.enter(); err != nil {
		return err
	}
	var refused error
	err := e.findVersion(b, key, "", func(_, value []byte) error {
		if condition.zero() {
			return nil
		}
		if value == nil {
			refused = condition.check(nil)
			return nil
		}
		v, _, err := decodeVersion(value, b.Account)
		refused = condition.check(&v.Version)
		return err
	})
	e.leave()
	if err != nil || refused == nil {
		return err
	}
	if err := e.barrier(); err != nil {
		return err
	}
	return refused
}

// putVersion makes v the current version of its key, under the ID that the
// bucket's versioning gives it, and frees what it replaces. pendingBytes of its
// size are counted already. It fails before it writes.
func (tx *transaction) putVersion(b *bucketState, v *versionRecord, body []byte, pendingBytes int64, condition Condition, messages func(*Version) []Message) error {
	place, err := tx.place(b, v, condition)
	if err != nil {
		return err
	}
	bytes, objects := v.SizeBytes-pendingBytes, int64(1)
	if old := place.replaced; old != nil {
		bytes -= old.SizeBytes
		if !old.DeleteMarker {
			objects--
		}
	}
	charge, err := tx.charge(b, v.Key, bytes, objects)
	if err != nil {
		return err
	}
	charge.apply()
	tx.put(b, place, v, body)
	tx.enqueue(messages, &v.Version)
	return nil
}

// placement is where a new version goes.
type placement struct {
	row         []byte
	replaced    *versionRecord // the null version that it takes the place of
	replacedRow []byte
	null        bool // a kindNull row must tell of it
}

// place evaluates the condition and decides where v goes. It sets v's ID.
func (tx *transaction) place(b *bucketState, v *versionRecord, condition Condition) (placement, error) {
	if b.dropped {
		return placement{}, ErrNoSuchBucket
	}
	settings := b.settings.Load()
	if !settings.ObjectLock && (v.LegalHold || v.Retention != Retention{}) {
		return placement{}, ErrNotLockable
	}
	f, current, err := tx.version(b, v.Key, "")
	if err != nil {
		return placement{}, err
	}
	var now *Version
	if current != nil {
		now = &current.Version
	}
	if err := condition.check(now); err != nil {
		return placement{}, err
	}
	v.VersionID, v.number = NullVersionID, versionID{}
	if settings.Versioning == Unversioned {
		return placement{row: versionKey(b.versions, v.Key, nullSequence), replaced: current, replacedRow: f.row}, nil
	}
	last := uint64(nullSequence)
	if f.row != nil {
		last = sequenceOf(f.row)
	}
	sequence := tx.engine.nextSequence(last)
	p := placement{row: versionKey(b.versions, v.Key, sequence)}
	if settings.Versioning == VersioningEnabled {
		binary.BigEndian.PutUint64(v.number[:], sequence)
		if err := tx.engine.random(v.number[8:]); err != nil {
			return placement{}, err
		}
		v.VersionID = v.number.String()
		return p, nil
	}
	p.null = true
	f, p.replaced, err = tx.version(b, v.Key, NullVersionID)
	p.replacedRow = f.row
	return p, err
}

// put writes v where place said.
func (tx *transaction) put(b *bucketState, place placement, v *versionRecord, body []byte) {
	if place.replaced != nil {
		if string(place.replacedRow) != string(place.row) {
			tx.deleteVersion(b, place.replacedRow)
		}
		tx.free(place.replaced.ref)
	}
	tx.setVersion(b, place.row, v, body)
	if place.null {
		tx.set(nullKey(b.scope, v.Key), binary.BigEndian.AppendUint64(nil, sequenceOf(place.row)), nil)
	}
}
