package pki

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"
)

// newCertificate returns the DER of a certificate signed by issuerKey, or self
// signed when parent is nil.
func newCertificate(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, issuerKey crypto.Signer) []byte {
	t.Helper()
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(1)
	}
	template.NotBefore, template.NotAfter = start, start.Add(time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func selfSigned(t testing.TB, template *x509.Certificate, key crypto.Signer) []byte {
	return EncodeCertificate(newCertificate(t, template, nil, key.Public(), key))
}

func TestParseCertificatePEMAcceptsClientCertificates(t *testing.T) {
	rsa2048, p256 := rsaKey(t, 2048), ecdsaKey(t, elliptic.P256())
	tests := map[string]struct {
		key       crypto.Signer
		algorithm x509.SignatureAlgorithm
	}{
		"SHA-256 with RSA":   {rsa2048, x509.SHA256WithRSA},
		"SHA-384 with RSA":   {rsa2048, x509.SHA384WithRSA},
		"SHA-512 with RSA":   {rsa2048, x509.SHA512WithRSA},
		"PSS":                {rsa2048, x509.SHA384WithRSAPSS},
		"ECDSA with SHA-256": {p256, x509.ECDSAWithSHA256},
		"ECDSA with SHA-384": {ecdsaKey(t, elliptic.P384()), x509.ECDSAWithSHA384},
		"ECDSA with SHA-512": {ecdsaKey(t, elliptic.P521()), x509.ECDSAWithSHA512},
	}
	for name, test := range tests {
		text := selfSigned(t, &x509.Certificate{SignatureAlgorithm: test.algorithm}, test.key)
		for _, variant := range [][]byte{
			text,
			bytes.TrimSpace(text),
			append([]byte("\r\n \t"), text...),
			append(bytes.Clone(text), "\n\n"...),
			bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
		} {
			cert, err := ParseCertificatePEM(variant)
			if err != nil || !samePublicKey(cert.PublicKey, test.key.Public()) {
				t.Errorf("%s: ParseCertificatePEM(%q): %v", name, variant, err)
			}
		}
	}
}

func TestParseCertificatePEMRefusesWithATypedError(t *testing.T) {
	p256 := ecdsaKey(t, elliptic.P256())
	good := selfSigned(t, &x509.Certificate{}, p256)
	block, _ := pem.Decode(good)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		text []byte
		want error
	}{
		"empty":            {nil, ErrMalformed},
		"white space":      {[]byte(" \n"), ErrMalformed},
		"no PEM":           {[]byte("hello"), ErrMalformed},
		"DER":              {block.Bytes, ErrMalformed},
		"two certificates": {append(bytes.Clone(good), good...), ErrMalformed},
		"text before":      {append([]byte("Certificate:\n"), good...), ErrMalformed},
		"text after":       {append(bytes.Clone(good), "x"...), ErrMalformed},
		"broken before":    {append([]byte("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n"), good...), ErrMalformed},
		"torn":             {good[:len(good)-30], ErrMalformed},
		"another type":     {bytes.ReplaceAll(good, []byte("CERTIFICATE"), []byte("X509 CRL")), ErrMalformed},
		"headers":          {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: block.Bytes}), ErrMalformed},
		"empty block":      {EncodeCertificate(nil), ErrMalformed},
		"DER with a tail":  {EncodeCertificate(append(bytes.Clone(block.Bytes), 0)), ErrMalformed},
		"over 65,536":      {append(bytes.Clone(good), bytes.Repeat([]byte(" "), 65537-len(good))...), ErrMalformed},
		"RSA 1024":         {selfSigned(t, &x509.Certificate{}, rsaKey(t, 1024)), ErrUnsupportedKey},
		"P-224":            {selfSigned(t, &x509.Certificate{}, ecdsaKey(t, elliptic.P224())), ErrUnsupportedKey},
		"Ed25519":          {selfSigned(t, &x509.Certificate{}, ed), ErrUnsupportedKey},
		"signed by Ed25519": {EncodeCertificate(newCertificate(t, &x509.Certificate{}, &x509.Certificate{Subject: pkix.Name{CommonName: "ca"}},
			p256.Public(), ed)), ErrUnsupportedSignature},
	}
	for name, test := range tests {
		cert, err := ParseCertificatePEM(test.text)
		if !errors.Is(err, test.want) || cert != nil {
			t.Errorf("%s: ParseCertificatePEM = %v, %v, want %v", name, cert, err, test.want)
		}
	}
	atLimit := append(bytes.Clone(good), bytes.Repeat([]byte(" "), 65536-len(good))...)
	if _, err := ParseCertificatePEM(atLimit); err != nil {
		t.Errorf("65,536 bytes: %v", err)
	}
}

func TestVerifyIssuedByWantsNameAndSignatureOfACA(t *testing.T) {
	caKey, otherKey, leafKey := ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P256())
	newCA := func(name string, change func(*x509.Certificate), key crypto.Signer) *x509.Certificate {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true}
		if change != nil {
			change(template)
		}
		cert, err := ParseCertificatePEM(selfSigned(t, template, key))
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	ca := newCA("ca", nil, caKey)
	leaf, err := x509.ParseCertificate(newCertificate(t, &x509.Certificate{Subject: pkix.Name{CommonName: "leaf"}}, ca, leafKey.Public(), caKey))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		ca   *x509.Certificate
		want error
	}{
		"the issuer":              {ca, nil},
		"same name, another key":  {newCA("ca", nil, otherKey), ErrBadSignature},
		"same key, another name":  {newCA("other", nil, caKey), ErrBadSignature},
		"no CA":                   {newCA("ca", func(c *x509.Certificate) { c.IsCA = false }, caKey), ErrNotCA},
		"no basic constraints":    {newCA("ca", func(c *x509.Certificate) { c.BasicConstraintsValid = false }, caKey), ErrNotCA},
		"key usage without sign":  {newCA("ca", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }, caKey), ErrNotCA},
		"key usage with sign":     {newCA("ca", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }, caKey), nil},
		"the certificate as a CA": {leaf, ErrNotCA},
	}
	for name, test := range tests {
		if err := VerifyIssuedBy(leaf, test.ca); !errors.Is(err, test.want) {
			t.Errorf("%s: VerifyIssuedBy: error %v, want %v", name, err, test.want)
		}
		if _, err := ParseCAPEM(EncodeCertificate(test.ca.Raw)); errors.Is(err, ErrNotCA) != errors.Is(test.want, ErrNotCA) {
			t.Errorf("%s: ParseCAPEM: error %v", name, err)
		}
	}
	tampered := bytes.Clone(leaf.Raw)
	tampered[len(tampered)-1] ^= 1
	if changed, err := x509.ParseCertificate(tampered); err == nil {
		if err := VerifyIssuedBy(changed, ca); !errors.Is(err, ErrBadSignature) {
			t.Errorf("a changed signature: error %v, want %v", err, ErrBadSignature)
		}
	}
	if _, err := ParseCAPEM(nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("ParseCAPEM of nothing: error %v, want %v", err, ErrMalformed)
	}
}

func FuzzParseCertificatePEM(f *testing.F) {
	for _, key := range []crypto.Signer{ecdsaKey(f, elliptic.P256()), rsaKey(f, 2048)} {
		for _, template := range []*x509.Certificate{exampleTemplate(f), {IsCA: true, BasicConstraintsValid: true}} {
			text := selfSigned(f, template, key)
			block, _ := pem.Decode(text)
			f.Add(text, false)
			f.Add(block.Bytes, true)
		}
	}
	// With asDER the input is put in PEM first, so that changes reach the DER.
	f.Fuzz(func(t *testing.T, text []byte, asDER bool) {
		if asDER {
			text = EncodeCertificate(text)
		}
		cert, err := ParseCertificatePEM(text)
		if err != nil {
			checkTyped(t, text, err)
			return
		}
		again, err := ParseCertificatePEM(EncodeCertificate(cert.Raw))
		if err != nil || CertificateID(again.Raw) != CertificateID(cert.Raw) {
			t.Errorf("the certificate of %q does not parse again: %v", text, err)
		}
		for key, values := range Attributes(cert) {
			if len(values) == 0 || len(values) > maxAttributeValues && key != availableKeys {
				t.Errorf("%s of %q has %d values", key, text, len(values))
			}
			for _, value := range values {
				VariableText(value)
			}
		}
		_ = VerifyIssuedBy(cert, cert) // must not panic
	})
}

func FuzzAlternativeNames(f *testing.F) {
	for _, extension := range exampleTemplate(f).ExtraExtensions {
		f.Add(extension.Value)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		addAlternativeNames(map[string][]string{}, subjectKey, der)
	})
}

// exampleTemplate has the names of the example in the IoT Developer Guide,
// "Using X.509 certificate policy variables".
func exampleTemplate(t testing.TB) *x509.Certificate {
	t.Helper()
	serial, _ := new(big.Int).SetString("921285cbb7a5e086", 16)
	return &x509.Certificate{
		SerialNumber: serial,
		RawSubject: rawName(t, [][2]string{
			{"2.5.4.6", "US"}, {"2.5.4.10", "IoT Devices"}, {"2.5.4.11", "LightBulb"}, {"2.5.4.8", "NY"},
			{"2.5.4.3", "LightBulb Device Cert"}, {"2.5.4.42", "Bulb"}, {"2.5.4.43", "ZZ"}, {"2.5.4.46", "Bulb001"},
			{"2.5.4.4", "Multi Color"}, {"2.5.4.12", "RGB"}, {"2.5.4.65", "RGB Device"}, {"2.5.4.44", "4"}, {"2.5.4.5", "123"},
		}),
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: generalNames(t, "example.com", []byte{1, 2, 3, 4},
				"ResourceIdentifier001", "device1@example.com",
				[][2]string{{"2.5.4.6", "US"}, {"2.5.4.10", "IoT"}, {"2.5.4.11", "SmartHome"}, {"2.5.4.3", "LightBulbCert"}})},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 18}, Value: generalNames(t, "issuer.com", []byte{5, 6, 7, 8},
				"PrimarySignerCA", "primary@issuer.com",
				[][2]string{{"2.5.4.6", "US"}, {"2.5.4.10", "Issuer"}, {"2.5.4.11", "IoT Devices"}, {"2.5.4.3", "Primary Issuer CA"}})},
		},
	}
}
