package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// together runs f in n goroutines and fails on the first error.
func together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	failures := make(chan error, n)
	for i := range n {
		group.Go(func() {
			if err := f(i); err != nil {
				failures <- fmt.Errorf("goroutine %d: %w", i, err)
			}
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		t.Fatal(err)
	}
}

// TestConcurrentUseOfOneKey lets writers, readers and deleters of one key meet.
// Whatever is read must be one of the bodies, whole.
func TestConcurrentUseOfOneKey(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	together(t, 8, func(i int) error {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		for range 60 {
			switch rng.IntN(4) {
			case 0:
				if _, err := e.Delete(ctx, testBucket, "key", DeleteOptions{}); err != nil {
					return err
				}
			case 1:
				body := testBody([]int{10, 2000, 9000, 3 * blockBytes}[rng.IntN(4)], rng.Uint64())
				_, err := e.Put(ctx, testBucket, "key", bytes.NewReader(body), PutOptions{SizeBytes: int64(len(body))})
				if err != nil {
					return err
				}
			default:
				v, body, err := read(e, testBucket, "key", GetOptions{})
				if errors.Is(err, ErrNoSuchKey) {
					continue
				}
				if err != nil {
					return err
				}
				if md5Hex(body) != v.ETag {
					return fmt.Errorf("got %d bytes that are not those of ETag %s", len(body), v.ETag)
				}
			}
		}
		return nil
	})
	e.reaper.quiesce()
	wantRows(t, e)
}

// TestCompareAndSwap counts in an object: no increment may be lost.
func TestCompareAndSwap(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	put(t, e, "counter", []byte("0"))
	var swapped atomic.Int64
	together(t, 8, func(int) error {
		for range 25 {
			v, body, err := read(e, testBucket, "counter", GetOptions{})
			if err != nil {
				return err
			}
			n, _ := strconv.Atoi(string(body))
			_, err = e.Put(ctx, testBucket, "counter", strings.NewReader(strconv.Itoa(n+1)), PutOptions{SizeBytes: UnknownSize, Condition: Condition{IfMatch: v.ETag}})
			switch {
			case err == nil:
				swapped.Add(1)
			case !errors.Is(err, ErrPreconditionFailed):
				return err
			}
		}
		return nil
	})
	wantBody(t, e, "counter", []byte(strconv.FormatInt(swapped.Load(), 10)))
}

func TestOneOfManyCreatesAKey(t *testing.T) {
	e := newTest(t)
	for round := range 20 {
		key := strconv.Itoa(round)
		var created atomic.Int64
		together(t, 8, func(i int) error {
			_, err := e.Put(context.Background(), testBucket, key, strings.NewReader("x"), PutOptions{SizeBytes: 1, Condition: Condition{IfNoneMatch: "*"}})
			if err == nil {
				created.Add(1)
			} else if !errors.Is(err, ErrPreconditionFailed) {
				return err
			}
			return nil
		})
		if created.Load() != 1 {
			t.Fatalf("%d writers created key %q, want 1", created.Load(), key)
		}
	}
}

// TestUploadEndsOnce lets parts, completions and aborts of one upload meet.
func TestUploadEndsOnce(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	for round := range 15 {
		key := strconv.Itoa(round)
		u := startUpload(t, e, key, UploadOptions{})
		body := testBody(9000, uint64(round))
		part := putPart(t, e, u, 1, body)
		var completed, aborted atomic.Int64
		together(t, 8, func(i int) error {
			var err error
			switch i % 4 {
			case 0:
				if _, err = e.CompleteUpload(ctx, testBucket, key, u.ID, []CompletedPart{part}, CompleteOptions{}); err == nil {
					completed.Add(1)
				}
			case 1:
				if err = e.AbortUpload(ctx, testBucket, key, u.ID); err == nil {
					aborted.Add(1)
				}
			default:
				_, err = e.PutPart(ctx, testBucket, key, u.ID, 1, bytes.NewReader(body), PartOptions{SizeBytes: 9000})
			}
			if errors.Is(err, ErrNoSuchUpload) {
				return nil
			}
			return err
		})
		if (completed.Load() > 0) == (aborted.Load() > 0) || aborted.Load() > 1 {
			t.Fatalf("round %d: completed %d times, aborted %d times", round, completed.Load(), aborted.Load())
		}
		if completed.Load() > 0 {
			wantBody(t, e, key, body)
		}
	}
	e.reaper.quiesce()
	wantRows(t, e)
}

// TestBucketComesAndGoes lets writes meet the creation and deletion of their
// bucket: a deleted bucket has no objects, a new one none of the old.
func TestBucketComesAndGoes(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	together(t, 6, func(i int) error {
		for range 50 {
			var err error
			switch i % 3 {
			case 0:
				if err = e.DeleteBucket(ctx, "shared"); errors.Is(err, ErrBucketNotEmpty) || errors.Is(err, ErrNoSuchBucket) {
					err = nil
				}
			case 1:
				if _, err = e.CreateBucket(ctx, Bucket{Name: "shared", Account: testAccount}); errors.Is(err, ErrBucketExists) {
					err = nil
				}
			default:
				key := strconv.Itoa(i)
				_, err = e.Put(ctx, "shared", key, strings.NewReader("x"), PutOptions{SizeBytes: 1})
				if err == nil {
					_, err = e.Delete(ctx, "shared", key, DeleteOptions{}) // no one else deletes it
				}
				if errors.Is(err, ErrNoSuchBucket) {
					err = nil
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	e.reaper.quiesce()
	wantRows(t, e)
	if empty, err := e.emptyRange([]byte{kindVersion}); err != nil || !empty {
		t.Errorf("version rows left: empty %v, %v", empty, err)
	}
}

// slowBody gives its last byte when told.
type slowBody struct {
	first io.Reader
	wait  <-chan struct{}
}

func (b *slowBody) Read(p []byte) (int, error) {
	if n, err := b.first.Read(p); n > 0 || err != io.EOF {
		return n, err
	}
	<-b.wait
	return 0, io.EOF
}

func TestCloseDuringWrites(t *testing.T) {
	mem := vfs.NewMem()
	e := openTest(t, testConfig(mem))
	createBucket(t, e, testBucket)
	go1, done := make(chan struct{}), make(chan error)
	go func() { // a large body is under way
		_, err := e.Put(context.Background(), testBucket, "large", &slowBody{bytes.NewReader(make([]byte, 600<<10)), go1}, PutOptions{SizeBytes: UnknownSize})
		done <- err
	}()
	acknowledged := make([]int, 8)
	var closing sync.WaitGroup
	closing.Go(func() {
		for e.idCounter.Load() < 100 { // bodies of rows take IDs
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	together(t, 8, func(i int) error {
		for n := 0; ; n++ {
			_, err := e.Put(context.Background(), testBucket, fmt.Sprint(i, "-", n), bytes.NewReader(make([]byte, 2000)), PutOptions{SizeBytes: 2000})
			if errors.Is(err, ErrClosed) {
				acknowledged[i] = n
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	closing.Wait()
	close(go1)
	wantError(t, "Put that ends after Close", <-done, ErrClosed)
	e = openTest(t, testConfig(mem))
	defer e.Close()
	for i, n := range acknowledged {
		for k := range n {
			wantBody(t, e, fmt.Sprint(i, "-", k), make([]byte, 2000))
		}
	}
	e.reaper.quiesce()
	wantRows(t, e)
}
