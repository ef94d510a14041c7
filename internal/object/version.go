package object

import (
	"fmt"
	"strings"
	"time"
)

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
	// never versioned, and the version written while versioning is suspended.
	NullVersionID = "null"

	// MaxAttributesBytes bounds what Attributes hold altogether. S3's limits
	// on tags and grants are the service's to enforce.
	MaxAttributesBytes = 32 << 10

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

// Attributes are what may change on a version that is stored.
type Attributes struct {
	Tags      []Tag // in the order given; the engine does not compare keys
	Retention Retention
	LegalHold bool

	// ACL is the service's form of an access control list; "" for none.
	ACL string
}

// sizeBytes returns how many bytes of text a holds.
func (a *Attributes) sizeBytes() int {
	n := len(a.ACL)
	for i := range a.Tags {
		n += len(a.Tags[i].Key) + len(a.Tags[i].Value)
	}
	return n
}

// Tag is a tag of an object.
type Tag struct{ Key, Value string }

// Retention keeps a version from being deleted until a time. The zero value is
// none.
type Retention struct {
	Mode  RetentionMode
	Until time.Time // UTC, in whole nanoseconds
}

// RetentionMode says who may end a retention early. Its numbers are on disk.
type RetentionMode uint8

// The modes (S3 User Guide, "Locking objects with Object Lock").
const (
	NoRetention RetentionMode = 0
	Governance  RetentionMode = 1 // whoever may bypass it
	Compliance  RetentionMode = 2 // nobody
)

// Version describes one version of an object.
type Version struct {
	Key       string
	VersionID string // NullVersionID or 32 characters of A-Z a-z 0-9 - _
	SizeBytes int64

	// ETag is in hex without quotes: the MD5 of the body, or for an object of
	// several parts the MD5 of their MD5s, "-" and their count. With
	// Encryption.OpaqueETag it is no MD5. It is empty for a delete marker.
	ETag     string
	Modified time.Time // UTC
	Owner    string    // account ID

	// DeleteMarker says that the version stands for the absence of an object.
	DeleteMarker bool

	// PartCount is the number of parts of an object put in parts; 0 for one
	// put whole.
	PartCount int

	Checksums []Checksum
	Metadata  Metadata
	Attributes

	// Encryption is the Info that the version was put with; "" when its bytes
	// are stored as they are.
	Encryption string
}

// Part describes one part of an upload or of a completed object.
type Part struct {
	Number    int
	SizeBytes int64
	ETag      string    // hex of the MD5
	Modified  time.Time // zero for a part of a completed object
	Checksums []Checksum
}

// Encryption is how a body is to be encrypted.
type Encryption struct {
	// Key is the secret that the keys of the body's segments are derived from.
	// It must be used for no other object. It is not stored.
	Key [32]byte

	// Info is stored with the version and given back as Version.Encryption. It
	// must not be empty and must let the service find Key again.
	Info string

	// BucketID, when set, refuses the object with ErrNoSuchBucket unless it
	// comes into the bucket of this ID: Key may be sealed for that one alone.
	BucketID string

	// OpaqueETag makes an ETag that tells nothing of the body (S3 API
	// Reference, type Object: the ETag under SSE-C and SSE-KMS is no MD5).
	OpaqueETag bool
}

// MaxEncryptionInfoBytes bounds Encryption.Info.
const MaxEncryptionInfoBytes = 4 << 10

// Condition limits a write to a state of the key's current version, or of the
// version that a Delete names. It is evaluated together with the commit: no
// other writer comes between. ETags are compared without quotes; "*" stands for
// any version. A delete marker counts as no version.
type Condition struct {
	// IfMatch asks for a version with this ETag. Without a version the answer
	// is ErrNoSuchKey (S3 User Guide, "Conditional writes": 404), with another
	// ETag ErrPreconditionFailed.
	IfMatch string

	// IfNoneMatch refuses, with ErrPreconditionFailed, when the version has
	// this ETag.
	IfNoneMatch string

	// IfVersionID, IfModified and IfSize ask for a version with this ID, this
	// time of modification, this size. IfModified is compared in whole seconds
	// when it has no fraction.
	IfVersionID string
	IfModified  time.Time
	IfSize      *int64
}

// zero reports whether c asks for nothing.
func (c Condition) zero() bool { return c == Condition{} }

// needsVersion reports whether c fails without a version.
func (c Condition) needsVersion() bool {
	return c.IfMatch != "" || c.IfVersionID != "" || !c.IfModified.IsZero() || c.IfSize != nil
}

// check evaluates c on a version; nil when there is none.
func (c Condition) check(v *Version) error {
	if v == nil || v.DeleteMarker {
		if c.needsVersion() {
			return fmt.Errorf("condition: %w", ErrNoSuchKey)
		}
		return nil
	}
	if want := c.IfMatch; want != "" && want != "*" && strings.Trim(want, `"`) != v.ETag {
		return fmt.Errorf("If-Match: %w", ErrPreconditionFailed)
	}
	if deny := c.IfNoneMatch; deny != "" && (deny == "*" || strings.Trim(deny, `"`) == v.ETag) {
		return fmt.Errorf("If-None-Match: %w", ErrPreconditionFailed)
	}
	modified := v.Modified
	if c.IfModified.Nanosecond() == 0 {
		modified = modified.Truncate(time.Second)
	}
	if c.IfVersionID != "" && c.IfVersionID != v.VersionID ||
		!c.IfModified.IsZero() && !c.IfModified.Equal(modified) ||
		c.IfSize != nil && *c.IfSize != v.SizeBytes {
		return fmt.Errorf("condition: %w", ErrPreconditionFailed)
	}
	return nil
}
