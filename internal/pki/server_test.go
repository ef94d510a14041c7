package pki

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/secretfile"
)

func TestServerCertificateIsTrustedThroughTheCA(t *testing.T) {
	a, c := newTestAuthority(t)
	get, err := a.GetCertificate([]string{"localhost", "*.S3.localhost", "127.0.0.1", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.CAPEM()) {
		t.Fatal("CAPEM is not a certificate")
	}
	for name, trusted := range map[string]bool{
		"localhost": true, "bucket.s3.localhost": true, "127.0.0.1": true, "::1": true,
		"example.com": false, "127.0.0.2": false, "s3.localhost": false,
	} {
		err := handshake(t, get, &tls.Config{RootCAs: roots, ServerName: name, Time: c.Now})
		if (err == nil) != trusted {
			t.Errorf("handshake as %s: error %v, want trusted = %v", name, err, trusted)
		}
	}
	// The device CA vouches for no server.
	devices := x509.NewCertPool()
	devices.AppendCertsFromPEM(a.DeviceCAPEM())
	if err := handshake(t, get, &tls.Config{RootCAs: devices, ServerName: "localhost", Time: c.Now}); err == nil {
		t.Error("a client that trusts the device CA trusts the server")
	}
}

// handshake runs a TLS handshake and returns the client's error. It goes over
// TCP because a net.Pipe, which has no buffer, blocks both sides when the
// client sends an alert.
func handshake(t *testing.T, get func(*tls.ClientHelloInfo) (*tls.Certificate, error), client *tls.Config) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: get})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		// Its error is the client's, seen from the other side.
		_ = conn.(*tls.Conn).Handshake()
		conn.Close()
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err == nil {
		err = conn.Close()
	}
	<-done
	return err
}

func TestServerCertificateHasTheFieldsClientsCheck(t *testing.T) {
	a, c := newTestAuthority(t)
	cert, err := a.ServerCertificate([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	leaf := cert.Leaf
	if leaf.IsCA || !leaf.BasicConstraintsValid || leaf.KeyUsage != x509.KeyUsageDigitalSignature ||
		!slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("CA %v, key usage %v, extended key usage %v", leaf.IsCA, leaf.KeyUsage, leaf.ExtKeyUsage)
	}
	if leaf.PublicKeyAlgorithm != x509.ECDSA || leaf.SignatureAlgorithm != x509.ECDSAWithSHA256 {
		t.Errorf("key %v, signature %v, want ECDSA, ECDSA-SHA256", leaf.PublicKeyAlgorithm, leaf.SignatureAlgorithm)
	}
	if string(leaf.AuthorityKeyId) != string(a.server.cert.SubjectKeyId) || len(leaf.SubjectKeyId) != 20 {
		t.Errorf("authority key id %x, subject key id %x", leaf.AuthorityKeyId, leaf.SubjectKeyId)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 398*24*time.Hour || !leaf.NotBefore.Before(c.now) {
		t.Errorf("valid from %v for %v at %v", leaf.NotBefore, life, c.now)
	}
	root := a.server.cert
	if !root.IsCA || !root.MaxPathLenZero || root.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("root: CA %v, path length 0 %v, key usage %v", root.IsCA, root.MaxPathLenZero, root.KeyUsage)
	}
}

func TestServerCertificateIsKeptWhileHostsAreEqual(t *testing.T) {
	a, c := newTestAuthority(t)
	first := serverCertificate(t, a, "localhost", "127.0.0.1")
	restarted, err := LoadOrCreate(a.dir, c.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again := serverCertificate(t, restarted, "127.0.0.1", "LOCALHOST", "localhost"); again != first {
		t.Error("after a restart the same hosts got another certificate")
	}
	if other := serverCertificate(t, restarted, "localhost"); other == first {
		t.Error("other hosts got the same certificate")
	}
	info, err := os.Stat(onlyLeaf(t, a, "127.0.0.1", "localhost"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("leaf file has mode %v, %v, want 0600", info.Mode(), err)
	}
}

func serverCertificate(t *testing.T, a *Authority, hosts ...string) string {
	t.Helper()
	cert, err := a.ServerCertificate(hosts)
	if err != nil {
		t.Fatal(err)
	}
	if !samePublicKey(cert.Leaf.PublicKey, cert.PrivateKey.(crypto.Signer).Public()) {
		t.Error("key and certificate differ")
	}
	return CertificateID(cert.Certificate[0])
}

func onlyLeaf(t *testing.T, a *Authority, hosts ...string) string {
	t.Helper()
	normal, err := normalizeHosts(hosts)
	if err != nil {
		t.Fatal(err)
	}
	return a.leafPath(normal)
}

func TestServerCertificateIsIssuedAgainWhenTheFileIsUseless(t *testing.T) {
	a, _ := newTestAuthority(t)
	first := serverCertificate(t, a, "localhost")
	path := onlyLeaf(t, a, "localhost")
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := serverCertificate(t, a, "localhost")
	if second == first {
		t.Error("the first certificate came back from a damaged file")
	}
	// A leaf of other hosts or of another CA under this name does not serve.
	for name, foreign := range map[string]func() string{
		"other hosts": func() string { serverCertificate(t, a, "other"); return onlyLeaf(t, a, "other") },
		"another CA": func() string {
			b, _ := newTestAuthority(t)
			serverCertificate(t, b, "localhost")
			return onlyLeaf(t, b, "localhost")
		},
	} {
		text, err := os.ReadFile(foreign())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, was, err := readKeyPair(path)
		if err != nil {
			t.Fatal(err)
		}
		if serverCertificate(t, a, "localhost") == CertificateID(was.Raw) {
			t.Errorf("%s: a foreign leaf was served", name)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ServerCertificate([]string{"localhost"}); !errors.Is(err, secretfile.ErrPermissions) {
		t.Errorf("readable by others: error %v, want ErrPermissions", err)
	}
}

func TestGetCertificateRenewsBeforeTheEnd(t *testing.T) {
	a, c := newTestAuthority(t)
	get, err := a.GetCertificate([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		t.Helper()
		cert, err := get(nil)
		if err != nil {
			t.Fatalf("at %v: %v", c.now, err)
		}
		return cert.Leaf.SerialNumber.String()
	}
	first := serial()
	end := start.Add(-backdate).Add(leafLifetime)
	c.now = end.Add(-renewBefore - time.Second)
	if serial() != first {
		t.Error("renewed too early")
	}

	// While the folder cannot be written, the certificate in use stays.
	moved := a.dir + "-moved"
	if err := os.Rename(a.dir, moved); err != nil {
		t.Fatal(err)
	}
	c.now = end.Add(-renewBefore)
	if serial() != first {
		t.Error("a failed renewal changed the certificate")
	}
	if err := os.Rename(moved, a.dir); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(renewRetry - time.Second)
	if serial() != first {
		t.Error("renewal was tried again before its time")
	}
	c.now = c.now.Add(time.Second)
	second := serial()
	if second == first {
		t.Error("not renewed 90 days before the end")
	}

	// An edge box was off for years, and one's clock was set back.
	c.now = c.now.Add(5 * 365 * 24 * time.Hour)
	third := serial()
	if third == second {
		t.Error("not renewed after the end")
	}
	c.now = start
	if serial() == third {
		t.Error("a certificate from the future is served")
	}

	// After the end there is nothing to fall back on.
	c.now = start.Add(3 * leafLifetime)
	if err := os.Rename(a.dir, moved); err != nil {
		t.Fatal(err)
	}
	if cert, err := get(nil); err == nil {
		t.Errorf("an expired certificate until %v was served", cert.Leaf.NotAfter)
	}
	if err := os.Rename(moved, a.dir); err != nil {
		t.Fatal(err)
	}
}

func TestOldLeavesAreDropped(t *testing.T) {
	a, c := newTestAuthority(t)
	serverCertificate(t, a, "192.0.2.1")
	c.now = c.now.Add(leafLifetime)
	serverCertificate(t, a, "192.0.2.2")
	leaves, err := filepath.Glob(filepath.Join(a.dir, "leaf-*"))
	if err != nil || !slices.Equal(leaves, []string{onlyLeaf(t, a, "192.0.2.2")}) {
		t.Errorf("leaves %v, %v, want the new one alone", leaves, err)
	}
	if _, err := LoadOrCreate(a.dir, c.Now, nil); err != nil {
		t.Errorf("the CAs do not load any more: %v", err)
	}
}

func TestServerCertificateRefusesWhatIsNoHost(t *testing.T) {
	a, _ := newTestAuthority(t)
	for _, host := range []string{
		"", " ", "localhost:9000", "[::1]", "http://localhost", "a..b", ".a", "a.", "*", "a.*.b", "**.a",
		"-a", "a-", "ü.example", "a b", "a/b", "127.0.0.1/8", strings.Repeat("a", 64), strings.Repeat("a.", 126) + "a",
	} {
		if cert, err := a.ServerCertificate([]string{host}); err == nil {
			t.Errorf("ServerCertificate(%q) is for %v, want an error", host, cert.Leaf.DNSNames)
		}
	}
	if _, err := a.ServerCertificate(nil); err == nil {
		t.Error("ServerCertificate of no host gave no error")
	}
	if _, err := a.ServerCertificate(make([]string, maxHosts+1)); err == nil {
		t.Error("ServerCertificate of too many hosts gave no error")
	}
}
