// Package oidctest is an OpenID Connect issuer for tests: it describes itself,
// publishes keys and signs whatever claims a test wants. It signs nobody in.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is a running issuer. Tests change its fields between requests.
type Issuer struct {
	// URL is the issuer, without a path unless it was given one.
	URL string
	// Server serves it.
	Server *httptest.Server
	// Discovery overrides members of the configuration.
	Discovery map[string]any
	// Handle, if set, sees requests first and reports whether it answered.
	Handle func(http.ResponseWriter, *http.Request) bool

	t    *testing.T
	mu   sync.Mutex
	keys []jose.JSONWebKey
	hits map[string]int
}

// New starts an issuer over http, or over https with a certificate that no
// system trusts.
func New(t *testing.T, tls bool) *Issuer {
	t.Helper()
	i := &Issuer{t: t, hits: make(map[string]int)}
	i.Server = httptest.NewUnstartedServer(i)
	if tls {
		i.Server.StartTLS()
	} else {
		i.Server.Start()
	}
	t.Cleanup(i.Server.Close)
	i.URL = i.Server.URL
	i.AddKey("k1")
	return i
}

// Thumbprint is that of the https certificate.
func (i *Issuer) Thumbprint() string {
	sum := sha1.Sum(i.Server.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

// AddKey makes and publishes an ES256 key.
func (i *Issuer) AddKey(id string) {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.SetKey(id, key)
}

// SetKey publishes a key under an id, beside the others.
func (i *Issuer) SetKey(id string, key crypto.Signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, jose.JSONWebKey{Key: key, KeyID: id, Use: "sig"})
}

// DropKeys withdraws all keys.
func (i *Issuer) DropKeys() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
}

// Hits is how often a path was asked for.
func (i *Issuer) Hits(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.hits[path]
}

// The paths of the issuer.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/keys"
)

// ServeHTTP implements http.Handler.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hits[r.URL.Path]++
	if i.Handle != nil && i.Handle(w, r) {
		return
	}
	switch r.URL.Path {
	case DiscoveryPath:
		members := map[string]any{"issuer": i.URL, "jwks_uri": i.URL + KeysPath}
		for name, value := range i.Discovery {
			members[name] = value
		}
		json.NewEncoder(w).Encode(members)
	case KeysPath:
		set := jose.JSONWebKeySet{}
		for _, key := range i.keys {
			set.Keys = append(set.Keys, key.Public())
		}
		json.NewEncoder(w).Encode(set)
	default:
		http.NotFound(w, r)
	}
}

// Sign returns a token with the given claims, signed by the last key.
func (i *Issuer) Sign(claims map[string]any) string {
	i.t.Helper()
	i.mu.Lock()
	key := i.keys[len(i.keys)-1]
	i.mu.Unlock()
	return SignWith(i.t, jose.SigningKey{Algorithm: jose.ES256, Key: key}, claims)
}

// SignWith returns a token signed by any key.
func SignWith(t *testing.T, key jose.SigningKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
