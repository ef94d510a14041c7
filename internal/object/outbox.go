package object

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// The outbox holds messages for others until they are delivered. A message that
// belongs to a change of the index is written in the commit of that change, so
// that neither is there without the other.

// Message is something to deliver.
type Message struct {
	Queue string // 1 to 255 bytes
	Body  []byte
}

// QueuedMessage is a message in a queue.
type QueuedMessage struct {
	Sequence uint64 // grows within a queue
	Body     []byte
}

// QueueStats describes a queue.
type QueueStats struct {
	Length int // messages not acknowledged

	// Dropped is how many messages were not kept since the engine was opened,
	// because the queue was full.
	Dropped uint64
}

const maxQueueNameBytes = 255

// outbox is what is known of queues in memory.
type outbox struct {
	mu       sync.Mutex
	queues   map[string]*queue
	sequence uint64 // the last one given
}

type queue struct {
	length  int // with those on their way to disk
	dropped uint64
	changed chan struct{} // closed when messages have come
}

// queue returns the state of a queue. The caller holds mu.
func (o *outbox) queue(name string) *queue {
	q := o.queues[name]
	if q == nil {
		q = &queue{changed: make(chan struct{})}
		if o.queues == nil {
			o.queues = make(map[string]*queue)
		}
		o.queues[name] = q
	}
	return q
}

// reserve returns the sequence number of a message, 0 when the queue is full.
func (o *outbox) reserve(name string, most int) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.queue(name)
	if q.length >= most {
		q.dropped++
		return 0
	}
	q.length++
	o.sequence++
	return o.sequence
}

// enqueued tells those who wait for messages that these are durable.
func (o *outbox) enqueued(counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for name := range counts {
		q := o.queue(name)
		close(q.changed)
		q.changed = make(chan struct{})
	}
}

func queuePrefix(name string) []byte {
	return append([]byte{kindMessage, byte(len(name))}, name...)
}

func messageKey(name string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(queuePrefix(name), sequence)
}

// loadOutbox counts the messages that are there.
func (e *Engine) loadOutbox() error {
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kindMessage}, UpperBound: []byte{kindMessage + 1}})
	if err != nil {
		return err
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		row := iter.Key()
		if len(row) < 2 || len(row) != 2+int(row[1])+8 {
			return fmt.Errorf("message row: %w", ErrCorrupt)
		}
		e.outbox.queue(string(row[2:2+int(row[1])])).length++
		e.outbox.sequence = max(e.outbox.sequence, binary.BigEndian.Uint64(row[len(row)-8:]))
	}
	return iter.Error()
}

// enqueue writes the messages of a change; messages may be nil.
func (tx *transaction) enqueue(messages func(*Version) []Message, v *Version) {
	if messages != nil {
		tx.write(messages(v))
	}
}

func (tx *transaction) write(messages []Message) {
	e := tx.engine
	for i := range messages {
		m := &messages[i]
		sequence := e.outbox.reserve(m.Queue, e.cfg.MaxQueueMessages)
		if sequence == 0 {
			continue
		}
		tx.setUnread(messageKey(m.Queue, sequence), m.Body)
		if tx.messages == nil {
			tx.messages = make(map[string]int)
		}
		tx.messages[m.Queue]++
	}
}

// Enqueue puts messages into the outbox; they are durable on return, but for
// those that a full queue did not take.
func (e *Engine) Enqueue(ctx context.Context, messages []Message) error {
	for i := range messages {
		if n := len(messages[i].Queue); n == 0 || n > maxQueueNameBytes {
			return fmt.Errorf("enqueue: the name of a queue has %d bytes, not 1 to %d", n, maxQueueNameBytes)
		}
	}
	if err := e.admit(ctx, 0); err != nil {
		return err
	}
	_, err := e.commit(func(tx *transaction) error {
		tx.write(messages)
		return nil
	})
	return err
}

// Messages returns up to limit messages of a queue, those after a sequence number,
// in order.
func (e *Engine) Messages(ctx context.Context, queue string, after uint64, limit int) ([]QueuedMessage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if n := len(queue); n == 0 || n > maxQueueNameBytes {
		return nil, errors.New("messages: no such queue can be")
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	iter, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: append(messageKey(queue, after), 0), UpperBound: successor(queuePrefix(queue)),
	})
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	defer iter.Close()
	var list []QueuedMessage
	for valid := iter.First(); valid && len(list) < limit; valid = iter.Next() {
		row := iter.Key()
		value, err := iter.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read index: %w", err)
		}
		list = append(list, QueuedMessage{binary.BigEndian.Uint64(row[len(row)-8:]), append([]byte(nil), value...)})
	}
	if err := iter.Error(); err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	return list, nil
}

// Acknowledge removes messages that were delivered; that is durable on return.
// Each must have come from Messages and be acknowledged once.
func (e *Engine) Acknowledge(ctx context.Context, queue string, sequences []uint64) error {
	if len(sequences) == 0 {
		return nil
	}
	_, err := e.commit(func(tx *transaction) error {
		for _, sequence := range sequences {
			must(tx.batch.Delete(messageKey(queue, sequence), nil))
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.outbox.mu.Lock()
	defer e.outbox.mu.Unlock()
	q := e.outbox.queue(queue)
	q.length = max(q.length-len(sequences), 0)
	return nil
}

// QueueChanged returns a channel that is closed when messages have come into the
// queue after the call.
func (e *Engine) QueueChanged(queue string) <-chan struct{} {
	e.outbox.mu.Lock()
	defer e.outbox.mu.Unlock()
	return e.outbox.queue(queue).changed
}

// QueueStats describes a queue; one that was never used is empty.
func (e *Engine) QueueStats(queue string) QueueStats {
	e.outbox.mu.Lock()
	defer e.outbox.mu.Unlock()
	q := e.outbox.queue(queue)
	return QueueStats{Length: q.length, Dropped: q.dropped}
}
