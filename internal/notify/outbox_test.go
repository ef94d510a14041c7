package notify

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
)

// memoryOutbox is an Outbox in memory.
type memoryOutbox struct {
	mu      sync.Mutex
	most    int // per queue; 0: no bound
	next    uint64
	queues  map[string][]Message
	dropped map[string]uint64
	changed map[string]chan struct{}
	broken  bool // Acknowledge fails
}

func newMemoryOutbox() *memoryOutbox {
	return &memoryOutbox{queues: make(map[string][]Message), dropped: make(map[string]uint64), changed: make(map[string]chan struct{})}
}

func (o *memoryOutbox) enqueue(queue string, bodies ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, body := range bodies {
		if o.most > 0 && len(o.queues[queue]) >= o.most {
			o.dropped[queue]++
			continue
		}
		o.next++
		o.queues[queue] = append(o.queues[queue], Message{o.next, []byte(body)})
	}
	if c := o.changed[queue]; c != nil {
		close(c)
		delete(o.changed, queue)
	}
}

func (o *memoryOutbox) Messages(ctx context.Context, queue string, after uint64, limit int) ([]Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var page []Message
	for _, m := range o.queues[queue] {
		if m.Sequence > after && len(page) < limit {
			page = append(page, m)
		}
	}
	return page, nil
}

var errOutbox = errors.New("the outbox is broken")

func (o *memoryOutbox) Acknowledge(_ context.Context, queue string, sequences []uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return errOutbox
	}
	o.queues[queue] = slices.DeleteFunc(o.queues[queue], func(m Message) bool { return slices.Contains(sequences, m.Sequence) })
	return nil
}

func (o *memoryOutbox) setBroken(broken bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = broken
}

func (o *memoryOutbox) QueueChanged(queue string) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed[queue] == nil {
		o.changed[queue] = make(chan struct{})
	}
	return o.changed[queue]
}

func (o *memoryOutbox) QueueStats(queue string) QueueStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	return QueueStats{len(o.queues[queue]), o.dropped[queue]}
}

var discard = slog.New(slog.DiscardHandler)
