package metastore

import "time"

// The records of S3: what is set on a bucket beside its objects, which are the
// object engine's.
var (
	// BucketDocuments holds the settings of buckets (policy, CORS, tags and so
	// on), in the account that owns the bucket, by BucketDocumentID.
	BucketDocuments = NewTable[BucketDocument]("s3-bucket-document")

	// LifecyclePasses holds, in GlobalAccount, how far the expiry of objects by
	// lifecycle rules has come.
	LifecyclePasses = NewTable[LifecyclePass]("s3-lifecycle-pass")
	// S3AccountDocuments holds S3's settings of whole accounts, by name.
	S3AccountDocuments = NewTable[AccountDocument]("s3-account-document")

	// MasterKeys are the master keys that sealed something, in GlobalAccount, by
	// their IDs. The keys themselves are elsewhere.
	MasterKeys = NewTable[MasterKey]("s3-master-key")
)

// BucketDocumentID is the ID of one setting of a bucket. A bucket's ID is the
// one that the object engine gave it. It is never given again, so a setting of
// a deleted bucket is never that of a new one of the same name.
func BucketDocumentID(bucketID, setting string) string {
	return BucketDocumentPrefix(bucketID) + setting
}

// BucketDocumentPrefix begins the IDs of all settings of a bucket.
func BucketDocumentPrefix(bucketID string) string { return bucketID + "/" }

// BucketDocument is one setting of a bucket. The service that wrote Document
// alone knows what it means.
type BucketDocument struct {
	Document string
	Updated  time.Time
	// Parsed is a place for what Document was parsed to. A value from a hot
	// reader is shared, and so is this place; nothing of it is stored.
	Parsed Memo `json:"-"`
}

// LifecyclePass is the last pass over the buckets with lifecycle rules.
type LifecyclePass struct {
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"` // absent while it is under way

	// Bucket is the one in work, and Key the last key whose versions were all
	// looked at. With Uploads the objects are done, and uploads are looked at.
	Bucket   string `json:"bucket,omitempty"`
	BucketID string `json:"bucketId,omitempty"`
	Uploads  bool   `json:"uploads,omitempty"`
	Key      string `json:"key,omitempty"`
}

// AccountDocument is one setting of an account.
type AccountDocument struct {
	Document string
	Updated  time.Time
}

// MasterKey says that objects may be sealed with a master key.
type MasterKey struct {
	FirstUsed time.Time
}
