package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/hot"
)

// maxBatch is how many Updates at most share a commit. It bounds how long the
// first of them waits for the others.
const maxBatch = 64

// batch is a transaction of the writing connection, shared by Updates.
type batch struct {
	members int
	changes []hot.Change
	lastSeq int64
	// err is the outcome for all members, final once done is closed.
	err  error
	done chan struct{}
}

// maxWALBytes is when the WAL is emptied even if readers have to be waited for.
const maxWALBytes = 64 << 20

// errUnwound stands for the result of a function that panicked.
var errUnwound = errors.New("sqlite: update function did not return")

// Update implements [metastore.Store].
func (s *Store) Update(ctx context.Context, f func(metastore.Writer) error) error {
	if err := s.turns.take(ctx); err != nil {
		return err
	}
	b, err := s.join()
	if err != nil {
		s.turns.pass()
		return err
	}
	err = s.runMember(ctx, b, f)
	<-b.done
	if b.err != nil {
		return b.err
	}
	return err
}

// join adds a member to the open batch, or opens one.
func (s *Store) join() (*batch, error) {
	if s.failed != nil {
		return nil, fmt.Errorf("%w: %w", metastore.ErrFailed, s.failed)
	}
	if s.batch == nil {
		if err := s.writer.exec("BEGIN IMMEDIATE"); err != nil {
			return nil, err
		}
		s.batch = &batch{done: make(chan struct{})}
	}
	s.batch.members++
	return s.batch, nil
}

// runMember runs f in a savepoint of the batch and ends the turn, even if f
// panics.
func (s *Store) runMember(ctx context.Context, b *batch, f func(metastore.Writer) error) (err error) {
	defer s.leave(b)
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.err = s.writer.exec("SAVEPOINT member"); b.err != nil {
		return b.err
	}
	w := &writer{reader: reader{conn: s.writer}}
	err = errUnwound
	defer func() {
		w.finish()
		if err == nil {
			err = w.err // f must not hide a failure
		}
		s.settle(b, w, err == nil)
	}()
	return f(w)
}

// settle keeps or undoes what a member wrote. If that fails, so does the
// batch.
func (s *Store) settle(b *batch, w *writer, keep bool) {
	if !keep {
		b.err = s.writer.exec("ROLLBACK TO member")
		if b.err != nil && w.err != nil {
			b.err = w.err // it made SQLite end the transaction
		}
	}
	if b.err == nil {
		b.err = s.writer.exec("RELEASE member")
	}
	if keep && b.err == nil && w.lastSeq != 0 {
		b.changes = append(b.changes, w.changes...)
		b.lastSeq = w.lastSeq
	}
}

// leave ends a member's turn: the next in line joins the batch, or else it is
// committed.
func (s *Store) leave(b *batch) {
	if b.err == nil && b.members < maxBatch && s.turns.handOn() {
		return
	}
	s.commit(b)
}

// commit ends the batch and the turn.
func (s *Store) commit(b *batch) {
	if b.err == nil {
		b.err = s.prune(b)
	}
	if b.err == nil {
		s.hot.Begin(b.changes)
		b.err = s.writer.exec("COMMIT")
		s.hot.End(b.changes)
	}
	if b.err != nil {
		// There may be no transaction left: SQLite ends it on some errors.
		_ = s.writer.exec("ROLLBACK")
		if isFinal(b.err) {
			s.failed = b.err
		}
		b.err = fmt.Errorf("commit: %w", b.err)
	}
	s.batch = nil
	failed := b.err != nil
	close(b.done)
	if !failed {
		s.boundWAL()
	}
	s.turns.pass()
}

// boundWAL copies the WAL into the database and empties it if it has grown
// beyond the limit. SQLite's own checkpoints never wait for readers, so that
// the WAL grows for as long as Views overlap. This one waits, while Updates
// wait too and new Views do not, for up to the busy timeout.
func (s *Store) boundWAL() {
	info, err := os.Stat(s.config.Path + "-wal")
	if err != nil || info.Size() < s.walDueBytes {
		return
	}
	var busy, frames, copied int
	err = s.writer.row([]any{&busy, &frames, &copied}, "PRAGMA wal_checkpoint(TRUNCATE)")
	s.walDueBytes = s.walLimitBytes
	if err != nil || busy != 0 {
		s.walDueBytes = info.Size() + s.walLimitBytes/4 // a View is slow: not again at once
	}
}

// prune removes the oldest changes from the log, not at every commit.
func (s *Store) prune(b *batch) error {
	rows := int64(s.config.ChangeLogRows)
	if b.lastSeq == 0 || b.lastSeq-s.prunedSeq < max(rows/8, 1) {
		return nil
	}
	s.prunedSeq = b.lastSeq
	return s.writer.exec("DELETE FROM changes WHERE seq <= ?", b.lastSeq-rows)
}
