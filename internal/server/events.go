package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"inro.dev/inro/internal/notify"
	"inro.dev/inro/internal/object"
)

// target is the target as package notify has it.
func (t *EventTargetConfig) target() notify.Target {
	return notify.Target{
		Name: t.Name, Type: t.Type, URL: t.URL, Timeout: t.Timeout.Duration, GiveUpAfter: t.GiveUpAfter.Duration,
		CA: t.CA, Certificate: t.Certificate, Key: t.Key,
		Username: t.Username, PasswordFile: t.PasswordFile, TokenFile: t.TokenFile, CredentialsFile: t.CredentialsFile,
		SigningKeyFile: t.SigningKeyFile, Batch: t.Batch, Topic: t.Topic, ClientID: t.ClientID,
		Subject: t.Subject, JetStream: t.JetStream, Exchange: t.Exchange, RoutingKey: t.RoutingKey,
	}
}

// maxEventTargets bounds the targets: each has a goroutine and metrics.
const maxEventTargets = 100

// maxQueueMessages bounds the bound of a queue.
const maxQueueMessages = 10_000_000

// allAccounts stands for every account in EventTargetConfig.Accounts.
const allAccounts = "*"

func (cfg *Config) checkEvents() []error {
	var errs []error
	if n := cfg.Events.MaxQueueMessages; n < 0 || n > maxQueueMessages {
		errs = append(errs, fmt.Errorf("events.max_queue_messages must be 1 to %d", maxQueueMessages))
	}
	if len(cfg.Events.Targets) > maxEventTargets {
		errs = append(errs, fmt.Errorf("events.targets: more than %d", maxEventTargets))
	}
	names := make(map[string]bool)
	for i := range cfg.Events.Targets {
		t := &cfg.Events.Targets[i]
		target := t.target()
		err := target.Check()
		if names[t.Name] {
			err = errors.Join(err, errors.New("there are two targets of this name"))
		}
		names[t.Name] = true
		for _, a := range t.Accounts {
			if a != allAccounts && !accountPattern.MatchString(a) {
				err = errors.Join(err, fmt.Errorf("account %q is not twelve digits, nor %q", a, allAccounts))
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("events.targets, %q: %w", t.Name, err))
		}
	}
	return errs
}

// startEvents begins to deliver what waits in the outbox.
func (s *Server) startEvents() error {
	var targets []notify.Target
	for i := range s.cfg.Events.Targets {
		targets = append(targets, s.cfg.Events.Targets[i].target())
	}
	dispatcher, err := notify.Start(notify.Config{Targets: targets, Outbox: outbox{s.objects}, Logger: s.logger})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, dispatcher)
	s.metrics.registry.MustRegister(&eventMetrics{dispatcher})
	return nil
}

// outbox shows the engine's outbox to package notify.
type outbox struct{ *object.Engine }

// Messages implements notify.Outbox.
func (o outbox) Messages(ctx context.Context, queue string, after uint64, limit int) ([]notify.Message, error) {
	list, err := o.Engine.Messages(ctx, queue, after, limit)
	messages := make([]notify.Message, len(list))
	for i := range list {
		messages[i] = notify.Message(list[i])
	}
	return messages, err
}

// QueueStats implements notify.Outbox.
func (o outbox) QueueStats(queue string) notify.QueueStats {
	return notify.QueueStats(o.Engine.QueueStats(queue))
}

// eventTargets tells package s3 which targets there are, and for whom.
type eventTargets struct {
	accounts map[string][]string // by target
	missed   prometheus.Counter
}

func (s *Server) newEventTargets() *eventTargets {
	t := &eventTargets{accounts: make(map[string][]string), missed: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "inro_events_without_target_total",
		Help: "Events not kept because the target in the bucket's configuration is gone, or not for its account any more.",
	})}
	for i := range s.cfg.Events.Targets {
		c := &s.cfg.Events.Targets[i]
		t.accounts[c.Name] = c.Accounts
		if len(c.Accounts) == 0 {
			t.accounts[c.Name] = []string{s.cfg.Account}
		}
	}
	s.metrics.registry.MustRegister(t.missed)
	return t
}

// Allows implements s3.Targets.
func (t *eventTargets) Allows(name, account string) bool {
	allowed := t.accounts[name]
	return slices.Contains(allowed, account) || slices.Contains(allowed, allAccounts)
}

// Missed implements s3.Targets.
func (t *eventTargets) Missed(string) { t.missed.Inc() }

// eventMetrics shows the state of the targets. Their names are the operator's, so
// there are as many labels as targets.
type eventMetrics struct{ dispatcher *notify.Dispatcher }

var (
	eventLabels    = []string{"target"}
	eventQueue     = prometheus.NewDesc("inro_event_queue_messages", "Messages that wait for a target.", eventLabels, nil)
	eventDelivered = prometheus.NewDesc("inro_events_delivered_total", "Messages that a target confirmed.", eventLabels, nil)
	eventFailures  = prometheus.NewDesc("inro_event_delivery_failures_total", "Attempts to deliver that failed.", eventLabels, nil)
	eventDropped   = prometheus.NewDesc("inro_events_dropped_total", "Messages dropped: the queue was full, or the target refused them for too long.", append(eventLabels, "reason"), nil)
)

// Describe implements prometheus.Collector.
func (m *eventMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{eventQueue, eventDelivered, eventFailures, eventDropped} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *eventMetrics) Collect(to chan<- prometheus.Metric) {
	for _, s := range m.dispatcher.Stats() {
		to <- prometheus.MustNewConstMetric(eventQueue, prometheus.GaugeValue, float64(s.Length), s.Target)
		to <- prometheus.MustNewConstMetric(eventDelivered, prometheus.CounterValue, float64(s.Delivered), s.Target)
		to <- prometheus.MustNewConstMetric(eventFailures, prometheus.CounterValue, float64(s.Failures), s.Target)
		to <- prometheus.MustNewConstMetric(eventDropped, prometheus.CounterValue, float64(s.Dropped), s.Target, "queue_full")
		to <- prometheus.MustNewConstMetric(eventDropped, prometheus.CounterValue, float64(s.GivenUp), s.Target, "given_up")
	}
}
