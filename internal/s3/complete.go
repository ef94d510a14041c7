package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

type completeMultipartUploadInput struct {
	uploadTarget
	writeConditions
	uploadEncryptionHeaders
	Checksums     map[string]string `headers:"X-Amz-Checksum-"`
	ChecksumType  string            `header:"X-Amz-Checksum-Type"`
	MpuObjectSize *int64            `header:"X-Amz-Mp-Object-Size"`
	Upload        *completedUpload  `payload:"xml"`
}

type completeMultipartUploadOutput struct {
	ContentType string       `header:"Content-Type"`
	VersionID   string       `header:"X-Amz-Version-Id"`
	Body        *api.Payload `payload:"stream"`
	expirationHeader
	encryptionResult
}

type completedUpload struct {
	XMLName xml.Name        `xml:"CompleteMultipartUpload"`
	Parts   []completedPart `xml:"Part"`
}

// completedPart is one entry. Members are lists to see what is given twice.
type completedPart struct {
	PartNumber        []int    `xml:"PartNumber"`
	ETag              []string `xml:"ETag"`
	ChecksumCRC32     []string `xml:"ChecksumCRC32"`
	ChecksumCRC32C    []string `xml:"ChecksumCRC32C"`
	ChecksumCRC64NVME []string `xml:"ChecksumCRC64NVME"`
	ChecksumSHA1      []string `xml:"ChecksumSHA1"`
	ChecksumSHA256    []string `xml:"ChecksumSHA256"`
	// The newer algorithms, which Inro does not have.
	ChecksumSHA512    []string `xml:"ChecksumSHA512"`
	ChecksumMD5       []string `xml:"ChecksumMD5"`
	ChecksumXXHASH64  []string `xml:"ChecksumXXHASH64"`
	ChecksumXXHASH3   []string `xml:"ChecksumXXHASH3"`
	ChecksumXXHASH128 []string `xml:"ChecksumXXHASH128"`
}

// part reads one entry.
func (p *completedPart) part() (object.CompletedPart, error) {
	if len(p.PartNumber) != 1 || len(p.ETag) != 1 || p.ETag[0] == "" {
		return object.CompletedPart{}, malformedXML()
	}
	if p.PartNumber[0] < 1 || p.PartNumber[0] > object.MaxPartNumber {
		return object.CompletedPart{}, invalidPartNumber()
	}
	if len(p.ChecksumSHA512)+len(p.ChecksumMD5)+len(p.ChecksumXXHASH64)+len(p.ChecksumXXHASH3)+len(p.ChecksumXXHASH128) > 0 {
		return object.CompletedPart{}, awserr.NotImplemented("Of the checksum algorithms CRC32, CRC32C, CRC64NVME, SHA1 and SHA256 are offered.")
	}
	out := object.CompletedPart{Number: p.PartNumber[0], ETag: p.ETag[0]}
	for _, given := range [...]struct {
		algorithm object.Algorithm
		values    []string
	}{
		{object.CRC32, p.ChecksumCRC32}, {object.CRC32C, p.ChecksumCRC32C}, {object.CRC64NVME, p.ChecksumCRC64NVME},
		{object.SHA1, p.ChecksumSHA1}, {object.SHA256, p.ChecksumSHA256},
	} {
		if len(given.values) > 1 {
			return out, malformedXML()
		}
		if len(given.values) == 0 || given.values[0] == "" {
			continue
		}
		sum, err := decodeSum(given.algorithm, given.values[0])
		if err != nil {
			return out, err
		}
		out.Checksums = append(out.Checksums, object.Checksum{Algorithm: given.algorithm, Sum: sum})
	}
	return out, nil
}

// parts reads the list, which must not be empty.
func (u *completedUpload) parts() ([]object.CompletedPart, error) {
	if u == nil || len(u.Parts) == 0 || len(u.Parts) > object.MaxPartNumber {
		return nil, malformedXML()
	}
	parts := make([]object.CompletedPart, len(u.Parts))
	for i := range u.Parts {
		var err error
		if parts[i], err = u.Parts[i].part(); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (s *Service) needCompleteMultipartUpload(ctx context.Context, in *completeMultipartUploadInput) ([]api.Permission, error) {
	keys, err := s.readUpload(ctx, &in.uploadTarget, in.customerKeyHeaders.keys(nil))
	if err != nil {
		return nil, err
	}
	return s.needWrite(ctx, &in.objectTarget, new(settingHeaders), &in.writeConditions, true, keys...)
}

func (s *Service) completeMultipartUpload(ctx context.Context, in *completeMultipartUploadInput) (*completeMultipartUploadOutput, error) {
	encrypted, err := s.uploadKey(ctx, &in.uploadTarget, &in.uploadEncryptionHeaders)
	if err != nil {
		return nil, err
	}
	parts, err := in.Upload.parts()
	if err != nil {
		return nil, err
	}
	options, err := in.options(len(parts))
	if err != nil {
		return nil, err
	}
	where := in.uploadTarget.subject()
	if err := s.completable(ctx, in, parts, &options); err != nil {
		return nil, err
	}
	if options.Retention, err = s.retentionOf(ctx, in.at.bucket, object.Retention{}); err != nil {
		return nil, err
	}
	if options.Messages, err = s.messages(ctx, in.Bucket, objectCreatedCompleteMultipartUpload); err != nil {
		return nil, err
	}
	v, err := s.engine.CompleteUpload(ctx, in.Bucket, in.Key, in.UploadID, parts, options)
	switch {
	case err == nil:
	case errors.Is(err, object.ErrIncompleteBody), errors.Is(err, object.ErrExcessBody):
		return nil, invalidRequest("The provided 'x-amz-mp-object-size' header value does not match what was computed.")
	default:
		return nil, s.writeError(ctx, where, err)
	}
	d := newDocument("CompleteMultipartUploadResult", 512+2*len(in.Key))
	d.text("Location", location(api.RequestOf(ctx).HTTP, in.Bucket, in.Key))
	d.text("Bucket", in.Bucket)
	d.text("Key", in.Key)
	d.etag(v.ETag)
	d.checksums(v.Checksums)
	if len(v.Checksums) > 0 {
		d.text("ChecksumType", v.Checksums[0].Type.String())
	}
	return &completeMultipartUploadOutput{
		ContentType: "application/xml", VersionID: s.versionHeader(ctx, in.Bucket, v.VersionID), Body: d.payload(),
		expirationHeader: s.expiration(ctx, in.Bucket, &v),
		encryptionResult: encrypted,
	}, nil
}

// location is the URL of the object on the host that was asked.
func location(r *http.Request, bucket, key string) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + "/" + bucket + "/" + string(appendURL(nil, key))
}

// options reads what the client expects of the object.
func (in *completeMultipartUploadInput) options(parts int) (object.CompleteOptions, error) {
	var o object.CompleteOptions
	var err error
	if o.Condition, err = in.condition(); err != nil {
		return o, err
	}
	if in.MpuObjectSize != nil {
		if o.SizeBytes = *in.MpuObjectSize; o.SizeBytes < 1 {
			return o, invalidArgument("x-amz-mp-object-size", strconv.FormatInt(o.SizeBytes, 10), "The object size must be at least 1 byte.")
		}
	}
	for name, value := range in.Checksums {
		if slices.Contains(notValues, name) {
			continue
		}
		a, err := algorithmOf(name)
		if err != nil {
			return o, err
		}
		if o.Checksum.Algorithm != 0 {
			return o, invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		if o.Checksum, err = object.ParseChecksum(a, value); err != nil {
			return o, invalidRequest("Value for " + checksumPrefix + name + " header is invalid.")
		}
	}
	return o, nil
}

// completable compares the request with how the upload was created. An upload
// that is no more is left to the engine, which knows whether it was completed.
func (s *Service) completable(ctx context.Context, in *completeMultipartUploadInput, parts []object.CompletedPart, o *object.CompleteOptions) error {
	u, err := s.engine.Upload(ctx, in.Bucket, in.Key, in.UploadID)
	if errors.Is(err, object.ErrNoSuchUpload) {
		return nil
	}
	if err != nil {
		return in.uploadTarget.subject().translate(err)
	}
	if in.ChecksumType != "" {
		kind, err := checksumType(in.ChecksumType)
		if err != nil {
			return err
		}
		if kind != u.ChecksumType {
			return invalidRequest("The upload was created using the " + u.ChecksumType.String() +
				" checksum mode. The complete request must use the same checksum mode.")
		}
	}
	if u.ChecksumType != object.Composite {
		return nil
	}
	if o.Checksum.Algorithm != 0 && o.Checksum.Type != object.Composite {
		o.Checksum.Type, o.Checksum.PartCount = object.Composite, len(parts) // the count may be left out
	}
	for i := range parts {
		if !slices.ContainsFunc(parts[i].Checksums, func(c object.Checksum) bool { return c.Algorithm == u.Checksum }) {
			return invalidRequest("The upload was created using a " + algorithmHeader(u.Checksum) +
				" checksum. The complete request must include the checksum for each part. It was missing for part " +
				strconv.Itoa(parts[i].Number) + " in the request.")
		}
	}
	return nil
}
