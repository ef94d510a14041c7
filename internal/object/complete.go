package object

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// CompletedPart is one part in the list that completes an upload.
type CompletedPart struct {
	Number    int
	ETag      string     // hex, quotes allowed
	Checksums []Checksum // each must equal the stored one
}

// CompleteOptions are the options of CompleteUpload.
type CompleteOptions struct {
	Condition Condition

	// SizeBytes is the expected size of the object; 0 expects nothing. A
	// difference is ErrIncompleteBody or ErrExcessBody.
	SizeBytes int64

	// Checksum is the expected checksum of the object; the zero value expects
	// nothing. A difference is ErrDigestMismatch.
	Checksum Checksum

	// Retention is that of the object when the upload was created without one.
	Retention Retention

	// Messages is that of PutOptions.
	Messages func(*Version) []Message
}

// CompleteUpload makes an object of uploaded parts without copying them; it is
// durable and visible on return. Parts not listed are dropped. An upload that
// has already been completed, and whose object is still current, is answered
// with that object again, so that a client may retry; otherwise the answer is
// ErrNoSuchUpload. It may also return a *PartError.
func (e *Engine) CompleteUpload(ctx context.Context, bucket, key, uploadID string, parts []CompletedPart, opts CompleteOptions) (Version, error) {
	for {
		place, upload, err := e.findUpload(ctx, bucket, key, uploadID)
		if errors.Is(err, ErrNoSuchUpload) && place.bucket != nil {
			return e.completedBefore(place, key, parts)
		}
		if err != nil {
			return Version{}, err
		}
		v, err := e.tryComplete(ctx, place, &upload, parts, opts)
		if errors.Is(err, ErrInvalidPart) && e.ended(ctx, bucket, key, uploadID) {
			err = errPartsChanged // the parts went with the upload
		}
		if !errors.Is(err, errPartsChanged) {
			return v, err
		}
	}
}

// ended reports whether an upload is no more.
func (e *Engine) ended(ctx context.Context, bucket, key, uploadID string) bool {
	_, _, err := e.findUpload(ctx, bucket, key, uploadID)
	return errors.Is(err, ErrNoSuchUpload)
}

// errPartsChanged says that a part was put while its upload was being completed.
var errPartsChanged = errors.New("parts changed")

// completedBefore answers the completion of an upload that is no more: with the
// current version if that is what it became.
func (e *Engine) completedBefore(place uploadPlace, key string, parts []CompletedPart) (Version, error) {
	v, err := e.head(place.bucket, key, "")
	if errors.Is(err, ErrNoSuchKey) || err == nil && (v.uploadID != place.id || v.ETag != joinedETag(parts)) {
		return Version{}, ErrNoSuchUpload
	}
	if err != nil {
		return Version{}, err
	}
	if err := e.barrier(); err != nil {
		return Version{}, err
	}
	return v.Version, nil
}

// joinedETag returns the ETag of an object of these parts; empty when the parts'
// own are no ETags.
func joinedETag(parts []CompletedPart) string {
	joined := md5.New()
	for i := range parts {
		sum, err := hex.DecodeString(strings.Trim(parts[i].ETag, `"`))
		if err != nil {
			return ""
		}
		joined.Write(sum)
	}
	return etag([16]byte(joined.Sum(nil)), len(parts))
}

// tryComplete completes an upload unless its parts change meanwhile.
func (e *Engine) tryComplete(ctx context.Context, place uploadPlace, upload *uploadRecord, parts []CompletedPart, opts CompleteOptions) (Version, error) {
	if err := e.admit(ctx, 0); err != nil {
		return Version{}, err
	}
	chosen, err := e.chooseParts(place, parts)
	if err != nil {
		return Version{}, err
	}
	v, err := e.assemble(place, upload, chosen, opts)
	if err != nil {
		return Version{}, err
	}
	manifest := appendManifest(nil, chosen)
	_, err = e.commit(func(tx *transaction) error {
		uploadRow, err := tx.get(place.row)
		if err != nil {
			return err
		}
		now, err := decodeFoundUpload(uploadRow)
		if errors.Is(err, ErrNoSuchUpload) || err == nil && now.revision != upload.revision {
			return errPartsChanged
		}
		if err != nil {
			return err
		}
		if err := tx.putVersion(place.bucket, v, nil, now.storedBytes, opts.Condition, opts.Messages); err != nil {
			return err
		}
		tx.setUnread(idKey(kindManifest, v.ref.id), manifest)
		tx.endUpload(place, &v.ref.id)
		return nil
	})
	if err != nil {
		return Version{}, err
	}
	return v.Version, nil
}

// chooseParts checks the list of completed parts against the upload's parts and
// returns those listed.
func (e *Engine) chooseParts(place uploadPlace, parts []CompletedPart) ([]partRecord, error) {
	if len(parts) == 0 {
		return nil, &PartError{Err: ErrInvalidPart}
	}
	if len(parts) > MaxPartNumber {
		return nil, ErrInvalidPartNumber
	}
	for i := range parts {
		if i > 0 && parts[i].Number <= parts[i-1].Number {
			return nil, &PartError{Number: parts[i].Number, ETag: parts[i].ETag, Err: ErrPartOrder}
		}
	}
	chosen := make([]partRecord, 0, len(parts))
	err := e.eachPart(place, parts[0].Number-1, func(p partRecord) bool {
		next := &parts[len(chosen)]
		if p.Number == next.Number {
			chosen = append(chosen, p)
		}
		return p.Number <= next.Number && len(chosen) < len(parts)
	})
	if err != nil {
		return nil, err
	}
	if len(chosen) < len(parts) {
		missing := parts[len(chosen)]
		return nil, &PartError{Number: missing.Number, ETag: missing.ETag, Err: ErrInvalidPart}
	}
	for i := range chosen {
		if err := e.checkPart(&parts[i], &chosen[i], i == len(chosen)-1); err != nil {
			return nil, &PartError{Number: parts[i].Number, ETag: parts[i].ETag, SizeBytes: chosen[i].SizeBytes, Err: err}
		}
	}
	return chosen, nil
}

// checkPart compares a listed part with the stored one.
func (e *Engine) checkPart(listed *CompletedPart, stored *partRecord, last bool) error {
	if strings.Trim(listed.ETag, `"`) != stored.ETag {
		return ErrInvalidPart
	}
	for _, want := range listed.Checksums {
		if have, ok := findChecksum(stored.Checksums, want.Algorithm); !ok || !have.equal(want) {
			return ErrInvalidPart
		}
	}
	if !last && stored.SizeBytes < e.cfg.minPartBytes {
		return ErrPartTooSmall
	}
	return nil
}

// assemble describes the object that parts make.
func (e *Engine) assemble(place uploadPlace, upload *uploadRecord, parts []partRecord, opts CompleteOptions) (*versionRecord, error) {
	v := &versionRecord{
		Version: Version{
			Key: upload.Key, Owner: upload.Owner, PartCount: len(parts),
			Metadata: upload.Metadata, Attributes: upload.Attributes, Encryption: upload.Encryption,
		},
		uploadID: place.id,
	}
	if v.Retention == (Retention{}) {
		v.Retention = opts.Retention
	}
	joined := md5.New()
	for i := range parts {
		joined.Write(parts[i].md5[:])
		v.SizeBytes += parts[i].SizeBytes
	}
	joined.Sum(v.md5[:0])
	v.ETag = etag(v.md5, len(parts))
	switch {
	case opts.SizeBytes > v.SizeBytes:
		return v, fmt.Errorf("%w: %d bytes of %d", ErrIncompleteBody, v.SizeBytes, opts.SizeBytes)
	case opts.SizeBytes != 0 && opts.SizeBytes < v.SizeBytes:
		return v, fmt.Errorf("%w: %d bytes of %d", ErrExcessBody, v.SizeBytes, opts.SizeBytes)
	}
	if upload.Checksum != 0 {
		combine := joinedChecksum
		if upload.ChecksumType == Composite {
			combine = compositeChecksum
		}
		sum, err := combine(upload.Checksum, parts)
		if err != nil {
			return v, err
		}
		v.Checksums = []Checksum{sum}
	}
	if want := opts.Checksum; want.Algorithm != 0 {
		if have, ok := findChecksum(v.Checksums, want.Algorithm); !ok || !have.equal(want) {
			return v, fmt.Errorf("%v of the object: %w", want.Algorithm, ErrDigestMismatch)
		}
	}
	i, err := e.newID()
	v.ref = ref{inManifest, i}
	v.Modified = e.now()
	return v, err
}
