package object

import (
	"errors"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fsOp is a change of the file system about to be made.
type fsOp struct {
	kind string // create, write, sync, close, remove, rename, link, mkdir
	path string
	// do makes the change. torn makes the first half of a write; it is do for
	// all other kinds.
	do   func() error
	torn func() error
}

// faultFS passes every change of fs through a hook, which decides whether it is
// made and what is answered.
type faultFS struct {
	vfs.FS
	hook func(fsOp) error
}

var errInjected = errors.New("injected fault")

func (f *faultFS) change(kind, path string, do func() error) error {
	return f.hook(fsOp{kind: kind, path: path, do: do, torn: do})
}

func (f *faultFS) Unwrap() vfs.FS { return f.FS }

func (f *faultFS) open(kind, name string, open func() (vfs.File, error)) (file vfs.File, err error) {
	err = f.change(kind, name, func() error {
		file, err = open()
		return err
	})
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	return &faultFile{file, f, name}, nil
}

func (f *faultFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open("create", name, func() (vfs.File, error) { return f.FS.Create(name, c) })
}

func (f *faultFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.open("create", name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, c, opts...) })
}

func (f *faultFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open("rename", from, func() (vfs.File, error) { return f.FS.ReuseForWrite(from, to, c) })
}

func (f *faultFS) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{dir, f, name}, nil
}

func (f *faultFS) Link(from, to string) error {
	return f.change("link", from, func() error { return f.FS.Link(from, to) })
}

func (f *faultFS) Rename(from, to string) error {
	return f.change("rename", from, func() error { return f.FS.Rename(from, to) })
}

func (f *faultFS) Remove(name string) error {
	return f.change("remove", name, func() error { return f.FS.Remove(name) })
}

func (f *faultFS) RemoveAll(name string) error {
	return f.change("remove", name, func() error { return f.FS.RemoveAll(name) })
}

func (f *faultFS) MkdirAll(name string, perm os.FileMode) error {
	return f.change("mkdir", name, func() error { return f.FS.MkdirAll(name, perm) })
}

type faultFile struct {
	vfs.File
	fs   *faultFS
	path string
}

func (f *faultFile) Write(p []byte) (int, error) {
	written := 0
	write := func(n int) error {
		n, err := f.File.Write(p[:n])
		written = n
		return err
	}
	err := f.fs.hook(fsOp{
		kind: "write", path: f.path,
		do:   func() error { return write(len(p)) },
		torn: func() error { return write(len(p) / 2) },
	})
	return written, err
}

func (f *faultFile) sync() error { return f.fs.change("sync", f.path, f.File.Sync) }

func (f *faultFile) Sync() error { return f.sync() }

func (f *faultFile) SyncData() error { return f.sync() }

func (f *faultFile) SyncTo(int64) (bool, error) { return true, f.sync() }

func (f *faultFile) Close() error {
	if err := f.fs.change("close", f.path, func() error { return nil }); err != nil {
		f.File.Close()
		return err
	}
	return f.File.Close()
}
