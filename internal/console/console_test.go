package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"inro.dev/inro/internal/console"
)

func TestConsoleAnswersHealthReadinessAndMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "things_total", Help: "h"})
	registry.MustRegister(counter)
	var broken error
	h := console.New(console.Config{Ready: func(context.Context) error { return broken }, Metrics: registry})
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		path   string
		broken error
		status int
		body   string
	}{
		{"/healthz", nil, 200, "ok"},
		{"/readyz", nil, 200, "ready"},
		{"/readyz", errors.New("the disk is full"), 503, "the disk is full"},
		{"/metrics", nil, 200, "things_total 0"},
		{"/else", nil, 404, ""},
	} {
		broken = c.broken
		status, body := get(c.path)
		if status != c.status || !strings.Contains(body, c.body) {
			t.Errorf("GET %s = %d %q, want %d with %q", c.path, status, body, c.status, c.body)
		}
	}
}
