package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

func readSealed(e *Engine, key string, dataKey [32]byte, offset, length int64) ([]byte, error) {
	r, err := e.Get(context.Background(), testBucket, key, GetOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := r.Range(0, 0); !errors.Is(err, ErrSealed) {
		return nil, fmt.Errorf("Range before Unlock: %v, want ErrSealed", err)
	}
	if err := r.Unlock(dataKey); err != nil {
		return nil, err
	}
	body, err := readRange(r, offset, length)
	if err != nil {
		return nil, err
	}
	content, err := r.Range(offset, length)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var direct bytes.Buffer
	if _, err := content.(io.WriterTo).WriteTo(&direct); err != nil || !bytes.Equal(direct.Bytes(), body) {
		return nil, fmt.Errorf("WriteTo gave %d bytes, %v; Read gave %d", direct.Len(), err, len(body))
	}
	return body, nil
}

func TestEncryptedBodiesAreReadBack(t *testing.T) {
	e := newTest(t)
	for _, size := range []int{0, 1, 700, embedMaxBytes, 3000, 4 << 10, blockBytes, blockBytes + 1, 300 << 10, 1<<20 + 17} {
		body := testBody(size, 1)
		enc := &Encryption{Key: [32]byte{byte(size), byte(size >> 8), 7}, Info: "sealed key"}
		v, err := e.Put(context.Background(), testBucket, "key", bytes.NewReader(body), PutOptions{SizeBytes: UnknownSize, Encryption: enc})
		if err != nil || v.Encryption != "sealed key" || v.SizeBytes != int64(size) || v.ETag != md5Hex(body) {
			t.Fatalf("size %d: Put: %+v, %v", size, v, err)
		}
		for _, window := range [][2]int64{{0, int64(size)}, {int64(size / 3), int64(size / 2)}, {int64(size), 0}, {0, int64(min(size, 1))}} {
			got, err := readSealed(e, "key", enc.Key, window[0], window[1])
			if err != nil || !bytes.Equal(got, body[window[0]:window[0]+window[1]]) {
				t.Errorf("size %d, range %v: got %d bytes, %v", size, window, len(got), err)
			}
		}
		if size == 0 {
			continue
		}
		if _, err := readSealed(e, "key", [32]byte{1}, 0, int64(size)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("size %d, another key: %v, want ErrCorrupt", size, err)
		}
		if size >= 700 {
			wantNotStored(t, e, body[:64])
		}
	}
	e.reaper.quiesce()
	wantRows(t, e)
}

// wantNotStored fails when bytes of a body are in the index or in a file.
func wantNotStored(t *testing.T, e *Engine, secret []byte) {
	t.Helper()
	iter, err := e.db.NewIter(&pebble.IterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	for valid := iter.First(); valid; valid = iter.Next() {
		if bytes.Contains(iter.Value(), secret) {
			t.Errorf("row %q holds the body", iter.Key()[:1])
		}
	}
	for _, name := range segmentFiles(t, e) {
		i, _ := parseID(name)
		f, err := e.cfg.FS.Open(e.segments.path(i))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(f)
		f.Close()
		if err != nil || bytes.Contains(content, secret) {
			t.Errorf("file %s holds the body (%v)", name, err)
		}
	}
}

func TestEncryptedUpload(t *testing.T) {
	e := newTest(t)
	enc := &Encryption{Key: [32]byte{5}, Info: "sealed key", OpaqueETag: true}
	u := startUpload(t, e, "key", UploadOptions{Encryption: enc})
	sizes := []int{7000, 300 << 10, 6200, 100}
	var parts []CompletedPart
	var whole []byte
	for i, size := range sizes {
		body := testBody(size, uint64(i))
		p, err := e.PutPart(context.Background(), testBucket, u.Key, u.ID, i+1, bytes.NewReader(body), PartOptions{SizeBytes: UnknownSize, Encryption: enc})
		if err != nil || p.ETag == md5Hex(body) {
			t.Fatalf("PutPart: %+v, %v", p, err)
		}
		parts, whole = append(parts, CompletedPart{Number: i + 1, ETag: p.ETag}), append(whole, body...)
	}
	for _, other := range []*Encryption{nil, {Key: enc.Key, Info: "other", OpaqueETag: true}, {Key: enc.Key, Info: enc.Info}} {
		_, err := e.PutPart(context.Background(), testBucket, u.Key, u.ID, 9, bytes.NewReader(nil), PartOptions{Encryption: other})
		wantError(t, "a part encrypted otherwise", err, ErrSealed)
	}
	v := complete(t, e, u, parts...)
	if v.Encryption != enc.Info {
		t.Errorf("completed: %+v", v)
	}
	e = reopen(t, e)
	for _, window := range [][2]int{{0, len(whole)}, {6999, 2}, {100, 310 << 10}, {len(whole) - 150, 150}} {
		got, err := readSealed(e, "key", enc.Key, int64(window[0]), int64(window[1]))
		if err != nil || !bytes.Equal(got, whole[window[0]:window[0]+window[1]]) {
			t.Errorf("range %v: got %d bytes, %v", window, len(got), err)
		}
	}
}
