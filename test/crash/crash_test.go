package crash

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"inro.dev/inro/test/rig"
)

const (
	bucket        = "crash"
	workers       = 8
	keysPerWorker = 12
)

func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	rounds, seed := environment(t, "INRO_CRASH_ROUNDS", 20), environment(t, "INRO_CRASH_SEED", time.Now().UnixNano())
	t.Logf("INRO_CRASH_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	server := rig.Start(t)
	if _, err := server.S3(1).OK(t.Context(), http.MethodPut, bucket, "", locationBody); err != nil {
		t.Fatal(err)
	}
	var all []*worker
	for i := range workers {
		all = append(all, &worker{id: i, random: rand.New(rand.NewPCG(uint64(seed), uint64(i+1))), keys: make(map[string]*history)})
	}
	for round := range rounds {
		load(t, server, all, 200*time.Millisecond+time.Duration(random.IntN(1200))*time.Millisecond)
		server.Restart(t)
		client := server.S3(workers)
		verify(t, client, all)
		if t.Failed() {
			t.Fatalf("round %d of seed %d", round, seed)
		}
		if round%5 == 4 || round == rounds-1 {
			emptied(t, server, client, all)
		}
	}
}

var locationBody = []byte(`<CreateBucketConfiguration><LocationConstraint>ap-northeast-1</LocationConstraint></CreateBucketConfiguration>`)

func environment(t *testing.T, name string, otherwise int64) int64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q: %v", name, text, err)
	}
	return n
}

// load runs all workers until the server is killed after d.
func load(t *testing.T, server *rig.Server, all []*worker, d time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	client := server.S3(workers)
	var group sync.WaitGroup
	for _, w := range all {
		group.Go(func() { w.run(ctx, client) })
	}
	time.Sleep(d)
	server.Kill(t)
	cancel()
	group.Wait()
	acknowledged := 0
	for _, w := range all {
		acknowledged += w.acknowledged
		if w.refused != nil {
			t.Errorf("worker %d: %v", w.id, w.refused)
		}
	}
	if acknowledged == 0 {
		t.Fatal("no write was acknowledged before the kill: the load does nothing")
	}
}

// history is what is known of one key.
type history struct {
	acknowledged version  // the last acknowledged state
	inFlight     *version // an operation whose answer never came
}

// version is the content of a key, or its absence when size is negative.
type version struct {
	seed  uint64
	size  int
	parts int // 0: one PUT
}

var absent = version{size: -1}

func (v version) content() []byte {
	body := make([]byte, v.size)
	rand.NewChaCha8([32]byte{byte(v.seed), byte(v.seed >> 8), byte(v.seed >> 16), byte(v.seed >> 24), byte(v.seed >> 32)}).Read(body)
	return body
}

const partBytes = 5 << 20

func (v version) split() [][]byte {
	return slices.Collect(slices.Chunk(v.content(), partBytes))
}

func (v version) etag() string {
	if v.parts == 0 {
		sum := md5.Sum(v.content())
		return `"` + hex.EncodeToString(sum[:]) + `"`
	}
	var sums []byte
	for _, part := range v.split() {
		sum := md5.Sum(part)
		sums = append(sums, sum[:]...)
	}
	sum := md5.Sum(sums)
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:]), v.parts)
}

// worker writes to keys of its own, one operation at a time.
type worker struct {
	id           int
	random       *rand.Rand
	keys         map[string]*history
	acknowledged int
	refused      error // an answer that a healthy server does not give
}

func (w *worker) run(ctx context.Context, client *rig.S3) {
	w.acknowledged = 0
	for ctx.Err() == nil {
		key := fmt.Sprintf("worker-%d//../key %d", w.id, w.random.IntN(keysPerWorker))
		h := w.keys[key]
		if h == nil {
			h = &history{acknowledged: absent}
			w.keys[key] = h
		}
		next := w.next()
		h.inFlight = &next
		if err := perform(ctx, client, bucket+"/"+key, next); err != nil {
			if _, answered := errors.AsType[*url.Error](err); !answered && !isCut(err) {
				w.refused = err
			}
			return // the server was killed
		}
		h.acknowledged, h.inFlight = next, nil
		w.acknowledged++
	}
}

// isCut reports whether the connection ended in the middle of an answer.
func isCut(err error) bool {
	return strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "reset")
}

var sizes = []int{0, 100, 1 << 10, 40 << 10, 300 << 10, 1 << 20}

func (w *worker) next() version {
	switch n := w.random.IntN(20); {
	case n < 4:
		return absent
	case n == 4:
		return version{w.random.Uint64(), partBytes + w.random.IntN(1<<20) + 1, 2}
	default:
		return version{w.random.Uint64(), sizes[w.random.IntN(len(sizes))], 0}
	}
}

func perform(ctx context.Context, client *rig.S3, path string, v version) error {
	var err error
	switch {
	case v == absent:
		_, err = client.OK(ctx, http.MethodDelete, path, "", nil)
	case v.parts > 0:
		_, err = client.Multipart(ctx, path, v.split())
	default:
		_, err = client.OK(ctx, http.MethodPut, path, "", v.content())
	}
	return err
}

// verify compares every key with its history and takes what it finds as the
// new acknowledged state.
func verify(t *testing.T, client *rig.S3, all []*worker) {
	listed, err := client.Keys(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		for key, h := range w.keys {
			found, err := read(t.Context(), client, key, h)
			if err != nil {
				t.Errorf("%q: %v", key, err)
				continue
			}
			if slices.Contains(listed, key) != (found != absent) {
				t.Errorf("%q: listed %v, found %+v", key, slices.Contains(listed, key), found)
			}
			h.acknowledged, h.inFlight = found, nil
		}
	}
}

// read returns which of its possible versions a key has.
func read(ctx context.Context, client *rig.S3, key string, h *history) (version, error) {
	a, err := client.Do(ctx, http.MethodGet, bucket+"/"+key, "", nil)
	if err != nil {
		return absent, err
	}
	possible := []version{h.acknowledged}
	if h.inFlight != nil {
		possible = append(possible, *h.inFlight)
	}
	for _, v := range possible {
		if v == absent && a.Status == http.StatusNotFound {
			return v, nil
		}
		if v != absent && a.Status == http.StatusOK && a.Header.Get("ETag") == v.etag() && bytes.Equal(a.Body, v.content()) {
			return v, nil
		}
	}
	return absent, fmt.Errorf("status %d, %d bytes, ETag %s; acknowledged %+v, in flight %+v", a.Status, len(a.Body), a.Header.Get("ETag"), h.acknowledged, h.inFlight)
}

// emptied deletes all objects and uploads and checks that after a start no
// file of a body is left.
func emptied(t *testing.T, server *rig.Server, client *rig.S3, all []*worker) {
	for _, w := range all {
		for key := range w.keys {
			if _, err := client.OK(t.Context(), http.MethodDelete, bucket+"/"+key, "", nil); err != nil {
				t.Fatal(err)
			}
		}
		clear(w.keys)
	}
	abortUploads(t, client, bucket)
	wantNoFiles(t, server)
}

// wantNoFiles starts the server again and waits until no file of a body is left.
func wantNoFiles(t *testing.T, server *rig.Server) {
	server.Stop(t)
	server.Restart(t)
	var left []string
	deadline := time.Now().Add(10 * time.Second)
	for {
		if left = files(t, filepath.Join(server.Dir, "objects", "segments")); len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d files are left of an empty store: %v", len(left), left[:min(len(left), 5)])
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func abortUploads(t *testing.T, client *rig.S3, bucket string) {
	for {
		a, err := client.OK(t.Context(), http.MethodGet, bucket, "uploads=", nil)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Upload []struct{ Key, UploadId string }
		}
		if err := xml.Unmarshal(a.Body, &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Upload) == 0 {
			return
		}
		for _, u := range page.Upload {
			if _, err := client.OK(t.Context(), http.MethodDelete, bucket+"/"+u.Key, "uploadId="+url.QueryEscape(u.UploadId), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func files(t *testing.T, dir string) []string {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
