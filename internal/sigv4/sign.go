package sigv4

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
// Every header of r is signed except those that proxies and transports
// change, and the length of the body if it is positive.
func Sign(r *http.Request, c Credentials, s Scope, t time.Time, payloadSHA256 string) error {
	_, err := sign(r, c, s, t, payloadSHA256)
	return err
}

// sign is Sign; it returns what is needed to sign chunks.
func sign(r *http.Request, c Credentials, s Scope, t time.Time, payload string) (*chunkSigner, error) {
	a, err := newSigning(c, s, t)
	if err != nil {
		return nil, err
	}
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header.Set("X-Amz-Date", a.amzDate)
	if c.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", c.SessionToken)
	}
	if s.Service == serviceS3 {
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	a.SignedHeaders = headersToSign(r)
	a.signedList = strings.Join(a.SignedHeaders, ";")
	key, err := a.sign(r, c.SecretAccessKey, payload)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", algorithm+" Credential="+c.AccessKeyID+"/"+a.scopeText+
		", SignedHeaders="+a.signedList+", Signature="+a.Signature)
	return &chunkSigner{key: key, date: a.amzDate, scope: a.scopeText, previous: a.Signature}, nil
}

// Presign returns r's URL with a signature in its query that is valid for
// expires (1 s to 604,800 s) from t on. Headers of r are signed and must be
// sent with the request. payloadSHA256 is as in Sign; for S3 "" means
// UnsignedPayload.
func Presign(r *http.Request, c Credentials, s Scope, t time.Time, expires time.Duration, payloadSHA256 string) (*url.URL, error) {
	if expires < time.Second || expires > maxExpires {
		return nil, fmt.Errorf("sigv4: expiry of %v is not within 1 s and %v", expires, maxExpires)
	}
	a, err := newSigning(c, s, t)
	if err != nil {
		return nil, err
	}
	a.Presigned = true
	a.SignedHeaders = headersToSign(r)
	a.signedList = strings.Join(a.SignedHeaders, ";")
	set := [paramCount]string{
		paramAlgorithm: algorithm, paramCredential: c.AccessKeyID + "/" + a.scopeText, paramDate: a.amzDate,
		paramExpires:       strconv.FormatInt(int64(expires/time.Second), 10),
		paramSignedHeaders: a.signedList, paramSecurityToken: c.SessionToken,
	}
	if s.Service == serviceS3 {
		set[paramContentSHA256] = payloadSHA256
		if payloadSHA256 == "" {
			payloadSHA256 = UnsignedPayload
		}
	}
	presigned := r.Clone(r.Context())
	query := []byte(r.URL.RawQuery)
	for i, value := range set {
		if value != "" {
			query = appendParam(query, paramNames[i], value)
		}
	}
	presigned.URL.RawQuery = string(query)
	if _, err := a.sign(presigned, c.SecretAccessKey, payloadSHA256); err != nil {
		return nil, err
	}
	presigned.URL.RawQuery += "&" + paramNames[paramSignature] + "=" + a.Signature
	return presigned.URL, nil
}

func appendParam(query []byte, name, value string) []byte {
	if len(query) > 0 {
		query = append(query, '&')
	}
	return appendEncoded(append(append(query, name...), '='), value, false)
}

// newSigning begins the signature of a request at t.
func newSigning(c Credentials, s Scope, t time.Time) (*Authorization, error) {
	date := t.UTC().Format(amzDateLayout)
	if s.Date == "" {
		s.Date = date[:8]
	}
	if s.Date != date[:8] {
		return nil, fmt.Errorf("sigv4: scope of day %s cannot sign at %s", s.Date, date)
	}
	if !validAccessKeyID(c.AccessKeyID) || strings.Contains(c.AccessKeyID, "/") || c.SecretAccessKey == "" {
		return nil, errors.New("sigv4: credentials without a usable access key")
	}
	if !validRegion(s.Region) || !validScopePart(s.Service) {
		return nil, fmt.Errorf("sigv4: scope with region %q and service %q", s.Region, s.Service)
	}
	return &Authorization{
		AccessKeyID: c.AccessKeyID, Scope: s, amzDate: date,
		scopeText: s.Date + "/" + s.Region + "/" + s.Service + "/" + scopeEnd,
	}, nil
}

// sign sets a.Signature to the signature of r.
func (a *Authorization) sign(r *http.Request, secret, payload string) (signingKey, error) {
	c := canonical{a.Scope.Service, a.SignedHeaders, a.signedList, a.Presigned, payload}
	request, err := c.appendTo(nil, r)
	if err != nil {
		return signingKey{}, err
	}
	key := deriveKey(secret, a.Scope)
	sum := key.mac(a.appendStringToSign(nil, request))
	a.Signature = hex.EncodeToString(sum[:])
	return key, nil
}

// headersToSign lists r's headers that may be relied on to arrive unchanged:
// not those of one hop, and not those that proxies and transports rewrite.
func headersToSign(r *http.Request) []string {
	names := []string{"host"}
	if r.ContentLength > 0 {
		names = append(names, "content-length")
	}
	for name := range r.Header {
		switch name = strings.ToLower(name); name {
		case "accept-encoding", "authorization", "connection", "content-length", "expect", "forwarded", "host", "keep-alive",
			"proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
			"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
