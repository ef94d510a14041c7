package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// VerifyOptions is what the server knows when it verifies a request.
type VerifyOptions struct {
	// Secret is the secret access key of Authorization.AccessKeyID. An empty
	// one never verifies.
	Secret string
	// Now is the server's time. Required.
	Now time.Time
	// MaxSkew is how far the request's time may be from Now, either way; for
	// presigned requests only into the future. 0 means 15 minutes.
	MaxSkew time.Duration
	// Keys caches derived signing keys; nil derives on every call.
	Keys *KeyCache
	// PayloadSHA256 is the hash of the body, lower-case hex, required for
	// every service but S3 (where the body is checked while it is read).
	PayloadSHA256 string
}

// Verified is a request whose signature, date and signed headers hold. Its
// body is not verified before it has been read through Body.
type Verified struct {
	auth *Authorization
	key  signingKey
}

// Verify checks the signature, the date and that everything that must be
// signed is: the host, every x-amz- header and, for S3, content-md5. r is the
// request that a was parsed from, its URL unchanged. It does not touch the
// body.
func (a *Authorization) Verify(r *http.Request, o VerifyOptions) (*Verified, error) {
	if err := a.checkTime(o); err != nil {
		return nil, err
	}
	payload, err := a.payload(o.PayloadSHA256)
	if err != nil {
		return nil, err
	}
	if err := a.checkSigned(r); err != nil {
		return nil, err
	}
	if a.Scope.Service != serviceS3 && r.URL.Path != "" && !normalPath(r.URL.EscapedPath()) {
		return nil, refuse(KindInvalidRequest, "The path holds empty or dot segments.")
	}
	var array [2048]byte
	c := canonical{a.Scope.Service, a.SignedHeaders, a.signedList, a.Presigned, payload}
	request, err := c.appendTo(array[:0], r)
	if err != nil {
		return nil, err
	}
	v := &Verified{auth: a}
	cached := false
	if o.Keys != nil {
		v.key, cached = o.Keys.get(o.Secret, a.Scope)
	}
	if !cached {
		v.key = deriveKey(o.Secret, a.Scope)
	}
	if !a.matches(request, &v.key) || o.Secret == "" {
		return nil, a.mismatch(request)
	}
	// Only now: keys derived for what anybody sends must not push out others.
	if o.Keys != nil && !cached {
		o.Keys.put(o.Secret, a.Scope, v.key)
	}
	return v, nil
}

// checkTime holds the request's time against the server's.
func (a *Authorization) checkTime(o VerifyOptions) error {
	skew := o.MaxSkew
	if skew == 0 {
		skew = defaultMaxSkew
	}
	detail := Detail{RequestTime: a.Time, ServerTime: o.Now, MaxSkew: skew, Expires: a.Expires}
	// Compared as times: a difference of more than 292 years would overflow.
	early := a.Time.After(o.Now.Add(skew))
	switch {
	case !a.Presigned && (early || a.Time.Before(o.Now.Add(-skew))):
		return &Error{Kind: KindTooSkewed, Detail: detail,
			Message: "The difference between the request time and the current time is too large."}
	case a.Presigned && early:
		return &Error{Kind: KindNotYetValid, Detail: detail, Message: "Request is not valid yet"}
	case a.Presigned && o.Now.After(a.Time.Add(a.Expires)):
		return &Error{Kind: KindExpired, Detail: detail, Message: "Request has expired"}
	}
	return nil
}

// payload returns the last line of the canonical request. bodySHA256 is the
// hash of the body for services other than S3.
func (a *Authorization) payload(bodySHA256 string) (string, error) {
	if a.Scope.Service != serviceS3 {
		return a.servicePayload(bodySHA256)
	}
	switch a.ContentSHA256 {
	case "":
		if !a.Presigned {
			return "", refuse(KindMissingContentSHA256, "Missing required header for this request: x-amz-content-sha256")
		}
		return UnsignedPayload, nil
	case UnsignedPayload, StreamingUnsignedTrailer:
		return a.ContentSHA256, nil
	case StreamingSigned, StreamingSignedTrailer:
		if a.Presigned {
			return "", refuse(KindInvalidRequest, "A presigned request cannot have signed chunks.")
		}
		return a.ContentSHA256, nil
	}
	if validHexSHA256(a.ContentSHA256) {
		return a.ContentSHA256, nil
	}
	return "", invalidContentSHA256(a.ContentSHA256)
}

func (a *Authorization) servicePayload(bodySHA256 string) (string, error) {
	if !validHexSHA256(bodySHA256) {
		return "", refuse(KindInvalidRequest, "The hash of the body is not known.")
	}
	if a.ContentSHA256 != "" && a.ContentSHA256 != bodySHA256 {
		return "", contentMismatch(a.ContentSHA256, bodySHA256)
	}
	return bodySHA256, nil
}

func invalidContentSHA256(value string) *Error {
	if strings.HasPrefix(value, "STREAMING-AWS4-ECDSA") {
		return refuse(KindNotImplemented, "Signature Version 4A is not implemented.")
	}
	return refuse(KindInvalidContentSHA256, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "+
		"STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "+
		"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.")
}

func contentMismatch(client, server string) *Error {
	return &Error{Kind: KindContentSHA256Mismatch,
		Message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
		Detail:  Detail{ClientComputedSHA256: client, ServerComputedSHA256: server}}
}

// checkSigned refuses a request with a header that must be signed and is not.
// S3 refuses the same headers with the same answer (observed in reports of
// 2014 to 2022 about content-md5, x-amz-content-sha256 and SSE-C headers).
func (a *Authorization) checkSigned(r *http.Request) error {
	if !a.signs("host") {
		return headersNotSigned("host")
	}
	s3 := a.Scope.Service == serviceS3
	present := 0
	for name := range r.Header {
		if mustSign(name, s3) {
			present++
		}
	}
	for _, name := range a.SignedHeaders {
		if mustSign(name, s3) && lookup(r.Header, name) != nil {
			present--
		}
	}
	if present == 0 {
		return nil
	}
	var missing []string
	for name := range r.Header {
		if lower := strings.ToLower(name); mustSign(name, s3) && !a.signs(lower) {
			missing = append(missing, lower)
		}
	}
	slices.Sort(missing)
	return headersNotSigned(strings.Join(missing, ", "))
}

// mustSign reports whether a header must be signed whenever it is sent.
func mustSign(name string, s3 bool) bool {
	n := len(headerAmzPrefix)
	return len(name) > n && strings.EqualFold(name[:n], headerAmzPrefix) || s3 && strings.EqualFold(name, "content-md5")
}

func headersNotSigned(names string) *Error {
	return &Error{Kind: KindHeadersNotSigned, Detail: Detail{HeadersNotSigned: names},
		Message: "There were headers present in the request which were not signed"}
}

// matches compares the signature of a canonical request in constant time.
func (a *Authorization) matches(request []byte, key *signingKey) bool {
	var array [512]byte
	sum := key.mac(a.appendStringToSign(array[:0], request))
	var want [2 * sha256.Size]byte
	hex.Encode(want[:], sum[:])
	return subtle.ConstantTimeCompare(want[:], []byte(a.Signature)) == 1
}

// appendStringToSign appends, by lines: algorithm, time, scope, hash of the
// canonical request.
func (a *Authorization) appendStringToSign(dst, request []byte) []byte {
	dst = append(dst, algorithm...)
	dst = append(dst, '\n')
	dst = append(dst, a.amzDate...)
	dst = append(dst, '\n')
	dst = append(dst, a.scopeText...)
	dst = append(dst, '\n')
	sum := sha256.Sum256(request)
	return hex.AppendEncode(dst, sum[:])
}

func (a *Authorization) mismatch(request []byte) *Error {
	return &Error{Kind: KindSignatureMismatch,
		Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
		Detail: Detail{
			AccessKeyID:       a.AccessKeyID,
			SignatureProvided: a.Signature,
			StringToSign:      string(a.appendStringToSign(nil, request)),
			CanonicalRequest:  string(request),
		}}
}
