package object

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// UploadOptions are the options of CreateUpload.
type UploadOptions struct {
	Metadata   Metadata
	Attributes Attributes // of the object
	Owner      string     // account ID; empty: the bucket's account
	Initiator  string     // ARN of the caller, given back in listings

	// Encryption, when set, must be given again with each part.
	Encryption *Encryption

	// Checksum, unless zero, is computed for every part and for the object.
	Checksum     Algorithm
	ChecksumType ChecksumType
}

// Upload describes an upload in progress.
type Upload struct {
	Key          string
	ID           string
	Initiated    time.Time
	Owner        string
	Initiator    string
	Checksum     Algorithm // zero: none
	ChecksumType ChecksumType
	Metadata     Metadata
	Attributes

	// Encryption is the Info that the upload was created with; "" when its
	// parts are stored as they are.
	Encryption string
}

// CreateUpload starts an upload in parts, durable on return. It returns
// ErrInvalidChecksum for a FullObject checksum whose algorithm does not combine
// and for a Composite one of CRC64NVME (S3 User Guide, "Checking object
// integrity": supported checksum types).
func (e *Engine) CreateUpload(ctx context.Context, bucket, key string, opts UploadOptions) (Upload, error) {
	b, err := e.writable(ctx, bucket, key, 0)
	if err != nil {
		return Upload{}, err
	}
	if err := checkDescription(&opts.Metadata, &opts.Attributes, opts.Encryption); err != nil {
		return Upload{}, err
	}
	if err := opts.Encryption.fits(b); err != nil {
		return Upload{}, err
	}
	if len(opts.Initiator) > MaxMetadataBytes {
		return Upload{}, ErrInvalidMetadata
	}
	if err := checkUploadChecksum(opts.Checksum, opts.ChecksumType); err != nil {
		return Upload{}, err
	}
	var uploadID id
	u := uploadRecord{Upload: Upload{
		Key: key, Initiated: e.now(), Owner: opts.Owner, Initiator: opts.Initiator,
		Checksum: opts.Checksum, ChecksumType: opts.ChecksumType, Metadata: opts.Metadata,
		Attributes: opts.Attributes,
	}}
	if opts.Encryption != nil {
		u.Encryption, u.opaqueETag = opts.Encryption.Info, opts.Encryption.OpaqueETag
	}
	if u.Owner == "" {
		u.Owner = b.Account
	}
	// Uploads of a key are listed in the order of their initiation.
	binary.BigEndian.PutUint64(uploadID[:], uint64(u.Initiated.UnixNano()))
	if err := e.random(uploadID[8:]); err != nil {
		return Upload{}, err
	}
	u.ID = uploadID.String()
	row, record := uploadKey(b.uploads, key, uploadID), appendUpload(nil, &u)
	_, err = e.commit(func(tx *transaction) error {
		if b.dropped {
			return ErrNoSuchBucket
		}
		if !b.settings.Load().ObjectLock && (u.LegalHold || u.Retention != Retention{}) {
			return ErrNotLockable
		}
		tx.set(row, record, nil)
		return nil
	})
	return u.Upload, err
}

func checkUploadChecksum(a Algorithm, t ChecksumType) error {
	switch {
	case a == 0:
		return nil
	case !a.valid(), t > Composite,
		t == FullObject && !a.Combines(),
		t == Composite && a == CRC64NVME:
		return fmt.Errorf("%v of type %v for an upload: %w", a, t, ErrInvalidChecksum)
	}
	return nil
}

// Upload describes an upload or returns ErrNoSuchUpload.
func (e *Engine) Upload(ctx context.Context, bucket, key, uploadID string) (Upload, error) {
	_, u, err := e.findUpload(ctx, bucket, key, uploadID)
	return u.Upload, err
}

// uploadPlace is where an upload is in the index.
type uploadPlace struct {
	bucket *bucketState
	id     id
	row    []byte
}

// placeUpload names the rows of an upload, which need not exist.
func (e *Engine) placeUpload(bucket, key, uploadID string) (uploadPlace, error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return uploadPlace{}, err
	}
	if err := checkKey(key); err != nil {
		return uploadPlace{}, err
	}
	i, ok := parseID(uploadID)
	if !ok {
		return uploadPlace{}, ErrNoSuchUpload
	}
	return uploadPlace{b, i, uploadKey(b.uploads, key, i)}, nil
}

func (e *Engine) findUpload(ctx context.Context, bucket, key, uploadID string) (uploadPlace, uploadRecord, error) {
	if err := ctx.Err(); err != nil {
		return uploadPlace{}, uploadRecord{}, err
	}
	place, err := e.placeUpload(bucket, key, uploadID)
	if err != nil {
		return place, uploadRecord{}, err
	}
	if err := e.enter(); err != nil {
		return place, uploadRecord{}, err
	}
	defer e.leave()
	row, err := e.get(place.row)
	if err != nil {
		return place, uploadRecord{}, err
	}
	u, err := decodeFoundUpload(row)
	u.Key, u.ID = key, uploadID
	return place, u, err
}

// decodeFoundUpload decodes an upload row, nil when there is none.
func decodeFoundUpload(row []byte) (uploadRecord, error) {
	if row == nil {
		return uploadRecord{}, ErrNoSuchUpload
	}
	return decodeUpload(row)
}

// PartOptions are the options of PutPart. Fields are those of PutOptions.
type PartOptions struct {
	SizeBytes  int64
	ContentMD5 []byte
	Checksums  []Algorithm // besides the upload's
	Verify     func(Digests) error

	// Encryption must be that of the upload, with the same Key; nil when the
	// upload has none.
	Encryption *Encryption
}

// PutPart stores a part, durable on return. A part of the same number is
// replaced.
func (e *Engine) PutPart(ctx context.Context, bucket, key, uploadID string, number int, body io.Reader, opts PartOptions) (Part, error) {
	if number < 1 || number > MaxPartNumber {
		return Part{}, ErrInvalidPartNumber
	}
	place, upload, err := e.findUpload(ctx, bucket, key, uploadID)
	if err != nil {
		return Part{}, err
	}
	if err := e.admit(ctx, opts.SizeBytes); err != nil {
		return Part{}, err
	}
	if err := e.checkQuota(place.bucket, key, opts.SizeBytes); err != nil {
		return Part{}, err
	}
	if err := upload.check(opts.Encryption); err != nil {
		return Part{}, err
	}
	received, err := e.receive(ctx, body, bodyOptions{
		sizeBytes: opts.SizeBytes, contentMD5: opts.ContentMD5,
		checksums: withAlgorithm(opts.Checksums, upload.Checksum), verify: opts.Verify,
		encryption: opts.Encryption,
	})
	if err != nil {
		return Part{}, err
	}
	settled := true
	defer func() { received.release(settled, err) }()
	if err = received.place(-1); err != nil {
		return Part{}, err
	}
	p := partRecord{
		Part: Part{
			Number: number, SizeBytes: received.SizeBytes, ETag: etag(received.etag, 0),
			Modified: e.now(), Checksums: received.Checksums,
		},
		md5: received.etag,
		ref: received.ref,
	}
	settled, err = e.commit(func(tx *transaction) error { return tx.setPart(place, key, &p, received) })
	if err != nil {
		return Part{}, err
	}
	return p.Part, nil
}

// check refuses to encrypt a part otherwise than the rest of the upload.
func (u *uploadRecord) check(given *Encryption) error {
	if given == nil && u.Encryption == "" || given != nil && given.Info == u.Encryption && given.OpaqueETag == u.opaqueETag {
		return nil
	}
	return ErrSealed
}

// withAlgorithm returns list with a, unless that is zero or there already.
func withAlgorithm(list []Algorithm, a Algorithm) []Algorithm {
	if a == 0 {
		return list
	}
	for _, b := range list {
		if a == b {
			return list
		}
	}
	return append(list[:len(list):len(list)], a)
}

// setPart writes a part and raises the revision of its upload.
func (tx *transaction) setPart(place uploadPlace, key string, p *partRecord, received *receivedBody) error {
	if place.bucket.dropped {
		return ErrNoSuchBucket
	}
	row, err := tx.get(place.row)
	if err != nil {
		return err
	}
	upload, err := decodeFoundUpload(row)
	if err != nil {
		return err
	}
	partRow := partKey(place.bucket.scope, place.id, p.Number)
	before, err := tx.get(partRow)
	if err != nil {
		return err
	}
	var old partRecord
	if before != nil {
		if old, err = decodePart(before, p.Number); err != nil {
			return err
		}
	}
	stored := max(upload.storedBytes+p.SizeBytes-old.SizeBytes, 0)
	charge, err := tx.charge(place.bucket, key, stored-upload.storedBytes, 0)
	if err != nil {
		return err
	}
	charge.apply()
	upload.storedBytes = stored
	upload.revision++
	tx.set(place.row, appendUpload(nil, &upload), nil)
	tx.set(partRow, appendPart(nil, p), nil)
	received.write(tx)
	tx.free(old.ref)
	return nil
}

// Parts returns up to limit parts of an upload, those after part number after,
// and whether there are more.
func (e *Engine) Parts(ctx context.Context, bucket, key, uploadID string, after, limit int) (list []Part, more bool, err error) {
	place, _, err := e.findUpload(ctx, bucket, key, uploadID)
	if err != nil {
		return nil, false, err
	}
	err = e.eachPart(place, after, func(p partRecord) bool {
		if more = len(list) >= limit; !more {
			list = append(list, p.Part)
		}
		return !more
	})
	return list, more, err
}

// eachPart calls visit for the parts of an upload after a number, in order, until
// it returns false.
func (e *Engine) eachPart(place uploadPlace, after int, visit func(partRecord) bool) error {
	if after >= math.MaxUint16 {
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	prefix := partsPrefix(place.bucket.scope, place.id)
	iter, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: partKey(place.bucket.scope, place.id, max(after+1, 0)), UpperBound: successor(prefix),
	})
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		if len(iter.Key()) != len(prefix)+2 {
			return fmt.Errorf("part row: %w", ErrCorrupt)
		}
		p, err := decodePart(iter.Value(), int(binary.BigEndian.Uint16(iter.Key()[len(prefix):])))
		if err != nil {
			return err
		}
		if !visit(p) {
			return nil
		}
	}
	return iter.Error()
}

// AbortUpload drops an upload and its parts; that is durable on return.
func (e *Engine) AbortUpload(ctx context.Context, bucket, key, uploadID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	place, err := e.placeUpload(bucket, key, uploadID)
	if err != nil {
		return err
	}
	_, err = e.commit(func(tx *transaction) error {
		row, err := tx.get(place.row)
		if err != nil {
			return err
		}
		upload, err := decodeFoundUpload(row)
		if err != nil {
			return err
		}
		if place.bucket.dropped {
			return ErrNoSuchUpload
		}
		charge, err := tx.charge(place.bucket, key, -upload.storedBytes, 0)
		if err != nil {
			return err
		}
		charge.apply()
		tx.endUpload(place, nil)
		return nil
	})
	return err
}

// endUpload removes an upload and leaves its parts to the reaper, but for those
// in the manifest kept.
func (tx *transaction) endUpload(place uploadPlace, kept *id) {
	tx.delete(place.row)
	tx.setUnread(idKey(kindGarbage, place.id), garbageOfUpload(place.bucket.scope, kept))
	tx.freed = append(tx.freed, place.id)
}
