// Package console serves the operator's listener: liveness, readiness and
// metrics. It answers without authentication and says nothing of devices,
// callers or objects; bind it where only operators reach it.
//
//	GET /healthz   200 while the process serves
//	GET /readyz    200 when requests can be served, else 503 and why
//	GET /metrics   Prometheus text format
package console

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config is what the console shows.
type Config struct {
	// Ready returns nil when requests can be served. It is called for every
	// readiness request and given two seconds.
	Ready func(context.Context) error
	// Metrics are served at /metrics.
	Metrics prometheus.Gatherer
}

const readyTimeout = 2 * time.Second

// New returns the console's handler.
func New(cfg Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := cfg.Ready(ctx); err != nil {
			text(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		text(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{}))
	return mux
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(body + "\n")) // an error means that the client is gone
}
