package s3

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/sigv4"
)

// metadataHeaders describe a new object and are given back as they are.
type metadataHeaders struct {
	CacheControl       string            `header:"Cache-Control"`
	ContentDisposition string            `header:"Content-Disposition"`
	ContentEncoding    string            `header:"Content-Encoding"`
	ContentLanguage    string            `header:"Content-Language"`
	ContentType        string            `header:"Content-Type"`
	Expires            string            `header:"Expires"`
	User               map[string]string `headers:"X-Amz-Meta-"`
}

// S3 User Guide, Working with object metadata: 2 KB each of user-defined and of
// system-defined metadata.
const maxMetadataBytes = 2 << 10

// defaultContentType is S3's.
const defaultContentType = "binary/octet-stream"

// metadata returns what the engine is to keep.
func (h *metadataHeaders) metadata() (object.Metadata, error) {
	m := object.Metadata{
		ContentType: h.ContentType, CacheControl: h.CacheControl, ContentDisposition: h.ContentDisposition,
		ContentEncoding: sigv4.StripAWSChunked(h.ContentEncoding), ContentLanguage: h.ContentLanguage, Expires: h.Expires,
	}
	if m.ContentType == "" {
		m.ContentType = defaultContentType
	}
	system := len(m.ContentType) + len(m.CacheControl) + len(m.ContentDisposition) + len(m.ContentEncoding) + len(m.ContentLanguage) + len(m.Expires)
	user := 0
	if len(h.User) > 0 {
		m.User = make(map[string]string, len(h.User))
		for name, value := range h.User {
			value = decodeMetadata(value)
			m.User[name] = value
			user += len(name) + len(value)
		}
	}
	if size := max(system, user); size > maxMetadataBytes {
		return object.Metadata{}, awserr.New(http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size").
			With("Size", strconv.Itoa(size)).With("MaxSizeAllowed", strconv.Itoa(maxMetadataBytes))
	}
	return m, nil
}

// decodeMetadata reads a value of user metadata: RFC 2047 words are decoded, and
// bytes that are not UTF-8 are taken as ISO 8859-1 (S3 User Guide, User-defined
// object metadata).
func decodeMetadata(value string) string {
	if strings.Contains(value, "=?") {
		if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil && utf8.ValidString(text) {
			return text
		}
	}
	if utf8.ValidString(value) {
		return value
	}
	runes := make([]rune, len(value))
	for i := range len(value) {
		runes[i] = rune(value[i])
	}
	return string(runes)
}

// encodeMetadata writes a value for a header: as it is when it is printable
// ASCII, else as RFC 2047 words.
func encodeMetadata(value string) string { return mime.BEncoding.Encode("UTF-8", value) }

// objectHeaders describe an object in an answer.
type objectHeaders struct {
	AcceptRanges       string `header:"Accept-Ranges"`
	LastModified       string `header:"Last-Modified"`
	ETag               string `header:"Etag"`
	VersionID          string `header:"X-Amz-Version-Id"`
	CacheControl       string `header:"Cache-Control"`
	ContentDisposition string `header:"Content-Disposition"`
	ContentEncoding    string `header:"Content-Encoding"`
	ContentLanguage    string `header:"Content-Language"`
	ContentType        string `header:"Content-Type"`
	Expires            string `header:"Expires"`
	ContentRange       string `header:"Content-Range"`
	PartsCount         *int   `header:"X-Amz-Mp-Parts-Count"`
	TaggingCount       *int   `header:"X-Amz-Tagging-Count"`
	StorageClass       string `header:"X-Amz-Storage-Class"`
	// WebsiteRedirectLocation is where the website endpoint sends readers.
	WebsiteRedirectLocation string            `header:"X-Amz-Website-Redirect-Location"`
	User                    map[string]string `headers:"x-amz-meta-"`
	checksumValues
	expirationHeader
	encryptionResult
	lockValues
}

// describe sets the headers that tell of a version whatever part of it is
// sent.
func (h *objectHeaders) describe(v *object.Version) {
	m := &v.Metadata
	h.AcceptRanges = "bytes"
	h.LastModified = v.Modified.UTC().Format(http.TimeFormat)
	h.ETag = quote(v.ETag)
	h.CacheControl, h.ContentDisposition, h.ContentEncoding = m.CacheControl, m.ContentDisposition, m.ContentEncoding
	h.ContentLanguage, h.ContentType, h.Expires = m.ContentLanguage, m.ContentType, m.Expires
	h.StorageClass, h.WebsiteRedirectLocation = m.StorageClass, m.WebsiteRedirect // STANDARD is not shown, as in S3
	if len(m.User) > 0 {
		h.User = make(map[string]string, len(m.User))
		for name, value := range m.User {
			h.User[name] = encodeMetadata(value)
		}
	}
}

func quote(etag string) string { return `"` + etag + `"` }
