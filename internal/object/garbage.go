package object

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Garbage rows. Their value begins with what is to be removed:
//
//	inFile                             the file of the segment
//	inManifest                         the segments of the manifest, and it
//	garbageUpload scope manifest:16?   the parts of the upload that are not in
//	                                   the manifest, and the rows of all
//	garbageBucket scope                the uploads of the bucket
const (
	garbageUpload = 'u'
	garbageBucket = 'b'
)

// garbageOfUpload returns the garbage row of an upload that ended; kept is the
// manifest it became, if any.
func garbageOfUpload(scope []byte, kept *id) []byte {
	row := append([]byte{garbageUpload, byte(len(scope))}, scope...)
	if kept != nil {
		row = append(row, kept[:]...)
	}
	return row
}

func garbageOfBucket(scope []byte) []byte { return append([]byte{garbageBucket}, scope...) }

// pins counts the readers of what is kept in files, by the ID that a version
// refers to. Garbage that is pinned waits for the last of them.
type pins struct {
	mu   sync.Mutex
	byID map[id]*pin
}

type pin struct {
	readers int
	doomed  bool // garbage, to be handed to the reaper
}

func (p *pins) pin(i id) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID == nil {
		p.byID = make(map[id]*pin)
	}
	if p.byID[i] == nil {
		p.byID[i] = &pin{}
	}
	p.byID[i].readers++
}

// unpin reports whether i is garbage that no reader holds any more.
func (p *pins) unpin(i id) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := p.byID[i]
	if held.readers--; held.readers > 0 {
		return false
	}
	delete(p.byID, i)
	return held.doomed
}

// doom reports whether i may be removed now; if not, the last unpin will tell.
func (p *pins) doom(i id) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := p.byID[i]
	if held == nil {
		return true
	}
	held.doomed = true
	return false
}

func (e *Engine) unpin(i id) {
	if e.pins.unpin(i) {
		e.reaper.add([]id{i})
	}
}

// reaper removes garbage, on a goroutine of its own.
type reaper struct {
	engine *Engine
	done   chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	changed *sync.Cond
	queue   []id
	busy    bool
	stopped bool
}

// startReaper starts with the garbage of earlier runs. After an unclean end it
// first removes the files that nothing refers to.
func startReaper(e *Engine, garbage []id, unclean bool) *reaper {
	r := &reaper{engine: e, done: make(chan struct{}), busy: true, queue: garbage}
	r.changed = sync.NewCond(&r.mu)
	go r.run(unclean)
	return r
}

// add hands over IDs that have a durable garbage row.
func (r *reaper) add(list []id) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, list...)
	r.changed.Broadcast()
}

// stop ends the reaper after what it is at. The rest waits for the next start.
func (r *reaper) stop() {
	r.mu.Lock()
	r.stopped = true
	r.changed.Broadcast()
	r.mu.Unlock()
	<-r.done
}

// next waits for IDs; nil when the reaper is to end.
func (r *reaper) next() []id {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = false
	r.changed.Broadcast()
	for len(r.queue) == 0 && !r.stopped {
		r.changed.Wait()
	}
	if r.stopped {
		return nil
	}
	const most = 64
	n := min(len(r.queue), most)
	list := r.queue[:n:n]
	r.queue = r.queue[n:]
	r.busy = true
	return list
}

// quiesce waits until there is nothing left to remove but what is pinned.
func (r *reaper) quiesce() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for (len(r.queue) > 0 || r.busy) && !r.stopped {
		r.changed.Wait()
	}
}

func (r *reaper) hasStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

func (r *reaper) run(unclean bool) {
	defer close(r.done)
	logger := r.engine.cfg.Logger
	if unclean {
		if removed, err := r.sweep(); err != nil {
			r.engine.leftovers.Store(true)
			logger.Warn("sweep of unreferenced files ended early", "err", err)
		} else if removed > 0 {
			logger.Info("removed unreferenced files", "count", removed)
		}
	}
	for list := r.next(); list != nil; list = r.next() {
		err := r.reap(list)
		switch {
		case errors.Is(err, ErrNoSpace): // the files are gone, their rows are not
			r.add(list)
			r.awaitSpace()
		case err != nil:
			logger.Warn("removal of garbage put off to the next start", "err", err)
		}
	}
}

// awaitSpace waits until the index can be written again.
func (r *reaper) awaitSpace() {
	for errors.Is(r.engine.health.err(), ErrNoSpace) && !r.hasStopped() {
		time.Sleep(spaceRetry)
	}
}

// garbage returns the IDs of all garbage rows. It must be called before there are
// commits: a row may be seen before it is durable, and what it names be removed
// too early.
func (e *Engine) garbage() ([]id, error) {
	iter, err := e.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{kindGarbage}, UpperBound: []byte{kindGarbage + 1},
	})
	if err != nil {
		return nil, err
	}
	defer iter.Close()
	var list []id
	for valid := iter.First(); valid; valid = iter.Next() {
		if len(iter.Key()) != 1+idBytes {
			return nil, fmt.Errorf("garbage row: %w", ErrCorrupt)
		}
		list = append(list, id(iter.Key()[1:]))
	}
	return list, iter.Error()
}

// removal is what a round of the reaper removes: first the files, then the rows.
type removal struct {
	files []id
	rows  [][]byte
	more  bool // this is not all; the garbage row stays
}

// maxRoundRows is about how many rows a round removes; the rest is left to another.
const maxRoundRows = 20_000

func (m *removal) row(key []byte) { m.rows = append(m.rows, key) }

// segment removes what a part refers to.
func (m *removal) segment(r ref) {
	switch r.where {
	case inRow:
		m.row(idKey(kindBody, r.id))
	case inFile:
		m.files = append(m.files, r.id)
		m.row(idKey(kindFile, r.id))
	}
}

// reap removes the garbage of a list. Every step may be repeated: the garbage
// row goes last.
func (r *reaper) reap(list []id) error {
	e := r.engine
	var plan removal
	var again []id
	var failures []error
	for n, i := range list {
		if len(plan.rows) > e.cfg.maxRoundRows {
			again = append(again, list[n:]...)
			break
		}
		if !e.pins.doom(i) {
			continue
		}
		m, err := r.plan(i)
		if err == nil {
			err = r.removeFiles(m.files)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("garbage %v: %w", i, err))
			continue
		}
		plan.files = append(plan.files, m.files...)
		plan.rows = append(plan.rows, m.rows...)
		if m.more {
			again = append(again, i)
		}
	}
	if err := r.syncRemoved(plan.files); err != nil {
		return errors.Join(append(failures, err)...)
	}
	const most = 4096 // rows in one mutation, since all others wait for it
	for rows := plan.rows; len(rows) > 0; {
		n := min(len(rows), most)
		chunk := rows[:n]
		rows = rows[n:]
		if _, err := e.commit(func(tx *transaction) error {
			for _, row := range chunk {
				must(tx.batch.Delete(row, nil))
			}
			return nil
		}); err != nil {
			return errors.Join(append(failures, err)...)
		}
	}
	r.add(again)
	return errors.Join(failures...)
}

// plan reads what garbage i stands for.
func (r *reaper) plan(i id) (removal, error) {
	e := r.engine
	if err := e.enter(); err != nil {
		return removal{}, err
	}
	defer e.leave()
	var m removal
	value, err := e.get(idKey(kindGarbage, i))
	if err != nil || len(value) == 0 {
		return m, err // already removed
	}
	switch value[0] {
	case byte(inFile):
		m.segment(ref{inFile, i})
	case byte(inManifest):
		err = r.planManifest(&m, i)
	case garbageUpload:
		err = r.planUpload(&m, i, value[1:])
	case garbageBucket:
		err = r.planBucket(&m, value[1:])
	default:
		err = fmt.Errorf("garbage row of kind %d: %w", value[0], ErrCorrupt)
	}
	if !m.more {
		m.row(idKey(kindGarbage, i))
	}
	return m, err
}

func (r *reaper) planManifest(m *removal, i id) error {
	row, err := r.engine.get(idKey(kindManifest, i))
	if err != nil || row == nil {
		return err
	}
	parts, err := decodeManifest(row)
	for p := range parts {
		m.segment(parts[p].ref)
	}
	m.row(idKey(kindManifest, i))
	return err
}

// planUpload removes the part rows of an upload, and the parts that did not
// become part of the object. If the object's manifest is gone already, its
// segments are too, and removing them once more does nothing.
func (r *reaper) planUpload(m *removal, upload id, value []byte) error {
	if len(value) == 0 || len(value) < 1+int(value[0]) {
		return fmt.Errorf("garbage row of an upload: %w", ErrCorrupt)
	}
	scope, manifest := value[1:1+int(value[0])], value[1+int(value[0]):]
	kept := make(map[id]bool)
	if len(manifest) == idBytes {
		row, err := r.engine.get(idKey(kindManifest, id(manifest)))
		if err != nil {
			return err
		}
		if row != nil {
			parts, err := decodeManifest(row)
			if err != nil {
				return err
			}
			for p := range parts {
				kept[parts[p].ref.id] = true
			}
		}
	}
	return r.planParts(m, scope, upload, kept)
}

func (r *reaper) planParts(m *removal, scope []byte, upload id, kept map[id]bool) error {
	prefix := partsPrefix(scope, upload)
	iter, err := r.engine.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return err
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		p, err := decodePart(iter.Value(), 0)
		if err != nil {
			return err
		}
		if !kept[p.ref.id] {
			m.segment(p.ref)
		}
		m.row(append([]byte(nil), iter.Key()...))
	}
	return iter.Error()
}

// planBucket removes the uploads of a deleted bucket and what was counted of it.
func (r *reaper) planBucket(m *removal, scope []byte) error {
	usage := append([]byte{kindUsage}, scope...)
	if err := r.planRows(m, usage); err != nil || m.more {
		return err
	}
	prefix := append([]byte{kindUpload}, scope...)
	iter, err := r.engine.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return err
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		key := iter.Key()
		if len(key) < len(prefix)+idBytes {
			return fmt.Errorf("upload row: %w", ErrCorrupt)
		}
		if err := r.planParts(m, scope, id(key[len(key)-idBytes:]), nil); err != nil {
			return err
		}
		m.row(append([]byte(nil), key...))
		if len(m.rows) > r.engine.cfg.maxRoundRows {
			m.more = true
			break
		}
	}
	return iter.Error()
}

// planRows removes the rows that start with prefix.
func (r *reaper) planRows(m *removal, prefix []byte) error {
	iter, err := r.engine.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return err
	}
	defer iter.Close()
	for valid := iter.First(); valid && !m.more; valid = iter.Next() {
		m.row(append([]byte(nil), iter.Key()...))
		m.more = len(m.rows) > r.engine.cfg.maxRoundRows
	}
	return iter.Error()
}

func (r *reaper) removeFiles(list []id) error {
	for _, i := range list {
		if err := r.engine.segments.remove(i); err != nil {
			return fmt.Errorf("remove segment %v: %w", i, err)
		}
	}
	return nil
}

// syncRemoved makes the removal of files durable, so that none comes back after
// its row is gone.
func (r *reaper) syncRemoved(list []id) error {
	touched := make(map[*segmentShard]bool)
	for _, i := range list {
		touched[r.engine.segments.shard(i)] = true
	}
	for shard := range touched {
		if err := shard.sync(); err != nil {
			r.engine.fail(err)
			return err
		}
	}
	return nil
}

// sweep removes segment files of earlier epochs that have no row. Files of this
// epoch may be about to get one.
func (r *reaper) sweep() (removed int, err error) {
	s := r.engine.segments
	for n := range s.shards {
		names, err := s.fs.List(s.shards[n].path)
		if err != nil {
			return removed, fmt.Errorf("list %s: %w", s.shards[n].path, err)
		}
		var gone []id
		for _, name := range names {
			if r.hasStopped() {
				return removed, ErrClosed
			}
			i, ok := parseID(name)
			if !ok || s.shard(i) != &s.shards[n] || idEpoch(i) >= r.engine.epoch {
				continue // not ours, or not old
			}
			referenced, err := r.referenced(i)
			if err != nil {
				return removed, err
			}
			if !referenced {
				gone = append(gone, i)
			}
		}
		if err := r.removeFiles(gone); err != nil {
			return removed, err
		}
		if err := r.syncRemoved(gone); err != nil {
			return removed, err
		}
		removed += len(gone)
	}
	return removed, nil
}

func (r *reaper) referenced(i id) (bool, error) {
	e := r.engine
	if err := e.enter(); err != nil {
		return false, err
	}
	defer e.leave()
	row, err := e.get(idKey(kindFile, i))
	return row != nil, err
}
