package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// How long keys are used.
const (
	// freshFor is how long keys are used without asking again.
	freshFor = 15 * time.Minute
	// staleFor is how long they are used when asking again fails. An issuer
	// that withdraws a key is believed at the latest then.
	staleFor = 6 * time.Hour
	// askAgain is the least time between two questions to an issuer.
	askAgain = 30 * time.Second
	// fetchTimeout bounds both requests of a question together.
	fetchTimeout = 10 * time.Second
)

// Bounds of what an issuer answers.
const (
	maxDiscoveryBytes = 64 << 10
	maxKeySetBytes    = 256 << 10
	maxKeys           = 100
	minRSABits        = 2048
)

// keySet are the keys of one provider.
type keySet struct {
	known atomic.Pointer[keys]
	// asking holds a token while nobody asks the issuer.
	asking chan struct{}
	// What follows belongs to who holds asking's token.
	asked time.Time
	err   error // of the last question
}

// keys are an answer of an issuer. They are not changed.
type keys struct {
	all     []jose.JSONWebKey
	fetched time.Time
}

// with returns the keys with the given id; all keys for a token that names
// none.
func (k *keys) with(id string) []jose.JSONWebKey {
	if k == nil {
		return nil
	}
	if id == "" {
		return k.all
	}
	var found []jose.JSONWebKey
	for i := range k.all {
		if k.all[i].KeyID == id {
			found = append(found, k.all[i])
		}
	}
	return found
}

// keys returns the provider's keys with an id.
func (v *Verifier) keys(ctx context.Context, p Provider, id string) ([]jose.JSONWebKey, error) {
	s, found := v.sets.Get(p.key())
	if !found {
		s = &keySet{asking: make(chan struct{}, 1)}
		s.asking <- struct{}{}
		if previous, found, _ := v.sets.PeekOrAdd(p.key(), s); found {
			s = previous
		}
	}
	now := v.cfg.Clock()
	if known := s.known.Load(); known != nil && now.Sub(known.fetched) < freshFor {
		if found := known.with(id); len(found) > 0 {
			return found, nil
		}
	}
	select {
	case <-s.asking:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { s.asking <- struct{}{} }()
	known := s.known.Load()
	if known == nil || now.Sub(known.fetched) >= freshFor || len(known.with(id)) == 0 {
		v.ask(ctx, s, p, now)
		known = s.known.Load()
	}
	if known == nil || now.Sub(known.fetched) >= staleFor {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, s.err)
	}
	return known.with(id), nil
}

// ask asks the issuer for its keys, unless that was done just now. The token of
// s.asking is held.
func (v *Verifier) ask(ctx context.Context, s *keySet, p Provider, now time.Time) {
	if since := now.Sub(s.asked); since >= 0 && since < askAgain && !s.asked.IsZero() {
		return
	}
	s.asked = now
	// Who asks first must not end the question for the others by going away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	all, err := v.discover(ctx, p)
	s.err = err
	if err == nil {
		s.known.Store(&keys{all, now})
	}
}

// discover reads the issuer's keys.
func (v *Verifier) discover(ctx context.Context, p Provider) ([]jose.JSONWebKey, error) {
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		return nil, err
	}
	f := fetcher{loopback: v.cfg.Loopback, thumbprints: p.Thumbprints, ownHost: issuer.Hostname()}
	text, err := f.get(ctx, strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration", maxDiscoveryBytes)
	if err != nil {
		return nil, fmt.Errorf("read the issuer's configuration: %w", err)
	}
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &discovery); err != nil {
		return nil, fmt.Errorf("read the issuer's configuration: %w", err)
	}
	if discovery.Issuer != p.Issuer { // OpenID Connect Discovery 1.0, section 4.3
		return nil, fmt.Errorf("the configuration is of the issuer %q", clip(discovery.Issuer))
	}
	if text, err = f.get(ctx, discovery.JWKSURI, maxKeySetBytes); err != nil {
		return nil, fmt.Errorf("read the issuer's keys: %w", err)
	}
	return readKeySet(text)
}

// readKeySet returns the public keys of a set that can verify signatures. Keys
// of other sorts are left out.
func readKeySet(text []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("read the issuer's keys: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the issuer has %d keys, more than %d", len(set.Keys), maxKeys)
	}
	var usable []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && verifies(&key) {
			usable = append(usable, key)
		}
	}
	if len(usable) == 0 {
		return nil, errors.New("the issuer has no key that can verify a signature")
	}
	return usable, nil
}

// verifies says whether a key is a public one for signatures, and strong.
func verifies(key *jose.JSONWebKey) bool {
	if key.Use != "" && key.Use != "sig" || !key.Valid() {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		return true
	}
	return false
}

func sortTags(tags []Tag) {
	slices.SortFunc(tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
}
