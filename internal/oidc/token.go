package oidc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Token is what a verified token says.
type Token struct {
	Issuer, Subject string
	// Audiences is the claim aud, and AuthorizedParty is azp, "" if absent.
	Audiences       []string
	AuthorizedParty string
	// Methods is the claim amr, the ways in which somebody proved who they
	// are.
	Methods []string
	Email   string
	// SourceIdentity and the tags are claims that AWS defines (IAM User Guide,
	// Passing session tags using AssumeRoleWithWebIdentity).
	SourceIdentity    string
	Tags              []Tag
	TransitiveTagKeys []string
	Expires           time.Time
}

// Tag is a session tag.
type Tag struct{ Key, Value string }

// MaxTokenBytes bounds a token (STS API Reference, AssumeRoleWithWebIdentity:
// WebIdentityToken).
const MaxTokenBytes = 20000

// leeway is how far the clocks of issuer and server may differ.
const leeway = time.Minute

// maxClaimChars bounds the claims that identify somebody (STS API Reference,
// AssumeRoleWithWebIdentity: SubjectFromWebIdentityToken).
const maxClaimChars = 255

// maxListed bounds the members of lists in a token.
const maxListed = 50

// algorithms are those that AWS accepts (IAM User Guide, Create an OpenID
// Connect identity provider: RS256, RS384, RS512, ES256, ES384, ES512). All
// are asymmetric: a public key cannot be taken for the secret of an HMAC.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// claims are the members of a token that matter here.
type claims struct {
	jwt.Claims
	AuthorizedParty string          `json:"azp"`
	Methods         list            `json:"amr"`
	Email           string          `json:"email"`
	SourceIdentity  string          `json:"https://aws.amazon.com/source_identity"`
	Tags            *tagsClaim      `json:"https://aws.amazon.com/tags"`
	FlatTransitive  list            `json:"https://aws.amazon.com/tags/transitive_tag_keys"`
	flatTags        map[string]list // https://aws.amazon.com/tags/principal_tags/<key>
}

type tagsClaim struct {
	PrincipalTags     map[string]list `json:"principal_tags"`
	TransitiveTagKeys list            `json:"transitive_tag_keys"`
}

// list is a string or a list of strings.
type list []string

// UnmarshalJSON reads either; null is an empty list.
func (l *list) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(text, &many); err != nil {
		return errors.New("neither a string nor a list of strings")
	}
	*l = many
	return nil
}

// Issuer returns the issuer that a token claims, which nobody has verified.
func Issuer(token string) (string, error) {
	parsed, err := parse(token)
	if err != nil {
		return "", err
	}
	var c jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&c); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if c.Issuer == "" {
		return "", fmt.Errorf("%w: it has no issuer", ErrMalformed)
	}
	return c.Issuer, nil
}

func parse(token string) (*jwt.JSONWebToken, error) {
	if len(token) > MaxTokenBytes {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrMalformed, MaxTokenBytes)
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(parsed.Headers) != 1 {
		return nil, fmt.Errorf("%w: it has %d signatures", ErrMalformed, len(parsed.Headers))
	}
	return parsed, nil
}

// Verify returns what a token of the provider says. That the token is meant
// for the caller is not checked: compare [Token.Audience].
func (v *Verifier) Verify(ctx context.Context, token string, p Provider) (*Token, error) {
	parsed, err := parse(token)
	if err != nil {
		return nil, err
	}
	// What no key can make good is refused before the issuer is asked.
	var unverified jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := v.check(&unverified, p.Issuer); err != nil {
		return nil, err
	}
	payload, err := v.verifySignature(ctx, parsed, p)
	if err != nil {
		return nil, err
	}
	c, err := readClaims(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := v.check(&c.Claims, p.Issuer); err != nil {
		return nil, err
	}
	t, err := c.token()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return t, nil
}

// check checks issuer and times. All of iss, sub, aud, exp and iat must be
// there (OpenID Connect Core 1.0, section 2).
func (v *Verifier) check(c *jwt.Claims, issuer string) error {
	switch {
	case c.Issuer != issuer:
		return fmt.Errorf("%w: %q", ErrIssuer, clip(c.Issuer))
	case c.Subject == "" || len(c.Audience) == 0 || c.Expiry == nil || c.IssuedAt == nil:
		return fmt.Errorf("%w: it lacks one of sub, aud, exp and iat", ErrMalformed)
	}
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: issuer, Time: v.cfg.Clock()}, leeway)
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return fmt.Errorf("%w: at %s", ErrExpired, c.Expiry.Time().UTC().Format(time.RFC3339))
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotYetValid, err)
	}
	return nil
}

// verifySignature returns the payload, signed by one of the issuer's keys.
func (v *Verifier) verifySignature(ctx context.Context, parsed *jwt.JSONWebToken, p Provider) ([]byte, error) {
	header := parsed.Headers[0]
	keys, err := v.keys(ctx, p, header.KeyID)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if keys[i].Algorithm != "" && keys[i].Algorithm != header.Algorithm {
			continue
		}
		var payload json.RawMessage
		if parsed.Claims(keys[i].Key, &payload) == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("%w: of %d keys with the id %q", ErrSignature, len(keys), clip(header.KeyID))
}

// flatTagPrefix begins the names of claims that each hold one tag.
const flatTagPrefix = "https://aws.amazon.com/tags/principal_tags/"

func readClaims(payload []byte) (*claims, error) {
	c := new(claims)
	if err := json.Unmarshal(payload, c); err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(payload, &all); err != nil {
		return nil, err
	}
	for name, raw := range all {
		key, ok := strings.CutPrefix(name, flatTagPrefix)
		if !ok {
			continue
		}
		var value list
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, fmt.Errorf("claim %s: %w", clip(name), err)
		}
		if c.flatTags == nil {
			c.flatTags = make(map[string]list)
		}
		c.flatTags[key] = value
	}
	return c, nil
}

// token checks the claims beside issuer and times.
func (c *claims) token() (*Token, error) {
	t := &Token{
		Issuer: c.Issuer, Subject: c.Subject, Audiences: c.Audience, AuthorizedParty: c.AuthorizedParty,
		Methods: c.Methods, Email: c.Email, SourceIdentity: c.SourceIdentity, Expires: c.Expiry.Time(),
	}
	for _, text := range append([]string{t.Subject, t.AuthorizedParty, t.Email, t.SourceIdentity}, append(t.Audiences, t.Methods...)...) {
		if len(text) > maxClaimChars {
			return nil, fmt.Errorf("a claim is longer than %d bytes", maxClaimChars)
		}
	}
	tags, transitive := c.flatTags, c.FlatTransitive
	if c.Tags != nil {
		if len(c.flatTags) > 0 || c.FlatTransitive != nil {
			return nil, errors.New("its tags stand in it in two forms")
		}
		tags, transitive = c.Tags.PrincipalTags, c.Tags.TransitiveTagKeys
	}
	if max(len(t.Audiences), len(t.Methods), len(tags), len(transitive)) > maxListed {
		return nil, fmt.Errorf("a list has more than %d members", maxListed)
	}
	for key, values := range tags {
		if len(values) != 1 {
			return nil, fmt.Errorf("the tag %q has %d values, and a session tag has one", clip(key), len(values))
		}
		t.Tags = append(t.Tags, Tag{key, values[0]})
	}
	sortTags(t.Tags)
	t.TransitiveTagKeys = transitive
	return t, nil
}

// Audience returns the audience that the token is for: its authorized party
// if it names one, else the one of its audiences that is among those given,
// "" if none is. AWS takes azp for aud when a token has both (IAM User Guide,
// Create an OpenID Connect identity provider).
func (t *Token) Audience(allowed []string) string {
	candidates := t.Audiences
	if t.AuthorizedParty != "" {
		candidates = []string{t.AuthorizedParty}
	}
	for _, c := range candidates {
		for _, a := range allowed {
			if c == a && c != "" {
				return c
			}
		}
	}
	return ""
}

// clip shortens a token's text for an error.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
