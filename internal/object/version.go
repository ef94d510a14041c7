package object

import "time"

// Limits of keys, parts and metadata (S3 User Guide, "Creating object key
// names", "Multipart upload limits", "Working with object metadata").
const (
	MaxKeyBytes      = 1024
	MaxPartNumber    = 10000
	MinPartSizeBytes = 5 << 20

	// MaxMetadataBytes bounds the names and values of one object's metadata
	// altogether. S3's own limit of 2 KiB on user metadata is the service's
	// to enforce; this one keeps index records small.
	MaxMetadataBytes = 64 << 10

	// NullVersionID names the only version of a key in a bucket that was
	// never versioned.
	NullVersionID = "null"

	// UnknownSize as a SizeBytes says that a body's size is not known before
	// it ends.
	UnknownSize = -1
)

// Metadata is what a client says about an object, kept and given back as it is.
type Metadata struct {
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Expires            string
	WebsiteRedirect    string
	StorageClass       string // empty: STANDARD

	// User maps names without the x-amz-meta- prefix to values; nil when
	// there are none. The engine neither folds nor checks names.
	User map[string]string
}

// Version describes one version of an object.
type Version struct {
	Key       string
	VersionID string // NullVersionID
	SizeBytes int64

	// ETag is in hex without quotes: the MD5 of the body, or for an object of
	// several parts the MD5 of their MD5s, "-" and their count.
	ETag     string
	Modified time.Time // UTC
	Owner    string    // account ID

	// PartCount is the number of parts of an object put in parts; 0 for one
	// put whole.
	PartCount int

	Checksums []Checksum
	Metadata  Metadata
}

// Part describes one part of an upload or of a completed object.
type Part struct {
	Number    int
	SizeBytes int64
	ETag      string    // hex of the MD5
	Modified  time.Time // zero for a part of a completed object
	Checksums []Checksum
}

// Condition limits a write to a state of the key's current version. It is
// evaluated together with the commit: no other writer comes between. ETags are
// compared without quotes; "*" stands for any version.
type Condition struct {
	// IfMatch asks for a current version with this ETag. Without a current
	// version the answer is ErrNoSuchKey (S3 User Guide, "Conditional
	// writes": 404), with another ETag ErrPreconditionFailed.
	IfMatch string

	// IfNoneMatch refuses, with ErrPreconditionFailed, when the current
	// version has this ETag.
	IfNoneMatch string
}

// zero reports whether c asks for nothing.
func (c Condition) zero() bool { return c == Condition{} }
