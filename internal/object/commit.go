package object

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// groupBytes and groupOps bound what is joined to one batch.
	groupBytes = 4 << 20
	groupOps   = 512

	// groupsInFlight is how many batches may wait for their sync while the next
	// one is put together.
	groupsInFlight = 2
)

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
	// freed are the IDs recorded as garbage, for the reaper.
	freed []id
}

// committer applies mutations in turn and settles them when they are durable.
type committer struct {
	engine *Engine
	ops    chan *op
	groups chan *group
	quit   chan struct{}
	done   sync.WaitGroup
}

// group is a batch that has been applied and waits for its sync.
type group struct {
	tx     *transaction
	ops    []*op
	writes bool // the batch was applied
}

func startCommitter(e *Engine) *committer {
	c := &committer{
		engine: e,
		ops:    make(chan *op, groupOps),
		groups: make(chan *group, groupsInFlight),
		quit:   make(chan struct{}),
	}
	c.done.Add(2)
	go c.applyAll()
	go c.settleAll()
	return c
}

// stop waits until everything handed in has been settled, or the index fails.
// Nothing may be handed in after.
func (c *committer) stop() {
	close(c.quit)
	settled := make(chan struct{})
	go func() {
		c.done.Wait()
		close(settled)
	}()
	select {
	case <-settled:
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

// applyAll runs mutations in groups: all that wait at the moment, within bounds.
func (c *committer) applyAll() {
	defer c.done.Done()
	defer close(c.groups)
	defer func() {
		if r := recover(); r != nil {
			c.engine.fail(fmt.Errorf("commit: %v", r))
		}
	}()
	for {
		select {
		case o := <-c.ops:
			c.apply(o)
		case <-c.quit:
			for {
				select {
				case o := <-c.ops:
					c.apply(o)
				default:
					return
				}
			}
		}
	}
}

// apply runs a group that begins with first.
func (c *committer) apply(first *op) {
	g := c.newGroup()
	for next := first; next != nil; {
		if next.alone && len(g.ops) > 0 {
			c.flush(g)
			g = c.newGroup()
		}
		next.err = g.tx.run(next.run)
		g.ops = append(g.ops, next)
		if next.alone || len(g.ops) >= groupOps || g.tx.batch.Len() >= groupBytes {
			break
		}
		select {
		case next = <-c.ops:
		default:
			next = nil
		}
	}
	c.flush(g)
}

func (c *committer) newGroup() *group {
	return &group{tx: &transaction{engine: c.engine, batch: c.engine.db.NewBatch()}}
}

// flush applies the group's batch, which makes it visible, and passes the group
// on to be settled.
func (c *committer) flush(g *group) {
	if g.writes = !g.tx.batch.Empty(); g.writes {
		if err := c.engine.db.ApplyNoSyncWait(g.tx.batch, pebble.Sync); err != nil {
			c.engine.fail(fmt.Errorf("commit: %w", err))
		}
	}
	c.groups <- g
}

// settleAll waits for the sync of each group in turn. A group without writes is
// settled after the earlier ones, so that nobody learns of what is not durable.
func (c *committer) settleAll() {
	defer c.done.Done()
	for g := range c.groups {
		if g.writes {
			if err := g.tx.batch.SyncWait(); err != nil {
				c.engine.fail(fmt.Errorf("sync of the index: %w", err))
			}
		}
		if c.engine.health.hasFailed() {
			continue // those who wait are told by health
		}
		for _, o := range g.ops {
			o.done <- struct{}{}
		}
		if len(g.tx.freed) > 0 {
			c.engine.reaper.add(g.tx.freed)
		}
		_ = g.tx.batch.Close()
	}
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
