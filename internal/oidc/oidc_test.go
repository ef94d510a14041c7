package oidc_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"inro.dev/inro/internal/oidc"
	"inro.dev/inro/internal/oidc/oidctest"
)

// world is an issuer on this machine and a verifier with a clock that stands
// still.
type world struct {
	t        *testing.T
	issuer   *oidctest.Issuer
	verifier *oidc.Verifier
	now      time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, issuer: oidctest.New(t, false), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.verifier = oidc.New(oidc.Config{Loopback: true, Clock: func() time.Time { return w.now }})
	return w
}

func (w *world) claims(change map[string]any) map[string]any {
	c := map[string]any{
		"iss": w.issuer.URL, "sub": "alice", "aud": "client",
		"iat": w.now.Unix(), "exp": w.now.Add(time.Hour).Unix(),
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (w *world) provider() oidc.Provider { return oidc.Provider{Issuer: w.issuer.URL} }

func (w *world) verify(token string) (*oidc.Token, error) {
	return w.verifier.Verify(w.t.Context(), token, w.provider())
}

func TestATokenOfTheIssuerIsRead(t *testing.T) {
	w := newWorld(t)
	token := w.issuer.Sign(w.claims(map[string]any{
		"aud": []string{"other", "client"}, "azp": "party", "amr": []string{"pwd", "otp"}, "email": "a@example.com",
		"https://aws.amazon.com/source_identity": "alice",
		"https://aws.amazon.com/tags": map[string]any{
			"principal_tags": map[string]any{"b": []string{"2"}, "a": "1"}, "transitive_tag_keys": []string{"a"},
		},
	}))
	if issuer, err := oidc.Issuer(token); err != nil || issuer != w.issuer.URL {
		t.Errorf("Issuer = %q, %v", issuer, err)
	}
	got, err := w.verify(token)
	if err != nil {
		t.Fatal(err)
	}
	got.Expires = got.Expires.UTC()
	want := &oidc.Token{Issuer: w.issuer.URL, Subject: "alice", Audiences: []string{"other", "client"}, AuthorizedParty: "party",
		Methods: []string{"pwd", "otp"}, Email: "a@example.com", SourceIdentity: "alice",
		Tags: []oidc.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}, TransitiveTagKeys: []string{"a"}, Expires: w.now.Add(time.Hour)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	flat := w.claims(map[string]any{
		"https://aws.amazon.com/tags/principal_tags/Project": "x", "https://aws.amazon.com/tags/transitive_tag_keys": []string{"Project"},
	})
	if got, err = w.verify(w.issuer.Sign(flat)); err != nil || len(got.Tags) != 1 || got.Tags[0] != (oidc.Tag{Key: "Project", Value: "x"}) || len(got.TransitiveTagKeys) != 1 {
		t.Errorf("tags in claims of their own: %+v, %v", got, err)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	w := newWorld(t)
	at := func(d time.Duration) int64 { return w.now.Add(d).Unix() }
	for name, c := range map[string]struct {
		change map[string]any
		want   error // nil: accepted
	}{
		"good":                      {nil, nil},
		"no subject":                {map[string]any{"sub": nil}, oidc.ErrMalformed},
		"no audience":               {map[string]any{"aud": nil}, oidc.ErrMalformed},
		"no expiry":                 {map[string]any{"exp": nil}, oidc.ErrMalformed},
		"no time of issue":          {map[string]any{"iat": nil}, oidc.ErrMalformed},
		"no issuer":                 {map[string]any{"iss": nil}, oidc.ErrIssuer},
		"another issuer":            {map[string]any{"iss": "https://example.com"}, oidc.ErrIssuer},
		"the issuer with a slash":   {map[string]any{"iss": w.issuer.URL + "/"}, oidc.ErrIssuer},
		"the issuer in capitals":    {map[string]any{"iss": strings.ToUpper(w.issuer.URL)}, oidc.ErrIssuer},
		"ended within the leeway":   {map[string]any{"exp": at(-30 * time.Second)}, nil},
		"ended":                     {map[string]any{"exp": at(-61 * time.Second)}, oidc.ErrExpired},
		"not yet, within leeway":    {map[string]any{"nbf": at(30 * time.Second)}, nil},
		"not yet":                   {map[string]any{"nbf": at(2 * time.Minute)}, oidc.ErrNotYetValid},
		"from the future":           {map[string]any{"iat": at(2 * time.Minute)}, oidc.ErrNotYetValid},
		"a number for a subject":    {map[string]any{"sub": 1}, oidc.ErrMalformed},
		"a number for an audience":  {map[string]any{"aud": []any{"client", 1}}, oidc.ErrMalformed},
		"a text for an expiry":      {map[string]any{"exp": "soon"}, oidc.ErrMalformed},
		"an endless expiry":         {map[string]any{"exp": 1e300}, oidc.ErrMalformed},
		"a long subject":            {map[string]any{"sub": strings.Repeat("s", 256)}, oidc.ErrMalformed},
		"a long audience":           {map[string]any{"aud": strings.Repeat("s", 256)}, oidc.ErrMalformed},
		"many audiences":            {map[string]any{"aud": strings.Split(strings.Repeat("a,", 60), ",")}, oidc.ErrMalformed},
		"a tag with two values":     {map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a": []string{"1", "2"}}}}, oidc.ErrMalformed},
		"a tag without value":       {map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a": []string{}}}}, oidc.ErrMalformed},
		"tags that are a list":      {map[string]any{"https://aws.amazon.com/tags": []string{"a"}}, oidc.ErrMalformed},
		"tags in two forms":         {map[string]any{"https://aws.amazon.com/tags": map[string]any{}, "https://aws.amazon.com/tags/principal_tags/a": "1"}, oidc.ErrMalformed},
		"a source identity of text": {map[string]any{"https://aws.amazon.com/source_identity": []string{"a"}}, oidc.ErrMalformed},
	} {
		_, err := w.verify(w.issuer.Sign(w.claims(c.change)))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestSignaturesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	good := w.issuer.Sign(w.claims(nil))
	if _, err := w.verify(good); err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key jose.SigningKey) string { return oidctest.SignWith(t, key, w.claims(nil)) }
	parts := strings.Split(good, ".")
	other := strings.Split(w.issuer.Sign(w.claims(map[string]any{"sub": "mallory"})), ".")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for name, token := range map[string]string{
		"a stranger's key under a known id": sign(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger, KeyID: "k1"}}),
		"a stranger's key under no id":      sign(jose.SigningKey{Algorithm: jose.ES256, Key: stranger}),
		"a stranger's key under its own id": sign(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger, KeyID: "k9"}}),
		"an HMAC":                           sign(jose.SigningKey{Algorithm: jose.HS256, Key: bytes.Repeat([]byte{1}, 32)}),
		"no signature":                      parts[0] + "." + parts[1] + ".",
		"no algorithm":                      encode(`{"alg":"none"}`) + "." + parts[1] + ".",
		"another payload":                   parts[0] + "." + other[1] + "." + parts[2],
		"another header":                    encode(`{"alg":"ES256","kid":"k1","typ":"JWT","x":1}`) + "." + parts[1] + "." + parts[2],
		"a critical header":                 encode(`{"alg":"ES256","kid":"k1","crit":["x"],"x":1}`) + "." + parts[1] + "." + parts[2],
		"another algorithm":                 encode(`{"alg":"ES384","kid":"k1"}`) + "." + parts[1] + "." + parts[2],
		"four parts":                        good + ".x",
		"nothing":                           "",
		"text":                              "not a token",
		"a long token":                      good + strings.Repeat("x", oidc.MaxTokenBytes),
	} {
		if _, err := w.verify(token); err == nil || !errors.Is(err, oidc.ErrMalformed) && !errors.Is(err, oidc.ErrSignature) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

func TestWeakAndForeignKeysAreLeftOut(t *testing.T) {
	w := newWorld(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w.issuer.SetKey("weak", weak)
	w.issuer.SetKey("strong", strong)
	for id, c := range map[string]struct {
		key *rsa.PrivateKey
		ok  bool
	}{"weak": {weak, false}, "strong": {strong, true}} {
		token := oidctest.SignWith(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: c.key, KeyID: id}}, w.claims(nil))
		if _, err := w.verify(token); (err == nil) != c.ok {
			t.Errorf("the %s key: %v, want it accepted: %v", id, err, c.ok)
		}
	}
	ps := oidctest.SignWith(t, jose.SigningKey{Algorithm: jose.PS256, Key: jose.JSONWebKey{Key: strong, KeyID: "strong"}}, w.claims(nil))
	if _, err := w.verify(ps); !errors.Is(err, oidc.ErrMalformed) {
		t.Errorf("an algorithm that AWS does not have: %v", err)
	}
}

func TestKeysAreAskedForSparingly(t *testing.T) {
	w := newWorld(t)
	first := w.issuer.Sign(w.claims(nil))
	var wg sync.WaitGroup
	for range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := w.verify(first); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	asked := func() int { return w.issuer.Hits(oidctest.KeysPath) }
	if asked() != 1 {
		t.Fatalf("the keys were asked for %d times, want once", asked())
	}
	w.issuer.AddKey("k2")
	rotated := func() string { return w.issuer.Sign(w.claims(nil)) }
	if _, err := w.verify(rotated()); !errors.Is(err, oidc.ErrSignature) || asked() != 1 {
		t.Errorf("a new key within half a minute: %v after %d questions, want a refusal without a question", err, asked())
	}
	w.now = w.now.Add(31 * time.Second)
	if _, err := w.verify(rotated()); err != nil || asked() != 2 {
		t.Errorf("a new key later: %v after %d questions, want 2", err, asked())
	}
	for range 5 {
		w.verify(oidctest.SignWith(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), KeyID: "unknown"}}, w.claims(nil)))
	}
	if asked() != 2 {
		t.Errorf("unknown keys made %d questions, want 2", asked())
	}
	// An issuer that is down is believed for some hours, and no longer.
	w.issuer.Server.Close()
	for _, c := range []struct {
		after time.Duration
		want  error
	}{{20 * time.Minute, nil}, {5 * time.Hour, nil}, {7 * time.Hour, oidc.ErrUnreachable}} {
		now := w.now
		w.now = now.Add(c.after)
		if _, err := w.verify(rotated()); !errors.Is(err, c.want) {
			t.Errorf("after %v without the issuer: %v, want %v", c.after, err, c.want)
		}
		w.now = now
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAWithdrawnKeyIsRefusedWhenAskedAgain(t *testing.T) {
	w := newWorld(t)
	token := w.issuer.Sign(w.claims(nil))
	if _, err := w.verify(token); err != nil {
		t.Fatal(err)
	}
	w.issuer.DropKeys()
	w.issuer.AddKey("k2")
	w.now = w.now.Add(16 * time.Minute)
	if _, err := w.verify(token); !errors.Is(err, oidc.ErrSignature) {
		t.Errorf("a withdrawn key: %v, want ErrSignature", err)
	}
}

func TestWhatAnIssuerMayNotAnswer(t *testing.T) {
	elsewhere := oidctest.New(t, false)
	for name, c := range map[string]struct {
		discovery map[string]any
		handle    func(http.ResponseWriter, *http.Request) bool
	}{
		"another issuer":             {map[string]any{"issuer": "https://example.com"}, nil},
		"no keys":                    {map[string]any{"jwks_uri": ""}, nil},
		"keys in a file":             {map[string]any{"jwks_uri": "file:///etc/passwd"}, nil},
		"keys with a user":           {map[string]any{"jwks_uri": "http://u:p@127.0.0.1/keys"}, nil},
		"keys at a private address":  {map[string]any{"jwks_uri": "https://10.0.0.1/keys"}, nil},
		"keys at the metadata":       {map[string]any{"jwks_uri": "http://169.254.169.254/latest/meta-data"}, nil},
		"keys elsewhere over http":   {map[string]any{"jwks_uri": "http://192.0.2.1/keys"}, nil},
		"a number for the keys":      {map[string]any{"jwks_uri": 1}, nil},
		"a redirection":              {nil, redirect(elsewhere.URL)},
		"a redirection to itself":    {nil, redirect("")},
		"an endless configuration":   {nil, endless(oidctest.DiscoveryPath)},
		"endless keys":               {nil, endless(oidctest.KeysPath)},
		"an error":                   {nil, func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true }},
		"a page":                     {nil, func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "<html>"); return true }},
		"a private key among others": {nil, nil},
	} {
		w := newWorld(t)
		token := w.issuer.Sign(w.claims(nil))
		w.issuer.Discovery, w.issuer.Handle = c.discovery, c.handle
		if name == "a private key among others" {
			w.issuer.Handle = func(rw http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == oidctest.KeysPath {
					fmt.Fprint(rw, `{"keys":[{"kty":"oct","kid":"k1","k":"AAAA"},{"kty":"what"},{"kty":"RSA","kid":"k1","n":"AQAB","e":"AQAB"}]}`)
				}
				return r.URL.Path == oidctest.KeysPath
			}
		}
		if _, err := w.verify(token); !errors.Is(err, oidc.ErrUnreachable) {
			t.Errorf("%s: %v, want ErrUnreachable", name, err)
		}
	}
	if elsewhere.Hits(oidctest.DiscoveryPath) != 0 {
		t.Error("a redirection was followed")
	}
}

func redirect(to string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, to+oidctest.DiscoveryPath, http.StatusFound)
		return true
	}
}

func endless(path string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		fmt.Fprint(w, `{"issuer":"`)
		for range 100 {
			if _, err := fmt.Fprint(w, strings.Repeat("x", 10_000)); err != nil {
				break
			}
		}
		return true
	}
}

func TestIssuersOnThisMachineNeedASetting(t *testing.T) {
	for _, tls := range []bool{false, true} {
		issuer := oidctest.New(t, tls)
		claims := map[string]any{"iss": issuer.URL, "sub": "a", "aud": "c", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
		p := oidc.Provider{Issuer: issuer.URL}
		if tls {
			p.Thumbprints = []string{issuer.Thumbprint()}
		}
		if _, err := oidc.New(oidc.Config{}).Verify(t.Context(), issuer.Sign(claims), p); !errors.Is(err, oidc.ErrUnreachable) {
			t.Errorf("TLS %v: %v, want ErrUnreachable", tls, err)
		}
		if issuer.Hits(oidctest.DiscoveryPath) != 0 {
			t.Errorf("TLS %v: the issuer was asked", tls)
		}
	}
}

func TestACertificateThatNobodyKnowsNeedsItsThumbprint(t *testing.T) {
	issuer := oidctest.New(t, true)
	verifier := oidc.New(oidc.Config{Loopback: true})
	token := issuer.Sign(map[string]any{"iss": issuer.URL, "sub": "a", "aud": "c", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	for _, c := range []struct {
		thumbprints []string
		ok          bool
	}{
		{nil, false},
		{[]string{strings.Repeat("0", 40)}, false},
		{[]string{strings.Repeat("0", 40), strings.ToUpper(issuer.Thumbprint())}, true},
		{[]string{issuer.Thumbprint()[:39]}, false},
		{nil, false}, // what another provider let in is not known to this one
	} {
		_, err := verifier.Verify(t.Context(), token, oidc.Provider{Issuer: issuer.URL, Thumbprints: c.thumbprints})
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, oidc.ErrUnreachable) {
			t.Errorf("thumbprints %q: %v, want success: %v", c.thumbprints, err, c.ok)
		}
	}
	// The thumbprint vouches for the certificate, not for the name.
	named := strings.Replace(issuer.URL, "127.0.0.1", "localhost", 1)
	issuer.URL = named
	token = issuer.Sign(map[string]any{"iss": named, "sub": "a", "aud": "c", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	if _, err := verifier.Verify(t.Context(), token, oidc.Provider{Issuer: named, Thumbprints: []string{issuer.Thumbprint()}}); !errors.Is(err, oidc.ErrUnreachable) {
		t.Errorf("a certificate for another name: %v, want ErrUnreachable", err)
	}
}

func TestTheAudienceIsTheAuthorizedPartyIfThereIsOne(t *testing.T) {
	for _, c := range []struct {
		token   oidc.Token
		allowed []string
		want    string
	}{
		{oidc.Token{Audiences: []string{"a"}}, []string{"a"}, "a"},
		{oidc.Token{Audiences: []string{"a"}}, nil, ""},
		{oidc.Token{Audiences: []string{"a"}}, []string{"A"}, ""},
		{oidc.Token{Audiences: []string{"a", "b"}}, []string{"c", "b"}, "b"},
		{oidc.Token{Audiences: []string{"a"}, AuthorizedParty: "p"}, []string{"a"}, ""},
		{oidc.Token{Audiences: []string{"a"}, AuthorizedParty: "p"}, []string{"p"}, "p"},
		{oidc.Token{Audiences: []string{""}}, []string{""}, ""},
	} {
		if got := c.token.Audience(c.allowed); got != c.want {
			t.Errorf("%+v with %q: %q, want %q", c.token, c.allowed, got, c.want)
		}
	}
}

func TestIssuersAreCheckedWhenTheyAreNamed(t *testing.T) {
	for url, want := range map[string][2]bool{ // without and with plain
		"https://example.com":                          {true, true},
		"https://example.com/":                         {true, true},
		"https://example.com:8443/realm/x":             {true, true},
		"http://example.com":                           {false, true},
		"ftp://example.com":                            {false, false},
		"example.com":                                  {false, false},
		"https://":                                     {false, false},
		"https:///x":                                   {false, false},
		"https://u@example.com":                        {false, false},
		"https://example.com?x=1":                      {false, false},
		"https://example.com?":                         {false, false},
		"https://example.com#x":                        {false, false},
		"https://example.com#":                         {false, false},
		"https://exam ple.com":                         {false, false},
		"https://example.com/\u00e9":                   {false, false},
		"https://example.com/\n":                       {false, false},
		"https:example.com":                            {false, false},
		"https://" + strings.Repeat("a", 250) + ".com": {false, false},
	} {
		for i, plain := range []bool{false, true} {
			if err := oidc.CheckIssuer(url, plain); (err == nil) != want[i] {
				t.Errorf("%q, plain %v: %v, want it accepted: %v", url, plain, err, want[i])
			}
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V4YW1wbGUuY29tIn0.AAAA")
	f.Add("a.b.c")
	verifier := oidc.New(oidc.Config{})
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := oidc.Issuer(token); err != nil && !errors.Is(err, oidc.ErrMalformed) {
			t.Errorf("Issuer: %v", err)
		}
		// The provider cannot be reached, so nothing may be accepted.
		if _, err := verifier.Verify(t.Context(), token, oidc.Provider{Issuer: "http://127.0.0.1:1"}); err == nil {
			t.Errorf("accepted %q", token)
		}
	})
}
