package object

import (
	"errors"
	"fmt"
)

// Errors a caller may test for with errors.Is. They may arrive wrapped, with
// what was being done and to what.
var (
	ErrNoSuchBucket   = errors.New("no such bucket")
	ErrBucketExists   = errors.New("bucket exists")
	ErrBucketNotEmpty = errors.New("bucket is not empty")

	// ErrVersioningLocked says that object lock and the state of versioning do
	// not go together.
	ErrVersioningLocked = errors.New("object lock needs versioning enabled")

	// ErrNotLockable refuses a retention or a legal hold in a bucket without
	// object lock.
	ErrNotLockable = errors.New("bucket has no object lock")

	// ErrObjectLocked refuses the deletion of a version under retention or
	// legal hold, and a change of its retention that would shorten it.
	ErrObjectLocked = errors.New("version is locked")

	// ErrQuotaExceeded arrives inside a *QuotaError.
	ErrQuotaExceeded = errors.New("quota exceeded")

	ErrNoSuchKey     = errors.New("no such key")
	ErrNoSuchVersion = errors.New("no such version")
	ErrDeleteMarker  = errors.New("version is a delete marker")
	ErrKeyTooLong    = errors.New("key is longer than 1024 bytes")
	ErrInvalidKey    = errors.New("key is empty or not UTF-8")

	// ErrPreconditionFailed says that a Condition did not hold when the
	// operation was about to commit.
	ErrPreconditionFailed = errors.New("precondition failed")

	// ErrIncompleteBody says that a body ended before its declared size, and
	// ErrExcessBody that it went on after it.
	ErrIncompleteBody = errors.New("body is shorter than declared")
	ErrExcessBody     = errors.New("body is longer than declared")
	ErrBodyTooLarge   = errors.New("body is larger than allowed")

	// ErrDigestMismatch says that an expected MD5 or checksum differs from
	// what was received or stored.
	ErrDigestMismatch = errors.New("digest mismatch")

	// ErrInvalidChecksum says that a checksum algorithm, type or value does
	// not exist or cannot be combined as asked.
	ErrInvalidChecksum = errors.New("invalid checksum")

	// ErrInvalidAttributes says that attributes exceed MaxAttributesBytes, or
	// Encryption.Info MaxEncryptionInfoBytes.
	ErrInvalidAttributes = errors.New("attributes too large")

	// ErrSealed says that a Reader of an encrypted version was not unlocked, or
	// with another key than it was put with.
	ErrSealed = errors.New("version is encrypted with another key")

	// ErrInvalidMetadata says that the metadata of an object exceed
	// MaxMetadataBytes.
	ErrInvalidMetadata = errors.New("metadata too large")

	ErrNoSuchUpload      = errors.New("no such upload")
	ErrInvalidPartNumber = errors.New("part number is not between 1 and 10000")

	// ErrInvalidPart, ErrPartOrder and ErrPartTooSmall refuse a list of
	// completed parts; they arrive inside a *PartError.
	ErrInvalidPart  = errors.New("part not found, or ETag or checksum differs")
	ErrPartOrder    = errors.New("parts are not in ascending order")
	ErrPartTooSmall = errors.New("part other than the last is smaller than 5 MiB")

	// ErrNoSuchPart refuses a read of a part that the object does not have.
	ErrNoSuchPart = errors.New("no such part")

	// ErrInvalidRange refuses a range outside of the object.
	ErrInvalidRange = errors.New("range is outside of the object")

	// ErrNoSpace refuses a write because free space is below the reserve.
	// Reads and deletes go on.
	ErrNoSpace = errors.New("no space left in the data folder")

	// ErrCorrupt says that stored bytes are not those that were written.
	ErrCorrupt = errors.New("stored data is corrupt")

	// ErrFailed refuses every write after a write or sync of the index
	// failed: the engine has to be opened again, which recovers from the log.
	ErrFailed = errors.New("object engine stopped accepting writes")

	// ErrLocked says that another process holds the data folder.
	ErrLocked = errors.New("data folder is in use by another process")

	// ErrNewerFormat says that the data folder was written by a newer
	// version of the program.
	ErrNewerFormat = errors.New("data folder has a newer format")

	ErrClosed = errors.New("object engine is closed")
)

// DeleteMarkerError says that what was asked for is a delete marker. It wraps
// ErrNoSuchKey when the current version was asked for, and ErrDeleteMarker when
// the marker was named by its version ID.
type DeleteMarkerError struct {
	Version Version
	Named   bool
}

func (e *DeleteMarkerError) Error() string { return "delete marker " + e.Version.VersionID }

func (e *DeleteMarkerError) Unwrap() error {
	if e.Named {
		return ErrDeleteMarker
	}
	return ErrNoSuchKey
}

// PartError refuses one part of a list of completed parts. It wraps
// ErrInvalidPart, ErrPartOrder or ErrPartTooSmall.
type PartError struct {
	Number    int
	ETag      string // as the caller gave it
	SizeBytes int64  // of the stored part; 0 when there is none
	Err       error
}

func (e *PartError) Error() string {
	return fmt.Sprintf("part %d (ETag %q, %d bytes): %v", e.Number, e.ETag, e.SizeBytes, e.Err)
}

func (e *PartError) Unwrap() error { return e.Err }
