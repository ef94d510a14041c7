package object

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config says where an engine keeps its data and how.
type Config struct {
	// Dir is the data folder; it is created when absent. One engine at a time
	// holds it.
	Dir string

	// FS is the file system; nil is the disk.
	FS vfs.FS

	// Clock gives the time of modification; nil is time.Now.
	Clock func() time.Time

	// Rand gives the random part of IDs; nil is crypto/rand.
	Rand io.Reader

	// Logger receives what the operator should know; nil discards it.
	Logger *slog.Logger

	// CacheSizeBytes bounds the block cache of the index. Default 128 MiB.
	CacheSizeBytes int64

	// InlineMaxBytes is the largest body kept in the index; larger ones get a
	// file. Default 32 KiB; at most 256 KiB.
	InlineMaxBytes int

	// MaxBodyBytes is the largest body of one Put or PutPart. Default 5 GiB,
	// which is S3's limit.
	MaxBodyBytes int64

	// ReserveBytes is the free space below which writes are refused with
	// ErrNoSpace, so that deletes and compactions still have room. Default
	// 256 MiB; negative is no reserve.
	ReserveBytes int64
}

// Engine is an open data folder. Its methods are safe for concurrent use.
type Engine struct{}

var errUnfinished = errors.New("not written yet")

// Open opens the data folder, creating it when absent. It returns ErrLocked,
// ErrNewerFormat or ErrCorrupt among others.
func Open(cfg Config) (*Engine, error) { return nil, errUnfinished }

// Close waits for nothing: operations still running fail with ErrClosed or
// succeed. Open readers must be closed before.
func (e *Engine) Close() error { return errUnfinished }

// Bucket describes a bucket. Names are global: one account owns each.
type Bucket struct {
	Name    string
	Account string
	Region  string
	ID      string    // given by the engine; never used twice
	Created time.Time // given by the engine
}

// CreateBucket creates a bucket, durable on return. It returns ErrBucketExists
// together with the existing bucket, whoever owns it.
func (e *Engine) CreateBucket(ctx context.Context, b Bucket) (Bucket, error) {
	return Bucket{}, errUnfinished
}

// Bucket returns the bucket of that name or ErrNoSuchBucket. It is served from
// memory.
func (e *Engine) Bucket(ctx context.Context, name string) (Bucket, error) {
	return Bucket{}, errUnfinished
}

// DeleteBucket deletes a bucket that holds no objects, else it returns
// ErrBucketNotEmpty. Uploads in progress are aborted.
func (e *Engine) DeleteBucket(ctx context.Context, name string) error { return errUnfinished }

// Buckets returns up to limit buckets of an account in order of name, those
// that start with prefix and follow after. An empty account means all.
func (e *Engine) Buckets(ctx context.Context, account, prefix, after string, limit int) ([]Bucket, error) {
	return nil, errUnfinished
}

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
// writers of one key the last to commit wins.
func (e *Engine) Put(ctx context.Context, bucket, key string, body io.Reader, opts PutOptions) (Version, error) {
	return Version{}, errUnfinished
}

// GetOptions are the options of Get, Head and ObjectParts.
type GetOptions struct {
	VersionID  string // empty: the current version
	PartNumber int    // Get and Head only; 0: the whole object
}

// Get opens an object for reading. The reader keeps giving the version it was
// opened on when that is overwritten or deleted meanwhile. It must be closed.
func (e *Engine) Get(ctx context.Context, bucket, key string, opts GetOptions) (*Reader, error) {
	return nil, errUnfinished
}

// Head describes an object.
func (e *Engine) Head(ctx context.Context, bucket, key string, opts GetOptions) (Version, error) {
	return Version{}, errUnfinished
}

// Reader reads one version of an object. It is for one goroutine.
type Reader struct {
	Version Version

	// OffsetBytes and SizeBytes delimit what was asked for within the object:
	// the part of GetOptions.PartNumber, or all of it.
	OffsetBytes int64
	SizeBytes   int64
}

// Range returns the bytes of the object from offset on, length of them; offset
// counts from the start of the object, whatever part was asked for. The result
// is an io.WriterTo too. A read error, ErrCorrupt among them, ends the stream
// before any wrong byte is given. One range may be open at a time.
func (r *Reader) Range(offset, length int64) (io.ReadCloser, error) { return nil, errUnfinished }

// Close releases the version.
func (r *Reader) Close() error { return errUnfinished }

// ObjectParts returns up to limit parts of an object put in parts, those after
// part number after, and whether there are more.
func (e *Engine) ObjectParts(ctx context.Context, bucket, key string, opts GetOptions, after, limit int) ([]Part, bool, error) {
	return nil, false, errUnfinished
}

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

// Delete deletes an object; that is durable on return. Deleting what does not
// exist is no error.
func (e *Engine) Delete(ctx context.Context, bucket, key string, opts DeleteOptions) (DeleteResult, error) {
	return DeleteResult{}, errUnfinished
}

// DeleteTarget is one key to delete in DeleteMany.
type DeleteTarget struct {
	Key     string
	Options DeleteOptions
}

// DeleteMany deletes many objects in one commit. Results are in the order of
// targets; a target that is refused has its Err set and does not stop the rest.
func (e *Engine) DeleteMany(ctx context.Context, bucket string, targets []DeleteTarget) ([]DeleteResult, error) {
	return nil, errUnfinished
}

// ListOptions are the options of List.
type ListOptions struct {
	Prefix    string
	Delimiter string // empty: none

	// After is where to go on, exclusive: a key, or a common prefix, all of
	// whose keys are then passed over.
	After string

	Limit int // of entries; required
}

// Entry is a version, or a common prefix of several when CommonPrefix is set.
type Entry struct {
	CommonPrefix string
	Version      Version
}

// List is a page of a listing.
type List struct {
	Entries   []Entry // in byte order of key or common prefix
	Truncated bool
	Next      string // the After of the next page, when Truncated
}

// List lists current versions in byte order of their keys. Its cost follows the
// entries returned, not the objects stored.
func (e *Engine) List(ctx context.Context, bucket string, opts ListOptions) (List, error) {
	return List{}, errUnfinished
}

// UploadOptions are the options of CreateUpload.
type UploadOptions struct {
	Metadata  Metadata
	Owner     string // account ID; empty: the bucket's account
	Initiator string // ARN of the caller, given back in listings

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
	Checksum     Algorithm
	ChecksumType ChecksumType
	Metadata     Metadata
}

// CreateUpload starts an upload in parts, durable on return. It returns
// ErrInvalidChecksum for a FullObject checksum whose algorithm does not combine
// and for a Composite one of CRC64NVME.
func (e *Engine) CreateUpload(ctx context.Context, bucket, key string, opts UploadOptions) (Upload, error) {
	return Upload{}, errUnfinished
}

// Upload describes an upload or returns ErrNoSuchUpload.
func (e *Engine) Upload(ctx context.Context, bucket, key, uploadID string) (Upload, error) {
	return Upload{}, errUnfinished
}

// PartOptions are the options of PutPart. Fields are those of PutOptions.
type PartOptions struct {
	SizeBytes  int64
	ContentMD5 []byte
	Checksums  []Algorithm // besides the upload's
	Verify     func(Digests) error
}

// PutPart stores a part, durable on return. A part of the same number is
// replaced.
func (e *Engine) PutPart(ctx context.Context, bucket, key, uploadID string, number int, body io.Reader, opts PartOptions) (Part, error) {
	return Part{}, errUnfinished
}

// Parts returns up to limit parts of an upload, those after part number after,
// and whether there are more.
func (e *Engine) Parts(ctx context.Context, bucket, key, uploadID string, after, limit int) ([]Part, bool, error) {
	return nil, false, errUnfinished
}

// ListUploadsOptions are the options of Uploads.
type ListUploadsOptions struct {
	Prefix    string
	Delimiter string

	// AfterKey and AfterUploadID are where to go on, exclusive. Without
	// AfterUploadID all uploads of AfterKey are passed over; with AfterKey a
	// common prefix, all uploads below it.
	AfterKey      string
	AfterUploadID string

	Limit int // of entries; required
}

// UploadEntry is an upload, or a common prefix when CommonPrefix is set.
type UploadEntry struct {
	CommonPrefix string
	Upload       Upload
}

// UploadList is a page of uploads.
type UploadList struct {
	Entries      []UploadEntry // by key, then by time of initiation
	Truncated    bool
	NextKey      string // the AfterKey and AfterUploadID of the next page
	NextUploadID string
}

// Uploads lists uploads in progress.
func (e *Engine) Uploads(ctx context.Context, bucket string, opts ListUploadsOptions) (UploadList, error) {
	return UploadList{}, errUnfinished
}

// CompletedPart is one part in the list that completes an upload.
type CompletedPart struct {
	Number    int
	ETag      string     // hex, quotes allowed
	Checksums []Checksum // each must equal the stored one
}

// CompleteOptions are the options of CompleteUpload.
type CompleteOptions struct {
	Condition Condition

	// SizeBytes is the expected size of the object; 0 expects nothing.
	SizeBytes int64

	// Checksum is the expected checksum of the object; the zero value expects
	// nothing. A difference is ErrDigestMismatch.
	Checksum Checksum
}

// CompleteUpload makes an object of uploaded parts without copying them; it is
// durable and visible on return. Parts not listed are dropped. An upload that
// has already been completed, and whose object is still current, is answered
// with that object again, so that a client may retry; otherwise the answer is
// ErrNoSuchUpload. It may also return a *PartError.
func (e *Engine) CompleteUpload(ctx context.Context, bucket, key, uploadID string, parts []CompletedPart, opts CompleteOptions) (Version, error) {
	return Version{}, errUnfinished
}

// AbortUpload drops an upload and its parts; that is durable on return.
func (e *Engine) AbortUpload(ctx context.Context, bucket, key, uploadID string) error {
	return errUnfinished
}
