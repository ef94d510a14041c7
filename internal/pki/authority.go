package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"inro.dev/inro/internal/secretfile"
)

// Authority holds the two certificate authorities of a server. It is safe for
// concurrent use. Close it to end its background work.
type Authority struct {
	dir    string
	now    func() time.Time
	random io.Reader

	server, device *ca
	keys           *keyPool

	leaves sync.Mutex // held while a leaf file is read or written
}

// ca is one certificate authority.
type ca struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// caKind says how a CA is made when there is none yet.
type caKind struct {
	name    string // of its files
	newKey  func(random io.Reader) (crypto.Signer, error)
	subject func(keyID []byte) pkix.Name
	matches func(public crypto.PublicKey) bool
}

// deviceIssuer is one attribute value with equals signs in it, not a list of
// attributes (spec D.3).
const deviceIssuer = "Amazon Web Services O=Amazon.com Inc. L=Seattle ST=Washington C=US"

// deviceRSABits is the size of the device CA's key and of the keys that
// CreateKeysAndCertificate makes (spec D.3).
const deviceRSABits = 2048

// backdate makes a certificate valid for peers whose clock is a little slow.
const backdate = time.Hour

// maxKeyFileBytes bounds what is read of a key file.
const maxKeyFileBytes = 64 << 10

// endOfTime is when CAs and device certificates expire (spec D.3).
func endOfTime() time.Time { return time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC) }

func serverCAKind() caKind {
	return caKind{
		name: "server-ca",
		newKey: func(random io.Reader) (crypto.Signer, error) {
			return ecdsa.GenerateKey(elliptic.P256(), random)
		},
		// Several installations may stand in one bundle, so the name is unique.
		subject: func(keyID []byte) pkix.Name {
			return pkix.Name{CommonName: "Inro Server CA " + hex.EncodeToString(keyID[:4])}
		},
		matches: func(public crypto.PublicKey) bool {
			_, ok := public.(*ecdsa.PublicKey)
			return ok
		},
	}
}

func deviceCAKind() caKind {
	return caKind{
		name: "device-ca",
		newKey: func(random io.Reader) (crypto.Signer, error) {
			return rsa.GenerateKey(random, deviceRSABits)
		},
		subject: func([]byte) pkix.Name {
			return pkix.Name{OrganizationalUnit: []string{deviceIssuer}}
		},
		matches: func(public crypto.PublicKey) bool {
			_, ok := public.(*rsa.PublicKey)
			return ok
		},
	}
}

// LoadOrCreate reads the authorities kept in the folder dir, making the folder
// and what is missing; of several processes that start at once, one makes it. A
// nil now is time.Now, a nil random crypto/rand.Reader; random must be safe for
// concurrent use. It fails with secretfile.ErrPermissions when group or others
// may use a key file.
func LoadOrCreate(dir string, now func() time.Time, random io.Reader) (*Authority, error) {
	if now == nil {
		now = time.Now
	}
	if random == nil {
		random = rand.Reader
	}
	// The folder holds what clients must read; the key files guard themselves.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	a := &Authority{dir: dir, now: now, random: random, keys: newKeyPool(random)}
	var err error
	if a.server, err = a.loadOrCreateCA(serverCAKind()); err != nil {
		return nil, err
	}
	if a.device, err = a.loadOrCreateCA(deviceCAKind()); err != nil {
		return nil, err
	}
	return a, nil
}

// Close stops the background making of keys and forgets those made. Issuing
// still works afterwards.
func (a *Authority) Close() error {
	a.keys.close()
	return nil
}

// CAPEM returns the certificate of the server CA, for CURL_CA_BUNDLE and the like.
func (a *Authority) CAPEM() []byte { return EncodeCertificate(a.server.cert.Raw) }

// CAPath returns the path of a file that holds CAPEM and that everybody may read
// who may enter the folder.
func (a *Authority) CAPath() string { return filepath.Join(a.dir, serverCAKind().name+".pem") }

// DeviceCAPEM returns the certificate of the device CA.
func (a *Authority) DeviceCAPEM() []byte { return EncodeCertificate(a.device.cert.Raw) }

func (a *Authority) loadOrCreateCA(kind caKind) (*ca, error) {
	path := filepath.Join(a.dir, kind.name+".key")
	c, err := loadCA(path, kind)
	if errors.Is(err, fs.ErrNotExist) {
		if err = a.createCA(path, kind); err == nil || errors.Is(err, fs.ErrExist) {
			c, err = loadCA(path, kind)
		}
	}
	if err != nil {
		return nil, err
	}
	public := EncodeCertificate(c.cert.Raw)
	return c, writePublic(filepath.Join(a.dir, kind.name+".pem"), public)
}

func loadCA(path string, kind caKind) (*ca, error) {
	key, cert, err := readKeyPair(path)
	if err != nil {
		return nil, err
	}
	if !cert.IsCA || !kind.matches(cert.PublicKey) {
		return nil, fmt.Errorf("%s does not hold a CA of kind %s", path, kind.name)
	}
	return &ca{cert: cert, key: key}, nil
}

func (a *Authority) createCA(path string, kind caKind) error {
	key, err := kind.newKey(a.random)
	if err != nil {
		return fmt.Errorf("make the key of %s: %w", path, err)
	}
	keyID, err := subjectKeyID(key.Public())
	if err != nil {
		return err
	}
	serial, err := newSerial(a.random)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               kind.subject(keyID),
		NotBefore:             a.now().Add(-backdate),
		NotAfter:              endOfTime(),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		SubjectKeyId:          keyID,
	}
	der, err := a.sign(template, &ca{cert: template, key: key}, key.Public())
	if err != nil {
		return fmt.Errorf("sign the certificate of %s: %w", path, err)
	}
	text, err := encodeKeyPair(key, der)
	if err != nil {
		return err
	}
	return secretfile.Create(path, text)
}

// sign makes the DER of a certificate.
func (a *Authority) sign(template *x509.Certificate, issuer *ca, public crypto.PublicKey) ([]byte, error) {
	if !template.NotAfter.After(template.NotBefore) {
		return nil, fmt.Errorf("the clock says %v, after the end of the certificate at %v", a.now(), template.NotAfter)
	}
	return x509.CreateCertificate(a.random, template, issuer.cert, public, issuer.key)
}

// newSerial draws a serial number of exactly 20 octets, which is the most that
// RFC 5280 section 4.1.2.2 allows, and positive.
func newSerial(random io.Reader) (*big.Int, error) {
	var b [20]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b[:]), nil
}

// subjectKeyID returns the leftmost 160 bits of the SHA-256 of the key's bit
// string (RFC 7093 section 2, method 1).
func subjectKeyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(info.Key.Bytes)
	return sum[:20], nil
}

// encodeKeyPair returns a key and its certificate as two PEM blocks.
func encodeKeyPair(key crypto.Signer, der []byte) ([]byte, error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return append(text, EncodeCertificate(der)...), nil
}

// readKeyPair is the inverse of encodeKeyPair. Its errors quote nothing of the
// file, which is secret.
func readKeyPair(path string) (crypto.Signer, *x509.Certificate, error) {
	text, err := secretfile.Read(path, maxKeyFileBytes)
	if err != nil {
		return nil, nil, err
	}
	keyBlock, rest := pem.Decode(text)
	certBlock, rest := pem.Decode(rest)
	if keyBlock == nil || certBlock == nil || len(bytes.TrimSpace(rest)) != 0 ||
		keyBlock.Type != "PRIVATE KEY" || certBlock.Type != "CERTIFICATE" {
		return nil, nil, fmt.Errorf("%s is not a PRIVATE KEY followed by a CERTIFICATE in PEM", path)
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate in %s: %w", path, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("private key in %s is not readable", path)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok || !samePublicKey(key.Public(), cert.PublicKey) {
		return nil, nil, fmt.Errorf("private key and certificate in %s do not belong together", path)
	}
	return key, cert, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	comparable, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && comparable.Equal(b)
}

// writePublic replaces the file at path, atomically, unless it has that content.
func writePublic(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	// After the rename there is nothing left to remove; the error says so.
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
