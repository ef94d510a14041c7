package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Body is the decoded payload of an S3 request, checked while it is read.
//
// Bytes of a chunk may be handed out before its signature has been checked,
// so nothing may be committed before the whole body has been read without an
// error. The last byte is handed out only after everything is checked: a
// consumer that stops at DecodedLength has a verified body too, unless that
// is 0 or -1, where it must read to io.EOF. Complete tells.
type Body struct {
	payload  payload
	length   int64
	err      error // sticky
	complete bool
}

// payload is one of the forms of a body. A Read that returns the last byte of
// a known length has verified everything and returns io.EOF beside it; io.EOF
// is returned only then.
type payload interface {
	io.Reader
	trailers() map[string]string
}

// Body returns the payload of an S3 request that v verified. It reads nothing
// yet.
func (v *Verified) Body(r *http.Request) (*Body, error) {
	a := v.auth
	if a.Scope.Service != serviceS3 {
		return nil, refuse(KindInvalidRequest, "Only bodies of S3 requests are verified while they are read.")
	}
	content := a.ContentSHA256
	if content == "" { // Verify saw to it that the request is presigned
		content = UnsignedPayload
	}
	switch content {
	case StreamingSigned, StreamingSignedTrailer:
		return newChunkedBody(r, content, &chunkSigner{key: v.key, date: a.amzDate, scope: a.scopeText, previous: a.Signature})
	}
	return newUnsignedBody(r, content)
}

// AnonymousBody returns the payload of an S3 request without a signature,
// which may still announce a hash or unsigned chunks with a trailer.
func AnonymousBody(r *http.Request) (*Body, error) {
	content, err := single(r, "X-Amz-Content-Sha256")
	if err != nil {
		return nil, err
	}
	switch content {
	case "":
		content = UnsignedPayload
	case StreamingSigned, StreamingSignedTrailer:
		return nil, refuse(KindInvalidRequest, "Signed chunks need a signed request.")
	}
	return newUnsignedBody(r, content)
}

func newUnsignedBody(r *http.Request, content string) (*Body, error) {
	switch content {
	case StreamingUnsignedTrailer:
		return newChunkedBody(r, content, nil)
	case UnsignedPayload:
		return newPlainBody(r, "")
	}
	if !validHexSHA256(content) {
		return nil, invalidContentSHA256(content)
	}
	return newPlainBody(r, content)
}

// Read reads decoded bytes. After any error but io.EOF everything read so far
// must be discarded. The error is an *Error or comes from the connection.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.payload.Read(p)
	b.err = err
	b.complete = err == io.EOF
	switch {
	case b.complete && n > 0:
		return n, nil // io.EOF comes with the next Read
	case err != nil:
		return 0, err
	}
	return n, nil
}

// DecodedLength returns the length of the payload in bytes without framing,
// or -1 if the request did not announce it.
func (b *Body) DecodedLength() int64 { return b.length }

// Complete reports whether the whole body has been read and verified.
func (b *Body) Complete() bool { return b.complete }

// Trailers returns the trailing headers, lower-case name to value: exactly
// those announced in x-amz-trailer. It returns nil before Complete.
func (b *Body) Trailers() map[string]string {
	if !b.complete {
		return nil
	}
	return b.payload.trailers()
}

// StripAWSChunked removes "aws-chunked" from a Content-Encoding value: it
// describes the transfer and is not stored with the object. The result is ""
// when nothing else was there.
func StripAWSChunked(contentEncoding string) string {
	if !hasAWSChunked(contentEncoding) {
		return contentEncoding
	}
	var kept []string
	for coding := range strings.SplitSeq(contentEncoding, ",") {
		if coding = trim(coding); coding != "" && !strings.EqualFold(coding, awsChunked) {
			kept = append(kept, coding)
		}
	}
	return strings.Join(kept, ",")
}

const awsChunked = "aws-chunked"

func hasAWSChunked(contentEncoding string) bool {
	for coding := range strings.SplitSeq(contentEncoding, ",") {
		if strings.EqualFold(trim(coding), awsChunked) {
			return true
		}
	}
	return false
}

// plainBody is a body without framing.
type plainBody struct {
	src    io.Reader
	left   int64 // bytes to come, -1 if unknown
	want   string
	digest hash.Hash // nil if no hash was announced
}

// newPlainBody returns a body that must hash to want, unless that is "".
func newPlainBody(r *http.Request, want string) (*Body, error) {
	for _, coding := range r.Header["Content-Encoding"] {
		if hasAWSChunked(coding) {
			return nil, refuse(KindInvalidRequest, "Content-Encoding aws-chunked needs a STREAMING x-amz-content-sha256.")
		}
	}
	p := &plainBody{src: requestBody(r), left: r.ContentLength, want: want}
	if want != "" {
		p.digest = sha256.New()
	}
	return &Body{payload: p, length: max(r.ContentLength, -1)}, nil
}

func requestBody(r *http.Request) io.Reader {
	if r.Body == nil {
		return http.NoBody
	}
	return r.Body
}

func (p *plainBody) trailers() map[string]string { return nil }

func (p *plainBody) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, p.finish()
	}
	if p.left > 0 && int64(len(b)) > p.left {
		b = b[:p.left]
	}
	n, err := p.src.Read(b)
	if p.digest != nil {
		p.digest.Write(b[:n])
	}
	if p.left > 0 {
		p.left -= int64(n)
	}
	switch {
	case p.left == 0 && (err == nil || err == io.EOF):
		return n, p.finish()
	case err == io.EOF && p.left > 0:
		return 0, incomplete(io.ErrUnexpectedEOF)
	case err == io.EOF:
		return n, p.checkDigest()
	case err != nil:
		return 0, incomplete(err)
	}
	return n, nil
}

// finish returns io.EOF if nothing follows and the hash holds.
func (p *plainBody) finish() error {
	if err := expectEOF(p.src); err != nil {
		return err
	}
	return p.checkDigest()
}

func (p *plainBody) checkDigest() error {
	if p.digest == nil {
		return io.EOF
	}
	if got := hex.EncodeToString(p.digest.Sum(nil)); got != p.want {
		return contentMismatch(p.want, got)
	}
	return io.EOF
}

// expectEOF refuses bytes after the end of a body.
func expectEOF(src io.Reader) error {
	var one [1]byte
	// A reader may return nothing now and again; not for ever.
	for range 100 {
		n, err := src.Read(one[:])
		switch {
		case n > 0:
			return refuse(KindIncompleteBody, "The request body is longer than announced.")
		case err == io.EOF:
			return nil
		case err != nil:
			return incomplete(err)
		}
	}
	return io.ErrNoProgress
}

// incomplete turns the end of the connection into a refusal; other errors of
// the connection, such as a timeout or a body limit, are the caller's.
func incomplete(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return &Error{Kind: KindIncompleteBody, Cause: err,
			Message: "You did not provide the number of bytes specified by the Content-Length HTTP header"}
	}
	return err
}

// parseLength reads a count of bytes: digits only.
func parseLength(s string) (int64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
