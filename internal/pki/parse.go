package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
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
	// ErrBadSignature is a signature that does not verify, or an issuer name
	// that does not match.
	ErrBadSignature = errors.New("signature does not verify")
	// ErrNotCA is a certificate without basicConstraints CA:TRUE where a CA is
	// needed, or one whose key usage leaves out certificate signing.
	ErrNotCA = errors.New("certificate is not a CA certificate")
)

const (
	// maxCertificateBytes is the length of the PEM text (IoT API Reference,
	// RegisterCertificate: certificatePem, 1 to 65536).
	maxCertificateBytes = 65536
	// maxCSRBytes is the length of the PEM text (IoT API Reference,
	// CreateCertificateFromCsr: certificateSigningRequest, 1 to 4096).
	maxCSRBytes = 4096

	minRSABits = 2048
	// maxRSABits is where Go's TLS stack refuses client certificates.
	maxRSABits = 8192
)

// ParseCertificatePEM reads exactly one certificate: one PEM block of type
// CERTIFICATE with nothing but white space around it, at most 65,536 bytes. Its
// key and the algorithm of its signature must be ones that a client
// certificate may have (spec A.2). The signature itself and the dates are not
// checked. Errors are ErrMalformed, ErrUnsupportedKey and
// ErrUnsupportedSignature, with a cause.
func ParseCertificatePEM(text []byte) (*x509.Certificate, error) {
	der, err := decodePEM(text, maxCertificateBytes, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := checkPublicKey(cert.PublicKey); err != nil {
		return nil, err
	}
	if err := checkSignatureAlgorithm(cert.SignatureAlgorithm); err != nil {
		return nil, err
	}
	return cert, nil
}

// ParseCAPEM is ParseCertificatePEM for a certificate that must be a CA's; else
// it answers ErrNotCA.
func ParseCAPEM(text []byte) (*x509.Certificate, error) {
	cert, err := ParseCertificatePEM(text)
	if err != nil {
		return nil, err
	}
	if err := checkCA(cert); err != nil {
		return nil, err
	}
	return cert, nil
}

// ParseCSRPEM reads exactly one PKCS#10 request, at most 4,096 bytes of PEM of
// type CERTIFICATE REQUEST or NEW CERTIFICATE REQUEST, and verifies its
// signature, which proves that the sender has the key. Errors are those of
// ParseCertificatePEM and ErrBadSignature.
func ParseCSRPEM(text []byte) (*x509.CertificateRequest, error) {
	der, err := decodePEM(text, maxCSRBytes, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
	if err != nil {
		return nil, err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := checkPublicKey(csr.PublicKey); err != nil {
		return nil, err
	}
	if err := checkSignatureAlgorithm(csr.SignatureAlgorithm); err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	return csr, nil
}

// VerifyIssuedBy checks that ca issued cert: that ca is a CA (ErrNotCA), that
// the issuer of cert is the subject of ca, byte for byte, and that the
// signature verifies (ErrBadSignature). Dates are not checked.
func VerifyIssuedBy(cert, ca *x509.Certificate) error {
	if err := checkCA(ca); err != nil {
		return err
	}
	if !bytes.Equal(cert.RawIssuer, ca.RawSubject) {
		return fmt.Errorf("%w: issuer is %q, not %q", ErrBadSignature, cert.Issuer, ca.Subject)
	}
	if err := ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	return nil
}

// EncodeCertificate returns DER as a PEM block of type CERTIFICATE.
func EncodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// CertificateID returns the lower-case hex SHA-256 of DER, 64 characters: the
// certificateId of IoT (spec D.3).
func CertificateID(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// decodePEM returns the content of the only block in text.
func decodePEM(text []byte, maxBytes int, types ...string) ([]byte, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrMalformed, len(text), maxBytes)
	}
	// pem.Decode skips what it does not understand, text and blocks alike.
	text = bytes.TrimSpace(text)
	if !bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf("%w: no -----BEGIN %s----- at the start", ErrMalformed, types[0])
	}
	if bytes.Count(text, []byte("-----BEGIN ")) != 1 {
		return nil, fmt.Errorf("%w: more than one block", ErrMalformed)
	}
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, fmt.Errorf("%w: the block is incomplete or not base64", ErrMalformed)
	case len(bytes.TrimSpace(rest)) != 0:
		return nil, fmt.Errorf("%w: data after the block", ErrMalformed)
	case len(block.Headers) != 0:
		return nil, fmt.Errorf("%w: the block has headers", ErrMalformed)
	case !slices.Contains(types, block.Type):
		return nil, fmt.Errorf("%w: the block is not a %s", ErrMalformed, types[0])
	}
	return block.Bytes, nil
}

func checkPublicKey(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("%w: RSA of %d bits, not %d to %d", ErrUnsupportedKey, bits, minRSABits, maxRSABits)
		}
		if key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 {
			return fmt.Errorf("%w: RSA with an even modulus or exponent", ErrUnsupportedKey)
		}
		return nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return fmt.Errorf("%w: elliptic curve %s", ErrUnsupportedKey, key.Curve.Params().Name)
	}
	return fmt.Errorf("%w: neither RSA nor ECDSA", ErrUnsupportedKey)
}

// checkSignatureAlgorithm knows the algorithms of spec A.2 without DSA. Both
// forms of RSA are taken, PKCS #1 and PSS.
func checkSignatureAlgorithm(algorithm x509.SignatureAlgorithm) error {
	switch algorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return nil
	}
	return fmt.Errorf("%w: %v", ErrUnsupportedSignature, algorithm)
}

func checkCA(cert *x509.Certificate) error {
	if !cert.BasicConstraintsValid || !cert.IsCA {
		return ErrNotCA
	}
	if cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return fmt.Errorf("%w: its key usage leaves out certificate signing", ErrNotCA)
	}
	return nil
}
