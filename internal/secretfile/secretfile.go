// Package secretfile keeps small secrets in files that only their owner may
// read. Writing is atomic and durable; reading refuses a file whose permission
// bits let group or others in. It does not encrypt and does not look at
// access-control lists.
package secretfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const mode fs.FileMode = 0o600

// ErrPermissions is what Read answers to a file that group or others may use.
var ErrPermissions = errors.New("file is open to group or others")

// Read returns the content of the regular file at path. It refuses, with
// ErrPermissions, a file with any permission for group or others, and one
// longer than maxBytes.
func Read(path string, maxBytes int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// The open file is asked, not the path, so that both are the same file.
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %#o: %w; run: chmod 600 %s", path, perm, ErrPermissions, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(data)) > maxBytes {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, maxBytes)
	}
	return data, nil
}

// Create writes a new file. It fails with fs.ErrExist when path exists, also
// when two processes create it at once: one of them wins whole.
func Create(path string, data []byte) error {
	return write(path, data, os.Link)
}

// Replace writes a file in place of the one at path, if any. Readers see the
// old content or the new, never a part.
func Replace(path string, data []byte) error {
	return write(path, data, os.Rename)
}

// write puts data in a file beside path, syncs it, gives it its name by publish
// and syncs the folder.
func write(path string, data []byte, publish func(from, to string) error) error {
	dir := filepath.Dir(path)
	temp := filepath.Join(dir, "."+filepath.Base(path)+"."+rand.Text()+".tmp")
	// After a rename there is nothing left to remove; the error says so.
	defer os.Remove(temp)
	if err := writeSynced(temp, data); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := publish(temp, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncFolder(dir)
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
