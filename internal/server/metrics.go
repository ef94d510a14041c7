package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/credentials"
)

// metrics are the server's Prometheus metrics. No label names a device, a
// caller, a bucket or a key: their number does not grow with the fleet.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	decisions   *prometheus.CounterVec
	credentials *prometheus.CounterVec
	issuing     prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "inro_requests_total", Help: "Requests served, by service, operation and HTTP status.",
		}, []string{"service", "operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "inro_request_seconds", Help: "Time from a request's head to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}, []string{"service", "operation"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "inro_decisions_total", Help: "Permissions decided, by service and outcome.",
		}, []string{"service", "decision"}),
		credentials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "inro_credentials_total", Help: "Answers of the credentials endpoint, by outcome: issued, or why refused.",
		}, []string{"outcome"}),
		issuing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "inro_credentials_seconds", Help: "Time to answer a request to the credentials endpoint, without the TLS handshake.",
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .1, 1},
		}),
	}
	for _, outcome := range credentials.Outcomes() {
		m.credentials.WithLabelValues(outcome.String())
	}
	m.registry.MustRegister(m.requests, m.seconds, m.decisions, m.credentials, m.issuing,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Exchanged implements [credentials.Observer].
func (m *metrics) Exchanged(outcome credentials.Outcome, took time.Duration) {
	m.credentials.WithLabelValues(outcome.String()).Inc()
	m.issuing.Observe(took.Seconds())
}

func (m *metrics) served(v *api.Served) {
	m.requests.WithLabelValues(v.Service, v.Operation, strconv.Itoa(v.Status)).Inc()
	m.seconds.WithLabelValues(v.Service, v.Operation).Observe(v.Duration.Seconds())
	if v.Allowed > 0 {
		m.decisions.WithLabelValues(v.Service, "allowed").Add(float64(v.Allowed))
	}
	if v.Denied > 0 {
		m.decisions.WithLabelValues(v.Service, "denied").Add(float64(v.Denied))
	}
}
