package object

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/minio/sio"
)

// The sealed form of a segment is DARE 2.0 (https://github.com/minio/sio): its
// bytes in packages of 64 KiB, each sealed with AES-256-GCM.
//
//	 0         1        2          4                   16
//	┌─────────┬────────┬──────────┬───────────────────┬─────────┬────────┐
//	│ version │ cipher │ length-1 │ nonce             │ sealed  │ tag    │
//	│ 0x20    │ 0x00   │ 2, LE    │ 12                │ payload │ 16     │
//	└─────────┴────────┴──────────┴───────────────────┴─────────┴────────┘
//
// The nonce is drawn for the segment; its first bit is set in the last package,
// and the number of the package is mixed into the nonce under which it is
// sealed. So a package does not open in another place, a segment that was cut
// off has no last package, and a package of another segment has another key.
// All packages but the last are full. The sealed form of nothing is nothing.
//
// The key of a segment is HKDF-SHA256 of the version's data key with the info
// "inro segment v1" and the segment ID.
const (
	packageBytes         = 64 << 10
	packageHeaderBytes   = 16
	packageTagBytes      = 16
	packageOverheadBytes = packageHeaderBytes + packageTagBytes
	sealedPackageBytes   = packageBytes + packageOverheadBytes

	// packageFlag is where in a package the byte with the bit is that marks
	// the last one.
	packageFlag     = 4
	lastPackageFlag = 0x80

	segmentKeyInfo = "inro segment v1"
)

// segmentKey seals one segment. It is used for one stream, or for few bodies in
// memory: the nonces are random.
type segmentKey [sha256.Size]byte

// deriveSegmentKey makes the key of a segment from the data key of its version.
func deriveSegmentKey(dataKey [32]byte, i id) (segmentKey, error) {
	key, err := hkdf.Key(sha256.New, dataKey[:], nil, segmentKeyInfo+string(i[:]), sha256.Size)
	if err != nil {
		return segmentKey{}, fmt.Errorf("derive segment key: %w", err)
	}
	return segmentKey(key), nil
}

// config allows one version and one cipher: a stored byte does not choose.
func (k *segmentKey) config(firstPackage int64) sio.Config {
	return sio.Config{
		MinVersion: sio.Version20, MaxVersion: sio.Version20, CipherSuites: []byte{sio.AES_256_GCM},
		Key: k[:], SequenceNumber: uint32(firstPackage),
	}
}

// sealedSize returns the size of the sealed form of plain bytes.
func sealedSize(plain int64) int64 {
	packages := (plain + packageBytes - 1) / packageBytes
	return plain + packages*packageOverheadBytes
}

// sealWriter seals what is written to it. What it passes on comes in whole
// buffers, but for the rest at Close: a segmentWriter wants whole blocks.
type sealWriter struct {
	stream io.WriteCloser
	out    gatherer
}

// newSealWriter returns a writer of the sealed form to to. The buffer is used
// until Close; its length is that of the writes.
func newSealWriter(key segmentKey, to io.Writer, buffer []byte) (*sealWriter, error) {
	w := &sealWriter{out: gatherer{to: to, buffer: buffer}}
	var err error
	if w.stream, err = sio.EncryptWriter(&w.out, key.config(0)); err != nil {
		return nil, fmt.Errorf("seal segment: %w", err)
	}
	return w, nil
}

// Write implements io.Writer.
func (w *sealWriter) Write(p []byte) (int, error) { return w.stream.Write(p) }

// Close seals the last package and writes the rest out. It does not close what
// is written to.
func (w *sealWriter) Close() error {
	if err := w.stream.Close(); err != nil {
		return err
	}
	return w.out.flush()
}

// gatherer passes on what is written to it in pieces of its buffer's length.
type gatherer struct {
	to     io.Writer
	buffer []byte
	n      int // bytes in the buffer
}

// Write implements io.Writer.
func (g *gatherer) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n := copy(g.buffer[g.n:], p)
		p = p[n:]
		g.n += n
		written += n
		if g.n == len(g.buffer) {
			if err := g.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (g *gatherer) flush() error {
	if g.n == 0 {
		return nil
	}
	n, err := g.to.Write(g.buffer[:g.n])
	if err == nil && n < g.n {
		err = io.ErrShortWrite
	}
	g.n = 0
	return err
}

// sealBody appends the sealed form of a body in memory to dst, which does not
// overlap it.
func sealBody(key segmentKey, dst, body []byte) ([]byte, error) {
	out := appender{dst}
	stream, err := sio.EncryptWriter(&out, key.config(0))
	if err != nil {
		return nil, fmt.Errorf("seal body: %w", err)
	}
	if _, err := stream.Write(body); err != nil {
		return nil, fmt.Errorf("seal body: %w", err)
	}
	if err := stream.Close(); err != nil {
		return nil, fmt.Errorf("seal body: %w", err)
	}
	return out.bytes, nil
}

type appender struct{ bytes []byte }

// Write implements io.Writer.
func (a *appender) Write(p []byte) (int, error) {
	a.bytes = append(a.bytes, p...)
	return len(p), nil
}

// openBody appends the body of sizeBytes of which sealed is the sealed form to
// dst, which does not overlap it.
func openBody(key segmentKey, dst, sealed []byte, sizeBytes int64) ([]byte, error) {
	if int64(len(sealed)) != sealedSize(sizeBytes) {
		return nil, fmt.Errorf("sealed body of %d bytes for %d: %w", len(sealed), sizeBytes, ErrCorrupt)
	}
	if sizeBytes == 0 {
		return dst, nil
	}
	out, err := sio.DecryptBuffer(dst, sealed, key.config(0))
	if err != nil {
		return nil, sealedError(err)
	}
	return out, nil
}

// sealedSource opens a range of the sealed form of a segment.
type sealedSource func(offset, length int64) (io.ReadCloser, error)

// unsealedRange reads a range of a sealed segment. A package is authenticated
// before any byte of it is given out.
type unsealedRange struct {
	source  io.ReadCloser
	stream  io.Reader
	buffers *bufferPool
	buffer  *[]byte
	window  []byte // what is ready to be given out
	skip    int64  // bytes of the first package before the range
	whole   int64  // bytes of the packages still to be opened
	left    int64  // bytes of the range still to be given to window
	err     error  // why there is no more, after window
}

// openSealed returns length bytes from offset on of the segment of sizeBytes
// whose sealed form source opens. It reads the packages that hold the range and
// nothing else. The range must be within the segment. The result is an
// io.WriterTo too and must be closed.
func openSealed(key segmentKey, source sealedSource, sizeBytes, offset, length int64, buffers *bufferPool) (*unsealedRange, error) {
	if length == 0 {
		return &unsealedRange{err: io.EOF}, nil
	}
	first, end := offset/packageBytes, (offset+length+packageBytes-1)/packageBytes
	start, stop := first*packageBytes, min(end*packageBytes, sizeBytes)
	from := first * sealedPackageBytes
	sealed, err := source(from, sealedSize(stop)-from)
	if err != nil {
		return nil, err
	}
	flags := &flagReader{from: sealed, at: from, sizeBytes: sealedSize(sizeBytes)}
	stream, err := sio.DecryptReader(flags, key.config(first))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open segment: %w", err), sealed.Close())
	}
	u := &unsealedRange{
		source: sealed, stream: stream, buffers: buffers,
		skip: offset - start, whole: stop - start, left: length,
	}
	u.buffer = buffers.get(int(min((end-first)*packageBytes, streamBufferBytes)))
	return u, nil
}

// fill opens the next packages into the window.
func (u *unsealedRange) fill() error {
	if u.err == nil && u.left == 0 {
		u.err = io.EOF
	}
	if u.err != nil {
		return u.err
	}
	data := (*u.buffer)[:min(int64(len(*u.buffer)), u.whole)]
	if _, err := io.ReadFull(u.stream, data); err != nil {
		u.err = sealedError(err)
		return u.err
	}
	u.whole -= int64(len(data))
	u.window = data[u.skip:min(int64(len(data)), u.skip+u.left)]
	u.skip = 0
	u.left -= int64(len(u.window))
	return nil
}

// Read implements io.Reader.
func (u *unsealedRange) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(u.window) == 0 {
		if err := u.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.window)
	u.window = u.window[n:]
	return n, nil
}

// WriteTo implements io.WriterTo.
func (u *unsealedRange) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if len(u.window) == 0 {
			if err := u.fill(); err == io.EOF {
				return written, nil
			} else if err != nil {
				return written, err
			}
		}
		n, err := w.Write(u.window)
		written += int64(n)
		u.window = u.window[n:]
		if err != nil {
			return written, err
		}
	}
}

// Close ends the range.
func (u *unsealedRange) Close() error {
	if u.buffer != nil {
		u.buffers.put(u.buffer)
		u.buffer = nil
	}
	u.window, u.stream, u.err = nil, nil, ErrClosed
	if u.source == nil {
		return nil
	}
	source := u.source
	u.source = nil
	return source.Close()
}

// flagReader passes a sealed form on and checks that its last package, and no
// other, is marked as the last. A reader of a range would not see that: it may
// end before the last package, and cannot tell one that was cut off from it.
type flagReader struct {
	from      io.Reader
	at        int64 // offset of the next byte in the sealed form
	sizeBytes int64 // of the whole sealed form
}

var errPackageFlag = errors.New("last package is not where it should be")

// Read implements io.Reader.
func (f *flagReader) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	start := f.at / sealedPackageBytes * sealedPackageBytes
	for flag := start + packageFlag; flag < f.at+int64(n); flag += sealedPackageBytes {
		if flag < f.at {
			continue
		}
		marked := p[flag-f.at]&lastPackageFlag != 0
		last := flag-packageFlag+sealedPackageBytes >= f.sizeBytes
		if marked != last {
			return 0, errPackageFlag
		}
	}
	f.at += int64(n)
	return n, err
}

// sealedError makes ErrCorrupt of what shows that a sealed form is not what was
// written; errors of the disk pass.
func sealedError(err error) error {
	var broken sio.Error
	switch {
	case errors.As(err, &broken), err == errPackageFlag, err == io.EOF, err == io.ErrUnexpectedEOF:
		return fmt.Errorf("sealed segment: %w: %w", err, ErrCorrupt)
	}
	return err
}
