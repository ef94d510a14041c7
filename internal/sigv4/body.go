package sigv4

import (
	"net/http"
)

// Body is the decoded payload of an S3 request, checked while it is read.
//
// Bytes of a chunk may be handed out before its signature has been checked,
// so nothing may be committed before the whole body has been read without an
// error. The last byte is handed out only after everything is checked: a
// consumer that stops at DecodedLength has a verified body too, unless that
// is 0 or -1, where it must read to io.EOF. Complete tells.
type Body struct {
}

// Body returns the payload of an S3 request that v verified. It reads nothing
// yet.
func (v *Verified) Body(r *http.Request) (*Body, error) {
	return nil, refuse(KindNotImplemented, "bodies are not there yet")
}

// AnonymousBody returns the payload of an S3 request without a signature,
// which may still announce a hash or unsigned chunks with a trailer.
func AnonymousBody(r *http.Request) (*Body, error) {
	return nil, refuse(KindNotImplemented, "bodies are not there yet")
}

// Read reads decoded bytes. After any error but io.EOF everything read so far
// must be discarded.
func (b *Body) Read(p []byte) (int, error) {
	return 0, refuse(KindNotImplemented, "bodies are not there yet")
}

// DecodedLength returns the length of the payload in bytes without framing,
// or -1 if the request did not announce it.
func (b *Body) DecodedLength() int64 { return -1 }

// Complete reports whether the whole body has been read and verified.
func (b *Body) Complete() bool { return false }

// Trailers returns the trailing headers, lower-case name to value, among those
// announced in x-amz-trailer. It returns nil before Complete.
func (b *Body) Trailers() map[string]string { return nil }

// StripAWSChunked removes "aws-chunked" from a Content-Encoding value: it
// describes the transfer and is not stored with the object. The result is ""
// when nothing else was there.
func StripAWSChunked(contentEncoding string) string { return contentEncoding }
