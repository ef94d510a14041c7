package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"
)

// deviceBackdate keeps a certificate valid on a node whose clock is a little
// behind the issuing one's; spec D.3 wants about the time of creation.
const deviceBackdate = 2 * time.Minute

// IssueKeysAndCertificate makes an RSA 2048 key and a certificate for it, as
// CreateKeysAndCertificate answers them: CERTIFICATE, PUBLIC KEY and RSA PRIVATE
// KEY (PKCS#1) in PEM. The private key is kept nowhere.
//
// The first call starts making keys in the background, so that those that
// follow need not wait for theirs; see Close.
func (a *Authority) IssueKeysAndCertificate() (certPEM, publicPEM, privatePEM []byte, cert *x509.Certificate, err error) {
	key, err := a.keys.take()
	if err != nil {
		return nil, nil, nil, nil, fmt.Errorf("make a device key: %w", err)
	}
	subject := pkix.Name{CommonName: "AWS IoT Certificate"}
	if cert, err = a.issueDevice(&x509.Certificate{Subject: subject}, key.Public()); err != nil {
		return nil, nil, nil, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, nil, nil, err
	}
	publicPEM = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	privatePEM = encodePKCS1(key)
	return EncodeCertificate(cert.Raw), publicPEM, privatePEM, cert, nil
}

func encodePKCS1(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// IssueFromCSR makes a certificate for the key and the subject of a PKCS#10
// request, byte for byte; extensions that the request asks for are left out
// (spec D.3). Its errors are those of ParseCSRPEM.
func (a *Authority) IssueFromCSR(csrPEM []byte) (certPEM []byte, cert *x509.Certificate, err error) {
	csr, err := ParseCSRPEM(csrPEM)
	if err != nil {
		return nil, nil, err
	}
	if cert, err = a.issueDevice(&x509.Certificate{RawSubject: csr.RawSubject}, csr.PublicKey); err != nil {
		return nil, nil, err
	}
	return EncodeCertificate(cert.Raw), cert, nil
}

// issueDevice completes a template that has a subject only, and signs it.
func (a *Authority) issueDevice(template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	var err error
	if template.SerialNumber, err = newSerial(a.random); err != nil {
		return nil, err
	}
	if template.SubjectKeyId, err = subjectKeyID(public); err != nil {
		return nil, err
	}
	// Said outright, because x509 leaves it out when subject and issuer are equal.
	template.AuthorityKeyId = a.device.cert.SubjectKeyId
	template.NotBefore = a.now().Add(-deviceBackdate)
	template.NotAfter = endOfTime()
	template.SignatureAlgorithm = x509.SHA256WithRSA
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true // CA:FALSE
	der, err := a.sign(template, a.device, public)
	if err != nil {
		return nil, fmt.Errorf("sign a device certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}
