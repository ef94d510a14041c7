package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"

	"inro.dev/inro/internal/secretfile"
)

// secrets are what a target's files hold.
type secrets struct {
	password, token string
	credentials     []byte
	signingKey      []byte
	tls             *tls.Config // nil without TLS
}

// Bounds of files.
const (
	maxSecretBytes = 16 << 10
	maxPEMBytes    = 1 << 20
)

// secrets reads the target's files.
func (t *Target) secrets() (*secrets, error) {
	var s secrets
	var err error
	if s.password, err = readSecret(t.PasswordFile); err != nil {
		return nil, err
	}
	if s.token, err = readSecret(t.TokenFile); err != nil {
		return nil, err
	}
	if t.CredentialsFile != "" {
		if s.credentials, err = secretfile.Read(t.CredentialsFile, maxSecretBytes); err != nil {
			return nil, fmt.Errorf("credentials_file: %w", err)
		}
	}
	if s.signingKey, err = readSigningKey(t.SigningKeyFile); err != nil {
		return nil, err
	}
	if t.secure() {
		s.tls, err = t.tlsConfig()
	}
	return &s, err
}

// readSecret reads a file of one line.
func readSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := secretfile.Read(path, maxSecretBytes)
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	line := strings.TrimRight(string(text), "\r\n")
	if line == "" || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("%s does not hold one line of text", path)
	}
	return line, nil
}

// signingKeyPrefix marks a key of a webhook (Standard Webhooks specification,
// "Signature scheme": 24 to 64 random bytes in base64).
const signingKeyPrefix = "whsec_"

func readSigningKey(path string) ([]byte, error) {
	text, err := readSecret(path)
	if err != nil || text == "" {
		return nil, err
	}
	encoded, ok := strings.CutPrefix(text, signingKeyPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, fmt.Errorf("%s does not hold %s and 24 to 64 bytes in base64", path, signingKeyPrefix)
	}
	return key, nil
}

// tlsConfig reads the certificates.
func (t *Target) tlsConfig() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		text, err := readFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.CA)
		}
	}
	if t.Certificate == "" {
		return cfg, nil
	}
	certificate, err := readFile(t.Certificate)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := secretfile.Read(t.Key, maxPEMBytes)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("certificate and key: %w", err)
	}
	cfg.Certificates = []tls.Certificate{pair}
	return cfg, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEMBytes+1))
	if err == nil && len(text) > maxPEMBytes {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxPEMBytes)
	}
	return text, err
}

// warn logs when secrets of the target go over the network in the clear.
func (t *Target) warn(logger *slog.Logger) {
	u, err := url.Parse(t.URL)
	if err != nil || t.secure() || u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback() {
		return
	}
	if t.PasswordFile != "" || t.TokenFile != "" || t.CredentialsFile != "" {
		logger.Warn("the credentials of an event target go over the network in the clear: use a URL with TLS", "target", t.Name)
	}
}

// opener returns what opens the target. Files are read again each time.
func (t *Target) opener() opener {
	open := map[string]func(context.Context, *Target, *secrets) (sender, error){
		Webhook: openWebhook, MQTT: openMQTT, NATS: openNATS, AMQP: openAMQP,
	}[t.Type]
	return func(ctx context.Context) (sender, error) {
		s, err := t.secrets()
		if err != nil {
			return nil, err
		}
		return open(ctx, t, s)
	}
}

// dial connects to the target's host, or to its default port.
func dial(ctx context.Context, t *Target, s *secrets, plainPort, securePort string) (net.Conn, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, errors.New("url cannot be read")
	}
	port := u.Port()
	switch {
	case port != "":
	case s.tls != nil:
		port = securePort
	default:
		port = plainPort
	}
	address := net.JoinHostPort(u.Hostname(), port)
	if s.tls != nil {
		return (&tls.Dialer{Config: s.tls}).DialContext(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}
