package s3

import (
	"context"
	"net/url"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

// copyHeaders name the source of a copy.
type copyHeaders struct {
	CopySource                string `header:"X-Amz-Copy-Source"`
	SourceExpectedBucketOwner string `header:"X-Amz-Source-Expected-Bucket-Owner"`
	copyConditions
	// The client's key of the source (SSE-C).
	CopySourceSSECustomerAlgorithm *string `header:"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm"`
	CopySourceSSECustomerKey       *string `header:"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key"`
	CopySourceSSECustomerKeyMD5    *string `header:"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key-Md5"`

	// source is the reading of it that was authorized, set by needSource.
	source *existing
}

// sourceKey are the headers with the client's key of the source.
func (h *copyHeaders) sourceKey() *customerKeyHeaders {
	return &customerKeyHeaders{h.CopySourceSSECustomerAlgorithm, h.CopySourceSSECustomerKey, h.CopySourceSSECustomerKeyMD5}
}

// copySource is an object, or one version of it.
type copySource struct {
	bucket, key string
	version     *string
}

// parseCopySource reads x-amz-copy-source: "bucket/key" or "/bucket/key",
// percent-encoded, then perhaps "?versionId=id" (API Reference, CopyObject). A
// plus sign is itself.
func parseCopySource(header string) (copySource, error) {
	path, version, versioned := header, "", false
	if i := strings.LastIndex(header, "?versionId="); i >= 0 {
		path, version, versioned = header[:i], header[i+len("?versionId="):], true
	}
	text, err := url.PathUnescape(path)
	if err != nil {
		return copySource{}, invalidCopySource(header)
	}
	bucket, key, ok := strings.Cut(strings.TrimPrefix(text, "/"), "/")
	if !ok || bucket == "" || key == "" {
		return copySource{}, invalidCopySource(header)
	}
	source := copySource{bucket: bucket, key: key}
	if versioned {
		source.version = &version
	}
	return source, checkVersion(source.version)
}

func invalidCopySource(header string) error {
	return invalidArgument("x-amz-copy-source", header, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
}

// String is the value of the condition key s3:x-amz-copy-source: decoded and
// without a leading slash, so that a policy cannot be dodged by another
// spelling.
func (c *copySource) String() string {
	text := c.bucket + "/" + c.key
	if c.version != nil {
		text += "?versionId=" + *c.version
	}
	return text
}

func (c *copySource) subject() subject {
	return subject{bucket: c.bucket, key: c.key, version: deref(c.version)}
}

// needSource states the permission to read the source and returns the
// condition key that names it.
func (s *Service) needSource(ctx context.Context, h *copyHeaders) (api.Permission, identity.Key, error) {
	source, err := parseCopySource(h.CopySource)
	if err != nil {
		return api.Permission{}, identity.Key{}, err
	}
	p, err := s.locate(ctx, source.bucket, h.SourceExpectedBucketOwner)
	if err != nil {
		return api.Permission{}, identity.Key{}, err
	}
	if h.source, err = s.onExisting(ctx, p, "s3:GetObject", source.key, source.version); err != nil {
		return api.Permission{}, identity.Key{}, err
	}
	return h.source.first, identity.StringKey("s3:x-amz-copy-source", source.String()), nil
}

// maxCopyBytes is the largest source of CopyObject and the largest range of
// UploadPartCopy (API Reference).
const maxCopyBytes = 5 << 30

// openSource opens the source after its conditions have been evaluated.
func (s *Service) openSource(ctx context.Context, h *copyHeaders) (*object.Reader, copySource, error) {
	source, err := parseCopySource(h.CopySource)
	if err != nil {
		return nil, source, err
	}
	options := object.GetOptions{}
	if source.version != nil {
		options.VersionID = *source.version
	}
	r, err := s.engine.Get(ctx, source.bucket, source.key, options)
	if err != nil {
		return nil, source, s.readError(ctx, source.subject(), err)
	}
	if err = s.mayUse(ctx, h.source, &r.Version); err == nil {
		_, err = s.unlock(ctx, source.subject(), r, h.sourceKey(), toRead)
	}
	if err == nil {
		err = h.copyConditions.check(&r.Version)
	}
	if err != nil {
		r.Close()
		return nil, source, source.subject().translate(err)
	}
	return r, source, nil
}
