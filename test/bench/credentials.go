package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"inro.dev/inro/internal/sigv4"
	"inro.dev/inro/test/rig"
)

// credentials compares issuing with a bare TLS server, over new connections
// and over kept-alive ones.
func (b *bench) credentials(ctx context.Context) error {
	device, err := b.enrol(ctx)
	if err != nil {
		return fmt.Errorf("enrol a device: %w", err)
	}
	printHead("credentials, 16 connections", "bare TLS")
	host, port, err := net.SplitHostPort(b.inro.credentials)
	if err != nil {
		return err
	}
	for _, mode := range []struct {
		name      string
		keepAlive bool
	}{{"new connection each", false}, {"kept alive", true}} {
		inro, err := tlsClient(device, b.inro.ca, host, "127.0.0.1:"+port, mode.keepAlive)
		if err != nil {
			return err
		}
		bare, err := tlsClient(device, filepath.Join(b.dir, "bare", "pki", "server-ca.pem"), "localhost", b.bare.TLS, mode.keepAlive)
		if err != nil {
			return err
		}
		a, c, err := compare(ctx, b.round, connections,
			fetch(inro, "https://"+host+"/role-aliases/bench/credentials"), fetch(bare, "https://localhost/"))
		if err != nil {
			return err
		}
		printRow(mode.name, a, c)
	}
	return nil
}

func fetch(client *http.Client, url string) operation {
	return func(ctx context.Context, _, _ int) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		r.Header.Set("x-amzn-iot-thingname", "bench")
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", answer.Status)
		}
		return nil
	}
}

func tlsClient(device tls.Certificate, caFile, serverName, address string, keepAlive bool) (*http.Client, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("no CA in " + caFile)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: serverName, Certificates: []tls.Certificate{device}},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		},
		DisableKeepAlives:   !keepAlive,
		MaxIdleConnsPerHost: connections,
	}}, nil
}

// enrol makes a thing with a certificate that may assume a role.
func (b *bench) enrol(ctx context.Context) (tls.Certificate, error) {
	client := rig.NewAWS(b.inro.env["AWS_ENDPOINT_URL"], sigv4.Credentials{
		AccessKeyID: b.inro.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: b.inro.env["AWS_SECRET_ACCESS_KEY"],
	}, b.inro.env["AWS_DEFAULT_REGION"])
	d, err := client.Enrol(ctx, "bench", strings.ReplaceAll(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::B/${credentials-iot:ThingName}/*"}]}`, "B", bucket))
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair([]byte(d.CertificatePEM), []byte(d.PrivateKeyPEM))
}
