package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"inro.dev/inro/internal/metastore"
)

// breakWAL makes every descriptor of the WAL read-only, so that the next
// commit fails with an I/O error.
func breakWAL(t *testing.T, folder string) {
	t.Helper()
	wal := filepath.Join(folder, "records.db-wal")
	readOnly, err := unix.Open(wal, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(readOnly)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err != nil || target != wal || fd == readOnly {
			continue
		}
		if err := unix.Dup3(readOnly, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailedSyncIsFinal(t *testing.T) {
	folder := t.TempDir()
	s := openIn(t, folder)
	put(t, s, "a", "acknowledged")
	wantBody(t, s, "a", "acknowledged")
	breakWAL(t, folder)

	err := s.Update(t.Context(), putter(t, "a", "lost"))
	if err == nil || errors.Is(err, metastore.ErrFailed) {
		t.Errorf("Update = %v, want the I/O error", err)
	}
	for range 2 {
		err := s.Update(t.Context(), func(metastore.Writer) error { t.Error("an Update was tried"); return nil })
		if !errors.Is(err, metastore.ErrFailed) {
			t.Errorf("next Update = %v, want ErrFailed", err)
		}
	}
	wantBody(t, s, "a", "acknowledged")
	err = s.View(t.Context(), func(r metastore.Reader) error {
		record, err := r.Record(t.Context(), account, kind, "a")
		if string(record.Body) != "acknowledged" {
			t.Errorf("View reads %q, %v", record.Body, err)
		}
		return err
	})
	if err != nil {
		t.Errorf("View: %v", err)
	}
	_ = s.Close() // may complain about the WAL

	s = openIn(t, folder)
	defer s.Close()
	wantBody(t, s, "a", "acknowledged")
	put(t, s, "a", "again")
	wantBody(t, s, "a", "again")
}
