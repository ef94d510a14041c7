package s3

import "strings"

// The names that bucket policies may use (Service Authorization Reference,
// Actions, resources, and condition keys for Amazon S3). Actions and keys of
// features that Inro does not have are among them: a policy that names them is
// sound.

// bucketActions have the bucket as their resource.
var bucketActions = []string{
	"CreateBucket", "CreateBucketMetadataTableConfiguration", "DeleteBucket", "DeleteBucketMetadataTableConfiguration",
	"DeleteBucketPolicy", "DeleteBucketWebsite", "GetAccelerateConfiguration", "GetAnalyticsConfiguration", "GetBucketAbac",
	"GetBucketAcl", "GetBucketCORS", "GetBucketLocation", "GetBucketLogging", "GetBucketMetadataTableConfiguration",
	"GetBucketNotification", "GetBucketObjectLockConfiguration", "GetBucketOwnershipControls", "GetBucketPolicy",
	"GetBucketPolicyStatus", "GetBucketPublicAccessBlock", "GetBucketRequestPayment", "GetBucketTagging",
	"GetBucketVersioning", "GetBucketWebsite", "GetEncryptionConfiguration", "GetIntelligentTieringConfiguration",
	"GetInventoryConfiguration", "GetLifecycleConfiguration", "GetMetricsConfiguration", "GetReplicationConfiguration",
	"ListBucket", "ListBucketMultipartUploads", "ListBucketVersions", "ListTagsForResource", "PauseReplication",
	"PutAccelerateConfiguration", "PutAnalyticsConfiguration", "PutBucketAbac", "PutBucketAcl", "PutBucketCORS",
	"PutBucketLogging", "PutBucketNotification", "PutBucketObjectLockConfiguration", "PutBucketOwnershipControls",
	"PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketRequestPayment", "PutBucketTagging", "PutBucketVersioning",
	"PutBucketWebsite", "PutEncryptionConfiguration", "PutIntelligentTieringConfiguration", "PutInventoryConfiguration",
	"PutLifecycleConfiguration", "PutMetricsConfiguration", "PutReplicationConfiguration", "TagResource", "UntagResource",
	"UpdateBucketMetadataInventoryTableConfiguration", "UpdateBucketMetadataJournalTableConfiguration",
	"UpdateBucketMetadataAnnotationTableConfiguration",
}

// objectActions have an object as their resource.
var objectActions = []string{
	"AbortMultipartUpload", "BypassGovernanceRetention", "DeleteObject", "DeleteObjectAnnotation", "DeleteObjectTagging",
	"DeleteObjectVersion", "DeleteObjectVersionAnnotation", "DeleteObjectVersionTagging", "GetObject", "GetObjectAcl",
	"GetObjectAnnotation", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging",
	"GetObjectTorrent", "GetObjectVersion", "GetObjectVersionAcl", "GetObjectVersionAnnotation", "GetObjectVersionAttributes",
	"GetObjectVersionForReplication", "GetObjectVersionTagging", "GetObjectVersionTorrent", "InitiateReplication",
	"ListMultipartUploadParts", "ListObjectAnnotations", "ListObjectVersionAnnotations", "ObjectOwnerOverrideToBucketOwner",
	"PutObject", "PutObjectAcl", "PutObjectAnnotation", "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging",
	"PutObjectVersionAcl", "PutObjectVersionAnnotation", "PutObjectVersionTagging", "ReplicateDelete", "ReplicateObject",
	"ReplicateTags", "RestoreObject", "UpdateObjectEncryption",
}

// conditionKeys are S3's own, in lower case and without their prefix. Those
// with a tag's key behind a slash are in knownCondition.
var conditionKeys = func() map[string]bool {
	keys := make(map[string]bool)
	for _, k := range []string{
		"AccessGrantsInstanceArn", "AccessPointNetworkOrigin", "AccessPointTag", "authType", "DataAccessPointAccount", "DataAccessPointArn",
		"delimiter", "if-match", "if-none-match", "InventoryAccessibleOptionalFields", "LocationConstraint", "max-keys",
		"object-lock-legal-hold", "object-lock-mode", "object-lock-remaining-retention-days", "object-lock-retain-until-date",
		"ObjectCreationOperation", "prefix", "RequestObjectTagKeys", "ResourceAccount", "signatureAge", "signatureversion",
		"TlsVersion", "versionid", "x-amz-acl", "x-amz-bucket-namespace", "x-amz-content-sha256", "x-amz-copy-source",
		"x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp", "x-amz-grant-write", "x-amz-grant-write-acp",
		"x-amz-metadata-directive", "x-amz-object-ownership", "x-amz-server-side-encryption",
		"x-amz-server-side-encryption-aws-kms-key-id", "x-amz-server-side-encryption-customer-algorithm", "x-amz-storage-class",
		"x-amz-website-redirect-location",
	} {
		keys[strings.ToLower(k)] = true
	}
	return keys
}()
