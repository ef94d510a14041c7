package session

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Config tunes a keyring. Its zero value is ready for use.
type Config struct {
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Rand is the source of keys and nonces, safe for concurrent use; default
	// crypto/rand.Reader. Access key ids always come from crypto/rand.
	Rand io.Reader
	// CacheEntries bounds how many opened tokens are remembered, each a few
	// kilobytes at most; default 8,192, negative for none.
	CacheEntries int
}

const defaultCacheEntries = 8192

// Keyring holds the sealing keys. It is safe for concurrent use. One process at
// a time may write its file.
type Keyring struct {
	path string
	now  func() time.Time
	rand io.Reader

	cacheEntries int
	deflaters    sync.Pool // of *flate.Writer, some hundred kilobytes each

	keys   atomic.Pointer[keySet]
	change sync.Mutex // held while keys is replaced
}

// keySet is the state of a keyring between two changes. The cache belongs to it
// so that no token outlives the key that opened it.
type keySet struct {
	records []keyRecord // oldest first; never empty
	byID    map[keyID]*key
	current *key
	cache   *lru.Cache[string, *opened] // by token; nil for none
}

type keyID [4]byte

// key is one sealing key, expanded.
type key struct {
	id     keyID
	seal   cipher.AEAD
	derive []byte // of secret access keys
}

// opened is a token that was opened before. It is not changed afterwards.
type opened struct {
	session Session
	secret  string
}

// CreateKeyring makes a keyring of one new key and writes it to path with mode
// 0600, durably. It fails with fs.ErrExist when path exists.
func CreateKeyring(path string, cfg Config) (*Keyring, error) {
	k := newKeyring(path, cfg)
	record, err := k.newRecord(nil)
	if err != nil {
		return nil, err
	}
	set, err := k.newKeySet([]keyRecord{record})
	if err != nil {
		return nil, err
	}
	if err := createKeyFile(path, set.records); err != nil {
		return nil, err
	}
	k.keys.Store(set)
	return k, nil
}

// LoadKeyring reads the keyring at path. It fails with fs.ErrNotExist when
// there is none, and with secretfile.ErrPermissions when group or others may
// use the file.
func LoadKeyring(path string, cfg Config) (*Keyring, error) {
	k := newKeyring(path, cfg)
	if err := k.Reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// LoadOrCreateKeyring loads the keyring at path, or creates it when there is
// none. Of several processes that start at once, one creates it.
func LoadOrCreateKeyring(path string, cfg Config) (*Keyring, error) {
	k, err := LoadKeyring(path, cfg)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	k, err = CreateKeyring(path, cfg)
	if errors.Is(err, fs.ErrExist) {
		return LoadKeyring(path, cfg)
	}
	return k, err
}

func newKeyring(path string, cfg Config) *Keyring {
	k := &Keyring{path: path, now: cfg.Now, rand: cfg.Rand, cacheEntries: cfg.CacheEntries}
	if k.now == nil {
		k.now = time.Now
	}
	if k.rand == nil {
		k.rand = rand.Reader
	}
	if k.cacheEntries == 0 {
		k.cacheEntries = defaultCacheEntries
	}
	return k
}

// Rotate adds a new key, which seals from then on, and drops the keys whose
// last session must have expired: those succeeded by another more than
// MaxLifetime and an hour ago. Tokens of the other keys still open. The file is
// read again first and is durable when Rotate returns; on an error the keyring
// is as before. Nodes that share the file open the new tokens once they Reload.
func (k *Keyring) Rotate() error {
	k.change.Lock()
	defer k.change.Unlock()
	records, err := readKeyFile(k.path)
	if err != nil {
		return err
	}
	record, err := k.newRecord(records)
	if err != nil {
		return err
	}
	set, err := k.newKeySet(append(k.inUse(records), record))
	if err != nil {
		return err
	}
	if err := replaceKeyFile(k.path, set.records); err != nil {
		return err
	}
	k.keys.Store(set)
	return nil
}

// Reload reads the file again. Tokens of keys that are no longer in it are
// invalid from then on. On an error the keyring is as before.
func (k *Keyring) Reload() error {
	k.change.Lock()
	defer k.change.Unlock()
	records, err := readKeyFile(k.path)
	if err != nil {
		return err
	}
	set, err := k.newKeySet(records)
	if err != nil {
		return fmt.Errorf("%s: %w", k.path, err)
	}
	k.keys.Store(set)
	return nil
}

// Created returns when the key that seals now was made, for whoever decides
// when to Rotate.
func (k *Keyring) Created() time.Time {
	records := k.keys.Load().records
	return records[len(records)-1].Created
}

// retention is how long a key is kept after another succeeded it. The hour is
// for clocks of nodes that differ.
const retention = MaxLifetime + time.Hour

// inUse leaves out the keys that can have no living session. A key seals until
// the next one is created.
func (k *Keyring) inUse(records []keyRecord) []keyRecord {
	for len(records) > 1 && k.now().Sub(records[1].Created) > retention {
		records = records[1:]
	}
	return records
}

// newRecord makes a key whose id differs from those of others.
func (k *Keyring) newRecord(others []keyRecord) (keyRecord, error) {
	var id keyID
	for {
		if _, err := io.ReadFull(k.rand, id[:]); err != nil {
			return keyRecord{}, fmt.Errorf("make a session key: %w", err)
		}
		if !hasID(others, hex.EncodeToString(id[:])) {
			break
		}
	}
	secret := make([]byte, secretBytes)
	if _, err := io.ReadFull(k.rand, secret); err != nil {
		return keyRecord{}, fmt.Errorf("make a session key: %w", err)
	}
	created := k.now().UTC().Truncate(time.Second)
	if n := len(others); n > 0 && created.Before(others[n-1].Created) {
		created = others[n-1].Created // the clock was set back; the order must hold
	}
	return keyRecord{ID: hex.EncodeToString(id[:]), Created: created, Secret: secret}, nil
}

func (k *Keyring) newKeySet(records []keyRecord) (*keySet, error) {
	set := &keySet{records: records, byID: make(map[keyID]*key, len(records))}
	for i := range records {
		expanded, err := records[i].expand()
		if err != nil {
			return nil, err
		}
		if set.byID[expanded.id] != nil {
			return nil, fmt.Errorf("session key %s occurs twice", records[i].ID)
		}
		set.byID[expanded.id] = expanded
		set.current = expanded
	}
	if set.current == nil {
		return nil, errors.New("no session key")
	}
	if k.cacheEntries > 0 {
		cache, err := lru.New[string, *opened](k.cacheEntries)
		if err != nil {
			return nil, err
		}
		set.cache = cache
	}
	return set, nil
}

// expand derives the two keys in use from a key of the file.
func (r *keyRecord) expand() (*key, error) {
	k := &key{}
	if n, err := hex.Decode(k.id[:], []byte(r.ID)); err != nil || n != len(k.id) {
		return nil, fmt.Errorf("session key id %q is not %d hex digits", r.ID, 2*len(k.id))
	}
	if len(r.Secret) != secretBytes {
		return nil, fmt.Errorf("session key %s is not %d bytes", r.ID, secretBytes)
	}
	sealKey, err := hkdf.Key(sha256.New, r.Secret, nil, "inro session token v1", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	if k.seal, err = chacha20poly1305.NewX(sealKey); err != nil {
		return nil, err
	}
	k.derive, err = hkdf.Key(sha256.New, r.Secret, nil, "inro secret access key v1", sha256.Size)
	return k, err
}
