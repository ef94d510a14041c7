package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of the API and console listeners. Bodies have no deadline as a whole: a
// large upload over a slow link is legitimate. Package api ends those that stand
// still.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	// drainTimeout is how long requests in flight may take at shutdown.
	drainTimeout = 30 * time.Second
)

// listener is one bound address with its HTTP server.
type listener struct {
	name string
	net  net.Listener
	http *http.Server
	tls  bool
}

// bind listens at once, so that an address in use is known before anything
// is served.
func bind(name, address string, server *http.Server) (*listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &listener{name: name, net: bounded(l, openConnections(), writeStall), http: server, tls: server.TLSConfig != nil}, nil
}

// httpServer returns a server with the bounds of this package.
func httpServer(name string, handler http.Handler, tlsConfig *tls.Config, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.With("listener", name).Handler(), slog.LevelDebug),
	}
}

// serve blocks until shutdown.
func (l *listener) serve() error {
	var err error
	if l.tls {
		err = l.http.ServeTLS(l.net, "", "")
	} else {
		err = l.http.Serve(l.net)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", l.name, err)
}

// shutdown stops accepting and waits for requests in flight.
func (l *listener) shutdown(ctx context.Context) error {
	if err := l.http.Shutdown(ctx); err != nil {
		l.http.Close() // the deadline passed: cut what remains
		return fmt.Errorf("%s: requests were cut off: %w", l.name, err)
	}
	return nil
}

// address is what the listener is bound to, with the port that the system
// chose when port 0 was asked for.
func (l *listener) address() string { return l.net.Addr().String() }
