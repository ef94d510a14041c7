package oidc

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// fetcher asks the hosts of one provider.
type fetcher struct {
	loopback    bool
	thumbprints []string
	ownHost     string // of the issuer
}

// maxHeaderBytes bounds the head of an answer.
const maxHeaderBytes = 32 << 10

// get returns the body of an answer, at most most bytes.
func (f *fetcher) get(ctx context.Context, address string, most int64) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not a URL that can be asked", clip(address))
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !f.loopback) {
		return nil, fmt.Errorf("the URL %q is not https", clip(address))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	client := http.Client{
		Transport: f.transport(u),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it redirects, and redirects are not followed")
		},
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", u.Host, answer.Status)
	}
	var body bytes.Buffer
	n, err := io.Copy(&body, io.LimitReader(answer.Body, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("%s answered more than %d bytes", u.Host, most)
	}
	return body.Bytes(), err
}

// transport is for one request: the next may have other thumbprints.
func (f *fetcher) transport(u *url.URL) *http.Transport {
	rule := dialRule{loopback: f.loopback, loopbackOnly: u.Scheme == "http", private: strings.EqualFold(u.Hostname(), f.ownHost)}
	dialer := &net.Dialer{Timeout: fetchTimeout, Control: rule.control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        f.tlsConfig(u.Hostname()),
		TLSHandshakeTimeout:    fetchTimeout,
		ResponseHeaderTimeout:  fetchTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableKeepAlives:      true,
		DisableCompression:     true,
	}
}

// dialRule says which addresses may be connected to. It sees them after names
// were resolved, so that no name leads around it.
type dialRule struct {
	loopback, loopbackOnly, private bool
}

// control implements net.Dialer.Control.
func (d *dialRule) control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	if !d.allows(target.Addr().Unmap().WithZone("")) {
		return fmt.Errorf("the address %s is not one that an issuer may have", target.Addr())
	}
	return nil
}

// sharedSpace is carriers' (RFC 6598), private in all but name.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

func (d *dialRule) allows(ip netip.Addr) bool {
	switch {
	case ip.IsLoopback():
		return d.loopback
	case d.loopbackOnly:
		return false
	case ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	case ip.IsPrivate(), sharedSpace.Contains(ip):
		return d.private
	}
	return true
}

// tlsConfig verifies a host's certificate by the system's roots or, if these do
// not know it, by a thumbprint of the certificate at the top of its chain (IAM
// User Guide, Obtain the thumbprint for an OpenID Connect identity provider).
func (f *fetcher) tlsConfig(host string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: host,
		// VerifyConnection does the same and more.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return verifyChain(state.PeerCertificates, host, f.thumbprints)
		},
	}
}

// verifyChain verifies the certificates that a host presents, its own first.
func verifyChain(chain []*x509.Certificate, host string, thumbprints []string) error {
	if len(chain) == 0 {
		return errors.New("the host presents no certificate")
	}
	options := x509.VerifyOptions{DNSName: host, Intermediates: x509.NewCertPool(), CurrentTime: time.Now()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(options)
	if err == nil {
		return nil
	}
	top := chain[len(chain)-1]
	if !hasThumbprint(thumbprints, top) {
		return err
	}
	options.Roots = x509.NewCertPool()
	options.Roots.AddCert(top)
	_, err = chain[0].Verify(options)
	return err
}

// hasThumbprint says whether the SHA-1 hash of a certificate is among
// thumbprints. SHA-1 is what AWS's API has; to pass, an attacker needs a second
// preimage, not a collision.
func hasThumbprint(thumbprints []string, c *x509.Certificate) bool {
	sum := sha1.Sum(c.Raw)
	text := hex.EncodeToString(sum[:])
	for _, t := range thumbprints {
		if strings.EqualFold(t, text) {
			return true
		}
	}
	return false
}
