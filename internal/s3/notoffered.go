package s3

import (
	"slices"

	"inro.dev/inro/internal/api"
)

// notOffered are the operations of S3 that Inro refuses, with their routes, so
// that no sub-resource falls through to the operation on the whole bucket or
// object.
func notOffered() []api.Operation {
	return slices.Concat(
		refused("Access is decided by names, not by tags of buckets.",
			"GetBucketAbac", "GET /{Bucket}?abac",
			"PutBucketAbac", "PUT /{Bucket}?abac",
		),
		refused("Annotations are not built.",
			"DeleteObjectAnnotation", "DELETE /{Bucket}/{Key+}?annotation",
			"GetObjectAnnotation", "GET /{Bucket}/{Key+}?annotation&x-id=GetObjectAnnotation",
			"ListObjectAnnotations", "GET /{Bucket}/{Key+}?annotation",
			"PutObjectAnnotation", "PUT /{Bucket}/{Key+}?annotation",
			"UpdateBucketMetadataAnnotationTableConfiguration", "PUT /{Bucket}?metadataAnnotationTable",
		),
		refused("Every storage class is kept alike: nothing needs to be restored.",
			"RestoreObject", "POST /{Bucket}/{Key+}?restore",
		),
		refused("An object's encryption is changed by copying it to itself.",
			"UpdateObjectEncryption", "PUT /{Bucket}/{Key+}?encryption",
		),
		refused("There is one copy in one place: replication is not built.",
			"DeleteBucketReplication", "DELETE /{Bucket}?replication",
			"PutBucketReplication", "PUT /{Bucket}?replication",
		),
		refused("Reports and tables over a bucket are not built.",
			"CreateBucketMetadataConfiguration", "POST /{Bucket}?metadataConfiguration",
			"CreateBucketMetadataTableConfiguration", "POST /{Bucket}?metadataTable",
			"DeleteBucketAnalyticsConfiguration", "DELETE /{Bucket}?analytics",
			"DeleteBucketIntelligentTieringConfiguration", "DELETE /{Bucket}?intelligent-tiering",
			"DeleteBucketInventoryConfiguration", "DELETE /{Bucket}?inventory",
			"DeleteBucketMetadataConfiguration", "DELETE /{Bucket}?metadataConfiguration",
			"DeleteBucketMetadataTableConfiguration", "DELETE /{Bucket}?metadataTable",
			"DeleteBucketMetricsConfiguration", "DELETE /{Bucket}?metrics",
			"GetBucketAnalyticsConfiguration", "GET /{Bucket}?analytics&id",
			"GetBucketIntelligentTieringConfiguration", "GET /{Bucket}?intelligent-tiering&id",
			"GetBucketInventoryConfiguration", "GET /{Bucket}?inventory&id",
			"GetBucketMetadataConfiguration", "GET /{Bucket}?metadataConfiguration",
			"GetBucketMetadataTableConfiguration", "GET /{Bucket}?metadataTable",
			"GetBucketMetricsConfiguration", "GET /{Bucket}?metrics&id",
			"ListBucketAnalyticsConfigurations", "GET /{Bucket}?analytics",
			"ListBucketIntelligentTieringConfigurations", "GET /{Bucket}?intelligent-tiering",
			"ListBucketInventoryConfigurations", "GET /{Bucket}?inventory",
			"ListBucketMetricsConfigurations", "GET /{Bucket}?metrics",
			"PutBucketAnalyticsConfiguration", "PUT /{Bucket}?analytics",
			"PutBucketIntelligentTieringConfiguration", "PUT /{Bucket}?intelligent-tiering",
			"PutBucketInventoryConfiguration", "PUT /{Bucket}?inventory",
			"PutBucketMetricsConfiguration", "PUT /{Bucket}?metrics",
			"UpdateBucketMetadataInventoryTableConfiguration", "PUT /{Bucket}?metadataInventoryTable",
			"UpdateBucketMetadataJournalTableConfiguration", "PUT /{Bucket}?metadataJournalTable",
		),
		refused("This belongs to another kind of bucket or endpoint of AWS.",
			"CreateSession", "GET /{Bucket}?session",
			"GetObjectTorrent", "GET /{Bucket}/{Key+}?torrent",
			"ListDirectoryBuckets", "GET /?x-id=ListDirectoryBuckets",
			"PutBucketAccelerateConfiguration", "PUT /{Bucket}?accelerate",
			"RenameObject", "PUT /{Bucket}/{Key+}?renameObject",
			"WriteGetObjectResponse", "POST /WriteGetObjectResponse",
		),
		refused("It is not built.",
			"SelectObjectContent", "POST /{Bucket}/{Key+}?select&select-type=2",
		),
	)
}

// refused makes rows of names and routes, refused for one reason.
func refused(reason string, namesAndRoutes ...string) []api.Operation {
	rows := make([]api.Operation, 0, len(namesAndRoutes)/2)
	for pair := range slices.Chunk(namesAndRoutes, 2) {
		rows = append(rows, api.NotOffered(pair[0], pair[1], reason))
	}
	return rows
}
