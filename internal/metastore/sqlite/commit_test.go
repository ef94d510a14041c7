package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"inro.dev/inro/internal/metastore"
)

// holdTurn occupies the writing connection until the result is called, which
// waits for the Update and returns its error.
func holdTurn(t *testing.T, s *Store, f func(w metastore.Writer) error) (release func() error) {
	t.Helper()
	entered, leave, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		result <- s.Update(context.Background(), func(w metastore.Writer) error {
			close(entered)
			<-leave
			return f(w)
		})
	}()
	<-entered
	return func() error { close(leave); return <-result }
}

// waitForQueue returns when n Updates wait for their turn.
func waitForQueue(s *Store, n int) {
	for waiting := -1; waiting != n; {
		s.turns.mu.Lock()
		waiting = len(s.turns.waiting)
		s.turns.mu.Unlock()
	}
}

func putter(t *testing.T, id, body string) func(metastore.Writer) error {
	return func(w metastore.Writer) error { return w.Put(t.Context(), account, kind, id, []byte(body), nil) }
}

func TestWaitingUpdatesShareACommit(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	var first *batch
	release := holdTurn(t, s, func(metastore.Writer) error { first = s.batch; return nil })
	var all sync.WaitGroup
	const n = 2*maxBatch - 1 // with the first, two batches
	members := make([]*batch, n)
	for i := range n {
		all.Go(func() {
			err := s.Update(t.Context(), func(w metastore.Writer) error {
				members[i] = s.batch
				if i%5 == 0 {
					return io.EOF // fails alone
				}
				return putter(t, strconv.Itoa(i), "x")(w)
			})
			if i%5 == 0 != errors.Is(err, io.EOF) || i%5 != 0 && err != nil {
				t.Errorf("Update %d: %v", i, err)
			}
		})
	}
	waitForQueue(s, n)
	if err := release(); err != nil {
		t.Error(err)
	}
	all.Wait()
	sizes := map[*batch]int{first: 1}
	for i, b := range members {
		sizes[b]++
		want := "x"
		if i%5 == 0 {
			want = ""
		}
		wantBody(t, s, strconv.Itoa(i), want)
	}
	for b, size := range sizes {
		if size != maxBatch {
			t.Errorf("a batch (first: %t) has %d members, want %d", b == first, size, maxBatch)
		}
	}
}

// A commit that fails fails all of its Updates, and the cache answers as
// before.
func TestFailedCommitFailsItsBatch(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	put(t, s, "a", "old")
	wantBody(t, s, "a", "old")
	wantBody(t, s, "b", "")
	release := holdTurn(t, s, func(w metastore.Writer) error {
		// An orphan that the foreign key finds only when committing.
		c := w.(*writer).conn
		return errors.Join(
			w.Put(t.Context(), account, kind, "a", []byte("new"), nil),
			c.exec("PRAGMA defer_foreign_keys = 1"),
			c.exec("INSERT INTO record_index (account, kind, name, value, id) VALUES ('x', 'x', 'x', 'x', 'x')"),
		)
	})
	other, failing := make(chan error, 1), make(chan error, 1)
	go func() { other <- s.Update(t.Context(), putter(t, "b", "new")) }()
	waitForQueue(s, 1)
	go func() { failing <- s.Update(t.Context(), func(metastore.Writer) error { return io.EOF }) }()
	waitForQueue(s, 2)
	err := release()
	for i, err := range []error{err, <-other, <-failing} {
		if err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
			t.Errorf("member %d: %v, want the commit's failure", i, err)
		}
	}
	wantBody(t, s, "a", "old")
	wantBody(t, s, "b", "")
	put(t, s, "a", "newer") // the store goes on
	wantBody(t, s, "a", "newer")
}

// SQLite may end the whole transaction when a statement runs out of space;
// nothing after that may be committed on its own.
func TestFullDatabaseLosesNoOtherUpdate(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	put(t, s, "a", "old")
	if err := s.writer.exec("PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", metastore.MaxBodyBytes)
	err := s.Update(t.Context(), func(w metastore.Writer) error {
		_ = w.Put(t.Context(), account, kind, "big", []byte(big), nil)
		if err := w.Put(t.Context(), account, kind, "a", []byte("new"), nil); err == nil {
			t.Error("Put after a failed one succeeded")
		}
		return nil // as if nothing had happened
	})
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("Update = %v, want that the database is full", err)
	}
	wantBody(t, s, "a", "old")
	wantBody(t, s, "big", "")
	if err := s.writer.exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "big", big)
	put(t, s, "a", "new")
	wantBody(t, s, "a", "new")
}

func TestChangesAreLoggedInOrderAndPruned(t *testing.T) {
	s := openIn(t, t.TempDir(), func(c *Config) { c.ChangeLogRows = 80 })
	defer s.Close()
	ctx := t.Context()
	err := s.Update(ctx, func(w metastore.Writer) error {
		_, err1 := w.Relate(ctx, account, kind, "p", "u", "v")
		_, err2 := w.Relate(ctx, account, kind, "p", "u", "v") // changes nothing
		_, err3 := w.Unrelate(ctx, account, kind, "p", "u")
		_, err4 := w.Unrelate(ctx, account, kind, "p", "u") // nothing
		return errors.Join(err1, err2, err3, err4, w.Put(ctx, account, kind, "a", nil, nil), w.Delete(ctx, account, kind, "a"))
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Update(ctx, func(w metastore.Writer) error {
		_ = putter(t, "rolled back", "x")(w)
		return io.EOF
	})
	var log string
	text := "SELECT group_concat(op || ' ' || account || ' ' || kind || ' ' || id || ' ' || to_id, ', ') FROM (SELECT * FROM changes ORDER BY seq)"
	if err := s.writer.row([]any{&log}, text); err != nil {
		t.Fatal(err)
	}
	prefix := account + " " + kind
	want := fmt.Sprintf("relate %[1]s p u, unrelate %[1]s p u, put %[1]s a , delete %[1]s a ", prefix)
	if log != want {
		t.Errorf("log = %q, want %q", log, want)
	}

	for i := range 500 {
		put(t, s, "a", strconv.Itoa(i))
		var rows int
		if err := s.writer.row([]any{&rows}, "SELECT count(*) FROM changes"); err != nil || rows > 90 || i > 80 && rows < 80 {
			t.Fatalf("after %d writes the log has %d rows, %v, want 80 to 90", i, rows, err)
		}
	}
}

// A copy of the files, taken while the store is open, is what a killed process
// leaves. With the WAL cut anywhere, whole commits are lost from its end and
// nothing else.
func TestCrashLosesNoCommitAndTearsNone(t *testing.T) {
	folder := t.TempDir()
	s := openIn(t, folder)
	defer s.Close()
	const commits = 30
	for i := range commits {
		body := strings.Repeat(strconv.Itoa(i)+" ", 1+i*50)
		err := s.Update(t.Context(), func(w metastore.Writer) error {
			return errors.Join(putter(t, "a", body)(w), putter(t, fmt.Sprint("a-", i), body)(w), second(w.Relate(t.Context(), account, kind, "a", "b", strconv.Itoa(i))))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	database, err := os.ReadFile(filepath.Join(folder, "records.db"))
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(filepath.Join(folder, "records.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for cut := 0; cut <= len(wal); cut = min(cut+len(wal)/25+1, max(len(wal), cut+1)) {
		last = afterCrash(t, database, wal[:cut], last)
	}
	if last != commits-1 {
		t.Errorf("with the whole WAL commit %d is the last, want %d", last, commits-1)
	}
}

// afterCrash opens a database left by a crash and returns the last commit it
// has, which must be whole and not before the given one.
func afterCrash(t *testing.T, database, wal []byte, atLeast int) int {
	folder := t.TempDir()
	for name, content := range map[string][]byte{"records.db": database, "records.db-wal": wal} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openIn(t, folder)
	defer s.Close()
	last := -1
	err := s.View(t.Context(), func(r metastore.Reader) error {
		edge, err := r.Relation(t.Context(), account, kind, "a", "b")
		if err == nil {
			last, err = strconv.Atoi(edge.Value)
		}
		if errors.Is(err, metastore.ErrNotFound) {
			err = nil
		}
		if n, countErr := r.CountRecords(t.Context(), account, kind, metastore.Query{Prefix: "a-"}); n != last+1 || countErr != nil {
			t.Errorf("WAL of %d bytes: %d records, %v, with commit %d", len(wal), n, countErr, last)
		}
		return err
	})
	if err != nil || last < atLeast {
		t.Errorf("WAL of %d bytes: commit %d is the last, %v, want at least %d", len(wal), last, err, atLeast)
	}
	if last >= 0 {
		wantBody(t, s, "a", strings.Repeat(strconv.Itoa(last)+" ", 1+last*50))
	}
	put(t, s, "after", "x")
	return last
}

func second[T any](_ T, err error) error { return err }
