package object

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

func testSegmentKey(t testing.TB, secret, segment byte) segmentKey {
	t.Helper()
	key, err := deriveSegmentKey([32]byte{secret}, id{segment})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func randomBytes(n int) []byte {
	p := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(n)})
	rng.Read(p)
	return p
}

// writes records the sizes of writes.
type writes struct {
	bytes.Buffer
	sizes []int
}

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return w.Buffer.Write(p)
}

func seal(t testing.TB, key segmentKey, plain []byte) []byte {
	t.Helper()
	var out writes
	w, err := newSealWriter(key, &out, make([]byte, streamBufferBytes))
	if err != nil {
		t.Fatal(err)
	}
	for rest := plain; len(rest) > 0; {
		n := min(len(rest), streamBufferBytes)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, size := range out.sizes[:max(len(out.sizes)-1, 0)] {
		if size != streamBufferBytes {
			t.Errorf("write of %d bytes before the last, want %d", size, streamBufferBytes)
		}
	}
	return out.Bytes()
}

// sourceOf serves sealed bytes and records what was asked for.
type sourceOf struct {
	sealed []byte
	asked  [2]int64
	open   int
	chunk  int // most bytes per Read; 0: no bound
}

func (s *sourceOf) source(offset, length int64) (io.ReadCloser, error) {
	s.asked = [2]int64{offset, length}
	s.open++
	from, to := min(offset, int64(len(s.sealed))), min(offset+length, int64(len(s.sealed)))
	return &sourceReader{s, s.sealed[from:to]}, nil
}

type sourceReader struct {
	of   *sourceOf
	rest []byte
}

func (r *sourceReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	if r.of.chunk > 0 {
		p = p[:min(len(p), r.of.chunk)]
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *sourceReader) Close() error { r.of.open--; return nil }

// unseal reads a range; what was given out before an error is returned too.
func unseal(t testing.TB, key segmentKey, s *sourceOf, size, offset, length int64) ([]byte, error) {
	t.Helper()
	r, err := openSealed(key, s.source, size, offset, length, new(bufferPool))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = r.WriteTo(&out)
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if s.open != 0 {
		t.Errorf("%d sources left open", s.open)
	}
	return out.Bytes(), err
}

var sealSizes = []int{0, 1, 15, packageBytes - 1, packageBytes, packageBytes + 1, 3*packageBytes - 1, 4 * packageBytes, 9*packageBytes + 77}

func TestSealedSegmentRoundTrip(t *testing.T) {
	key := testSegmentKey(t, 1, 2)
	for _, size := range sealSizes {
		plain := randomBytes(size)
		sealed := seal(t, key, plain)
		if int64(len(sealed)) != sealedSize(int64(size)) {
			t.Errorf("%d bytes sealed to %d, sealedSize says %d", size, len(sealed), sealedSize(int64(size)))
		}
		if size > 15 && bytes.Contains(sealed, plain[:16]) {
			t.Errorf("size %d: plain text in the sealed form", size)
		}
		for _, chunk := range []int{0, 1000} {
			got, err := unseal(t, key, &sourceOf{sealed: sealed, chunk: chunk}, int64(size), 0, int64(size))
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("size %d, chunk %d: %d bytes, error %v", size, chunk, len(got), err)
			}
		}
	}
}

func TestSealedRangeReadsOnlyItsPackages(t *testing.T) {
	key := testSegmentKey(t, 1, 2)
	const size = 5*packageBytes + 100
	plain := randomBytes(size)
	sealed := seal(t, key, plain)
	edges := []int64{0, 1, packageBytes - 1, packageBytes, packageBytes + 1, 4 * packageBytes, 5 * packageBytes, 5*packageBytes + 1, size - 1, size}
	for _, from := range edges {
		for _, to := range edges {
			if to <= from {
				continue
			}
			s := &sourceOf{sealed: sealed, chunk: 4096}
			got, err := unseal(t, key, s, size, from, to-from)
			if err != nil || !bytes.Equal(got, plain[from:to]) {
				t.Errorf("%d to %d: %d bytes, error %v", from, to, len(got), err)
			}
			first, last := from/packageBytes, (to-1)/packageBytes
			end := min((last+1)*sealedPackageBytes, int64(len(sealed)))
			if want := [2]int64{first * sealedPackageBytes, end - first*sealedPackageBytes}; s.asked != want {
				t.Errorf("%d to %d: asked for %v, want %v", from, to, s.asked, want)
			}
		}
	}
}

func TestSealedRangeInSmallReads(t *testing.T) {
	key := testSegmentKey(t, 1, 2)
	plain := randomBytes(2*packageBytes + 5)
	s := &sourceOf{sealed: seal(t, key, plain)}
	r, err := openSealed(key, s.source, int64(len(plain)), 3, int64(len(plain))-3, new(bufferPool))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(oneByte{r})
	if err != nil || !bytes.Equal(got, plain[3:]) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	r.Close()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("read after close: %v, want ErrClosed", err)
	}
}

func TestBrokenSealedSegmentIsCorrupt(t *testing.T) {
	key := testSegmentKey(t, 1, 2)
	const size = 4*packageBytes + 50
	plain := randomBytes(size)
	intact := seal(t, key, plain)
	again := seal(t, key, plain)                          // another nonce
	other := seal(t, testSegmentKey(t, 1, 3), plain)      // another segment of the version
	stranger := seal(t, testSegmentKey(t, 2, 2), plain)   // another version
	shorter := seal(t, key, plain[:2*packageBytes])       // ends where a package does
	longer := seal(t, key, append(plain[:size:size], 99)) // one byte more
	at := func(n int) int { return n * sealedPackageBytes }
	splice := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flip := func(i int) []byte {
		p := bytes.Clone(intact)
		p[i] ^= 0x80
		return p
	}
	tests := []struct {
		name   string
		sealed []byte
		size   int64
		good   int // most bytes that may be given out
	}{
		{"empty", nil, size, 0},
		{"cut in a package", intact[:at(2)+500], size, 2 * packageBytes},
		{"cut between packages", intact[:at(2)], size, 2 * packageBytes},
		{"cut between packages, size as well", intact[:at(2)], 2 * packageBytes, packageBytes},
		{"cut to one package, size as well", intact[:at(1)], packageBytes, 0},
		{"longer than its end", splice(shorter, intact[at(2):]), size, packageBytes},
		{"one byte more", longer[:len(longer)-1], size, 4 * packageBytes},
		{"packages swapped", splice(intact[:at(1)], intact[at(2):at(3)], intact[at(1):at(2)], intact[at(3):]), size, packageBytes},
		{"package repeated", splice(intact[:at(1)], intact[:at(1)], intact[at(2):]), size, packageBytes},
		{"package of another writing", splice(intact[:at(1)], again[at(1):at(2)], intact[at(2):]), size, packageBytes},
		{"package of another segment", splice(intact[:at(1)], other[at(1):at(2)], intact[at(2):]), size, packageBytes},
		{"another segment", other, size, 0},
		{"another version", stranger, size, 0},
		{"version of the format", flip(0), size, 0},
		{"cipher", flip(1), size, 0},
		{"length", flip(2), size, 0},
		{"mark of the last package", flip(packageFlag), size, 0},
		{"mark taken off", flip(at(4) + packageFlag), size, 4 * packageBytes},
		{"nonce", flip(9), size, 0},
		{"first payload byte", flip(packageHeaderBytes), size, 0},
		{"tag", flip(at(1) - 1), size, 0},
		{"last byte", flip(len(intact) - 1), size, 4 * packageBytes},
	}
	for _, test := range tests {
		got, err := unseal(t, key, &sourceOf{sealed: test.sealed}, test.size, 0, test.size)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: error %v, want ErrCorrupt", test.name, err)
		}
		if len(got) > test.good || !bytes.Equal(got, plain[:len(got)]) {
			t.Errorf("%s: gave %d bytes, at most %d are sound", test.name, len(got), test.good)
		}
		body, err := openBody(key, nil, test.sealed, test.size)
		if !errors.Is(err, ErrCorrupt) || body != nil {
			t.Errorf("%s, in memory: %d bytes, error %v, want ErrCorrupt", test.name, len(body), err)
		}
	}
}

// TestRangeOfCutSegmentIsCorrupt reads ranges that end where a segment was cut
// off, with a size in the index to match.
func TestRangeOfCutSegmentIsCorrupt(t *testing.T) {
	key := testSegmentKey(t, 1, 2)
	intact := seal(t, key, randomBytes(4*packageBytes))
	for _, packages := range []int64{1, 2, 3} {
		s := &sourceOf{sealed: intact[:packages*sealedPackageBytes]}
		size := packages * packageBytes
		if got, err := unseal(t, key, s, size, size-10, 10); !errors.Is(err, ErrCorrupt) || len(got) > 0 {
			t.Errorf("cut to %d packages: %d bytes, error %v, want ErrCorrupt", packages, len(got), err)
		}
	}
}

func TestDiskErrorIsNotCorruption(t *testing.T) {
	key := testSegmentKey(t, 1, 2)
	broken := errors.New("input/output error")
	fails := func(int64, int64) (io.ReadCloser, error) { return nil, broken }
	if _, err := openSealed(key, fails, 10, 0, 10, new(bufferPool)); !errors.Is(err, broken) {
		t.Errorf("open: %v, want %v", err, broken)
	}
	sealed := seal(t, key, randomBytes(100))
	later := func(int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(sealed[:50]), failing{broken})), nil
	}
	r, err := openSealed(key, later, 100, 0, 100, new(bufferPool))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
		t.Errorf("read: %v, want %v", err, broken)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestSealWriterFails(t *testing.T) {
	full := errors.New("disk full")
	for _, room := range []int{0, streamBufferBytes} {
		w, err := newSealWriter(testSegmentKey(t, 1, 2), &limited{room, full}, make([]byte, streamBufferBytes))
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(randomBytes(6 * packageBytes))
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, full) {
			t.Errorf("room for %d bytes: %v, want %v", room, err, full)
		}
	}
}

type limited struct {
	room int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.room -= len(p); l.room < 0 {
		return 0, l.err
	}
	return len(p), nil
}

func TestSealedBodyRoundTrip(t *testing.T) {
	key := testSegmentKey(t, 1, 2)
	for _, size := range sealSizes {
		plain := randomBytes(size)
		sealed, err := sealBody(key, []byte("before"), plain)
		if err != nil {
			t.Fatal(err)
		}
		sealed, ok := bytes.CutPrefix(sealed, []byte("before"))
		if !ok || int64(len(sealed)) != sealedSize(int64(size)) {
			t.Errorf("%d bytes sealed to %d, sealedSize says %d", size, len(sealed), sealedSize(int64(size)))
		}
		body, err := openBody(key, []byte("before"), sealed, int64(size))
		if body, ok := bytes.CutPrefix(body, []byte("before")); err != nil || !ok || !bytes.Equal(body, plain) {
			t.Errorf("size %d: %d bytes, error %v", size, len(body), err)
		}
		// Both forms are the same, wherever the body is kept.
		got, err := unseal(t, key, &sourceOf{sealed: sealed}, int64(size), 0, int64(size))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("size %d as a segment: %d bytes, error %v", size, len(got), err)
		}
	}
}

// TestSegmentKey pins the derivation: stored objects depend on it.
func TestSegmentKey(t *testing.T) {
	key, err := deriveSegmentKey([32]byte{1, 2, 3}, id{4, 5, 6})
	if err != nil {
		t.Fatal(err)
	}
	const want = "ffb4c497d7e1b8cc5a4da733ba4c823054c161efa45cd7145aff5eb4cd64a341"
	if got := hex.EncodeToString(key[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzOpenSealed(f *testing.F) {
	key := testSegmentKey(f, 1, 2)
	for _, size := range []int{1, 100, packageBytes + 10} {
		f.Add(seal(f, key, randomBytes(size)), int64(size), int64(0), int64(size))
	}
	f.Add([]byte{0x20, 0, 0, 0}, int64(2), int64(1), int64(1))
	f.Fuzz(func(t *testing.T, sealed []byte, size, offset, length int64) {
		if size < 0 || offset < 0 || length < 0 || offset > size || length > size-offset || size > 1<<50 {
			return
		}
		body, failure := openBody(key, nil, sealed, size)
		if failure == nil && int64(len(body)) != size {
			t.Errorf("body of %d bytes for %d", len(body), size)
		}
		got, err := unseal(t, key, &sourceOf{sealed: sealed}, size, offset, length)
		if err == nil && int64(len(got)) != length {
			t.Errorf("range of %d bytes for %d", len(got), length)
		}
		if failure == nil && (err != nil || !bytes.Equal(got, body[offset:offset+length])) {
			t.Errorf("range differs from the body: %v", err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	key := testSegmentKey(b, 1, 2)
	plain := randomBytes(8 << 20)
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		buffer := make([]byte, streamBufferBytes)
		for b.Loop() {
			w, err := newSealWriter(key, io.Discard, buffer)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := w.Write(plain); err != nil {
				b.Fatal(err)
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	sealed := seal(b, key, plain)
	for _, length := range []int64{1 << 10, 8 << 20} {
		b.Run(fmt.Sprintf("read/%d", length), func(b *testing.B) {
			b.SetBytes(length)
			buffers := new(bufferPool)
			s := &sourceOf{sealed: sealed}
			for b.Loop() {
				r, err := openSealed(key, s.source, int64(len(plain)), int64(len(plain))-length, length, buffers)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.WriteTo(io.Discard); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}
