package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// sender is an open target. It is used by one goroutine.
type sender interface {
	// send delivers messages in their order and returns how many of them, from
	// the first, the target has confirmed. An error says why not all; after it
	// the sender is closed and not used again.
	send(ctx context.Context, messages []Message) (confirmed int, err error)
	close()
}

// opener opens a target within the time of ctx.
type opener func(ctx context.Context) (sender, error)

// delivery brings the messages of one queue to one target.
type delivery struct {
	target *Target
	open   opener
	outbox Outbox
	log    *deliveryLog

	sender sender // nil: not open
	// after is the last sequence that was acknowledged: what is before it need
	// not be looked for again.
	after uint64
	// attempts counts failures since a message was last confirmed.
	attempts int
	// head is the first message of the queue that failed, and since when.
	head      uint64
	headSince time.Time

	delivered, failures, givenUp atomic.Uint64
}

// maxRead is the most messages taken from the outbox at once: enough to hide
// the round trip to a broker, few enough to send again.
const maxRead = 128

func newDelivery(t *Target, open opener, outbox Outbox, logger *slog.Logger) *delivery {
	return &delivery{target: t, open: open, outbox: outbox, log: &deliveryLog{logger: logger.With("target", t.Name)}}
}

// run delivers until waiting ends. sending is the context of what is under way
// then.
func (d *delivery) run(waiting, sending context.Context) {
	defer d.closeSender()
	for waiting.Err() == nil {
		// Asked for before the queue is read, so that no message is missed.
		changed := d.outbox.QueueChanged(d.target.Name)
		messages, err := d.outbox.Messages(waiting, d.target.Name, d.after, maxRead)
		d.log.drops(d.outbox.QueueStats(d.target.Name).Dropped)
		switch {
		case err != nil:
			err = fmt.Errorf("read the queue: %w", err)
		case len(messages) == 0:
			select {
			case <-changed:
			case <-waiting.Done():
			}
			continue
		default:
			err = d.deliver(sending, messages)
		}
		if err == nil || waiting.Err() != nil {
			continue
		}
		d.failures.Add(1)
		d.log.failure(err, d.outbox.QueueStats(d.target.Name).Length)
		pause(waiting, backoff(d.attempts))
		d.attempts++
	}
}

// deliver sends messages and acknowledges what the target confirmed.
func (d *delivery) deliver(ctx context.Context, messages []Message) error {
	err := d.opened(ctx)
	n := 0
	if err == nil {
		n, err = d.sender.send(ctx, messages)
	}
	if err != nil {
		d.closeSender()
	}
	if n > 0 {
		if failure := d.acknowledge(ctx, messages[:n]); failure != nil {
			return errors.Join(err, failure)
		}
		d.delivered.Add(uint64(n))
		d.attempts = 0
	}
	if err != nil {
		return errors.Join(err, d.giveUp(ctx, &messages[n]))
	}
	d.log.success()
	return nil
}

func (d *delivery) opened(ctx context.Context) error {
	if d.sender != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.target.timeout())
	defer cancel()
	s, err := d.open(ctx)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	d.sender = s
	return nil
}

func (d *delivery) closeSender() {
	if d.sender != nil {
		d.sender.close()
		d.sender = nil
	}
}

func (d *delivery) acknowledge(ctx context.Context, messages []Message) error {
	sequences := make([]uint64, len(messages))
	for i := range messages {
		sequences[i] = messages[i].Sequence
	}
	// What was confirmed is acknowledged, even if the server is going down.
	if err := d.outbox.Acknowledge(context.WithoutCancel(ctx), d.target.Name, sequences); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	d.after = sequences[len(sequences)-1]
	return nil
}

// giveUp drops the message that stands before the others, when it has failed
// for too long.
func (d *delivery) giveUp(ctx context.Context, m *Message) error {
	now := time.Now()
	if d.head != m.Sequence || d.headSince.IsZero() {
		d.head, d.headSince = m.Sequence, now
	}
	if d.target.GiveUpAfter == 0 || now.Sub(d.headSince) < d.target.GiveUpAfter {
		return nil
	}
	if err := d.acknowledge(ctx, []Message{*m}); err != nil {
		return err
	}
	d.givenUp.Add(1)
	return fmt.Errorf("gave up a message that failed for %v", d.target.GiveUpAfter)
}

// Bounds of the pause after a failure.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 30 * time.Second
)

// backoff is the pause after a number of failures in a row: it doubles, and
// half of it is random, so that many servers do not come back to a target at
// once.
func backoff(attempts int) time.Duration {
	pause := lastPause
	if attempts < 8 {
		pause = min(firstPause<<attempts, lastPause)
	}
	return pause/2 + rand.N(pause/2+1)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// deliveryLog writes what becomes of deliveries, at most a line a minute of
// each kind. It is used by one goroutine.
type deliveryLog struct {
	logger   *slog.Logger
	failed   time.Time // of the last line
	failing  bool      // a line told of it
	dropped  uint64    // that a line told of
	dropTold time.Time // when
}

const logEvery = time.Minute

// maxErrorBytes bounds an error in the log: part of it may be the broker's
// words.
const maxErrorBytes = 512

func (l *deliveryLog) failure(err error, queued int) {
	now := time.Now()
	if !l.failed.IsZero() && now.Sub(l.failed) < logEvery {
		return
	}
	l.failing, l.failed = true, now
	text := err.Error()
	if len(text) > maxErrorBytes {
		text = text[:maxErrorBytes] + "…"
	}
	l.logger.Warn("events are not delivered, and wait", "queued", queued, "error", text)
}

func (l *deliveryLog) success() {
	if l.failing {
		l.failing = false
		l.logger.Info("events are delivered again")
	}
}

// drops tells of messages that found the queue full.
func (l *deliveryLog) drops(total uint64) {
	now := time.Now()
	if total == l.dropped || !l.dropTold.IsZero() && now.Sub(l.dropTold) < logEvery {
		return
	}
	l.logger.Error("events were dropped: the queue is full", "dropped", total-l.dropped)
	l.dropped, l.dropTold = total, now
}
