package server

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"inro.dev/inro/internal/lifecycle"
	"inro.dev/inro/internal/s3"
)

// newLifecycle makes the worker that follows the lifecycle rules of buckets.
func (s *Server) newLifecycle(buckets *s3.Service) *lifecycle.Worker {
	if d := s.cfg.S3.LifecycleDay.Duration; d != 0 && d != 24*time.Hour {
		s.logger.Warn("a day of lifecycle rules is not a day: s3.lifecycle_day is for trying rules out", "lasts", d)
	}
	return lifecycle.New(lifecycle.Config{
		Engine: s.objects, Store: s.store, Rules: buckets.LifecycleRules, Messages: buckets.LifecycleMessages,
		Day: lifecycle.Day(s.cfg.S3.LifecycleDay.Duration), Interval: s.cfg.S3.LifecycleInterval.Duration,
		ObjectsPerSecond: s.cfg.S3.LifecycleObjectsPerSecond,
		Observe:          newLifecycleMetrics(s.metrics.registry).observe, Logger: s.logger,
	})
}

// startLifecycle starts the worker. The function it returns stops it, and returns
// when it has let go of the stores.
func (s *Server) startLifecycle(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { s.lifecycle.Run(ctx) })
	return func() {
		cancel()
		done.Wait()
	}
}

// lifecycleMetrics are those of the lifecycle worker.
type lifecycleMetrics struct {
	passes  prometheus.Counter
	looked  prometheus.Counter
	failed  prometheus.Counter
	removed *prometheus.CounterVec
	kept    *prometheus.CounterVec
	seconds prometheus.Gauge
}

func newLifecycleMetrics(registry *prometheus.Registry) *lifecycleMetrics {
	m := &lifecycleMetrics{
		passes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "inro_lifecycle_passes_total", Help: "Passes over the buckets with lifecycle rules.",
		}),
		looked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "inro_lifecycle_looked_at_total", Help: "Versions and uploads that lifecycle passes looked at.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "inro_lifecycle_errors_total", Help: "Buckets and versions at which a lifecycle pass met an error.",
		}),
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "inro_lifecycle_removed_total", Help: "What lifecycle rules did: versions deleted, delete markers made, uploads aborted.",
		}, []string{"action"}),
		kept: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "inro_lifecycle_kept_total", Help: "Expired versions that stayed: under object lock, or changed meanwhile.",
		}, []string{"reason"}),
		seconds: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "inro_lifecycle_pass_seconds", Help: "Duration of the last lifecycle pass.",
		}),
	}
	registry.MustRegister(m.passes, m.looked, m.failed, m.removed, m.kept, m.seconds)
	return m
}

func (m *lifecycleMetrics) observe(r lifecycle.Report) {
	m.passes.Inc()
	m.looked.Add(float64(r.Looked))
	m.failed.Add(float64(r.Failed))
	m.removed.WithLabelValues("deleted").Add(float64(r.Deleted))
	m.removed.WithLabelValues("marked").Add(float64(r.Marked))
	m.removed.WithLabelValues("aborted").Add(float64(r.Aborted))
	m.kept.WithLabelValues("locked").Add(float64(r.Locked))
	m.kept.WithLabelValues("changed").Add(float64(r.Changed))
	m.seconds.Set(r.Took.Seconds())
}
