package s3

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
)

func (s *Service) readOperations() []api.Operation {
	return []api.Operation{
		row("GetObject", "GET /{Bucket}/{Key+}", s.needRead, s.getObject),
		row("HeadObject", "HEAD /{Bucket}/{Key+}", s.needRead, s.headObject),
	}
}

// readInput is what GetObject and HeadObject take.
type readInput struct {
	versionedTarget
	readConditions
	encryptionHeaders
	customerKeyHeaders
	responseHeaders
	Range        string  `header:"Range"`
	IfRange      string  `header:"If-Range"`
	PartNumber   *string `query:"partNumber"`
	ChecksumMode string  `header:"X-Amz-Checksum-Mode"`

	encrypted encryptionResult // of what was opened
}

// responseHeaders replace stored headers in the answer.
type responseHeaders struct {
	ResponseCacheControl       *string `query:"response-cache-control"`
	ResponseContentDisposition *string `query:"response-content-disposition"`
	ResponseContentEncoding    *string `query:"response-content-encoding"`
	ResponseContentLanguage    *string `query:"response-content-language"`
	ResponseContentType        *string `query:"response-content-type"`
	ResponseExpires            *string `query:"response-expires"`
}

func (s *Service) needRead(ctx context.Context, in *readInput) ([]api.Permission, error) {
	return s.needExisting(ctx, &in.versionedTarget, "s3:GetObject")
}

// part returns the part number asked for, 0 for none.
func (in *readInput) part() (int, error) {
	if in.PartNumber == nil {
		return 0, nil
	}
	if in.Range != "" {
		return 0, invalidRequest("Cannot specify both Range header and partNumber query parameter")
	}
	return parsePartNumber(*in.PartNumber)
}

func parsePartNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > object.MaxPartNumber {
		return 0, invalidPartNumber()
	}
	return n, nil
}

// open opens what the request reads. Without content only the description is
// read, and the reader cannot be read from.
func (s *Service) open(ctx context.Context, in *readInput, content bool) (*object.Reader, error) {
	if err := in.override(nil, api.RequestOf(ctx)); err != nil {
		return nil, err
	}
	if err := in.misplaced(); err != nil {
		return nil, err
	}
	part, err := in.part()
	if err != nil {
		return nil, err
	}
	options := object.GetOptions{VersionID: in.version(), PartNumber: part}
	var r *object.Reader
	if content || part != 0 {
		r, err = s.engine.Get(ctx, in.Bucket, in.Key, options)
	} else {
		r = new(object.Reader)
		r.Version, err = s.engine.Head(ctx, in.Bucket, in.Key, options)
		r.SizeBytes = r.Version.SizeBytes
	}
	if err != nil {
		return nil, s.readError(ctx, in.subject(), err)
	}
	if err = s.mayUse(ctx, in.on, &r.Version); err == nil {
		in.encrypted, err = s.unlock(ctx, in.objectTarget.subject(), r, &in.customerKeyHeaders, in.purpose(content))
	}
	if err != nil {
		r.Close()
		return nil, in.objectTarget.subject().translate(err)
	}
	return r, nil
}

// purpose is what the object is opened for.
func (in *readInput) purpose(content bool) purpose {
	switch {
	case content:
		return toRead
	case strings.EqualFold(in.ChecksumMode, "ENABLED"):
		return toCheck
	}
	return toDescribe
}

// readError hides from those who may not list whether a key exists.
func (s *Service) readError(ctx context.Context, where subject, err error) error {
	if errors.Is(err, object.ErrNoSuchKey) || errors.Is(err, object.ErrNoSuchVersion) || errors.Is(err, object.ErrDeleteMarker) {
		return s.missing(ctx, where, err)
	}
	return where.translate(err)
}

// answer evaluates conditions and range against what was opened, fills in the
// headers, and returns the status and the bytes to send.
func (in *readInput) answer(r *object.Reader, h *objectHeaders, req *api.Request) (int, byteRange, error) {
	v := &r.Version
	bytes := byteRange{r.OffsetBytes, r.SizeBytes}
	h.describe(v)
	h.encryptionResult = in.encrypted
	switch result, header := in.evaluate(v); result {
	case failed:
		return 0, bytes, preconditionFailed(header)
	case notModified:
		return http.StatusNotModified, byteRange{}, in.override(h, req)
	}
	status, sums := http.StatusOK, v.Checksums
	if r.Part.Number != 0 {
		status, sums = http.StatusPartialContent, r.Part.Checksums
		if v.PartCount > 0 {
			h.PartsCount = &v.PartCount
		}
	}
	if in.Range != "" && rangeHolds(in.IfRange, v) {
		chosen, partial, err := parseRange(in.Range, v.SizeBytes)
		if err != nil {
			return 0, bytes, err
		}
		if partial {
			status, bytes = http.StatusPartialContent, chosen
		}
		if partial && chosen.length != v.SizeBytes {
			sums = nil // they cover more than is sent
		}
	}
	if status == http.StatusPartialContent && bytes.length > 0 {
		h.ContentRange = bytes.contentRange(v.SizeBytes)
	}
	if strings.EqualFold(in.ChecksumMode, "ENABLED") {
		h.checksumValues.set(sums)
		if len(sums) > 0 && len(v.Checksums) > 0 {
			h.checksumValues.Type = v.Checksums[0].Type.String() // also of a part (API Reference, HeadObject)
		}
	}
	return status, bytes, in.override(h, req)
}

// describeVersion sets the headers that not every caller gets, or not in every
// bucket.
func (s *Service) describeVersion(ctx context.Context, in *readInput, v *object.Version, h *objectHeaders) error {
	h.VersionID = cmp.Or(s.versionHeader(ctx, in.Bucket, v.VersionID), in.version())
	if in.VersionID == nil {
		h.expirationHeader = s.expiration(ctx, in.Bucket, v)
	}
	var err error
	if h.TaggingCount, err = tagCount(ctx, &in.versionedTarget, v); err != nil {
		return err
	}
	return h.tellLock(ctx, &in.versionedTarget, v)
}

type getObjectOutput struct {
	Status int `status:""`
	objectHeaders
	Body *api.Payload `payload:"stream"`
}

func (s *Service) getObject(ctx context.Context, in *readInput) (*getObjectOutput, error) {
	r, err := s.open(ctx, in, true)
	if err != nil {
		return nil, err
	}
	out := new(getObjectOutput)
	if err := s.describeVersion(ctx, in, &r.Version, &out.objectHeaders); err != nil {
		r.Close()
		return nil, err
	}
	var bytes byteRange
	out.Status, bytes, err = in.answer(r, &out.objectHeaders, api.RequestOf(ctx))
	if err != nil {
		r.Close()
		return nil, err
	}
	if out.Status == http.StatusNotModified {
		return out, r.Close()
	}
	if out.Body, err = body(r, bytes); err != nil {
		return nil, in.subject().translate(err)
	}
	return out, nil
}

// body makes an answer's payload of a range, and closes r with it.
func body(r *object.Reader, bytes byteRange) (*api.Payload, error) {
	content, err := r.Range(bytes.offset, bytes.length)
	if err != nil {
		r.Close()
		return nil, err
	}
	return &api.Payload{Reader: &openObject{content, r}, Length: bytes.length}, nil
}

// openObject reads a range and closes the object behind it.
type openObject struct {
	io.ReadCloser
	reader *object.Reader
}

// WriteTo lets the engine write from its own buffers.
func (o *openObject) WriteTo(w io.Writer) (int64, error) {
	if direct, ok := o.ReadCloser.(io.WriterTo); ok {
		return direct.WriteTo(w)
	}
	return io.Copy(w, o.ReadCloser)
}

// Close closes the range, then the object.
func (o *openObject) Close() error {
	return errors.Join(o.ReadCloser.Close(), o.reader.Close())
}

type headObjectOutput struct {
	Status        int    `status:""`
	ContentLength *int64 `header:"Content-Length"`
	objectHeaders
}

func (s *Service) headObject(ctx context.Context, in *readInput) (*headObjectOutput, error) {
	r, err := s.open(ctx, in, false)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := new(headObjectOutput)
	if err := s.describeVersion(ctx, in, &r.Version, &out.objectHeaders); err != nil {
		return nil, err
	}
	var bytes byteRange
	out.Status, bytes, err = in.answer(r, &out.objectHeaders, api.RequestOf(ctx))
	if err != nil {
		return nil, err
	}
	if out.Status != http.StatusNotModified {
		out.ContentLength = &bytes.length
	}
	return out, nil
}

// override replaces headers of the answer by what the query asks for. With nil
// headers it only checks. Only signed requests may do so (API Reference,
// GetObject).
func (h *responseHeaders) override(out *objectHeaders, req *api.Request) error {
	if *h == (responseHeaders{}) {
		return nil
	}
	if req.Caller.IsAnonymous() {
		return invalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
	}
	if out == nil {
		out = new(objectHeaders)
	}
	for _, o := range [...]struct {
		name  string
		value *string
		field *string
	}{
		{"response-cache-control", h.ResponseCacheControl, &out.CacheControl},
		{"response-content-disposition", h.ResponseContentDisposition, &out.ContentDisposition},
		{"response-content-encoding", h.ResponseContentEncoding, &out.ContentEncoding},
		{"response-content-language", h.ResponseContentLanguage, &out.ContentLanguage},
		{"response-content-type", h.ResponseContentType, &out.ContentType},
		{"response-expires", h.ResponseExpires, &out.Expires},
	} {
		if o.value == nil {
			continue
		}
		if !headerText(*o.value) {
			return invalidArgument(o.name, *o.value, "Header value cannot be represented using ISO-8859-1.")
		}
		*o.field = *o.value
	}
	return nil
}

// headerText reports whether text may stand in a header.
func headerText(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
