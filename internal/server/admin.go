package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"inro.dev/inro/internal/admin"
	"inro.dev/inro/internal/sigv4"
)

// callTimeout bounds one call of the command line to the server.
const callTimeout = time.Minute

// AdminClient returns a client of the running server's own API with the root
// key of the data folder.
func AdminClient(cfg Config) (*admin.Client, error) {
	a, err := readAddresses(cfg.Data)
	if err != nil {
		return nil, err
	}
	key, err := keptRootKey(&cfg)
	if err != nil {
		return nil, err
	}
	bundle := ""
	if a.APITLS {
		bundle = a.CABundle
	}
	return newAdminClient(a.APIURL, a.Region, bundle, sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey})
}

// AdminClientFromEnv returns a client of the server that the variables of the
// AWS command line point to. It reports false when they name none.
func AdminClientFromEnv(getenv func(string) string) (*admin.Client, bool, error) {
	url := getenv("AWS_ENDPOINT_URL")
	credentials := sigv4.Credentials{
		AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: getenv("AWS_SESSION_TOKEN"),
	}
	if url == "" || credentials.AccessKeyID == "" || credentials.SecretAccessKey == "" {
		return nil, false, nil
	}
	region := getenv("AWS_REGION")
	if region == "" {
		region = getenv("AWS_DEFAULT_REGION")
	}
	if region == "" {
		region = "us-east-1" // only the signature holds it
	}
	client, err := newAdminClient(url, region, getenv("AWS_CA_BUNDLE"), credentials)
	return client, true, err
}

func newAdminClient(url, region, bundle string, credentials sigv4.Credentials) (*admin.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if bundle != "" {
		text, err := os.ReadFile(bundle)
		if err != nil {
			return nil, fmt.Errorf("CA bundle: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("CA bundle: %s holds no certificate", bundle)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	client := &http.Client{Transport: transport, Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the server redirects, which Inro does not")
	}}
	return &admin.Client{URL: url, Region: region, Credentials: credentials, HTTP: client}, nil
}
