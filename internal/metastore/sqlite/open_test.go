package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"inro.dev/inro/internal/metastore"
)

const account, kind = "111122223333", "thing"

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // folders inherit their access rules there
	}
	folder := filepath.Join(t.TempDir(), "new", "folder #1?a=b%20")
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	s := openIn(t, folder)
	defer s.Close()
	put(t, s, "a", "x")
	wantMode := func(path string, want fs.FileMode) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %v", path, info.Mode(), err, want)
		}
	}
	wantMode(folder, 0o700)
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 4 {
		t.Errorf("the folder holds %v, %v, want database, WAL, index and lock", entries, err)
	}
	for _, entry := range entries {
		wantMode(filepath.Join(folder, entry.Name()), 0o600)
	}
}

func TestWideModeIsNarrowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	folder := t.TempDir()
	if err := openIn(t, folder).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "records.db")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	defer openIn(t, folder).Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestDatabaseInUseIsRefused(t *testing.T) {
	folder := t.TempDir()
	s := openIn(t, folder)
	_, err := Open(Config{Path: filepath.Join(folder, "records.db")})
	if !errors.Is(err, ErrInUse) {
		t.Errorf("second Open = %v, want ErrInUse", err)
	}
	put(t, s, "a", "x") // the first is unharmed
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openIn(t, folder)
	defer s.Close()
	wantBody(t, s, "a", "x")
}

func TestOtherDatabasesAreRefused(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, path string) error{
		"another application's": func(t *testing.T, path string) error { return execIn(path, "CREATE TABLE t (x)") },
		"another ID":            func(t *testing.T, path string) error { return execIn(path, "PRAGMA application_id = 7") },
		"not a database": func(t *testing.T, path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("text ", 1000)), 0o600)
		},
	} {
		path := filepath.Join(t.TempDir(), "records.db")
		if err := make(t, path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		s, err := Open(Config{Path: path})
		if err == nil {
			t.Errorf("%s: opened", name)
			s.Close()
		}
		if name != "not a database" && !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v, want ErrForeign", name, err)
		}
		if after, _ := os.ReadFile(path); name == "not a database" && string(after) != string(before) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	folder := t.TempDir()
	if err := openIn(t, folder).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "records.db")
	if err := execIn(path, "INSERT INTO schema_migrations (version, name, applied_at) VALUES (999, '999_future.sql', 0)"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Path: path}); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("Open = %v, want ErrNewerSchema", err)
	}
	// The refusal must not hold the lock.
	if _, err := Open(Config{Path: path}); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("second Open = %v, want ErrNewerSchema", err)
	}
}

func TestMigrationsAreNumberedWithoutGap(t *testing.T) {
	if _, err := migrations(migrationFiles); err != nil {
		t.Error(err)
	}
	for _, names := range [][]string{
		{"002_a.sql"}, {"001_a.sql", "003_b.sql"}, {"001_a.sql", "001_b.sql"}, {"1_a.sql"}, {"x.sql"}, {"000_a.sql"},
	} {
		files := fstest.MapFS{}
		for _, name := range names {
			files["migrations/"+name] = &fstest.MapFile{}
		}
		if steps, err := migrations(files); err == nil {
			t.Errorf("%q are accepted as %v", names, steps)
		}
	}
}

func TestMigrationIsWholeOrNotAtAll(t *testing.T) {
	db, err := openDB(filepath.Join(t.TempDir(), "records.db"), writerPragmas)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := openConn(db)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	now := time.Unix(1000, 0)
	good := migration{1, "001_good.sql", "CREATE TABLE good (x); INSERT INTO good VALUES (1)"}
	bad := migration{2, "002_bad.sql", "CREATE TABLE half (x); INSERT INTO good VALUES (2); INSERT INTO absent VALUES (1)"}
	if err := applyMigrations(c, []migration{good, bad}, now); err == nil || !strings.Contains(err.Error(), "002_bad.sql") {
		t.Errorf("applying a bad step = %v, want an error that names it", err)
	}
	mended := migration{2, "002_mended.sql", "CREATE TABLE half (x); INSERT INTO good VALUES (3)"}
	for range 2 { // the second time there is nothing to do
		if err := applyMigrations(c, []migration{good, mended}, now); err != nil {
			t.Errorf("applying the mended step: %v", err)
		}
	}
	var rows, steps, at int
	err = errors.Join(
		c.row([]any{&rows}, "SELECT sum(x) FROM good"),
		c.row([]any{&steps, &at}, "SELECT count(*), max(applied_at) FROM schema_migrations"),
	)
	if err != nil || rows != 4 || steps != 2 || at != 1000 {
		t.Errorf("sum %d, %d steps at %d, %v, want 4, 2, 1000", rows, steps, at, err)
	}
}

func TestOpenNeedsPath(t *testing.T) {
	if _, err := Open(Config{}); err == nil {
		t.Error("Open of no path succeeded")
	}
}

// execIn runs statements in a database file with no Store on it.
func execIn(path, text string) error {
	db, err := openDB(path, nil)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(context.Background(), text)
	return errors.Join(err, db.Close())
}

func put(t testing.TB, s metastore.Store, id, body string) {
	t.Helper()
	err := s.Update(t.Context(), func(w metastore.Writer) error { return w.Put(t.Context(), account, kind, id, []byte(body), nil) })
	if err != nil {
		t.Fatal(err)
	}
}

func wantBody(t testing.TB, s metastore.Store, id, want string) {
	t.Helper()
	record, err := s.Hot().Record(t.Context(), account, kind, id)
	if want == "" && !errors.Is(err, metastore.ErrNotFound) || want != "" && (err != nil || string(record.Body) != want) {
		t.Errorf("Record(%q) = %q, %v, want %q", id, record.Body, err, want)
	}
}

func TestDatabaseWithoutWALIsRefused(t *testing.T) {
	db, err := openDB(filepath.Join(t.TempDir(), "records.db"), []string{"journal_mode(DELETE)"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := openConn(db)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := checkWAL(c); !errors.Is(err, ErrNoWAL) {
		t.Errorf("got %v, want ErrNoWAL", err)
	}
}
