package api

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/sigv4"
)

// authenticate finds the caller, verifies its signature and sets the
// condition keys of the request. Unsigned requests are anonymous, which not
// every service serves.
func (s *Server) authenticate(c *call) error {
	refusals := c.service.Protocol.refusals()
	auth, err := sigv4.Parse(c.r)
	if errors.Is(err, sigv4.ErrNotSigned) {
		switch {
		case c.service.anybody:
			return s.anonymousForm(c)
		case !c.service.Anonymous:
			return refusals.unsigned
		case c.isForm():
			return s.authenticateForm(c)
		}
		return s.anonymous(c)
	}
	if err != nil {
		return err
	}
	if c.service.Unsigned {
		return awserr.New(http.StatusBadRequest, "InvalidArgument", "Unsupported Authorization Type").With("ArgumentName", "Authorization")
	}
	if s.services[auth.Scope.Service] != c.service && auth.Scope.Service != c.service.SignedAs {
		return refusals.signatureError(&sigv4.Error{Kind: sigv4.KindMalformedHeader,
			Message: "The credential scope names the service '" + clip(auth.Scope.Service) + "', which is not served here."})
	}
	caller, secret, err := s.cfg.Authority.Resolve(c.r.Context(), auth.AccessKeyID, auth.SessionToken)
	if err != nil {
		return refusals.identityError(err, auth.AccessKeyID)
	}
	// Whoever has no access key does not make the server keep a body.
	if c.service.Protocol.buffersBody() {
		if err := s.readBody(c, s.cfg.MaxBodyBytes); err != nil {
			return err
		}
	}
	now := s.cfg.Clock()
	verified, err := auth.Verify(c.r, sigv4.VerifyOptions{Secret: secret, Now: now, Keys: s.keys, PayloadSHA256: c.payloadHash()})
	if err != nil {
		return err
	}
	c.req.Caller = caller
	c.req.Context = s.requestKeys(c, caller, auth.Scope.Region, now)
	if !c.service.Protocol.buffersBody() {
		signatureKeys(c.req.Context, auth, now)
		body, err := verified.Body(c.r)
		if err != nil {
			return err
		}
		return s.stream(c, body)
	}
	return nil
}

func (s *Server) anonymous(c *call) error {
	s.anonymousCaller(c)
	body, err := sigv4.AnonymousBody(c.r)
	if err != nil {
		return err
	}
	return s.stream(c, body)
}

// maxAnonymousFormBytes bounds the form of an unsigned request: memory that
// anybody can ask for. A web identity token has at most 20,000 characters.
const maxAnonymousFormBytes = 128 << 10

// anonymousForm reads the form of an unsigned request. Whether its operation is
// for anybody is seen when that is known.
func (s *Server) anonymousForm(c *call) error {
	s.anonymousCaller(c)
	return s.readBody(c, min(maxAnonymousFormBytes, s.cfg.MaxBodyBytes))
}

func (s *Server) anonymousCaller(c *call) {
	c.req.Caller = identity.Anonymous()
	c.req.Context = s.requestKeys(c, c.req.Caller, s.cfg.Region, s.cfg.Clock())
}

// stream makes the body the call's payload.
func (s *Server) stream(c *call, body *sigv4.Body) error {
	length := body.DecodedLength()
	if length > s.cfg.MaxUploadBytes {
		return c.service.Protocol.refusals().tooLarge
	}
	c.payload = &Payload{
		Reader:       body,
		Length:       length,
		Trailer:      func(name string) string { return body.Trailers()[strings.ToLower(name)] },
		TrailerNames: trailerNames(c.r.Header),
	}
	return nil
}

func trailerNames(h http.Header) []string {
	var names []string
	for name := range strings.SplitSeq(h.Get("X-Amz-Trailer"), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// payloadHash is the digest of a buffered body, "" for streamed ones.
func (c *call) payloadHash() string {
	if !c.service.Protocol.buffersBody() {
		return ""
	}
	sum := sha256.Sum256(c.body)
	return hex.EncodeToString(sum[:])
}

// signatureError words a failed verification for the caller.
func (f *refusals) signatureError(e *sigv4.Error) *awserr.Error {
	code, status := f.signature(e.Kind)
	return awserr.New(status, code, e.Message).WithCause(e)
}

// identityError words a caller that is not known.
func (f *refusals) identityError(err error, accessKeyID string) error {
	switch {
	case errors.Is(err, identity.ErrUnknownKey):
		return f.unknownKey.WithCause(err)
	case errors.Is(err, identity.ErrInvalidToken):
		return f.invalidToken.WithCause(err)
	case errors.Is(err, identity.ErrExpiredToken):
		return f.expiredToken.WithCause(err)
	case errors.Is(err, identity.ErrRevoked):
		return f.revoked.WithCause(err)
	}
	return err
}

// requestKeys layers the connection's condition keys over the caller's (spec
// E.5).
func (s *Server) requestKeys(c *call, caller *identity.Caller, region string, now time.Time) *policy.Context {
	keys := caller.Keys.Layer()
	keys.SetTime("aws:CurrentTime", now)
	keys.SetInt("aws:EpochTime", now.Unix())
	keys.SetBool("aws:SecureTransport", c.r.TLS != nil)
	if c.r.TLS != nil && c.service.Name == "s3" {
		keys.Set("s3:TlsVersion", tlsVersion(c.r.TLS.Version))
	}
	if remote, err := netip.ParseAddrPort(c.r.RemoteAddr); err == nil {
		// A zone says by which interface a link-local address came; with one,
		// the address would be in no range of a policy.
		keys.Set("aws:SourceIp", remote.Addr().Unmap().WithZone("").String())
	}
	if v := c.r.Header.Get("User-Agent"); v != "" {
		keys.Set("aws:UserAgent", v)
	}
	if v := c.r.Header.Get("Referer"); v != "" {
		keys.Set("aws:Referer", v)
	}
	keys.Set("aws:RequestedRegion", cmp.Or(region, s.cfg.Region))
	return keys
}

// tlsVersion is the number in a condition (spec E.5): 1.2 or 1.3. Older ones are
// not spoken.
func tlsVersion(version uint16) string {
	if version >= tls.VersionTLS13 {
		return "1.3"
	}
	return "1.2"
}

// signatureKeys sets the condition keys that S3 derives from the signature.
func signatureKeys(keys *policy.Context, auth *sigv4.Authorization, now time.Time) {
	keys.Set("s3:signatureversion", "AWS4-HMAC-SHA256")
	if auth.Presigned {
		keys.Set("s3:authType", "REST-QUERY-STRING")
		keys.SetInt("s3:signatureAge", now.Sub(auth.Time).Milliseconds())
	} else {
		keys.Set("s3:authType", "REST-HEADER")
	}
	if auth.ContentSHA256 != "" {
		keys.Set("s3:x-amz-content-sha256", auth.ContentSHA256)
	}
}

// scopeService reads the service out of the credential scope without judging
// the signature: "Credential=AKID/date/region/service/aws4_request".
func scopeService(r *http.Request) string {
	credential := ""
	if h := r.Header.Get("Authorization"); h != "" {
		_, rest, found := strings.Cut(h, "Credential=")
		if !found {
			return ""
		}
		credential, _, _ = strings.Cut(rest, ",")
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		_, rest, _ := strings.Cut(r.URL.RawQuery, "X-Amz-Credential=")
		rest, _, _ = strings.Cut(rest, "&")
		credential, _ = url.QueryUnescape(rest) // what cannot be read has no service
	}
	parts := strings.Split(strings.TrimSpace(credential), "/")
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-2]
}

// explanation is the part of a decision that AWS tells the caller (spec C.1).
func explanation(p Permission, d policy.Decision) string {
	article, layer := layerText(d.Layer)
	switch {
	case layer == "":
		return ""
	case d.Effect == policy.ExplicitDeny:
		return " with an explicit deny in " + article + " " + layer
	}
	return " because no " + layer + " allows the " + p.Action + " action"
}

// layerText names the kind of policy that decided, with its article. A refusal
// across accounts is the other account's resource policy.
func layerText(l policy.Layer) (article, text string) {
	switch l {
	case policy.LayerIdentity:
		return "an", "identity-based policy"
	case policy.LayerBoundary:
		return "a", "permissions boundary"
	case policy.LayerSession:
		return "a", "session policy"
	case policy.LayerResource, policy.LayerCrossAccount:
		return "a", "resource-based policy"
	}
	return "", ""
}
