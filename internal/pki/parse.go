package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
)

// Errors of reading certificates and requests; test with errors.Is.
var (
	// ErrMalformed is anything that is not exactly one PEM block of the wanted
	// type holding well-formed DER, or is too long.
	ErrMalformed = errors.New("malformed PEM")
	// ErrUnsupportedKey is a public key outside RSA 2048 to 8192 and ECDSA
	// P-256, P-384, P-521.
	ErrUnsupportedKey = errors.New("unsupported public key")
	// ErrUnsupportedSignature is a signature algorithm outside those of spec A.2.
	ErrUnsupportedSignature = errors.New("unsupported signature algorithm")
	// ErrBadSignature is a signature that does not verify.
	ErrBadSignature = errors.New("signature does not verify")
	// ErrNotCA is a certificate without basicConstraints CA:TRUE where a CA is needed.
	ErrNotCA = errors.New("certificate is not a CA certificate")
)

// ParseCertificatePEM reads exactly one certificate.
func ParseCertificatePEM(text []byte) (*x509.Certificate, error) { return nil, errors.ErrUnsupported }

// ParseCAPEM is ParseCertificatePEM for a certificate that must be a CA's.
func ParseCAPEM(text []byte) (*x509.Certificate, error) { return nil, errors.ErrUnsupported }

// ParseCSRPEM reads exactly one PKCS#10 request and verifies its signature.
func ParseCSRPEM(text []byte) (*x509.CertificateRequest, error) { return nil, errors.ErrUnsupported }

// VerifyIssuedBy checks that ca issued cert: issuer name and signature.
func VerifyIssuedBy(cert, ca *x509.Certificate) error { return errors.ErrUnsupported }

// EncodeCertificate returns the PEM block of DER.
func EncodeCertificate(der []byte) []byte { return nil }

// CertificateID returns the lower-case hex SHA-256 of DER, 64 characters.
func CertificateID(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
