package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// tableBytes is how many checksums of a file are read at once: those of 32 MiB.
const tableBytes = 2 << 10

// segmentRange reads a range of an object kept in segments, and checks every
// block before any byte of it is given out.
type segmentRange struct {
	engine    *Engine
	pieces    []piece
	offset    int64 // of the next byte to load, in the object
	remaining int64 // bytes still to load
	window    []byte
	err       error // why there is no more, after window

	buffer *[]byte // backs window while in a file

	// The open segment file.
	file       vfs.File
	fileID     id
	table      []byte // checksums of blocks from tableBlock on
	tableBlock int64
}

// Read implements io.Reader.
func (s *segmentRange) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(s.window) == 0 {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.window)
	s.window = s.window[n:]
	return n, nil
}

// WriteTo implements io.WriterTo.
func (s *segmentRange) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if len(s.window) == 0 {
			if err := s.fill(); err == io.EOF {
				return written, nil
			} else if err != nil {
				return written, err
			}
		}
		n, err := w.Write(s.window)
		written += int64(n)
		s.window = s.window[n:]
		if err != nil {
			return written, err
		}
	}
}

// Close ends the range.
func (s *segmentRange) Close() error {
	s.closeFile()
	if s.buffer != nil {
		s.engine.buffers.put(s.buffer)
		s.buffer = nil
	}
	s.window, s.err = nil, ErrClosed
	return nil
}

func (s *segmentRange) closeFile() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// fill loads the next bytes into the window.
func (s *segmentRange) fill() error {
	if s.err == nil && s.remaining == 0 {
		s.err = io.EOF
	}
	if s.err != nil {
		return s.err
	}
	i := sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].endBytes > s.offset })
	start := int64(0)
	if i > 0 {
		start = s.pieces[i-1].endBytes
	}
	p := s.pieces[i]
	within := s.offset - start
	length := min(s.remaining, p.endBytes-s.offset)
	if p.ref.where == inRow {
		s.err = s.loadRow(p.ref.id, p.endBytes-start, within, length)
	} else {
		s.err = s.loadFile(p.ref.id, p.endBytes-start, within, length)
	}
	s.offset += int64(len(s.window))
	s.remaining -= int64(len(s.window))
	return s.err
}

// loadRow loads a segment kept in the index.
func (s *segmentRange) loadRow(i id, size, offset, length int64) error {
	if err := s.engine.enter(); err != nil {
		return err
	}
	defer s.engine.leave()
	row, err := s.engine.get(idKey(kindBody, i))
	if err != nil {
		return err
	}
	if int64(len(row)) != size {
		return fmt.Errorf("body row %v has %d bytes for %d: %w", i, len(row), size, ErrCorrupt)
	}
	s.window = row[offset : offset+length]
	return nil
}

// loadFile loads blocks of a segment file: as many as fit the buffer, the range
// and the table of checksums.
func (s *segmentRange) loadFile(i id, size, offset, length int64) error {
	if s.file == nil || s.fileID != i {
		s.closeFile()
		file, err := s.engine.segments.fs.Open(s.engine.segments.path(i))
		if isNotExist(err) {
			return fmt.Errorf("segment %v is missing: %w", i, ErrCorrupt)
		}
		if err != nil {
			return fmt.Errorf("open segment %v: %w", i, err)
		}
		s.file, s.fileID, s.table = file, i, nil
	}
	if s.buffer == nil {
		blocks := (offset%blockBytes + s.remaining + blockBytes - 1) / blockBytes
		s.buffer = s.engine.buffers.get(int(min(blocks*blockBytes, streamBufferBytes)))
	}
	first := offset / blockBytes
	last := (offset + length - 1) / blockBytes
	if err := s.loadTable(size, first, last); err != nil {
		return err
	}
	known := int64(len(s.table)/checksumBytes) - (first - s.tableBlock)
	blocks := min(last-first+1, int64(len(*s.buffer)/blockBytes), known)
	end := min((first+blocks)*blockBytes, size)
	data := (*s.buffer)[:end-first*blockBytes]
	if err := readAt(s.file, data, first*blockBytes); err != nil {
		return fmt.Errorf("read segment %v: %w", i, err)
	}
	for n := range blocks {
		block := data[n*blockBytes : min((n+1)*blockBytes, int64(len(data)))]
		want := binary.LittleEndian.Uint32(s.table[(first+n-s.tableBlock)*checksumBytes:])
		if blockChecksum(i, first+n, block) != want {
			return fmt.Errorf("segment %v, block %d: %w", i, first+n, ErrCorrupt)
		}
	}
	s.window = data[offset-first*blockBytes : min(offset+length, end)-first*blockBytes]
	return nil
}

// loadTable makes sure that the table has the checksum of block first, and more
// up to block last.
func (s *segmentRange) loadTable(size, first, last int64) error {
	if s.table != nil && first >= s.tableBlock && first < s.tableBlock+int64(len(s.table)/checksumBytes) {
		return nil
	}
	n := min((last-first+1)*checksumBytes, tableBytes)
	s.table, s.tableBlock = make([]byte, n), first
	if err := readAt(s.file, s.table, size+first*checksumBytes); err != nil {
		return fmt.Errorf("read checksums of segment %v: %w", s.fileID, err)
	}
	return nil
}

// readAt fills p; a file that is too short is corrupt.
func readAt(f vfs.File, p []byte, offset int64) error {
	n, err := f.ReadAt(p, offset)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%d bytes of %d at %d: %w", n, len(p), offset, ErrCorrupt)
	}
	return err
}
