package object

import (
	"io"
	"sort"
)

// sealedRange reads a range of an encrypted object kept in segments, one segment
// after another.
type sealedRange struct {
	reader    *Reader
	offset    int64 // of the next byte, in the object
	remaining int64
	current   *unsealedRange
	err       error // why there is no more
}

// sealedRange opens a range of an unlocked reader.
func (r *Reader) sealedRange(offset, length int64) (io.ReadCloser, error) {
	s := &sealedRange{reader: r, offset: offset, remaining: length}
	if err := s.next(); err != nil && err != io.EOF {
		s.Close()
		return nil, err
	}
	return s, nil
}

// next opens the segment that holds the next byte, and its first bytes, so that a
// segment that is missing or does not open shows before they are promised.
func (s *sealedRange) next() error {
	if s.err == nil && s.remaining == 0 {
		s.err = io.EOF
	}
	if s.err != nil {
		return s.err
	}
	e, pieces := s.reader.engine, s.reader.pieces
	if e == nil {
		return ErrClosed
	}
	i := sort.Search(len(pieces), func(i int) bool { return pieces[i].endBytes > s.offset })
	start := int64(0)
	if i > 0 {
		start = pieces[i-1].endBytes
	}
	p := pieces[i]
	size := p.endBytes - start
	length := min(s.remaining, p.endBytes-s.offset)
	key, err := deriveSegmentKey(s.reader.key, p.ref.id)
	if err == nil {
		source := func(offset, length int64) (io.ReadCloser, error) {
			sealed := []piece{{sealedSize(size), p.ref}}
			return &segmentRange{engine: e, pieces: sealed, offset: offset, remaining: length}, nil
		}
		s.current, err = openSealed(key, source, size, s.offset-start, length, &e.buffers)
	}
	if err == nil {
		s.offset += length
		s.remaining -= length
		err = s.current.fill()
	}
	s.err = err
	return err
}

// advance makes sure that current has bytes, or returns why there are no more.
func (s *sealedRange) advance() error {
	for s.err == nil && (s.current == nil || len(s.current.window) == 0) {
		err := io.EOF
		if s.current != nil {
			err = s.current.fill()
		}
		if err == io.EOF {
			s.closeCurrent()
			err = s.next()
		}
		s.err = err
	}
	return s.err
}

func (s *sealedRange) closeCurrent() {
	if s.current != nil {
		s.current.Close()
		s.current = nil
	}
}

// Read implements io.Reader.
func (s *sealedRange) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.advance(); err != nil {
		return 0, err
	}
	n := copy(p, s.current.window)
	s.current.window = s.current.window[n:]
	return n, nil
}

// WriteTo implements io.WriterTo.
func (s *sealedRange) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if err := s.advance(); err == io.EOF {
			return written, nil
		} else if err != nil {
			return written, err
		}
		n, err := w.Write(s.current.window)
		written += int64(n)
		s.current.window = s.current.window[n:]
		if err != nil {
			return written, err
		}
	}
}

// Close ends the range.
func (s *sealedRange) Close() error {
	s.closeCurrent()
	s.err = ErrClosed
	return nil
}
