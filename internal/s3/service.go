package s3

import (
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
)

// Config is what a Service is made of.
type Config struct {
	// Engine holds buckets and objects. Required.
	Engine *object.Engine
	// Region is where buckets are when a request does not say otherwise.
	// Required.
	Region string
	// Clock is the time of retention periods in policies. Nil: time.Now.
	Clock func() time.Time
}

// Service answers S3 requests.
type Service struct {
	engine *object.Engine
	region string
	clock  func() time.Time
}

// New returns a service over cfg.Engine.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Service{engine: cfg.Engine, region: cfg.Region, clock: cfg.Clock}
}

// API returns the table of operations for an api.Server.
func (s *Service) API() api.Service {
	return api.Service{
		Name:       "s3",
		Protocol:   api.RestXML(),
		Operations: append(s.operations(), notOffered()...),
		Translate:  func(err error) error { return subject{}.translate(err) },
	}
}

// operations are the rows with a handler (API Reference; permissions of spec
// E.7).
func (s *Service) operations() []api.Operation {
	return []api.Operation{
		row("ListBuckets", "GET /", needListBuckets, s.listBuckets),
		row("CreateBucket", "PUT /{Bucket}", s.needCreateBucket, s.createBucket),
		row("HeadBucket", "HEAD /{Bucket}", needBucket[headBucketInput](s, "s3:ListBucket"), s.headBucket),
		row("DeleteBucket", "DELETE /{Bucket}", needBucket[deleteBucketInput](s, "s3:DeleteBucket"), s.deleteBucket),
		row("GetBucketLocation", "GET /{Bucket}?location", needBucket[getBucketLocationInput](s, "s3:GetBucketLocation"), s.getBucketLocation),
		row("ListObjects", "GET /{Bucket}", s.needListObjects, s.listObjects),
		row("ListObjectsV2", "GET /{Bucket}?list-type=2", s.needListObjectsV2, s.listObjectsV2),
		row("DeleteObjects", "POST /{Bucket}?delete", s.needDeleteObjects, s.deleteObjects),

		row("GetObject", "GET /{Bucket}/{Key+}", s.needRead, s.getObject),
		row("HeadObject", "HEAD /{Bucket}/{Key+}", s.needRead, s.headObject),
		row("PutObject", "PUT /{Bucket}/{Key+}", s.needPutObject, s.putObject),
		row("CopyObject", "PUT /{Bucket}/{Key+} X-Amz-Copy-Source", s.needCopyObject, s.copyObject),
		row("DeleteObject", "DELETE /{Bucket}/{Key+}", s.needDeleteObject, s.deleteObject),
		row("GetObjectTagging", "GET /{Bucket}/{Key+}?tagging", s.needGetObjectTagging, s.getObjectTagging),

		row("CreateMultipartUpload", "POST /{Bucket}/{Key+}?uploads", s.needCreateMultipartUpload, s.createMultipartUpload),
		row("UploadPart", "PUT /{Bucket}/{Key+}?partNumber&uploadId", s.needUploadPart, s.uploadPart),
		row("UploadPartCopy", "PUT /{Bucket}/{Key+}?partNumber&uploadId X-Amz-Copy-Source", s.needUploadPartCopy, s.uploadPartCopy),
		row("CompleteMultipartUpload", "POST /{Bucket}/{Key+}?uploadId", s.needCompleteMultipartUpload, s.completeMultipartUpload),
		row("AbortMultipartUpload", "DELETE /{Bucket}/{Key+}?uploadId", needObject[abortMultipartUploadInput](s, "s3:AbortMultipartUpload"), s.abortMultipartUpload),
		row("ListParts", "GET /{Bucket}/{Key+}?uploadId", needObject[listPartsInput](s, "s3:ListMultipartUploadParts"), s.listParts),
		row("ListMultipartUploads", "GET /{Bucket}?uploads", needBucket[listMultipartUploadsInput](s, "s3:ListBucketMultipartUploads"), s.listMultipartUploads),
	}
}
