package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
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
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

// rawCertificate is RFC 5280 section 4.1, read without crypto/x509.
type rawCertificate struct {
	TBS struct {
		Version    int `asn1:"explicit,tag:0"`
		Serial     *big.Int
		Signature  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		Validity   struct{ NotBefore, NotAfter asn1.RawValue }
		Subject    asn1.RawValue
		PublicKey  asn1.RawValue
		Extensions []pkix.Extension `asn1:"explicit,tag:3"`
	}
	Signature      pkix.AlgorithmIdentifier
	SignatureValue asn1.BitString
}

var sha256WithRSAEncryption = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}

// checkD3 checks the fields of spec D.3 that both kinds of certificate share,
// and returns the raw certificate.
func checkD3(t *testing.T, a *Authority, certPEM []byte, cert *x509.Certificate, now time.Time) rawCertificate {
	t.Helper()
	block, rest := pem.Decode(certPEM)
	if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) != 0 || len(rest) != 0 {
		t.Fatalf("certificate PEM %q is not one block of type CERTIFICATE", certPEM)
	}
	if !bytes.Equal(block.Bytes, cert.Raw) {
		t.Fatal("the PEM holds another certificate than the one returned")
	}
	var raw rawCertificate
	if rest, err := asn1.Unmarshal(block.Bytes, &raw); err != nil || len(rest) != 0 {
		t.Fatalf("parse DER: %v, %d bytes left", err, len(rest))
	}
	if raw.TBS.Version != 2 {
		t.Errorf("version = %d, want 2, which says v3", raw.TBS.Version)
	}
	if n := len(raw.TBS.Serial.Bytes()); n != 20 || raw.TBS.Serial.Sign() != 1 {
		t.Errorf("serial %x has %d bytes, want 20 and positive", raw.TBS.Serial, n)
	}
	for _, algorithm := range []pkix.AlgorithmIdentifier{raw.Signature, raw.TBS.Signature} {
		if !algorithm.Algorithm.Equal(sha256WithRSAEncryption) {
			t.Errorf("signature algorithm %v, want sha256WithRSAEncryption", algorithm.Algorithm)
		}
	}
	checkIssuer(t, raw.TBS.Issuer.FullBytes)
	checkValidity(t, raw.TBS.Validity.NotBefore, raw.TBS.Validity.NotAfter, now)
	checkExtensions(t, raw.TBS.Extensions, a.device.cert.SubjectKeyId, cert.SubjectKeyId)
	if err := VerifyIssuedBy(cert, a.device.cert); err != nil {
		t.Errorf("VerifyIssuedBy: %v", err)
	}
	return raw
}

func checkIssuer(t *testing.T, der []byte) {
	t.Helper()
	var rdns []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) != 0 || len(rdns) != 1 {
		t.Fatalf("issuer has %d RDNs, %v, want 1", len(rdns), err)
	}
	var attributes []struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	if _, err := asn1.UnmarshalWithParams(rdns[0].FullBytes, &attributes, "set"); err != nil || len(attributes) != 1 {
		t.Fatalf("issuer has %d attributes, %v, want 1", len(attributes), err)
	}
	const want = "Amazon Web Services O=Amazon.com Inc. L=Seattle ST=Washington C=US"
	if !attributes[0].Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 11}) || string(attributes[0].Value.Bytes) != want {
		t.Errorf("issuer attribute %v = %q, want 2.5.4.11 = %q", attributes[0].Type, attributes[0].Value.Bytes, want)
	}
}

func checkValidity(t *testing.T, notBefore, notAfter asn1.RawValue, now time.Time) {
	t.Helper()
	if notAfter.Tag != asn1.TagUTCTime || string(notAfter.Bytes) != "491231235959Z" {
		t.Errorf("notAfter = %q, want the UTCTime 491231235959Z", notAfter.Bytes)
	}
	got, err := time.Parse("060102150405Z", string(notBefore.Bytes))
	if err != nil || got.After(now) || now.Sub(got) > 5*time.Minute {
		t.Errorf("notBefore = %q, want about %v", notBefore.Bytes, now)
	}
}

func checkExtensions(t *testing.T, extensions []pkix.Extension, authorityKeyID, subjectKeyID []byte) {
	t.Helper()
	want := map[string]struct {
		critical bool
		value    []byte
	}{
		"2.5.29.35": {false, append([]byte{0x30, 0x16, 0x80, 0x14}, authorityKeyID...)},
		"2.5.29.14": {false, append([]byte{0x04, 0x14}, subjectKeyID...)},
		"2.5.29.19": {true, []byte{0x30, 0x00}},             // CA:FALSE is the default, so left out
		"2.5.29.15": {true, []byte{0x03, 0x02, 0x07, 0x80}}, // digitalSignature alone
	}
	if len(extensions) != len(want) {
		t.Errorf("%d extensions, want %d", len(extensions), len(want))
	}
	for _, extension := range extensions {
		w, known := want[extension.Id.String()]
		if !known || extension.Critical != w.critical || !bytes.Equal(extension.Value, w.value) {
			t.Errorf("extension %v: critical %v, value %x, want known, %v, %x",
				extension.Id, extension.Critical, extension.Value, w.critical, w.value)
		}
	}
}

func TestIssueKeysAndCertificateFollowsD3(t *testing.T) {
	a, c := newTestAuthority(t)
	certPEM, publicPEM, privatePEM, cert, err := a.IssueKeysAndCertificate()
	if err != nil {
		t.Fatal(err)
	}
	raw := checkD3(t, a, certPEM, cert, c.now)
	wantSubject, err := asn1.Marshal(pkix.Name{CommonName: "AWS IoT Certificate"}.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw.TBS.Subject.FullBytes, wantSubject) {
		t.Errorf("subject = %x, want CN=AWS IoT Certificate", raw.TBS.Subject.FullBytes)
	}
	private, rest := pem.Decode(privatePEM)
	if private == nil || private.Type != "RSA PRIVATE KEY" || len(rest) != 0 {
		t.Fatal("the private key is not one block of type RSA PRIVATE KEY")
	}
	key, err := x509.ParsePKCS1PrivateKey(private.Bytes)
	if err != nil || key.N.BitLen() != 2048 || key.E != 65537 {
		t.Fatalf("private key: %v, want RSA 2048, 65537", err)
	}
	public, rest := pem.Decode(publicPEM)
	if public == nil || public.Type != "PUBLIC KEY" || len(rest) != 0 {
		t.Fatal("the public key is not one block of type PUBLIC KEY")
	}
	if !bytes.Equal(public.Bytes, raw.TBS.PublicKey.FullBytes) {
		t.Error("public key and certificate differ")
	}
	parsed, err := x509.ParsePKIXPublicKey(public.Bytes)
	if err != nil || !key.PublicKey.Equal(parsed) {
		t.Errorf("public and private key differ: %v", err)
	}
}

func TestCertificateIDIsTheHashOfTheDER(t *testing.T) {
	a, _ := newTestAuthority(t)
	certPEM, _, _, cert, err := a.IssueKeysAndCertificate()
	if err != nil {
		t.Fatal(err)
	}
	// As openssl x509 -outform der | sha256sum does it: base64 to DER to hash.
	block, _ := pem.Decode(certPEM)
	sum := sha256.Sum256(block.Bytes)
	if got, want := CertificateID(cert.Raw), hex.EncodeToString(sum[:]); got != want || len(got) != 64 {
		t.Errorf("CertificateID = %s, want %s", got, want)
	}
	if got := CertificateID(nil); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("CertificateID(nil) = %s", got)
	}
}

func TestIssuedCertificatesAndKeysAreAllDifferent(t *testing.T) {
	a, _ := newTestAuthority(t)
	const n = pooledKeys + 4
	var mu sync.Mutex
	certs, keys := map[string]bool{}, map[string]bool{}
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			for range n / 2 {
				_, public, _, cert, err := a.IssueKeysAndCertificate()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				certs[CertificateID(cert.Raw)], keys[string(public)] = true, true
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if len(certs) != n || len(keys) != n {
		t.Errorf("%d calls gave %d certificates and %d keys", n, len(certs), len(keys))
	}
}

func TestCloseEndsTheKeyPool(t *testing.T) {
	a, _ := newTestAuthority(t)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, _, _, err := a.IssueKeysAndCertificate(); err != nil {
		t.Errorf("after Close: %v", err)
	}
	b, _ := newTestAuthority(t)
	if _, _, _, _, err := b.IssueKeysAndCertificate(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.keys.ready) != 0 {
		t.Errorf("%d keys are left after Close", len(b.keys.ready))
	}
}

// newCSR returns a request in PEM.
func newCSR(t testing.TB, key crypto.Signer, template *x509.CertificateRequest) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func ecdsaKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestIssueFromCSRFollowsD3(t *testing.T) {
	a, c := newTestAuthority(t)
	multiValued, err := asn1.Marshal(pkix.RDNSequence{
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "JP"}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "dev"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 5}, Value: "1"}},
		{{Type: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: "private"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := &x509.CertificateRequest{
		RawSubject: multiValued,
		DNSNames:   []string{"www.example.com"},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 0x03, 0x01, 0x01, 0xff}}, // CA:TRUE
		},
	}
	ownName := &x509.CertificateRequest{Subject: pkix.Name{OrganizationalUnit: []string{deviceIssuer}}}
	tests := map[string]struct {
		key      crypto.Signer
		template *x509.CertificateRequest
	}{
		"RSA 2048":           {rsaKey(t, 2048), asked},
		"RSA 2048 with PSS":  {rsaKey(t, 2048), &x509.CertificateRequest{SignatureAlgorithm: x509.SHA256WithRSAPSS}},
		"P-256":              {ecdsaKey(t, elliptic.P256()), asked},
		"P-384":              {ecdsaKey(t, elliptic.P384()), asked},
		"P-521":              {ecdsaKey(t, elliptic.P521()), asked},
		"empty subject":      {ecdsaKey(t, elliptic.P256()), &x509.CertificateRequest{}},
		"the issuer's name":  {ecdsaKey(t, elliptic.P256()), ownName},
		"NEW in its PEM tag": {ecdsaKey(t, elliptic.P256()), asked},
	}
	for name, test := range tests {
		csr := newCSR(t, test.key, test.template)
		if strings.HasPrefix(name, "NEW") {
			csr = bytes.ReplaceAll(csr, []byte("CERTIFICATE REQUEST"), []byte("NEW CERTIFICATE REQUEST"))
		}
		certPEM, cert, err := a.IssueFromCSR(csr)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		raw := checkD3(t, a, certPEM, cert, c.now)
		parsed, err := ParseCSRPEM(csr)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw.TBS.Subject.FullBytes, parsed.RawSubject) {
			t.Errorf("%s: subject %x, want %x", name, raw.TBS.Subject.FullBytes, parsed.RawSubject)
		}
		if !samePublicKey(cert.PublicKey, test.key.Public()) {
			t.Errorf("%s: the certificate is for another key", name)
		}
	}
}

func TestIssueFromCSRRefusesWithATypedError(t *testing.T) {
	a, _ := newTestAuthority(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256 := ecdsaKey(t, elliptic.P256())
	good := newCSR(t, p256, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "dev"}})
	block, _ := pem.Decode(good)
	encode := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	// Another subject under the same signature.
	forged := bytes.Replace(bytes.Clone(block.Bytes), []byte("dev"), []byte("adm"), 1)
	large := &x509.CertificateRequest{Subject: pkix.Name{CommonName: strings.Repeat("x", 4096)}}
	tests := map[string]struct {
		csr  []byte
		want error
	}{
		"P-224":                {newCSR(t, ecdsaKey(t, elliptic.P224()), &x509.CertificateRequest{}), ErrUnsupportedKey},
		"Ed25519":              {newCSR(t, ed, &x509.CertificateRequest{}), ErrUnsupportedKey},
		"RSA 1024":             {newCSR(t, rsaKey(t, 1024), &x509.CertificateRequest{}), ErrUnsupportedKey},
		"forged":               {encode("CERTIFICATE REQUEST", forged), ErrBadSignature},
		"empty":                {nil, ErrMalformed},
		"certificate":          {a.CAPEM(), ErrMalformed},
		"private key":          {encode("PRIVATE KEY", block.Bytes), ErrMalformed},
		"two requests":         {append(bytes.Clone(good), good...), ErrMalformed},
		"text before":          {append([]byte("Subject: CN=dev\n"), good...), ErrMalformed},
		"text after":           {append(bytes.Clone(good), "more"...), ErrMalformed},
		"torn":                 {good[:len(good)/2], ErrMalformed},
		"DER cut":              {encode("CERTIFICATE REQUEST", block.Bytes[:40]), ErrMalformed},
		"DER with a tail":      {encode("CERTIFICATE REQUEST", append(bytes.Clone(block.Bytes), 0)), ErrMalformed},
		"longer than 4096":     {newCSR(t, p256, large), ErrMalformed},
		"padded beyond 4096":   {append(bytes.Clone(good), bytes.Repeat([]byte("\n"), 4096)...), ErrMalformed},
		"a header in the PEM":  {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Headers: map[string]string{"a": "b"}, Bytes: block.Bytes}), ErrMalformed},
		"SHA-1 in the request": {sha1CSR(t, block.Bytes), ErrUnsupportedSignature},
	}
	for name, test := range tests {
		certPEM, cert, err := a.IssueFromCSR(test.csr)
		if !errors.Is(err, test.want) || certPEM != nil || cert != nil {
			t.Errorf("%s: IssueFromCSR = %v, %v, want %v", name, cert, err, test.want)
		}
	}
}

// sha1CSR relabels the signature of a request as ecdsa-with-SHA1, whose object
// identifier is shorter by one byte; lengths are put right by encoding again.
func sha1CSR(t *testing.T, der []byte) []byte {
	t.Helper()
	var csr struct {
		Info      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &csr); err != nil {
		t.Fatal(err)
	}
	csr.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	der, err := asn1.Marshal(csr)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func TestIssueFailsWithoutRandomness(t *testing.T) {
	a, _ := newTestAuthority(t)
	a.random = strings.NewReader("")
	if _, _, _, cert, err := a.IssueKeysAndCertificate(); err == nil {
		t.Errorf("IssueKeysAndCertificate = %v, want an error", cert)
	}
	if _, cert, err := a.IssueFromCSR(newCSR(t, ecdsaKey(t, elliptic.P256()), &x509.CertificateRequest{})); err == nil {
		t.Errorf("IssueFromCSR = %v, want an error", cert)
	}
	if _, err := a.ServerCertificate([]string{"localhost"}); err == nil {
		t.Error("ServerCertificate gave no error")
	}
}

func FuzzCSR(f *testing.F) {
	a, _ := newTestAuthority(f)
	for _, key := range []crypto.Signer{ecdsaKey(f, elliptic.P256()), rsaKey(f, 2048)} {
		text := newCSR(f, key, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "dev"}, DNSNames: []string{"a"}})
		block, _ := pem.Decode(text)
		f.Add(text, false)
		f.Add(block.Bytes, true)
	}
	// With asDER the input is put in PEM first, so that changes reach the DER.
	f.Fuzz(func(t *testing.T, text []byte, asDER bool) {
		if asDER {
			text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: text})
		}
		_, cert, err := a.IssueFromCSR(text)
		if err == nil {
			err = VerifyIssuedBy(cert, a.device.cert)
			if err != nil || cert.IsCA || len(cert.Extensions) != 4 {
				t.Errorf("issued %v from %q: %v", cert.Subject, text, err)
			}
			return
		}
		checkTyped(t, text, err)
	})
}

func checkTyped(t *testing.T, text []byte, err error) {
	t.Helper()
	for _, kind := range []error{ErrMalformed, ErrUnsupportedKey, ErrUnsupportedSignature, ErrBadSignature, ErrNotCA} {
		if errors.Is(err, kind) {
			return
		}
	}
	t.Errorf("error %v for %q has no kind", err, text)
}

func BenchmarkIssue(b *testing.B) {
	a, _ := newTestAuthority(b)
	for _, curve := range []elliptic.Curve{elliptic.P256()} {
		csr := newCSR(b, ecdsaKey(b, curve), &x509.CertificateRequest{Subject: pkix.Name{CommonName: "dev"}})
		b.Run(fmt.Sprintf("CSR %s", curve.Params().Name), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := a.IssueFromCSR(csr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("RSA 2048 key", func(b *testing.B) {
		for b.Loop() {
			if _, err := a.keys.newKey(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
