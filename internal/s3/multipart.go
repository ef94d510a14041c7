package s3

import (
	"context"
	"net/http"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

func (s *Service) multipartOperations() []api.Operation {
	return []api.Operation{
		row("CreateMultipartUpload", "POST /{Bucket}/{Key+}?uploads", s.needCreateMultipartUpload, s.createMultipartUpload),
		row("UploadPart", "PUT /{Bucket}/{Key+}?partNumber&uploadId", s.needUploadPart, s.uploadPart),
		row("UploadPartCopy", "PUT /{Bucket}/{Key+}?partNumber&uploadId X-Amz-Copy-Source", s.needUploadPartCopy, s.uploadPartCopy),
		row("CompleteMultipartUpload", "POST /{Bucket}/{Key+}?uploadId", s.needCompleteMultipartUpload, s.completeMultipartUpload),
		row("AbortMultipartUpload", "DELETE /{Bucket}/{Key+}?uploadId", needObject[abortMultipartUploadInput](s, "s3:AbortMultipartUpload"), s.abortMultipartUpload),
		row("ListParts", "GET /{Bucket}/{Key+}?uploadId", needObject[listPartsInput](s, "s3:ListMultipartUploadParts"), s.listParts),
		row("ListMultipartUploads", "GET /{Bucket}?uploads", needBucket[listMultipartUploadsInput](s, "s3:ListBucketMultipartUploads"), s.listMultipartUploads),
	}
}

type createMultipartUploadInput struct {
	objectTarget
	metadataHeaders
	settingHeaders
	ChecksumAlgorithm string `header:"X-Amz-Checksum-Algorithm"`
	ChecksumType      string `header:"X-Amz-Checksum-Type"`
}

type createMultipartUploadOutput struct {
	ContentType       string       `header:"Content-Type"`
	ChecksumAlgorithm string       `header:"X-Amz-Checksum-Algorithm"`
	ChecksumType      string       `header:"X-Amz-Checksum-Type"`
	Body              *api.Payload `payload:"stream"`
	abortHeaders
	sealingResult
}

func (s *Service) needCreateMultipartUpload(ctx context.Context, in *createMultipartUploadInput) ([]api.Permission, error) {
	return s.needNew(ctx, &in.objectTarget, &in.settingHeaders, new(writeConditions), false)
}

func (s *Service) createMultipartUpload(ctx context.Context, in *createMultipartUploadInput) (*createMultipartUploadOutput, error) {
	if err := in.settingHeaders.refuse(); err != nil {
		return nil, err
	}
	meta, err := in.metadata()
	if err != nil {
		return nil, err
	}
	in.settingHeaders.describe(&meta)
	algorithm, kind, err := in.checksum()
	if err != nil {
		return nil, err
	}
	own, err := s.newObject(ctx, in.at, &in.settingHeaders)
	if err != nil {
		return nil, err
	}
	encryption, err := s.seal(&in.sealing, in.Key)
	if err != nil {
		return nil, err
	}
	attributes, err := in.attributes(in.at.bucket, own.list, s.clock())
	if err != nil {
		return nil, err
	}
	u, err := s.engine.CreateUpload(ctx, in.Bucket, in.Key, object.UploadOptions{
		Owner: own.owner, Attributes: attributes,
		Metadata: meta, Initiator: api.RequestOf(ctx).Caller.Principal.ARN, Checksum: algorithm, ChecksumType: kind,
		Encryption: encryption,
	})
	if err != nil {
		return nil, in.objectTarget.subject().translate(err)
	}
	d := newDocument("InitiateMultipartUploadResult", len(in.Key))
	d.text("Bucket", in.Bucket)
	d.text("Key", in.Key)
	d.text("UploadId", u.ID)
	out := &createMultipartUploadOutput{ContentType: "application/xml", Body: d.payload(), sealingResult: in.sealing.result()}
	out.abortHeaders = s.abortion(ctx, in.Bucket, &u)
	if in.ChecksumAlgorithm != "" {
		out.ChecksumAlgorithm, out.ChecksumType = algorithm.String(), kind.String()
	}
	return out, nil
}

// checksum reads the checksum of the object to be. Without one it is CRC64NVME
// over the whole object (S3 User Guide, Checking object integrity).
func (in *createMultipartUploadInput) checksum() (object.Algorithm, object.ChecksumType, error) {
	if in.ChecksumAlgorithm == "" {
		if in.ChecksumType != "" {
			return 0, 0, invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return object.CRC64NVME, object.FullObject, nil
	}
	a, err := algorithmOf(strings.ToLower(in.ChecksumAlgorithm))
	if err != nil {
		return 0, 0, err
	}
	kind := object.Composite
	if a == object.CRC64NVME {
		kind = object.FullObject
	}
	if in.ChecksumType != "" {
		if kind, err = checksumType(in.ChecksumType); err != nil {
			return 0, 0, err
		}
	}
	if kind == object.FullObject && !a.Combines() || kind == object.Composite && a == object.CRC64NVME {
		return 0, 0, invalidRequest("The " + kind.String() + " checksum type cannot be used with the " + algorithmHeader(a) + " checksum algorithm.")
	}
	return a, kind, nil
}

func checksumType(text string) (object.ChecksumType, error) {
	switch strings.ToUpper(text) {
	case object.FullObject.String():
		return object.FullObject, nil
	case object.Composite.String():
		return object.Composite, nil
	}
	return 0, invalidRequest("Value for x-amz-checksum-type header is invalid.")
}

// uploadTarget is an upload in parts that a request names.
type uploadTarget struct {
	objectTarget
	UploadID string `query:"uploadId"`

	encryption uploadEncryption // of the upload
}

func (t *uploadTarget) subject() subject {
	return subject{bucket: t.Bucket, key: t.Key, uploadID: t.UploadID}
}

type uploadPartInput struct {
	uploadTarget
	digestHeaders
	uploadEncryptionHeaders
	PartNumber string       `query:"partNumber"`
	Body       *api.Payload `payload:"stream"`
}

type uploadPartOutput struct {
	ETag string `header:"Etag"`
	checksumValues
	encryptionResult
}

// needPart states PutObject, which covers every call of an upload that writes
// (spec E.7).
func (s *Service) needPart(ctx context.Context, t *uploadTarget, h *uploadEncryptionHeaders, more ...identity.Key) ([]api.Permission, error) {
	keys, err := s.readUpload(ctx, t, h.customerKeyHeaders.keys(more))
	if err != nil {
		return nil, err
	}
	return s.needWrite(ctx, &t.objectTarget, new(settingHeaders), new(writeConditions), false, keys...)
}

func (s *Service) needUploadPart(ctx context.Context, in *uploadPartInput) ([]api.Permission, error) {
	return s.needPart(ctx, &in.uploadTarget, &in.uploadEncryptionHeaders)
}

func (s *Service) uploadPart(ctx context.Context, in *uploadPartInput) (*uploadPartOutput, error) {
	if err := checkLength(api.RequestOf(ctx).HTTP); err != nil {
		return nil, err
	}
	number, err := parsePartNumber(in.PartNumber)
	if err != nil {
		return nil, err
	}
	check, err := in.check(in.Body)
	if err != nil {
		return nil, err
	}
	encryption, encrypted, err := s.partEncryption(ctx, &in.uploadTarget, &in.uploadEncryptionHeaders)
	if err != nil {
		return nil, err
	}
	options := object.PartOptions{SizeBytes: in.Body.Length, Verify: check.verify, Encryption: encryption}
	if check.algorithm != 0 {
		if err := s.partChecksum(ctx, &in.uploadTarget, check.algorithm); err != nil {
			return nil, err
		}
		options.Checksums = check.stored()
	} else if in.at.bucket.ObjectLock {
		u, err := s.engine.Upload(ctx, in.Bucket, in.Key, in.UploadID)
		if err == nil {
			err = check.suffices(u.Attributes)
		}
		if err != nil {
			return nil, in.uploadTarget.subject().translate(err)
		}
	}
	p, err := s.engine.PutPart(ctx, in.Bucket, in.Key, in.UploadID, number, in.Body, options)
	if err != nil {
		return nil, in.uploadTarget.subject().translate(err)
	}
	out := &uploadPartOutput{ETag: quote(p.ETag), encryptionResult: encrypted}
	out.checksumValues.set(p.Checksums)
	out.Type = "" // a part has none
	return out, nil
}

// partChecksum refuses a part whose checksum is not the upload's. An upload
// with the default checksum takes any.
func (s *Service) partChecksum(ctx context.Context, t *uploadTarget, a object.Algorithm) error {
	u, err := s.engine.Upload(ctx, t.Bucket, t.Key, t.UploadID)
	if err != nil {
		return t.subject().translate(err)
	}
	if u.Checksum == a || u.Checksum == object.CRC64NVME {
		return nil
	}
	return invalidRequest("Checksum Type mismatch occurred, expected checksum Type: " + algorithmHeader(u.Checksum) +
		", actual checksum Type: " + algorithmHeader(a))
}

type uploadPartCopyInput struct {
	uploadTarget
	copyHeaders
	uploadEncryptionHeaders
	CopySourceRange string `header:"X-Amz-Copy-Source-Range"`
	PartNumber      string `query:"partNumber"`
}

func (s *Service) needUploadPartCopy(ctx context.Context, in *uploadPartCopyInput) ([]api.Permission, error) {
	read, sourceKey, err := s.needSource(ctx, &in.copyHeaders)
	if err != nil {
		return nil, err
	}
	write, err := s.needPart(ctx, &in.uploadTarget, &in.uploadEncryptionHeaders, sourceKey)
	return append([]api.Permission{read}, write...), err
}

func (s *Service) uploadPartCopy(ctx context.Context, in *uploadPartCopyInput) (*copyOutput, error) {
	number, err := parsePartNumber(in.PartNumber)
	if err != nil {
		return nil, err
	}
	encryption, encrypted, err := s.partEncryption(ctx, &in.uploadTarget, &in.uploadEncryptionHeaders)
	if err != nil {
		return nil, err
	}
	r, source, err := s.openSource(ctx, &in.copyHeaders)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	api.RequestOf(ctx).Note(copiedFrom{source.bucket, source.key})
	chosen, err := parseCopyRange(in.CopySourceRange, r.SizeBytes)
	if err != nil {
		return nil, err
	}
	if chosen.length > maxCopyBytes {
		return nil, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	content, err := r.Range(chosen.offset, chosen.length)
	if err != nil {
		return nil, source.subject().translate(err)
	}
	defer content.Close()
	p, err := s.engine.PutPart(ctx, in.Bucket, in.Key, in.UploadID, number, content, object.PartOptions{SizeBytes: chosen.length, Encryption: encryption})
	if err != nil {
		return nil, in.uploadTarget.subject().translate(err)
	}
	d := newDocument("CopyPartResult", 256)
	d.etag(p.ETag)
	d.time("LastModified", p.Modified)
	d.checksums(p.Checksums)
	return &copyOutput{
		ContentType: "application/xml", CopySourceVersionID: s.versionHeader(ctx, source.bucket, r.Version.VersionID),
		sealingResult: sealingResult{encryptionResult: encrypted}, Body: d.payload(),
	}, nil
}

type abortMultipartUploadInput struct {
	uploadTarget
	// IfMatchInitiatedTime is a condition of directory buckets.
	IfMatchInitiatedTime string `header:"X-Amz-If-Match-Initiated-Time"`
}

func (s *Service) abortMultipartUpload(ctx context.Context, in *abortMultipartUploadInput) (*noContent, error) {
	if in.IfMatchInitiatedTime != "" {
		return nil, notBuilt("x-amz-if-match-initiated-time", "A conditional abort")
	}
	if err := s.engine.AbortUpload(ctx, in.Bucket, in.Key, in.UploadID); err != nil {
		return nil, in.uploadTarget.subject().translate(err)
	}
	return &noContent{http.StatusNoContent}, nil
}
