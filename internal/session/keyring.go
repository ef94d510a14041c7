package session

import (
	"errors"
	"io"
	"time"
)

// Config tunes a keyring. Its zero value is ready for use.
type Config struct {
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Rand is the source of keys and nonces, safe for concurrent use; default
	// crypto/rand.Reader.
	Rand io.Reader
	// CacheEntries bounds how many opened tokens are remembered; default
	// 8,192, negative for none.
	CacheEntries int
}

// Keyring holds the sealing keys. It is safe for concurrent use.
type Keyring struct{}

// CreateKeyring makes a keyring of one new key and writes it to path with mode
// 0600. It fails with fs.ErrExist when path exists.
func CreateKeyring(path string, cfg Config) (*Keyring, error) { return nil, errors.ErrUnsupported }

// LoadKeyring reads the keyring at path. A file that group or others may read
// or write is refused.
func LoadKeyring(path string, cfg Config) (*Keyring, error) { return nil, errors.ErrUnsupported }

// LoadOrCreateKeyring loads the keyring at path, or creates it when there is none.
func LoadOrCreateKeyring(path string, cfg Config) (*Keyring, error) {
	return nil, errors.ErrUnsupported
}

// Rotate adds a new key, which seals from then on.
func (k *Keyring) Rotate() error { return errors.ErrUnsupported }

// Reload reads the file again.
func (k *Keyring) Reload() error { return errors.ErrUnsupported }

// Mint seals s into a session token.
func (k *Keyring) Mint(s Session) (Credentials, error) { return Credentials{}, errors.ErrUnsupported }

// Open returns the session that token was minted for, and its secret access key.
func (k *Keyring) Open(accessKeyID, token string) (s *Session, secret string, err error) {
	return nil, "", errors.ErrUnsupported
}
