package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"time"
)

// Authority holds the two certificate authorities of a server. It is safe for
// concurrent use.
type Authority struct{}

// LoadOrCreate reads the authorities kept in the folder dir, making the folder
// and what is missing. A nil now is time.Now, a nil random crypto/rand.Reader.
func LoadOrCreate(dir string, now func() time.Time, random io.Reader) (*Authority, error) {
	return nil, errors.ErrUnsupported
}

// Close stops the background making of keys and forgets those made.
func (a *Authority) Close() error { return errors.ErrUnsupported }

// CAPEM returns the certificate of the server CA, for CURL_CA_BUNDLE and the like.
func (a *Authority) CAPEM() []byte { return nil }

// CAPath returns the path of a file that holds CAPEM, readable by everybody.
func (a *Authority) CAPath() string { return "" }

// DeviceCAPEM returns the certificate of the device CA.
func (a *Authority) DeviceCAPEM() []byte { return nil }

// ServerCertificate returns the certificate for hosts (DNS names, wildcards
// included, and IP addresses), issuing it when there is none that is fresh.
func (a *Authority) ServerCertificate(hosts []string) (tls.Certificate, error) {
	return tls.Certificate{}, errors.ErrUnsupported
}

// GetCertificate returns a function for tls.Config.GetCertificate that serves
// the certificate for hosts and renews it before it expires.
func (a *Authority) GetCertificate(hosts []string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	return nil, errors.ErrUnsupported
}

// IssueKeysAndCertificate makes an RSA key and a certificate for it.
func (a *Authority) IssueKeysAndCertificate() (certPEM, publicPEM, privatePEM []byte, cert *x509.Certificate, err error) {
	return nil, nil, nil, nil, errors.ErrUnsupported
}

// IssueFromCSR makes a certificate for the key and subject of a PKCS#10 request.
func (a *Authority) IssueFromCSR(csrPEM []byte) (certPEM []byte, cert *x509.Certificate, err error) {
	return nil, nil, errors.ErrUnsupported
}
