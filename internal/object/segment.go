package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// blockBytes is how much of a segment file one checksum covers.
	blockBytes = 64 << 10

	checksumBytes = 4 // of a block

	// writebackBytes is how much of a file is written before the system is
	// asked to start on it, so that the sync at the end has little left to do.
	writebackBytes = 8 << 20

	segmentShards = 16
)

// segmentStore writes and reads segment files.
type segmentStore struct {
	fs      vfs.FS
	buffers *bufferPool
	shards  [segmentShards]segmentShard
}

// segmentShard is one directory of segment files.
type segmentShard struct {
	path string
	dir  vfs.File // open for syncing

	mu      sync.Mutex
	syncing *syncRound // the one that runs
	waiting *syncRound // the next one
	closed  bool
}

// syncRound is one sync of a directory, shared by all who asked before it began.
type syncRound struct {
	done chan struct{}
	err  error
}

// openSegmentStore opens the folder of segment files, creating it when absent.
func openSegmentStore(fs vfs.FS, folder string, buffers *bufferPool) (*segmentStore, error) {
	s := &segmentStore{fs: fs, buffers: buffers}
	for i := range s.shards {
		shard := &s.shards[i]
		shard.path = shardPath(fs, folder, i)
		if err := makeDir(fs, shard.path); err != nil {
			s.close()
			return nil, err
		}
		dir, err := fs.OpenDir(shard.path)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("open %s: %w", shard.path, err)
		}
		shard.dir = dir
	}
	return s, nil
}

func shardPath(fs vfs.FS, folder string, i int) string {
	return fs.PathJoin(folder, fmt.Sprintf("%x", i))
}

// close closes the directories. Syncs fail with ErrClosed from then on.
func (s *segmentStore) close() {
	for i := range s.shards {
		s.shards[i].close()
	}
}

func (d *segmentShard) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for d.syncing != nil {
		running := d.syncing
		d.mu.Unlock()
		<-running.done
		d.mu.Lock()
	}
	if d.dir != nil {
		d.dir.Close()
		d.dir = nil
	}
}

// makeDir creates a directory and those above it, durably.
func makeDir(fs vfs.FS, path string) error {
	_, err := fs.Stat(path)
	if !isNotExist(err) {
		return err
	}
	parent := fs.PathDir(path)
	if parent != path {
		if err := makeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return syncDir(fs, parent)
}

// syncDir makes the names in a directory durable.
func syncDir(fs vfs.FS, path string) error {
	dir, err := fs.OpenDir(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}

func (s *segmentStore) shard(i id) *segmentShard { return &s.shards[i[idBytes-1]%segmentShards] }

func (s *segmentStore) path(i id) string { return s.fs.PathJoin(s.shard(i).path, i.String()) }

// remove removes the file of a segment; that it does not exist is no error.
func (s *segmentStore) remove(i id) error {
	err := s.fs.Remove(s.path(i))
	if isNotExist(err) {
		return nil
	}
	return err
}

// sync makes the names of all files created or removed in the shard before the
// call durable. Calls that wait at the same time share one sync.
func (d *segmentShard) sync() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return ErrClosed
	}
	if d.waiting == nil {
		d.waiting = &syncRound{done: make(chan struct{})}
	}
	round := d.waiting
	if d.syncing != nil {
		d.mu.Unlock()
		<-round.done
		return round.err
	}
	for d.waiting != nil {
		d.syncing, d.waiting = d.waiting, nil
		d.mu.Unlock()
		d.syncing.err = d.dir.Sync()
		d.mu.Lock()
		close(d.syncing.done)
		d.syncing = nil
	}
	d.mu.Unlock()
	return round.err
}

// syncError is a failed sync of a segment file or its directory.
type syncError struct{ err error }

func (e *syncError) Error() string { return "sync: " + e.err.Error() }
func (e *syncError) Unwrap() error { return e.err }

// segmentWriter writes one segment file.
type segmentWriter struct {
	store      *segmentStore
	id         id
	file       vfs.File
	size       int64
	table      []byte // the checksums of the blocks so far
	writtenOut int64
}

func (s *segmentStore) create(i id) (*segmentWriter, error) {
	file, err := s.fs.Create(s.path(i), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("create segment %v: %w", i, err)
	}
	return &segmentWriter{store: s, id: i, file: file}, nil
}

// blockChecksum returns the checksum of a block of a segment.
func blockChecksum(i id, block int64, data []byte) uint32 {
	var place [idBytes + 8]byte
	copy(place[:], i[:])
	binary.BigEndian.PutUint64(place[idBytes:], uint64(block))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, data)
}

// write appends p. All calls but the last must bring whole blocks. It may change
// the content of p.
func (w *segmentWriter) write(p []byte) error {
	for rest := p; len(rest) > 0; {
		block := rest[:min(blockBytes, len(rest))]
		rest = rest[len(block):]
		sum := blockChecksum(w.id, int64(len(w.table)/checksumBytes), block)
		w.table = binary.LittleEndian.AppendUint32(w.table, sum)
	}
	if _, err := w.file.Write(p); err != nil {
		return fmt.Errorf("write segment %v: %w", w.id, err)
	}
	w.size += int64(len(p))
	if w.size-w.writtenOut >= writebackBytes {
		w.writtenOut = w.size
		if _, err := w.file.SyncTo(w.size); err != nil {
			return fmt.Errorf("segment %v: %w", w.id, &syncError{err})
		}
	}
	return nil
}

// finish makes the file durable under its name.
func (w *segmentWriter) finish() error {
	if _, err := w.file.Write(w.table); err != nil {
		return fmt.Errorf("write segment %v: %w", w.id, err)
	}
	if err := w.file.SyncData(); err != nil {
		return fmt.Errorf("segment %v: %w", w.id, &syncError{err})
	}
	err := w.file.Close()
	w.file = nil
	if err != nil {
		return fmt.Errorf("close segment %v: %w", w.id, &syncError{err})
	}
	if err := w.store.shard(w.id).sync(); err != nil {
		return fmt.Errorf("directory of segment %v: %w", w.id, &syncError{err})
	}
	return nil
}

// abandon closes and removes the file.
func (w *segmentWriter) abandon() error {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
	return w.store.remove(w.id)
}

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
