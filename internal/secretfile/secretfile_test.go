package secretfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadReturnsWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := Create(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a file: error %v, want fs.ErrExist", err)
	}
	check(t, path, "one")
	if err := Replace(path, []byte("three")); err != nil {
		t.Fatal(err)
	}
	check(t, path, "three")
}

func check(t *testing.T, path, want string) {
	t.Helper()
	got, err := Read(path, 100)
	if err != nil || string(got) != want {
		t.Errorf("Read(%s) = %q, %v, want %q", path, got, err, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode of %s = %v, %v, want 0600", path, info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v, %v, want the secret alone", entries, err)
	}
}

func TestReplaceRepairsPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	check(t, path, "x")
}

func TestReadRefusesWhatOthersMayUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := Create(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o604, 0o640, 0o620, 0o601, 0o644, 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		data, err := Read(path, 100)
		if !errors.Is(err, ErrPermissions) || data != nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %#o: Read = %q, %v, want ErrPermissions with advice", mode, data, err)
		}
	}
}

func TestReadRefusesWhatIsNoSmallFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := Create(path, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, 100); err != nil {
		t.Errorf("Read of 100 bytes with a bound of 100: %v", err)
	}
	if _, err := Read(path, 99); err == nil {
		t.Error("Read of 100 bytes with a bound of 99 gave no error")
	}
	if _, err := Read(dir, 100); err == nil {
		t.Error("Read of a folder gave no error")
	}
	if _, err := Read(filepath.Join(dir, "none"), 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of nothing: error %v, want fs.ErrNotExist", err)
	}
}

func TestWriteIntoAMissingFolderFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "secret")
	if err := Create(path, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create: error %v, want fs.ErrNotExist", err)
	}
	if err := Replace(path, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Replace: error %v, want fs.ErrNotExist", err)
	}
}
