package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// oneByte hides WriterTo and gives a byte at a time.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

// putParts puts an object of parts whose places differ: file, row, empty, file.
func putParts(t *testing.T, e *Engine, key string) []byte {
	t.Helper()
	e.cfg.minPartBytes = 0
	u := startUpload(t, e, key, UploadOptions{})
	var parts []CompletedPart
	var whole []byte
	for i, size := range []int{2*blockBytes + 100, 10, 0, streamBufferBytes + 5, 5000} {
		body := testBody(size, uint64(100+i))
		parts = append(parts, putPart(t, e, u, i+1, body))
		whole = append(whole, body...)
	}
	complete(t, e, u, parts...)
	return whole
}

func TestRanges(t *testing.T) {
	e := newTest(t)
	bodies := map[string][]byte{"parts": putParts(t, e, "parts")}
	for i, size := range sizes {
		key := "key" + string(rune('a'+i))
		bodies[key] = testBody(size, uint64(i))
		put(t, e, key, bodies[key])
	}
	for key, body := range bodies {
		r, err := e.Get(context.Background(), testBucket, key, GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		n := int64(len(body))
		for _, span := range [][2]int64{
			{0, n}, {0, 0}, {n, 0}, {0, min(1, n)}, {max(n-1, 0), min(1, n)}, {n / 2, n - n/2}, {n / 3, n / 3},
			{min(n, blockBytes), n - min(n, blockBytes)}, {min(n, blockBytes-1), min(2, n-min(n, blockBytes-1))},
			{min(n, 2*blockBytes+99), n - min(n, 2*blockBytes+99)}, {min(n, streamBufferBytes+1), n - min(n, streamBufferBytes+1)},
		} {
			want := body[span[0] : span[0]+span[1]]
			got, err := readRange(r, span[0], span[1])
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %d bytes, range %v: got %d bytes, %v; want %d", key, n, span, len(got), err, len(want))
			}
			part, err := r.Range(span[0], span[1])
			if err != nil {
				t.Fatal(err)
			}
			var buffer bytes.Buffer
			count, err := part.(io.WriterTo).WriteTo(&buffer)
			if err != nil || count != span[1] || !bytes.Equal(buffer.Bytes(), want) {
				t.Errorf("%s of %d bytes, range %v: WriteTo gave %d bytes, %v; want %d", key, n, span, count, err, len(want))
			}
			part.Close()
		}
		for _, bad := range [][2]int64{{-1, 1}, {0, n + 1}, {n + 1, 0}, {1, n}, {0, -1}, {1 << 62, 1 << 62}} {
			_, err := r.Range(bad[0], bad[1])
			if n > 0 || bad[0] != 1 { // {1, 0} of an empty body is {n + 1, 0}
				wantError(t, "Range outside", err, ErrInvalidRange)
			}
		}
		r.Close()
		_, err = r.Range(0, 0)
		wantError(t, "Range after Close", err, ErrClosed)
	}
}

func TestRangeIsReadInSmallPieces(t *testing.T) {
	e := newTest(t)
	body := putParts(t, e, "parts")
	r, err := e.Get(context.Background(), testBucket, "parts", GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	part, err := r.Range(5, int64(len(body))-5)
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	got, err := io.ReadAll(oneByte{part})
	if err != nil || !bytes.Equal(got, body[5:]) {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(body)-5)
	}
}

func TestReaderOutlivesItsVersion(t *testing.T) {
	for name, end := range map[string]func(*Engine) error{
		"delete": func(e *Engine) error {
			_, err := e.Delete(context.Background(), testBucket, "key", DeleteOptions{})
			return err
		},
		"overwrite": func(e *Engine) error {
			_, err := e.Put(context.Background(), testBucket, "key", bytes.NewReader(nil), PutOptions{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i, size := range append([]int{-1}, sizes...) {
				e := newTest(t)
				body := []byte(nil)
				if size < 0 {
					body = putParts(t, e, "key")
				} else {
					body = testBody(size, uint64(i))
					put(t, e, "key", body)
				}
				var readers []*Reader
				for range 2 {
					r, err := e.Get(context.Background(), testBucket, "key", GetOptions{})
					if err != nil {
						t.Fatal(err)
					}
					readers = append(readers, r)
				}
				if err := end(e); err != nil {
					t.Fatal(err)
				}
				for _, r := range readers {
					e.reaper.quiesce()
					got, err := readRange(r, 0, r.SizeBytes)
					if err != nil || !bytes.Equal(got, body) {
						t.Errorf("%d bytes: got %d bytes, %v", size, len(got), err)
					}
					r.Close()
				}
				e.reaper.quiesce()
				wantRows(t, e)
			}
		})
	}
}

// TestPinnedGarbageIsRemovedAfterReopen closes an engine under a reader.
func TestPinnedGarbageIsRemovedAfterReopen(t *testing.T) {
	e := newTest(t)
	put(t, e, "key", testBody(9000, 1))
	r, err := e.Get(context.Background(), testBucket, "key", GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "key", nil)
	e = reopen(t, e)
	r.Close()
	e.reaper.quiesce()
	wantRows(t, e)
}

// corrupt changes the only segment file.
func corrupt(t *testing.T, e *Engine, change func([]byte) []byte) {
	t.Helper()
	fs := e.cfg.FS
	for i := range e.segments.shards {
		names, _ := fs.List(e.segments.shards[i].path)
		for _, name := range names {
			path := fs.PathJoin(e.segments.shards[i].path, name)
			f, err := fs.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(f)
			f.Close()
			if err != nil {
				t.Fatal(err)
			}
			data = change(data)
			if data == nil {
				fs.Remove(path)
				continue
			}
			g, err := fs.Create(path, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			g.Write(data)
			g.Close()
		}
	}
}

func TestCorruptFileEndsTheStream(t *testing.T) {
	const size = 5*blockBytes + 100
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	for _, tt := range []struct {
		name   string
		change func([]byte) []byte
		good   int // bytes before the end
	}{
		{"first byte", flip(0), 0},
		{"a byte of block 3", flip(3*blockBytes + 7), 0}, // the buffer holds four blocks
		{"a byte of block 4", flip(4*blockBytes + 7), 4 * blockBytes},
		{"last byte", flip(size - 1), 4 * blockBytes},
		{"checksum of block 0", flip(size), 0},
		{"checksum of the last block", flip(size + 5*4), 4 * blockBytes},
		{"truncated", func(b []byte) []byte { return b[:blockBytes] }, 0},
		{"checksums missing", func(b []byte) []byte { return b[:size] }, 0},
		{"empty", func([]byte) []byte { return []byte{} }, 0},
		{"missing", func([]byte) []byte { return nil }, 0},
		{"blocks exchanged", func(b []byte) []byte {
			return append(append(bytes.Clone(b[blockBytes:2*blockBytes]), b[:blockBytes]...), b[2*blockBytes:]...)
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newTest(t)
			body := testBody(size, 1)
			put(t, e, "key", body)
			corrupt(t, e, tt.change)
			_, got, err := read(e, testBucket, "key", GetOptions{})
			wantError(t, "read", err, ErrCorrupt)
			if len(got) > tt.good || !bytes.Equal(got, body[:len(got)]) {
				t.Errorf("got %d bytes before the error, equal %v; want at most %d", len(got), bytes.Equal(got, body[:len(got)]), tt.good)
			}
		})
	}
}

func TestFileOfAnotherSegmentIsCorrupt(t *testing.T) {
	e := newTest(t)
	put(t, e, "a", testBody(9000, 1))
	var other []byte
	corrupt(t, e, func(b []byte) []byte { other = b; return b })
	if _, err := e.Delete(context.Background(), testBucket, "a", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.reaper.quiesce()
	put(t, e, "b", testBody(9000, 2))
	corrupt(t, e, func([]byte) []byte { return other })
	_, _, err := read(e, testBucket, "b", GetOptions{})
	wantError(t, "read", err, ErrCorrupt)
}

func TestMissingRowsAreCorrupt(t *testing.T) {
	for kind, size := range map[byte]int{kindBody: 2000, kindManifest: -1} {
		e := newTest(t)
		if size < 0 {
			putParts(t, e, "key")
		} else {
			put(t, e, "key", testBody(size, 1))
		}
		if _, err := e.commit(func(tx *transaction) error {
			must(tx.batch.DeleteRange([]byte{kind}, []byte{kind + 1}, nil))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		_, _, err := read(e, testBucket, "key", GetOptions{})
		wantError(t, "read without rows of kind "+string(kind), err, ErrCorrupt)
	}
}

func TestGetRefusals(t *testing.T) {
	e := newTest(t)
	put(t, e, "key", []byte("x"))
	for _, tt := range []struct {
		bucket, key string
		opts        GetOptions
		want        error
	}{
		{"none", "key", GetOptions{}, ErrNoSuchBucket},
		{testBucket, "none", GetOptions{}, ErrNoSuchKey},
		{testBucket, "", GetOptions{}, ErrInvalidKey},
		{testBucket, "key", GetOptions{VersionID: "other"}, ErrNoSuchVersion},
		{testBucket, "key", GetOptions{VersionID: NullVersionID}, nil},
		{testBucket, "key", GetOptions{PartNumber: 1}, nil},
		{testBucket, "key", GetOptions{PartNumber: 2}, ErrNoSuchPart},
		{testBucket, "key", GetOptions{PartNumber: -1}, ErrNoSuchPart},
	} {
		_, _, err := read(e, tt.bucket, tt.key, tt.opts)
		wantError(t, "Get", err, tt.want)
		_, err = e.Head(context.Background(), tt.bucket, tt.key, tt.opts)
		wantError(t, "Head", err, tt.want)
		_, _, err = e.ObjectParts(context.Background(), tt.bucket, tt.key, GetOptions{VersionID: tt.opts.VersionID}, 0, 1)
		if tt.opts.PartNumber == 0 {
			wantError(t, "ObjectParts", err, tt.want)
		}
	}
	if errors.Is(ErrNoSuchKey, ErrNoSuchVersion) {
		t.Error("kinds of errors overlap")
	}
}
