package session

import (
	"bytes"
	"compress/flate"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"inro.dev/inro/internal/ids"
)

const (
	// maxDeviceToken keeps the answer of the credentials endpoint below the
	// 2,048 bytes that device SDKs accept (spec A.3).
	maxDeviceToken = 1400
	// maxToken bounds the others, which travel in a header or a query.
	maxToken = 8 << 10
	// maxCachedToken leaves long tokens out of the cache, so that its memory
	// stays bounded by its entries.
	maxCachedToken = 2048
	// maxPayload bounds what a deflated payload may inflate to.
	maxPayload = 64 << 10

	tokenVersion = 1
	flagDeflated = 1

	headerBytes      = 2 + len(keyID{})
	accessKeyIDChars = 20
	secretKeyBytes   = 30 // 40 characters
)

// Mint seals s into a session token and derives the secret access key. It does
// no I/O. s.AccessKeyID is ignored: a new one is made. An error other than
// ErrTooLarge means that s is not a session of its kind.
func (k *Keyring) Mint(s Session) (Credentials, error) {
	if err := k.complete(&s); err != nil {
		return Credentials{}, err
	}
	payload, err := encode(&s)
	if err != nil {
		return Credentials{}, err
	}
	if len(payload) > maxPayload {
		return Credentials{}, ErrTooLarge
	}
	accessKeyID, err := ids.NewAccessKeyID(ids.TemporaryAccessKey, s.Account)
	if err != nil {
		return Credentials{}, err
	}
	current := k.keys.Load().current
	raw, err := k.sealPayload(current, accessKeyID, payload)
	if err != nil {
		return Credentials{}, err
	}
	limit := s.tokenLimit()
	length := base64.StdEncoding.EncodedLen(len(raw))
	if length > limit {
		return Credentials{}, ErrTooLarge
	}
	c := Credentials{
		AccessKeyID:     accessKeyID,
		SecretAccessKey: current.secretAccessKey(accessKeyID, raw),
		SessionToken:    base64.StdEncoding.EncodeToString(raw),
		Expiration:      s.Expires,
	}
	if s.HasPolicy() || len(s.Tags) > 0 {
		c.PackedPolicyPercent = (100*length + limit - 1) / limit
	}
	return c, nil
}

func (s *Session) tokenLimit() int {
	if s.Kind == Device {
		return maxDeviceToken
	}
	return maxToken
}

// Open returns the session that token was minted for and its secret access key.
//
// It answers ErrInvalidToken to whatever this keyring did not mint for that
// access key id. To a genuine token whose time is over it answers ErrExpired
// together with the session, for the audit record, and an empty secret, so that
// nothing can be signed or verified with it.
//
// The session is the caller's own, but its slices are shared with other
// callers and must not be changed.
func (k *Keyring) Open(accessKeyID, token string) (s *Session, secret string, err error) {
	if len(accessKeyID) != accessKeyIDChars || len(token) > maxToken {
		return nil, "", ErrInvalidToken
	}
	set := k.keys.Load()
	o := set.cached(token)
	if o == nil {
		if o, err = set.open(accessKeyID, token); err != nil {
			return nil, "", err
		}
		set.remember(token, o)
	}
	if subtle.ConstantTimeCompare([]byte(o.session.AccessKeyID), []byte(accessKeyID)) != 1 {
		return nil, "", ErrInvalidToken
	}
	own := o.session
	if !k.now().Before(own.Expires) {
		return &own, "", ErrExpired
	}
	return &own, o.secret, nil
}

func (set *keySet) cached(token string) *opened {
	if set.cache == nil || len(token) > maxCachedToken {
		return nil
	}
	o, _ := set.cache.Get(token)
	return o
}

func (set *keySet) remember(token string, o *opened) {
	if set.cache == nil || len(token) > maxCachedToken {
		return
	}
	// The token may be part of a longer string, which must not be kept alive.
	set.cache.Add(strings.Clone(token), o)
}

// open does the work of Open for a token that is not cached.
func (set *keySet) open(accessKeyID, token string) (*opened, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	// The decoder skips line ends: with the length there is one text per token.
	if err != nil || base64.StdEncoding.EncodedLen(len(raw)) != len(token) {
		return nil, ErrInvalidToken
	}
	if len(raw) < headerBytes+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead ||
		raw[0] != tokenVersion || raw[1]&^flagDeflated != 0 {
		return nil, ErrInvalidToken
	}
	key := set.byID[keyID(raw[2:headerBytes])]
	if key == nil {
		return nil, ErrInvalidToken
	}
	nonce, sealed := raw[headerBytes:headerBytes+chacha20poly1305.NonceSizeX], raw[headerBytes+chacha20poly1305.NonceSizeX:]
	payload, err := key.seal.Open(nil, nonce, sealed, associatedData(raw[:headerBytes], accessKeyID))
	if err != nil {
		return nil, ErrInvalidToken
	}
	if raw[1]&flagDeflated != 0 {
		if payload, err = inflate(payload); err != nil {
			return nil, ErrInvalidToken
		}
	}
	s, err := decode(payload)
	if err != nil {
		return nil, ErrInvalidToken
	}
	s.AccessKeyID = strings.Clone(accessKeyID)
	return &opened{session: *s, secret: key.secretAccessKey(accessKeyID, raw)}, nil
}

// sealPayload returns the bytes of a token; the payload is deflated if the
// token would be long otherwise.
func (k *Keyring) sealPayload(key *key, accessKeyID string, payload []byte) ([]byte, error) {
	flags := byte(0)
	overhead := headerBytes + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
	if base64.StdEncoding.EncodedLen(overhead+len(payload)) > maxDeviceToken {
		deflated, err := k.deflate(payload)
		if err != nil {
			return nil, err
		}
		if len(deflated) < len(payload) {
			payload, flags = deflated, flagDeflated
		}
	}
	raw := make([]byte, headerBytes+chacha20poly1305.NonceSizeX, overhead+len(payload))
	raw[0], raw[1] = tokenVersion, flags
	copy(raw[2:], key.id[:])
	nonce := raw[headerBytes:]
	if _, err := io.ReadFull(k.rand, nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return key.seal.Seal(raw, nonce, payload, associatedData(raw[:headerBytes], accessKeyID)), nil
}

// associatedData is of fixed length, so its parts cannot be confused.
func associatedData(header []byte, accessKeyID string) []byte {
	data := make([]byte, 0, headerBytes+accessKeyIDChars)
	return append(append(data, header...), accessKeyID...)
}

// secretAccessKey derives the 40 characters that belong to a token.
func (k *key) secretAccessKey(accessKeyID string, raw []byte) string {
	mac := hmac.New(sha256.New, k.derive)
	mac.Write([]byte(accessKeyID))
	mac.Write(raw)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)[:secretKeyBytes])
}

func (k *Keyring) deflate(payload []byte) ([]byte, error) {
	var out bytes.Buffer
	w, ok := k.deflaters.Get().(*flate.Writer)
	if ok {
		w.Reset(&out)
	} else {
		var err error
		if w, err = flate.NewWriter(&out, flate.DefaultCompression); err != nil {
			return nil, err
		}
	}
	defer k.deflaters.Put(w)
	if _, err := w.Write(payload); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func inflate(deflated []byte) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(deflated))
	defer r.Close()
	payload, err := io.ReadAll(io.LimitReader(r, maxPayload+1))
	if err != nil {
		return nil, err
	}
	if len(payload) > maxPayload {
		return nil, errEncoding
	}
	return payload, nil
}
