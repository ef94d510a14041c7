package hot

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// shard is a part of the cache with its own lock and bounds.
type shard struct {
	maxEntries, maxBytes int

	mu sync.RWMutex // guards what follows
	// entries are the answers kept, by the hash of their keys: of two keys
	// with one hash, only one is kept. They also form a queue in order of
	// arrival; hand is the next to be considered for eviction, nil for oldest.
	entries              map[uint64]*entry
	newest, oldest, hand *entry
	bytes                int
	// flights are the questions under way whose answers may be kept.
	flights map[key]*flight
	// pending counts the commits under way that touch a key.
	pending map[key]int
	closed  bool
}

// entry is an answer in memory.
type entry struct {
	key          key
	hash         uint64
	answer       *answer
	bytes        int
	used         atomic.Bool
	newer, older *entry // guarded by shard.mu
}

// flight is a question to the source that several readers wait for.
type flight struct {
	done chan struct{}
	// answer and err are set before done is closed.
	answer *answer
	err    error
}

func (s *shard) init(entries, bytes int) {
	s.maxEntries, s.maxBytes = max(entries, 1), bytes
	s.entries, s.flights, s.pending = map[uint64]*entry{}, map[key]*flight{}, map[key]int{}
}

// lookup returns the answer kept for k, or nil.
func (s *shard) lookup(k key, hash uint64) *answer {
	s.mu.RLock()
	e := s.entries[hash]
	s.mu.RUnlock()
	if e == nil || e.key != k {
		return nil
	}
	if !e.used.Load() { // do not take the cache line from other readers
		e.used.Store(true)
	}
	return e.answer
}

// errAbandoned is the result of a flight whose ask panicked.
var errAbandoned = errors.New("hot: read abandoned")

// load asks for k, together with others that do, and keeps the answer unless
// a commit overtook it.
func (s *shard) load(ctx context.Context, k key, hash uint64, ask func(key) (*answer, error)) (*answer, error) {
	for {
		s.mu.Lock()
		if e := s.entries[hash]; e != nil && e.key == k {
			s.mu.Unlock()
			return e.answer, nil
		}
		if s.pending[k] > 0 || s.closed {
			s.mu.Unlock()
			return ask(k)
		}
		f := s.flights[k]
		if f == nil {
			k = k.clone()
			f = &flight{done: make(chan struct{}), err: errAbandoned}
			s.flights[k] = f
			s.mu.Unlock()
			return s.fly(k, hash, f, ask)
		}
		s.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if f.err == nil {
			return f.answer, nil
		}
		// The other's failure may be its own, a context that ended: ask anew.
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// fly asks on behalf of everybody who waits for f.
func (s *shard) fly(k key, hash uint64, f *flight, ask func(key) (*answer, error)) (*answer, error) {
	defer func() {
		s.mu.Lock()
		if s.flights[k] == f { // no commit disowned it
			delete(s.flights, k)
			if f.err == nil {
				s.keep(k, hash, f.answer)
			}
		}
		s.mu.Unlock()
		close(f.done)
	}()
	f.answer, f.err = ask(k)
	return f.answer, f.err
}

// begin forgets k, disowns the question about it and lets nothing be kept.
func (s *shard) begin(k key, hash uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending[k]++
	delete(s.flights, k)
	if e := s.entries[hash]; e != nil && e.key == k {
		s.remove(e)
	}
}

// end undoes begin's ban.
func (s *shard) end(k key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending[k]--; s.pending[k] == 0 {
		delete(s.pending, k)
	}
}

func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.newest, s.oldest, s.hand, s.bytes = nil, nil, nil, 0
	clear(s.entries)
	clear(s.flights)
}

func (s *shard) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.entries)
}

// keep adds an answer and evicts others to make room. The caller holds s.mu,
// and there is no entry for k: its flight was the only one.
func (s *shard) keep(k key, hash uint64, a *answer) {
	e := &entry{key: k, hash: hash, answer: a, bytes: sizeBytes(k, a)}
	if e.bytes > s.maxBytes {
		return
	}
	if other := s.entries[hash]; other != nil {
		s.remove(other)
	}
	for len(s.entries) >= s.maxEntries || s.bytes+e.bytes > s.maxBytes {
		s.evict()
	}
	s.entries[hash] = e
	s.bytes += e.bytes
	e.older = s.newest
	if s.newest != nil {
		s.newest.newer = e
	} else {
		s.oldest = e
	}
	s.newest = e
}

// evict removes the first unused entry from the hand on, as SIEVE does
// (Zhang et al., NSDI 2024). There is at least one entry. The second round at
// the latest finds one, unless readers mark faster than the hand moves, so
// the walk is cut there.
func (s *shard) evict() {
	e := s.hand
	for range 2 * len(s.entries) {
		if e == nil {
			e = s.oldest
		}
		if !e.used.Swap(false) {
			break
		}
		e = e.newer
	}
	if e == nil {
		e = s.oldest
	}
	s.hand = e
	s.remove(e) // moves the hand on
}

// remove takes e out of the shard. The caller holds s.mu.
func (s *shard) remove(e *entry) {
	delete(s.entries, e.hash)
	s.bytes -= e.bytes
	if s.hand == e {
		s.hand = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		s.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		s.oldest = e.newer
	}
}
