package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"inro.dev/inro/internal/secretfile"
)

const (
	// leafLifetime stays below the 398 days that browsers accept, although
	// they except private CAs so far.
	leafLifetime = 397 * 24 * time.Hour
	// renewBefore is how long before its end a leaf is issued anew.
	renewBefore = 90 * 24 * time.Hour
	// renewRetry is how long a failed renewal is not tried again.
	renewRetry = time.Minute
	// maxHosts bounds the names in one certificate.
	maxHosts = 100
)

// ServerCertificate returns the certificate for hosts, issuing it when there is
// none that is fresh: ECDSA P-256, extended key usage serverAuth, valid 397
// days, renewed when fewer than 90 are left. The order and the case of hosts do
// not matter. A host is a DNS name, a wildcard such as *.s3.localhost, or an IP
// address, without a port. The certificate is kept, so a restart serves the
// same one.
func (a *Authority) ServerCertificate(hosts []string) (tls.Certificate, error) {
	hosts, err := normalizeHosts(hosts)
	if err != nil {
		return tls.Certificate{}, err
	}
	a.leaves.Lock()
	defer a.leaves.Unlock()
	path := a.leafPath(hosts)
	key, leaf, err := readKeyPair(path)
	switch {
	case err == nil && a.serves(leaf, hosts):
		return tlsCertificate(key, leaf), nil
	case errors.Is(err, secretfile.ErrPermissions):
		return tls.Certificate{}, err
	}
	// Whatever else is wrong with the file, nothing is lost with it.
	return a.issueLeaf(path, hosts)
}

// GetCertificate returns a function for tls.Config.GetCertificate that serves
// the certificate for hosts and renews it before it ends, without a restart. A
// renewal that fails is tried again a minute later while the certificate in use
// is still valid. The function answers every server name alike.
func (a *Authority) GetCertificate(hosts []string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	cert, err := a.ServerCertificate(hosts)
	if err != nil {
		return nil, err
	}
	r := &renewal{authority: a, hosts: slices.Clone(hosts), cert: &cert}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return r.get() }, nil
}

// renewal is a certificate in use.
type renewal struct {
	authority *Authority
	hosts     []string

	mu      sync.Mutex // guards the two below
	cert    *tls.Certificate
	retryAt time.Time
}

func (r *renewal) get() (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.authority.now()
	if isFresh(r.cert.Leaf, now) {
		return r.cert, nil
	}
	usable := now.Before(r.cert.Leaf.NotAfter)
	if usable && now.Before(r.retryAt) {
		return r.cert, nil
	}
	cert, err := r.authority.ServerCertificate(r.hosts)
	if err != nil {
		r.retryAt = now.Add(renewRetry)
		if usable {
			return r.cert, nil
		}
		return nil, fmt.Errorf("renew the server certificate: %w", err)
	}
	r.cert, r.retryAt = &cert, time.Time{}
	return r.cert, nil
}

// isFresh is also false for a certificate from the future, which an edge box
// may have issued before its clock was set.
func isFresh(leaf *x509.Certificate, now time.Time) bool {
	return !now.Before(leaf.NotBefore) && now.Before(leaf.NotAfter.Add(-renewBefore))
}

// serves says whether leaf is what issueLeaf would make for hosts now.
func (a *Authority) serves(leaf *x509.Certificate, hosts []string) bool {
	return isFresh(leaf, a.now()) && leaf.CheckSignatureFrom(a.server.cert) == nil &&
		slices.Equal(hosts, leafHosts(leaf))
}

// leafHosts returns the names of a leaf in the order of normalizeHosts.
func leafHosts(leaf *x509.Certificate) []string {
	hosts := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	slices.Sort(hosts)
	return hosts
}

// issueLeaf makes a leaf and its file; a.leaves is held.
func (a *Authority) issueLeaf(path string, hosts []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), a.random)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a server key: %w", err)
	}
	serial, err := newSerial(a.random)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyID, err := subjectKeyID(key.Public())
	if err != nil {
		return tls.Certificate{}, err
	}
	notBefore := a.now().Add(-backdate)
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Inro server"},
		NotBefore:             notBefore,
		NotAfter:              notBefore.Add(leafLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		SubjectKeyId:          keyID,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := a.sign(template, a.server, key.Public())
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign a server certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	text, err := encodeKeyPair(key, der)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := secretfile.Replace(path, text); err != nil {
		return tls.Certificate{}, err
	}
	a.dropOldLeaves(path)
	return tlsCertificate(key, leaf), nil
}

func tlsCertificate(key crypto.Signer, leaf *x509.Certificate) tls.Certificate {
	// The CA is left out: whoever trusts it has it.
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// dropOldLeaves removes the files of leaves that have ended, such as those for
// addresses that the machine no longer has. What cannot be read or removed
// stays: it does no harm.
func (a *Authority) dropOldLeaves(except string) {
	paths, err := filepath.Glob(filepath.Join(a.dir, "leaf-*.key"))
	if err != nil {
		return
	}
	for _, path := range paths {
		_, leaf, err := readKeyPair(path)
		if err == nil && path != except && a.now().After(leaf.NotAfter) {
			os.Remove(path)
		}
	}
}

func (a *Authority) leafPath(hosts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(hosts, "\n")))
	return filepath.Join(a.dir, "leaf-"+hex.EncodeToString(sum[:8])+".key")
}

// normalizeHosts checks hosts and returns them in one spelling, sorted, each
// once.
func normalizeHosts(hosts []string) ([]string, error) {
	if len(hosts) == 0 || len(hosts) > maxHosts {
		return nil, fmt.Errorf("a server certificate needs 1 to %d hosts, not %d", maxHosts, len(hosts))
	}
	normal := make([]string, 0, len(hosts))
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			normal = append(normal, ip.String())
			continue
		}
		if !isDNSName(host) {
			return nil, fmt.Errorf("%q is neither a DNS name nor an IP address", host)
		}
		normal = append(normal, strings.ToLower(host))
	}
	slices.Sort(normal)
	return slices.Compact(normal), nil
}

// isDNSName accepts host names in ASCII, with underscores, which container
// names have, and with a wildcard as the whole first label of several.
func isDNSName(host string) bool {
	if rest, found := strings.CutPrefix(host, "*."); found {
		host = rest
	}
	if host == "" || len(host) > 253-len("*.") {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			letter := 'a' <= c|0x20 && c|0x20 <= 'z'
			if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
