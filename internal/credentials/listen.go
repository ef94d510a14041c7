package credentials

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

// Bounds of a connection. A request is a line and a few headers, an answer two
// kilobytes.
const (
	// headTimeout bounds the TLS handshake and, again, the head of a request.
	headTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
	// idleTimeout is how long a connection is kept without a request. Devices
	// ask once an hour, so it serves a fleet's start only.
	idleTimeout    = 30 * time.Second
	maxHeaderBytes = 16 << 10
	// maxStreams bounds the requests under way on one HTTP/2 connection.
	maxStreams = 32
)

// TLSConfig returns the TLS side of the endpoint (spec A.2): TLS 1.2 and 1.3;
// a client certificate is asked for, of any issuer, and judged by the handler;
// no session resumption, so that each connection proves possession of the key;
// HTTP/2, HTTP/1.1 or no ALPN at all.
func (e *Endpoint) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS12,
		GetCertificate:         e.cfg.GetCertificate,
		ClientAuth:             tls.RequestClientCert,
		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2", "http/1.1"},
	}
}

// Server returns an HTTP server of the endpoint with its bounds: 10 s for the
// handshake and for the head of a request, 16 KiB of headers, 30 s idle. Serve
// it with ServeTLS, on a listener that bounds the connections.
func (e *Endpoint) Server() *http.Server {
	return &http.Server{
		Handler: e,
		// "OPTIONS *" is refused in the endpoint's words too.
		DisableGeneralOptionsHandler: true,

		TLSConfig:         e.TLSConfig(),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       headTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(e.cfg.Logger.With("listener", "credentials").Handler(), slog.LevelDebug),
	}
}
