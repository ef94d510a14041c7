package kms

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	sealedVersion   = 0x01
	customerVersion = 0x02

	sealedHeaderBytes = 1 + generationIDBytes
	sealedBytes       = sealedHeaderBytes + chacha20poly1305.NonceSizeX + len(DataKey{}) + chacha20poly1305.Overhead

	saltBytes           = 16
	verifierBytes       = sha256.Size
	customerHeaderBytes = 1 + saltBytes + verifierBytes
	customerSealedBytes = customerHeaderBytes + len(DataKey{}) + chacha20poly1305.Overhead

	customerInfo = "inro customer key v1"
)

// Seal seals a data key with the newest generation, under a name: "" for the
// server's own encryption, or the ARN of a named key.
func (k *Keyring) Seal(name string, key *DataKey, context *Context) ([]byte, error) {
	g := k.keys.Load().current
	if k.used != nil && !g.used.Load() {
		if err := k.used(hex.EncodeToString(g.id[:])); err != nil {
			return nil, fmt.Errorf("seal a data key: %w", err)
		}
		g.used.Store(true)
	}
	aead, err := g.named(name)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, sealedHeaderBytes+chacha20poly1305.NonceSizeX, sealedBytes)
	sealed[0] = sealedVersion
	copy(sealed[1:], g.id[:])
	nonce := sealed[sealedHeaderBytes:]
	if _, err := io.ReadFull(k.rand, nonce); err != nil {
		return nil, fmt.Errorf("seal a data key: %w", err)
	}
	return aead.Seal(sealed, nonce, key[:], associated(sealed[:sealedHeaderBytes], context)), nil
}

// Open opens a data key sealed under a name. Errors: *MissingError, ErrSealed.
func (k *Keyring) Open(name string, sealed []byte, context *Context) (DataKey, error) {
	if len(sealed) != sealedBytes || sealed[0] != sealedVersion {
		return DataKey{}, ErrSealed
	}
	id := generationID(sealed[1:sealedHeaderBytes])
	g := k.keys.Load().byID[id]
	if g == nil {
		return DataKey{}, &MissingError{hex.EncodeToString(id[:])}
	}
	aead, err := g.named(name)
	if err != nil {
		return DataKey{}, err
	}
	header, rest := sealed[:sealedHeaderBytes], sealed[sealedHeaderBytes:]
	nonce, box := rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:]
	plain, err := aead.Open(nil, nonce, box, associated(header, context))
	if err != nil {
		return DataKey{}, ErrSealed
	}
	return DataKey(plain), nil
}

// SealFor seals a data key with a key of the client.
func (k *Keyring) SealFor(customer, key *DataKey, context *Context) ([]byte, error) {
	sealed := make([]byte, 1+saltBytes, customerSealedBytes)
	sealed[0] = customerVersion
	if _, err := io.ReadFull(k.rand, sealed[1:]); err != nil {
		return nil, fmt.Errorf("seal a data key: %w", err)
	}
	verifier, sealKey, err := deriveCustomer(customer, sealed[1:])
	if err != nil {
		return nil, err
	}
	sealed = append(sealed, verifier...)
	aead, err := chacha20poly1305.New(sealKey)
	if err != nil {
		return nil, err
	}
	return aead.Seal(sealed, make([]byte, chacha20poly1305.NonceSize), key[:], associated(sealed[:1], context)), nil
}

// OpenFor opens a data key sealed with a key of the client. Errors: ErrWrongKey,
// ErrSealed.
func OpenFor(customer *DataKey, sealed []byte, context *Context) (DataKey, error) {
	if len(sealed) != customerSealedBytes || sealed[0] != customerVersion {
		return DataKey{}, ErrSealed
	}
	verifier, sealKey, err := deriveCustomer(customer, sealed[1:1+saltBytes])
	if err != nil {
		return DataKey{}, err
	}
	if subtle.ConstantTimeCompare(verifier, sealed[1+saltBytes:customerHeaderBytes]) != 1 {
		return DataKey{}, ErrWrongKey
	}
	aead, err := chacha20poly1305.New(sealKey)
	if err != nil {
		return DataKey{}, err
	}
	plain, err := aead.Open(nil, make([]byte, chacha20poly1305.NonceSize), sealed[customerHeaderBytes:], associated(sealed[:1], context))
	if err != nil {
		return DataKey{}, ErrSealed
	}
	return DataKey(plain), nil
}

func deriveCustomer(customer *DataKey, salt []byte) (verifier, sealKey []byte, err error) {
	both, err := hkdf.Key(sha256.New, customer[:], salt, customerInfo, verifierBytes+chacha20poly1305.KeySize)
	if err != nil {
		return nil, nil, err
	}
	return both[:verifierBytes], both[verifierBytes:], nil
}

// associated is what a seal covers beside the data key.
func associated(header []byte, context *Context) []byte {
	return context.appendTo(append(make([]byte, 0, 256), header...))
}
