package sqlite

import (
	"context"
	"slices"
	"sync"

	"inro.dev/inro/internal/metastore"
)

// turns lets one Update at a time at the writing connection, first come first
// served. The zero value is ready.
type turns struct {
	mu      sync.Mutex
	taken   bool
	closed  bool
	waiting []chan struct{} // closed when its owner's turn has come
}

// take waits for a turn. If it returns nil, the caller must end the turn with
// pass or handOn.
func (t *turns) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return metastore.ErrClosed
	}
	mine := t.queue()
	t.mu.Unlock()

	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(t.waiting, mine)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 {
		return nil // the turn came first; who gave it relies on the caller to end it
	}
	return ctx.Err()
}

// queue takes a place in the queue. The caller holds t.mu.
func (t *turns) queue() chan struct{} {
	mine := make(chan struct{})
	if t.taken {
		t.waiting = append(t.waiting, mine)
	} else {
		t.taken = true
		close(mine)
	}
	return mine
}

// handOn gives the turn to the next in line, if there is one.
func (t *turns) handOn() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next()
}

// pass ends the turn.
func (t *turns) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = t.next()
}

// next wakes the next in line. The caller holds t.mu.
func (t *turns) next() bool {
	if len(t.waiting) == 0 {
		return false
	}
	close(t.waiting[0])
	t.waiting = slices.Delete(t.waiting, 0, 1)
	return true
}

// close lets nobody queue any more and takes the last turn, for good.
func (t *turns) close() {
	t.mu.Lock()
	t.closed = true
	mine := t.queue()
	t.mu.Unlock()
	<-mine
}
