package object

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// groupBytes and groupOps bound what is joined to one batch.
	groupBytes = 4 << 20
	groupOps   = 512

	// A group may wait for writers that are expected back 1/gatherShare of the
	// time a sync takes, at most gatherMost.
	gatherShare = 4
	gatherMost  = 200 * time.Microsecond
)

// errNextGroup is what a mutation returns, before any write, when it needs a row
// whole that its own group has written. It is then run first in the next group.
var errNextGroup = errors.New("next group")

// mutation is a change of the index. It runs on the committer's goroutine, one at
// a time, and sees all earlier ones. It must make all its checks before its first
// write: an error after a write is a broken invariant. Slices that it writes must
// stay unchanged until it is settled.
type mutation func(tx *transaction) error

// op is a mutation on its way through the committer.
type op struct {
	run mutation
	// alone asks for a transaction whose iterators see all earlier mutations.
	alone bool
	err   error
	done  chan struct{} // receives one value when settled
}

// transaction is one group of mutations.
type transaction struct {
	engine *Engine
	batch  *pebble.Batch
	// written holds the rows of this group by key; nil is a deleted row. Bodies
	// behind a version's header are left out.
	written map[string][]byte
	// versions holds the keys of the version rows in written, by their common
	// start, for keys with several versions.
	versions map[string][]string
	usage    map[string]*Usage // by the key of the row
	messages map[string]int    // how many were enqueued, by queue
	// freed are the IDs recorded as garbage, for the reaper.
	freed []id
}

// committer applies mutations in turn and settles them when they are durable.
//
// Groups do not overlap: while one is synced the next gathers. Overlapping them
// was tried and is slower, since it splits the same writers over more syncs.
// Instead, writers who have just been answered and are likely to write again get
// a moment to join those who wait already: with 16 writers of 1 KiB that made
// groups of 11 instead of 8, and 16,000 instead of 12,000 writes a second.
type committer struct {
	engine *Engine
	ops    chan *op
	quit   chan struct{}
	done   chan struct{} // closed when the goroutine has ended

	expected int           // writers that may come to the next group
	syncTime time.Duration // of the last group
}

func startCommitter(e *Engine) *committer {
	c := &committer{
		engine: e,
		ops:    make(chan *op, groupOps),
		quit:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	go c.run()
	return c
}

// stop waits until everything handed in has been settled, or the index fails.
// Nothing may be handed in after.
func (c *committer) stop() {
	close(c.quit)
	select {
	case <-c.done:
	case <-c.engine.health.dead:
	}
}

// commit hands in a mutation and waits until it is durable. When the index
// stalls or fails meanwhile, settled is false and the outcome unknown: the
// mutation may still be applied, even after return. The caller must not be
// between enter and leave.
func (e *Engine) commit(run mutation) (settled bool, err error) {
	return e.hand(&op{run: run, done: make(chan struct{}, 1)})
}

// commitAlone is commit for a mutation that iterates.
func (e *Engine) commitAlone(run mutation) (settled bool, err error) {
	return e.hand(&op{run: run, alone: true, done: make(chan struct{}, 1)})
}

// barrier waits until everything that could be read before the call is durable.
func (e *Engine) barrier() error {
	_, err := e.commit(func(*transaction) error { return nil })
	return err
}

func (e *Engine) hand(o *op) (settled bool, err error) {
	if err := e.enter(); err != nil {
		return true, err
	}
	defer e.leave()
	trouble := e.health.current.Load()
	select {
	case <-trouble.ended:
		return true, trouble.why
	default:
	}
	select {
	case e.committer.ops <- o:
	case <-trouble.ended:
		return true, trouble.why
	}
	select {
	case <-o.done:
		return true, o.err
	case <-trouble.ended:
	}
	select {
	case <-o.done: // settled at the same moment
		return true, o.err
	default:
		e.leftovers.Store(true)
		return false, trouble.why
	}
}

// run applies mutations in groups: all that wait at the moment, within bounds.
func (c *committer) run() {
	defer close(c.done)
	defer func() {
		if r := recover(); r != nil {
			c.engine.fail(fmt.Errorf("commit: %v", r))
		}
	}()
	for {
		select {
		case o := <-c.ops:
			c.gather()
			c.commit(o)
		case <-c.quit:
			for {
				select {
				case o := <-c.ops:
					c.commit(o)
				default:
					return
				}
			}
		}
	}
}

// gather waits until the writers expected are there, for a short while.
func (c *committer) gather() {
	if len(c.ops)+1 >= c.expected {
		return
	}
	// A timer would be too coarse for it.
	patience := min(c.syncTime/gatherShare, gatherMost)
	for start := time.Now(); len(c.ops)+1 < c.expected && time.Since(start) < patience; {
		runtime.Gosched()
	}
}

// commit runs a group that begins with first.
func (c *committer) commit(first *op) {
	tx, ops := c.begin()
	for next := first; next != nil; {
		if next.alone && len(ops) > 0 {
			c.settle(tx, ops)
			tx, ops = c.begin()
		}
		next.err = tx.run(next.run)
		if next.err == errNextGroup {
			c.settle(tx, ops)
			tx, ops = c.begin()
			next.err = tx.run(next.run)
		}
		ops = append(ops, next)
		if next.alone || len(ops) >= groupOps || tx.batch.Len() >= groupBytes {
			break
		}
		select {
		case next = <-c.ops:
		default:
			next = nil
		}
	}
	c.settle(tx, ops)
}

// batchRetained lets the memory of a full group be used again.
var batchRetained = pebble.WithMaxRetainedSizeBytes(2 * groupBytes)

func (c *committer) begin() (*transaction, []*op) {
	return &transaction{engine: c.engine, batch: c.engine.db.NewBatch(batchRetained)}, make([]*op, 0, max(c.expected, 1))
}

// settle makes a group durable and tells its writers. Whoever finds nothing to
// write is told after the earlier groups, hence of what is durable.
func (c *committer) settle(tx *transaction, ops []*op) {
	e := c.engine
	tx.writeUsage()
	if !tx.batch.Empty() {
		start := time.Now()
		if err := e.db.Apply(tx.batch, pebble.Sync); err != nil {
			e.fail(fmt.Errorf("commit: %w", err))
		}
		c.syncTime = time.Since(start)
	}
	if e.health.hasFailed() {
		return // those who wait are told by health
	}
	c.expected = min(len(ops)+len(c.ops), groupOps)
	if len(tx.freed) > 0 {
		e.reaper.add(tx.freed)
	}
	e.outbox.enqueued(tx.messages)
	for _, o := range ops {
		o.done <- struct{}{}
	}
	_ = tx.batch.Close()
}

// run runs one mutation.
func (tx *transaction) run(mutate mutation) error {
	before := tx.batch.Len()
	err := mutate(tx)
	if err != nil && tx.batch.Len() != before {
		panic(fmt.Sprintf("object: mutation failed after it wrote: %v", err))
	}
	return err
}

// get returns a row, or nil. Of a version row the body may be missing.
func (tx *transaction) get(key []byte) ([]byte, error) {
	if row, ok := tx.written[string(key)]; ok {
		return row, nil
	}
	return tx.engine.get(key)
}

// getWhole returns a row with all that is behind its header, or nil.
func (tx *transaction) getWhole(key []byte) ([]byte, error) {
	if row, ok := tx.written[string(key)]; ok && row != nil {
		return nil, errNextGroup
	} else if ok {
		return nil, nil
	}
	return tx.engine.get(key)
}

func (tx *transaction) note(key, row []byte) {
	if tx.written == nil {
		tx.written = make(map[string][]byte)
	}
	tx.written[string(key)] = row
}

// set writes a row made of header and body.
func (tx *transaction) set(key, header, body []byte) {
	deferred := tx.batch.SetDeferred(len(key), len(header)+len(body))
	copy(deferred.Key, key)
	copy(deferred.Value[copy(deferred.Value, header):], body)
	must(deferred.Finish())
	tx.note(key, header)
}

// setUnread writes a row that no mutation reads.
func (tx *transaction) setUnread(key, value []byte) { must(tx.batch.Set(key, value, nil)) }

func (tx *transaction) delete(key []byte) {
	must(tx.batch.Delete(key, nil))
	tx.note(key, nil)
}

// free records what r points at as garbage.
func (tx *transaction) free(r ref) {
	switch r.where {
	case inRow:
		must(tx.batch.Delete(idKey(kindBody, r.id), nil))
	case inFile, inManifest:
		tx.setUnread(idKey(kindGarbage, r.id), []byte{byte(r.where)})
		tx.freed = append(tx.freed, r.id)
	}
}

// must checks what fails only for a closed batch.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// get returns a copy of a row, or nil.
func (e *Engine) get(key []byte) ([]byte, error) {
	value, closer, err := e.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	row := append(make([]byte, 0, len(value)), value...)
	return row, closer.Close()
}
