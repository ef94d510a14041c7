package object

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// health says whether the index can be written. It begins well, may stall for
// want of space and recover, and may fail once for good.
type health struct {
	mu      sync.Mutex
	failed  error
	stalls  int // writers waiting for space
	current atomic.Pointer[condition]
	dead    chan struct{} // closed by the failure
}

// condition lasts until ended is closed; why is then set.
type condition struct {
	ended chan struct{}
	why   error
}

func newHealth() *health {
	h := &health{dead: make(chan struct{})}
	h.current.Store(&condition{ended: make(chan struct{})})
	return h
}

// err returns nil while the index can be written, else ErrFailed or ErrNoSpace.
func (h *health) err() error {
	c := h.current.Load()
	select {
	case <-c.ended:
		return c.why
	default:
		return nil
	}
}

func (h *health) end(why error) {
	c := h.current.Load()
	select {
	case <-c.ended:
		// A stall turns into a failure: a new condition that has ended.
		c = &condition{ended: make(chan struct{})}
		c.why = why
		close(c.ended)
		h.current.Store(c)
	default:
		c.why = why
		close(c.ended)
	}
}

// fail ends all writing for good. It reports whether it is the first failure.
func (h *health) fail(err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed != nil {
		return false
	}
	h.failed = fmt.Errorf("%w: %w", ErrFailed, err)
	h.end(h.failed)
	close(h.dead)
	return true
}

func (h *health) hasFailed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed != nil
}

// stall begins to wait for space, recover ends it.
func (h *health) stall() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stalls++
	if h.stalls == 1 && h.failed == nil {
		h.end(ErrNoSpace)
	}
}

func (h *health) recover() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stalls--
	if h.stalls == 0 && h.failed == nil {
		h.current.Store(&condition{ended: make(chan struct{})})
	}
}

// spaceRetry is how long a write of the index waits before it tries a full disk
// again.
const spaceRetry = 50 * time.Millisecond

// guardFS is the file system of the index. Pebble answers an error of its log or
// manifest by ending the process, some by a panic while it holds locks; so an
// error of a write never reaches it. A full disk makes the write wait and try
// again, but not a sync, which may have dropped what it could not write. After
// any other error, and for every write from then on, the call does not return:
// nothing more is written, and only Pebble's own goroutines and the committer are
// held. Reading goes on.
type guardFS struct {
	vfs.FS
	health *health
	// patient is false while the database is opened and closed: a full disk is
	// then a failure too.
	patient atomic.Bool
	fail    func(error)
}

// guarded runs f, which uses the database, until it returns or the index fails; f
// may then never return.
func guarded[T any](h *health, f func() (T, error)) (T, error) {
	type outcome struct {
		result T
		err    error
	}
	returned := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if r := recover(); r != nil { // Pebble panics on some errors
				o.err = fmt.Errorf("index: %v", r)
			}
			returned <- o
		}()
		o.result, o.err = f()
	}()
	select {
	case o := <-returned:
		return o.result, o.err
	case <-h.dead:
		var none T
		return none, h.err()
	}
}

func (g *guardFS) Unwrap() vfs.FS { return g.FS }

// once runs a write that must not be tried again. See guardFS.
func (g *guardFS) once(write func() error) error {
	if g.health.hasFailed() {
		select {}
	}
	return g.answer(write())
}

// try runs a write until there is space for it. See guardFS.
func (g *guardFS) try(write func() error) error {
	if g.health.hasFailed() {
		select {}
	}
	err := write()
	if err == nil {
		return nil
	}
	stalled := false
	for isNoSpace(err) && g.patient.Load() && !g.health.hasFailed() {
		if !stalled {
			stalled = true
			g.health.stall()
		}
		time.Sleep(spaceRetry)
		err = write()
	}
	if stalled {
		g.health.recover()
	}
	return g.answer(err)
}

// answer returns what Pebble may see of the outcome of a write, if anything.
func (g *guardFS) answer(err error) error {
	switch {
	case err == nil:
		return nil
	case isNotExist(err), errors.Is(err, fs.ErrExist), errors.Is(err, vfs.ErrUnsupported):
		return err // an answer, not a failure
	}
	g.fail(err)
	select {}
}

// Create creates a file. A marker names the manifest in force by its own name, and
// Pebble syncs the names of both at once; so that no crash leaves a marker without
// its manifest, names are synced before as well.
func (g *guardFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(g.PathBase(name), "marker.") {
		dir := g.PathDir(name)
		if err := g.once(func() error { return syncDir(g.FS, dir) }); err != nil {
			return nil, err
		}
	}
	return g.file(func() (vfs.File, error) { return g.FS.Create(name, category) })
}

func (g *guardFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return g.file(func() (vfs.File, error) { return g.FS.OpenReadWrite(name, category, opts...) })
}

func (g *guardFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file(func() (vfs.File, error) { return g.FS.ReuseForWrite(oldname, newname, category) })
}

func (g *guardFS) OpenDir(name string) (vfs.File, error) {
	return g.file(func() (vfs.File, error) { return g.FS.OpenDir(name) })
}

func (g *guardFS) file(open func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	err := g.try(func() (err error) {
		f, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &guardFile{File: f, guard: g}, nil
}

func (g *guardFS) Link(oldname, newname string) error {
	return g.try(func() error { return g.FS.Link(oldname, newname) })
}

func (g *guardFS) Rename(oldname, newname string) error {
	return g.try(func() error { return g.FS.Rename(oldname, newname) })
}

func (g *guardFS) MkdirAll(dir string, perm os.FileMode) error {
	return g.try(func() error { return g.FS.MkdirAll(dir, perm) })
}

// Lock does nothing: the engine holds the folder. After a failure the database is
// never closed, so a lock of its own would never be given back.
func (g *guardFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// guardFile is a file opened for writing through a guardFS.
type guardFile struct {
	vfs.File
	guard *guardFS
}

func (f *guardFile) Write(p []byte) (int, error) {
	written := 0
	err := f.guard.try(func() error {
		n, err := f.File.Write(p[written:])
		written += n
		return err
	})
	return written, err
}

func (f *guardFile) WriteAt(p []byte, offset int64) (int, error) {
	written := 0
	err := f.guard.try(func() error {
		n, err := f.File.WriteAt(p[written:], offset+int64(written))
		written += n
		return err
	})
	return written, err
}

// Preallocate never fails: it is a hint, and a full disk shows in the write.
func (f *guardFile) Preallocate(offset, length int64) error {
	_ = f.File.Preallocate(offset, length)
	return nil
}

func (f *guardFile) Sync() error { return f.guard.once(f.File.Sync) }

func (f *guardFile) SyncData() error { return f.guard.once(f.File.SyncData) }

func (f *guardFile) SyncTo(length int64) (full bool, err error) {
	err = f.guard.once(func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

func (f *guardFile) Close() error { return f.guard.once(f.File.Close) }

// isNotExist reports whether a file did not exist.
func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
