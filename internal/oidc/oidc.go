// Package oidc verifies the ID tokens of OpenID Connect issuers: JSON Web
// Tokens that say who somebody is and for which audience.
//
// A [Verifier] finds the keys of an issuer as OpenID Connect Discovery 1.0
// says: from <issuer>/.well-known/openid-configuration to the JSON Web Key Set
// at jwks_uri. It keeps them, and asks again when they grow old or a token
// names a key that it does not know, but not more often than every half
// minute. Then it checks the token: an asymmetric signature by one of those
// keys, the issuer letter by letter, and the times with a minute's leeway.
// Whether an audience is the right one is for the caller to say; see
// [Token.Audience].
//
// Issuers are named by whoever administers an account, and the tokens that
// make the verifier ask them come from anybody. So a request goes only
//
//   - over https, with a certificate for the host that the system's roots, or
//     a thumbprint of the provider, vouch for; over http only to this machine
//     and only with [Config.Loopback];
//   - to no address of this machine without Config.Loopback, and to no
//     link-local, multicast or unspecified one; to a private address only if
//     the host is the issuer's own;
//   - without following redirects, through no proxy, within ten seconds, and
//     what it answers is bounded and never shown to anybody.
//
// The package leaves out access tokens that are no JWTs, encrypted tokens, and
// everything about signing in. A Verifier is safe for concurrent use.
package oidc

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Errors of Verify and Issuer. They wrap what exactly went wrong.
var (
	// ErrMalformed: not a token of the expected form, or one with a claim that
	// cannot be used.
	ErrMalformed = errors.New("malformed token")
	// ErrIssuer: a token of another issuer.
	ErrIssuer = errors.New("wrong issuer")
	// ErrExpired: a token past its end.
	ErrExpired = errors.New("expired token")
	// ErrNotYetValid: a token from the future.
	ErrNotYetValid = errors.New("token is not valid yet")
	// ErrSignature: signed by none of the issuer's keys.
	ErrSignature = errors.New("wrong signature")
	// ErrUnreachable: the issuer's keys could not be had.
	ErrUnreachable = errors.New("keys of the issuer are not available")
)

// Config is what a Verifier is made of. Its zero value is ready for use.
type Config struct {
	// Loopback allows issuers on this machine, over https and http. For tests.
	Loopback bool
	// Clock is the time that tokens are checked against. Nil: time.Now.
	Clock func() time.Time
}

// Provider is an issuer as an account knows it.
type Provider struct {
	// Issuer is the value of the claim iss and the URL under which the issuer
	// describes itself; see CheckIssuer.
	Issuer string
	// Thumbprints are the SHA-1 hashes, in hex, of the certificates that may
	// stand at the top of the chain that the issuer's host presents, when the
	// system's roots do not know it.
	Thumbprints []string
}

// Verifier verifies tokens.
type Verifier struct {
	cfg  Config
	sets *lru.Cache[string, *keySet] // by Provider.key
}

// maxKeySets bounds the issuers whose keys are remembered.
const maxKeySets = 1024

// New returns a verifier.
func New(cfg Config) *Verifier {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	sets, err := lru.New[string, *keySet](maxKeySets)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &Verifier{cfg, sets}
}

// key tells apart what may have different keys: what one account's thumbprint
// let in is not trusted for an account without it.
func (p *Provider) key() string { return p.Issuer + "\n" + strings.Join(p.Thumbprints, "\n") }

// maxIssuerChars bounds an issuer's URL (IAM API Reference,
// CreateOpenIDConnectProvider: Url).
const maxIssuerChars = 255

// CheckIssuer says what is wrong with the URL of an issuer: it is https, or
// http if that is allowed, with a host and neither user, query nor fragment.
func CheckIssuer(issuer string, plain bool) error {
	if len(issuer) > maxIssuerChars {
		return fmt.Errorf("it is longer than %d characters", maxIssuerChars)
	}
	for _, c := range []byte(issuer) {
		if c <= ' ' || c > '~' {
			return errors.New("it holds characters that a URL cannot hold")
		}
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil:
		return errors.New("it is not a URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !plain):
		return errors.New("it does not begin with https://")
	case u.Hostname() == "" || u.Opaque != "":
		return errors.New("it names no host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"):
		return errors.New("it has more than scheme, host and path")
	}
	return nil
}
