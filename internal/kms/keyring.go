package kms

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// DataKey encrypts one object.
type DataKey = [32]byte

// Errors of Open and OpenFor. They may arrive wrapped.
var (
	// ErrSealed says that a sealed data key does not open: it was damaged, or
	// belongs to another object or another key.
	ErrSealed = errors.New("sealed data key does not open")
	// ErrWrongKey says that it was sealed with another key of the client.
	ErrWrongKey = errors.New("sealed with another customer key")
)

// MissingError says that a data key was sealed by a master key that the keyring
// does not have.
type MissingError struct{ ID string }

func (e *MissingError) Error() string {
	return "master key " + e.ID + " is missing; put it back to read what it sealed"
}

// Config tunes a keyring. Its zero value is ready for use.
type Config struct {
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Rand is the source of keys and nonces, safe for concurrent use; default
	// crypto/rand.Reader.
	Rand io.Reader
	// Used, when set, is told the ID of a generation before it seals for the
	// first time since it was read. Its error fails the seal. It may be told
	// more than once.
	Used func(id string) error
}

// Keyring holds the generations of master keys.
type Keyring struct {
	path string // "" when the keys come from elsewhere
	now  func() time.Time
	rand io.Reader
	used func(id string) error

	keys   atomic.Pointer[keySet]
	change sync.Mutex // held while keys is replaced
}

// Generation describes a master key.
type Generation struct {
	ID      string
	Created time.Time // zero when that is not known
}

// keySet is the state of a keyring between two changes.
type keySet struct {
	records []keyRecord // oldest first; never empty
	byID    map[generationID]*generation
	current *generation
}

const (
	secretBytes       = 32
	generationIDBytes = 8

	generationInfo = "inro master key id v1"
	dataKeysInfo   = "inro data keys v1\x00"
)

type generationID [generationIDBytes]byte

// generation is one master key, expanded.
type generation struct {
	id     generationID
	secret []byte
	own    cipher.AEAD // for the name ""
	used   atomic.Bool // Config.Used was told
}

// Create makes a keyring of one new key and writes it to path with mode 0600,
// durably. It fails with fs.ErrExist when path exists.
func Create(path string, cfg Config) (*Keyring, error) {
	k := newKeyring(path, cfg)
	record, err := k.newRecord(nil)
	if err != nil {
		return nil, err
	}
	set, err := newKeySet([]keyRecord{record})
	if err != nil {
		return nil, err
	}
	if err := createKeyFile(path, set.records); err != nil {
		return nil, err
	}
	k.keys.Store(set)
	return k, nil
}

// Load reads the keyring at path. It fails with fs.ErrNotExist when there is
// none, and with secretfile.ErrPermissions when group or others may use the
// file.
func Load(path string, cfg Config) (*Keyring, error) {
	k := newKeyring(path, cfg)
	if err := k.Reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// Parse makes a keyring of secrets given as text; see the package comment. It
// cannot be rotated.
func Parse(text string, cfg Config) (*Keyring, error) {
	k := newKeyring("", cfg)
	records, err := parseSecrets(text)
	if err != nil {
		return nil, err
	}
	set, err := newKeySet(records)
	if err != nil {
		return nil, err
	}
	k.keys.Store(set)
	return k, nil
}

func newKeyring(path string, cfg Config) *Keyring {
	k := &Keyring{path: path, now: cfg.Now, rand: cfg.Rand, used: cfg.Used}
	if k.now == nil {
		k.now = time.Now
	}
	if k.rand == nil {
		k.rand = rand.Reader
	}
	return k
}

// Rotate adds a new generation to the file, which seals from then on. The others
// go on opening. It is durable on return; on an error the keyring is as before.
// Of two processes that rotate at once, one fails.
func (k *Keyring) Rotate() (err error) {
	if k.path == "" {
		return errors.New("master keys that are not in a file are rotated where they come from: add a new one at the end")
	}
	k.change.Lock()
	defer k.change.Unlock()
	unlock, err := lockKeyFile(k.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	records, err := readKeyFile(k.path)
	if err != nil {
		return err
	}
	record, err := k.newRecord(records)
	if err != nil {
		return err
	}
	set, err := newKeySet(append(records, record))
	if err != nil {
		return err
	}
	if err := replaceKeyFile(k.path, set.records); err != nil {
		return err
	}
	k.keys.Store(set)
	return nil
}

// Reload reads the file again, if there is one. On an error the keyring is as
// before; that the file lacks a key of the keyring is one.
func (k *Keyring) Reload() error {
	if k.path == "" {
		return nil
	}
	k.change.Lock()
	defer k.change.Unlock()
	records, err := readKeyFile(k.path)
	if err != nil {
		return err
	}
	set, err := newKeySet(records)
	if err != nil {
		return fmt.Errorf("%s: %w", k.path, err)
	}
	if now := k.keys.Load(); now != nil {
		for i := range now.records {
			if id := now.records[i].ID; !slices.ContainsFunc(records, func(r keyRecord) bool { return r.ID == id }) {
				return fmt.Errorf("%s lacks master key %s, which is in use; put it back: what it sealed cannot be read without it", k.path, id)
			}
		}
	}
	k.keys.Store(set)
	return nil
}

// Path returns the file that holds the keys, "" when they are not in a file.
func (k *Keyring) Path() string { return k.path }

// Generations returns the keys, the oldest first. The last one seals.
func (k *Keyring) Generations() []Generation {
	records := k.keys.Load().records
	list := make([]Generation, len(records))
	for i := range records {
		list[i] = Generation{records[i].ID, records[i].Created}
	}
	return list
}

// NewDataKey draws a data key.
func (k *Keyring) NewDataKey() (DataKey, error) {
	var key DataKey
	if _, err := io.ReadFull(k.rand, key[:]); err != nil {
		return DataKey{}, fmt.Errorf("make a data key: %w", err)
	}
	return key, nil
}

// newRecord makes a key that comes after others.
func (k *Keyring) newRecord(others []keyRecord) (keyRecord, error) {
	secret := make([]byte, secretBytes)
	if _, err := io.ReadFull(k.rand, secret); err != nil {
		return keyRecord{}, fmt.Errorf("make a master key: %w", err)
	}
	id, err := identify(secret)
	if err != nil {
		return keyRecord{}, err
	}
	created := k.now().UTC().Truncate(time.Second)
	if n := len(others); n > 0 && created.Before(others[n-1].Created) {
		created = others[n-1].Created // the clock was set back; the order must hold
	}
	return keyRecord{ID: hex.EncodeToString(id[:]), Created: created, Secret: secret}, nil
}

// identify derives the ID of a secret.
func identify(secret []byte) (generationID, error) {
	id, err := hkdf.Key(sha256.New, secret, nil, generationInfo, generationIDBytes)
	if err != nil {
		return generationID{}, err
	}
	return generationID(id), nil
}

func newKeySet(records []keyRecord) (*keySet, error) {
	set := &keySet{records: records, byID: make(map[generationID]*generation, len(records))}
	for i := range records {
		g, err := records[i].expand()
		if err != nil {
			return nil, err
		}
		if set.byID[g.id] != nil {
			return nil, fmt.Errorf("master key %s occurs twice", records[i].ID)
		}
		set.byID[g.id] = g
		set.current = g
	}
	if set.current == nil {
		return nil, errors.New("no master key")
	}
	return set, nil
}

// expand checks a key of the file and prepares it.
func (r *keyRecord) expand() (*generation, error) {
	if len(r.Secret) != secretBytes {
		return nil, fmt.Errorf("master key %s is not %d bytes", r.ID, secretBytes)
	}
	id, err := identify(r.Secret)
	if err != nil {
		return nil, err
	}
	if hex.EncodeToString(id[:]) != r.ID {
		return nil, fmt.Errorf("master key %s was changed: its secret has another ID", r.ID)
	}
	g := &generation{id: id, secret: r.Secret}
	g.own, err = g.derive("")
	return g, err
}

// derive returns the sealing key of a name.
func (g *generation) derive(name string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, g.secret, nil, dataKeysInfo+name, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.NewX(key)
}

// named returns the sealing key of a name, which for "" is at hand.
func (g *generation) named(name string) (cipher.AEAD, error) {
	if name == "" {
		return g.own, nil
	}
	return g.derive(name)
}
