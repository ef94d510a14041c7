package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Config is what a Dispatcher is made of.
type Config struct {
	// Targets are the destinations. Their names differ.
	Targets []Target
	// Outbox holds their queues. Required.
	Outbox Outbox
	// Logger is told of failures, at most once a minute for each target.
	// Nil: slog.Default.
	Logger *slog.Logger
}

// Dispatcher delivers messages to targets.
type Dispatcher struct {
	deliveries []*delivery
	outbox     Outbox
	stop       context.CancelFunc // no new deliveries
	abort      context.CancelFunc // nor those under way
	running    sync.WaitGroup
}

// drainTimeout is how long Close lets deliveries under way come to their end.
const drainTimeout = 3 * time.Second

// Start checks the targets and begins to deliver to them. It fails when a
// target is wrong or a file of it cannot be read; that a target cannot be
// reached is no failure. Close the dispatcher before the outbox.
func Start(cfg Config) (*Dispatcher, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	d := &Dispatcher{outbox: cfg.Outbox}
	names := make(map[string]bool)
	for i := range cfg.Targets {
		t := cfg.Targets[i]
		err := t.Check()
		if err == nil && names[t.Name] {
			err = errors.New("there are two targets of this name")
		}
		if err == nil {
			_, err = t.secrets() // those that cannot be read now could not be later
		}
		if err != nil {
			return nil, fmt.Errorf("event target %q: %w", t.Name, err)
		}
		names[t.Name] = true
		t.warn(cfg.Logger)
		d.deliveries = append(d.deliveries, newDelivery(&t, t.opener(), cfg.Outbox, cfg.Logger))
	}
	d.start()
	return d, nil
}

func (d *Dispatcher) start() {
	// The dispatcher outlives whatever made it, until Close.
	sending, abort := context.WithCancel(context.Background())
	waiting, stop := context.WithCancel(sending)
	d.stop, d.abort = stop, abort
	for _, l := range d.deliveries {
		d.running.Go(func() { l.run(waiting, sending) })
	}
}

// Close ends all deliveries. What is not confirmed stays in the outbox.
func (d *Dispatcher) Close() error {
	d.stop()
	timer := time.AfterFunc(drainTimeout, d.abort)
	defer timer.Stop()
	d.running.Wait()
	d.abort()
	return nil
}

// TargetStats is what became of the messages for one target. Counts begin
// with the process.
type TargetStats struct {
	Target string
	QueueStats
	// Delivered counts messages that the target confirmed.
	Delivered uint64
	// Failures counts attempts that failed.
	Failures uint64
	// GivenUp counts messages dropped because the target refused them for
	// longer than GiveUpAfter.
	GivenUp uint64
}

// Stats returns the state of every target.
func (d *Dispatcher) Stats() []TargetStats {
	all := make([]TargetStats, len(d.deliveries))
	for i, l := range d.deliveries {
		all[i] = TargetStats{
			Target: l.target.Name, QueueStats: d.outbox.QueueStats(l.target.Name),
			Delivered: l.delivered.Load(), Failures: l.failures.Load(), GivenUp: l.givenUp.Load(),
		}
	}
	return all
}
