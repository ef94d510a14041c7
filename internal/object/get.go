package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/cockroachdb/pebble/v2"
)

// GetOptions are the options of Get, Head and ObjectParts.
type GetOptions struct {
	VersionID string // empty: the current version

	// PartNumber asks Get and Head for one part; 0 for the whole object. An
	// object put whole has a part 1.
	PartNumber int
}

// Reader reads one version of an object. Close releases it; until then the
// version's bytes stay, whatever happens to its key. It is for one goroutine.
type Reader struct {
	Version Version

	// OffsetBytes and SizeBytes delimit what was asked for within the object:
	// the part of GetOptions.PartNumber, described by Part, or all of it.
	OffsetBytes int64
	SizeBytes   int64
	Part        Part // Number is 0 without a part number

	engine *Engine
	inline []byte
	buffer *[]byte // backs inline, if that is from the pool
	pieces []piece
	pinned *id

	// A sealed version is read with its data key, and inline is its sealed form
	// until the reader is unlocked.
	sealed   bool
	unlocked bool
	key      [32]byte
	inlineID id // zero when embedded
}

// piece is a run of the object's bytes in one segment.
type piece struct {
	endBytes int64 // where the next piece begins in the object
	ref      ref
}

// Get opens an object for reading. The reader keeps giving the version it was
// opened on when that is overwritten or deleted meanwhile. It must be closed. A
// delete marker is a *DeleteMarkerError.
func (e *Engine) Get(ctx context.Context, bucket, key string, opts GetOptions) (*Reader, error) {
	b, err := e.readable(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	r := &Reader{engine: e}
	for {
		found, err := e.openVersion(r, b, key, opts.VersionID)
		if err != nil {
			r.Close()
			return nil, err
		}
		if found {
			break
		}
	}
	if err := r.choosePart(opts.PartNumber); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// readable returns the bucket for a read.
func (e *Engine) readable(ctx context.Context, bucket, key string) (*bucketState, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := e.bucket(bucket)
	if err != nil {
		return nil, err
	}
	return b, checkKey(key)
}

// decodeFound decodes a version row that findVersion found, nil when there was
// none, and refuses what cannot be read.
func decodeFound(b *bucketState, key, versionID string, value []byte) (versionRecord, []byte, error) {
	if value == nil {
		return versionRecord{}, nil, absent(versionID)
	}
	v, body, err := decodeVersion(value, b.Account)
	if err != nil {
		return v, nil, err
	}
	v.Key = key
	switch {
	case !v.named(versionID):
		return v, nil, absent(versionID)
	case v.DeleteMarker:
		return v, nil, &DeleteMarkerError{Version: v.Version, Named: versionID != ""}
	}
	return v, body, nil
}

// openVersion reads the version row and gets hold of the bytes it points at. It
// reports false when the version was replaced in between.
func (e *Engine) openVersion(r *Reader, b *bucketState, key, versionID string) (found bool, err error) {
	err = e.findVersion(b, key, versionID, func(row, value []byte) error {
		v, body, err := decodeFound(b, key, versionID, value)
		if err != nil {
			return err
		}
		r.Version = v.Version
		found, err = e.openBody(r, &v, body, row, value)
		return err
	})
	return found && err == nil, err
}

func (e *Engine) openBody(r *Reader, v *versionRecord, body, row, value []byte) (found bool, err error) {
	stored := v.SizeBytes
	if r.sealed = v.Encryption != ""; r.sealed {
		stored = sealedSize(stored)
	}
	switch v.ref.where {
	case embedded:
		if int64(len(body)) != stored {
			return false, fmt.Errorf("embedded body of %d bytes for %d: %w", len(body), stored, ErrCorrupt)
		}
		r.inline = append(make([]byte, 0, len(body)), body...)
		return true, nil
	case inRow:
		found, err := r.loadBody(v.ref.id)
		if err != nil || !found {
			return false, e.explainMissing(err, row, value)
		}
		if int64(len(r.inline)) != stored {
			return false, fmt.Errorf("body of %d bytes for %d: %w", len(r.inline), stored, ErrCorrupt)
		}
		r.inlineID = v.ref.id
		return true, nil
	}
	return e.pinVersion(r, v, row, value)
}

// loadBody copies a body row into a buffer of the pool. A reader may live long; to
// hold on to Pebble's memory instead would keep whole memtables.
func (r *Reader) loadBody(i id) (found bool, err error) {
	value, closer, err := r.engine.db.Get(idKey(kindBody, i))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read index: %w", err)
	}
	defer closer.Close()
	if len(value) > streamBufferBytes {
		return false, fmt.Errorf("body row of %d bytes: %w", len(value), ErrCorrupt)
	}
	r.buffer = r.engine.buffers.get(len(value))
	r.inline = (*r.buffer)[:copy(*r.buffer, value)]
	return true, nil
}

// explainMissing returns nil when a body was not found because its version is no
// longer there, and an error when it should have been.
func (e *Engine) explainMissing(err error, row, value []byte) error {
	if err != nil {
		return err
	}
	same, err := e.unchanged(row, value)
	if err == nil && same {
		return fmt.Errorf("body row is missing: %w", ErrCorrupt)
	}
	return err
}

// unchanged reports whether a row still has a value.
func (e *Engine) unchanged(row, value []byte) (bool, error) {
	now, err := e.get(row)
	return now != nil && bytes.Equal(now, value), err
}

// pinVersion keeps the segments of a version from being removed. The pin holds
// when the row is the same afterwards: a removal that comes later sees it.
func (e *Engine) pinVersion(r *Reader, v *versionRecord, row, value []byte) (bool, error) {
	e.pins.pin(v.ref.id)
	same, err := e.unchanged(row, value)
	if err != nil || !same {
		e.unpin(v.ref.id)
		return false, err
	}
	pinned := v.ref.id
	r.pinned = &pinned
	if v.ref.where == inFile {
		r.pieces = []piece{{v.SizeBytes, v.ref}}
		return true, nil
	}
	parts, err := e.manifest(v.ref.id)
	if err != nil {
		return false, err
	}
	r.pieces = make([]piece, len(parts))
	end := int64(0)
	for i := range parts {
		end += parts[i].SizeBytes
		r.pieces[i] = piece{end, parts[i].ref}
	}
	if end != v.SizeBytes || len(parts) != v.PartCount {
		return false, fmt.Errorf("manifest of %d parts, %d bytes for %d, %d: %w",
			len(parts), end, v.PartCount, v.SizeBytes, ErrCorrupt)
	}
	return true, nil
}

// manifest reads the parts of an object.
func (e *Engine) manifest(i id) ([]partRecord, error) {
	row, err := e.get(idKey(kindManifest, i))
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, fmt.Errorf("manifest %v is missing: %w", i, ErrCorrupt)
	}
	return decodeManifest(row)
}

// choosePart sets what part of the object was asked for.
func (r *Reader) choosePart(number int) error {
	v := &r.Version
	r.SizeBytes = v.SizeBytes
	switch {
	case number == 0:
		return nil
	case v.PartCount == 0 && number == 1:
		r.Part = Part{Number: 1, SizeBytes: v.SizeBytes, ETag: v.ETag, Checksums: v.Checksums}
		return nil
	case v.PartCount == 0:
		return ErrNoSuchPart
	}
	parts, err := r.engine.manifest(*r.pinned)
	if err != nil {
		return err
	}
	i := sort.Search(len(parts), func(i int) bool { return parts[i].Number >= number })
	if i == len(parts) || parts[i].Number != number {
		return ErrNoSuchPart
	}
	r.Part = parts[i].Part
	r.SizeBytes = r.Part.SizeBytes
	r.OffsetBytes = r.pieces[i].endBytes - r.SizeBytes
	return nil
}

// Unlock gives the data key of an encrypted version, before Range. It returns
// ErrCorrupt when a small body does not open with it; of a large one Range does.
func (r *Reader) Unlock(key [32]byte) error {
	switch {
	case r.engine == nil:
		return ErrClosed
	case !r.sealed || r.unlocked:
		return nil
	}
	r.key = key
	if r.pieces == nil {
		segment, err := deriveSegmentKey(key, r.inlineID)
		if err != nil {
			return err
		}
		buffer := r.engine.buffers.get(int(r.Version.SizeBytes))
		plain, err := openBody(segment, (*buffer)[:0], r.inline, r.Version.SizeBytes)
		if err != nil {
			r.engine.buffers.put(buffer)
			return err
		}
		if r.buffer != nil {
			r.engine.buffers.put(r.buffer)
		}
		r.buffer, r.inline = buffer, plain
	}
	r.unlocked = true
	return nil
}

// Range returns the bytes of the object from offset on, length of them; offset
// counts from the start of the object, whatever part was asked for. The result
// is an io.WriterTo too. A read error, ErrCorrupt among them, ends the stream
// before any wrong byte is given. It must be closed, before r is.
func (r *Reader) Range(offset, length int64) (io.ReadCloser, error) {
	if r.engine == nil {
		return nil, ErrClosed
	}
	if offset < 0 || length < 0 || offset > r.Version.SizeBytes || length > r.Version.SizeBytes-offset {
		return nil, fmt.Errorf("%w: %d bytes from %d of %d", ErrInvalidRange, length, offset, r.Version.SizeBytes)
	}
	if r.sealed && !r.unlocked {
		return nil, ErrSealed
	}
	if r.pieces == nil {
		return &inlineRange{reader: r, offset: offset, end: offset + length}, nil
	}
	if r.sealed {
		return r.sealedRange(offset, length)
	}
	s := &segmentRange{engine: r.engine, pieces: r.pieces, offset: offset, remaining: length}
	if err := s.fill(); err != nil && err != io.EOF { // shows a missing file before the first byte is promised
		s.Close()
		return nil, err
	}
	return s, nil
}

// inlineRange is a range of a body in memory.
type inlineRange struct {
	reader      *Reader
	offset, end int64
}

// rest returns what is left, while the reader is open.
func (r *inlineRange) rest() ([]byte, error) {
	switch {
	case r.reader.engine == nil:
		return nil, ErrClosed
	case r.offset == r.end:
		return nil, io.EOF
	}
	return r.reader.inline[r.offset:r.end], nil
}

// Read implements io.Reader.
func (r *inlineRange) Read(p []byte) (int, error) {
	rest, err := r.rest()
	n := copy(p, rest)
	r.offset += int64(n)
	return n, err
}

// WriteTo implements io.WriterTo.
func (r *inlineRange) WriteTo(w io.Writer) (int64, error) {
	rest, err := r.rest()
	if err == io.EOF {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := w.Write(rest)
	r.offset += int64(n)
	return int64(n), err
}

// Close ends the range.
func (r *inlineRange) Close() error { return nil }

// Close releases the version. Ranges must not be in use.
func (r *Reader) Close() error {
	if r.pinned != nil {
		r.engine.unpin(*r.pinned)
		r.pinned = nil
	}
	if r.buffer != nil {
		r.engine.buffers.put(r.buffer)
		r.buffer = nil
	}
	r.engine, r.inline = nil, nil
	return nil
}

// Head describes an object. With a part number it also checks that the part
// exists; Get tells where it is.
func (e *Engine) Head(ctx context.Context, bucket, key string, opts GetOptions) (Version, error) {
	if opts.PartNumber != 0 {
		r, err := e.Get(ctx, bucket, key, opts)
		if err != nil {
			return Version{}, err
		}
		return r.Version, r.Close()
	}
	b, err := e.readable(ctx, bucket, key)
	if err != nil {
		return Version{}, err
	}
	v, err := e.head(b, key, opts.VersionID)
	return v.Version, err
}

func (e *Engine) head(b *bucketState, key, versionID string) (v versionRecord, err error) {
	if err := e.enter(); err != nil {
		return v, err
	}
	defer e.leave()
	err = e.findVersion(b, key, versionID, func(_, value []byte) error {
		v, _, err = decodeFound(b, key, versionID, value)
		return err
	})
	if err != nil {
		return versionRecord{}, err
	}
	return v, nil
}

// ObjectParts returns up to limit parts of an object put in parts, those after
// part number after, and whether there are more. An object put whole has none.
func (e *Engine) ObjectParts(ctx context.Context, bucket, key string, opts GetOptions, after, limit int) ([]Part, bool, error) {
	opts.PartNumber = 0
	r, err := e.Get(ctx, bucket, key, opts)
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	if r.Version.PartCount == 0 {
		return nil, false, nil
	}
	if err := e.enter(); err != nil {
		return nil, false, err
	}
	defer e.leave()
	records, err := e.manifest(*r.pinned)
	if err != nil {
		return nil, false, err
	}
	var parts []Part
	for i := range records {
		if records[i].Number <= after {
			continue
		}
		if len(parts) == limit {
			return parts, true, nil
		}
		parts = append(parts, records[i].Part)
	}
	return parts, false, nil
}
