package sigv4

import (
	"errors"
	"hash"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Values of x-amz-content-sha256 other than a hash.
const (
	UnsignedPayload          = "UNSIGNED-PAYLOAD"
	StreamingSigned          = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingSignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	StreamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	// EmptySHA256 is the hash of an empty body.
	EmptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Sign adds the date, the session token, for S3 x-amz-content-sha256, and the
// Authorization header to r. payloadSHA256 is the hash of the body in
// lower-case hex, or for S3 UnsignedPayload. An empty s.Date means t's day.
// Every header of r is signed except those that proxies and transports change.
func Sign(r *http.Request, c Credentials, s Scope, t time.Time, payloadSHA256 string) error {
	return errors.ErrUnsupported
}

// Presign returns r's URL with a signature in its query that is valid for
// expires (1 s to 604,800 s) from t on. Headers of r are signed and must be
// sent with the request. payloadSHA256 is as in Sign; for S3 "" means
// UnsignedPayload.
func Presign(r *http.Request, c Credentials, s Scope, t time.Time, expires time.Duration, payloadSHA256 string) (*url.URL, error) {
	return nil, errors.ErrUnsupported
}

// Streaming describes an aws-chunked body to be sent.
type Streaming struct {
	Unsigned      bool  // chunks without signatures; needs a Trailer
	ChunkBytes    int   // size of each chunk but the last; 0 means 64 KiB
	DecodedLength int64 // length of the payload; required
	// Trailer is the name of the trailing header, such as
	// "x-amz-checksum-crc32", whose value is Checksum over the payload in
	// base64. "" sends none.
	Trailer  string
	Checksum hash.Hash
}

// SignStreaming signs r and makes payload, framed as aws-chunked, its body.
func SignStreaming(r *http.Request, payload io.Reader, c Credentials, s Scope, t time.Time, o Streaming) error {
	return errors.ErrUnsupported
}
