package object

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	testSeed   = flag.Uint64("seed", 0, "seed of the random tests; 0 chooses one")
	testEffort = flag.Int("effort", 1, "how many times as long the random tests take")
)

// crash is a folder as a crash may have left it, and what it may hold.
type crash struct {
	fs      *vfs.MemFS
	allowed map[string][]content
	where   string
}

// verify opens the folder: everything acknowledged must be there, everything else
// whole or absent, and no file without an owner.
func (c crash) verify(cfg Config) error {
	cfg.FS = c.fs
	e, err := Open(cfg)
	if err != nil {
		return fmt.Errorf("crash at %s: %w", c.where, err)
	}
	defer e.Close()
	_, err = e.Bucket(context.Background(), testBucket)
	if err != nil && len(c.allowed) == 0 {
		return nil // before the bucket
	}
	if err == nil {
		err = check(e, c.allowed)
	}
	if err == nil {
		e.reaper.quiesce()
		err = checkIndex(e)
	}
	if err == nil {
		_, err = e.Put(context.Background(), testBucket, "afterwards", strings.NewReader("x"), PutOptions{SizeBytes: 1})
	}
	if err != nil {
		return fmt.Errorf("crash at %s: %w", c.where, err)
	}
	return nil
}

// TestCrashAtEveryChange takes, before every change of the file system, a copy of
// what a crash at that moment could leave, and recovers from it.
func TestCrashAtEveryChange(t *testing.T) {
	seed := randomSeed(t)
	mem := vfs.NewCrashableMem()
	a := &actor{world: newWorld(), rng: rand.New(rand.NewPCG(seed, 1))}
	var mu sync.Mutex // guards what follows
	rng := rand.New(rand.NewPCG(seed, 2))
	var crashes []crash
	bucketExists := false
	fs := &faultFS{FS: mem, hook: func(op fsOp) error {
		mu.Lock()
		if bucketExists && op.kind != "close" {
			crashes = append(crashes, crash{
				fs:      mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 0, 50, 100}[rng.IntN(4)], RNG: rng}),
				allowed: a.snapshot(),
				where:   op.kind + " " + op.path,
			})
		}
		mu.Unlock()
		return op.do()
	}}
	cfg := testConfig(fs)
	e := openTest(t, cfg)
	createBucket(t, e, testBucket)
	mu.Lock()
	bucketExists = true
	mu.Unlock()
	total := 0
	for i := range 60 * *testEffort {
		if err := a.step(e); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		mu.Lock()
		taken := crashes
		crashes = nil
		mu.Unlock()
		total += len(taken)
		for _, c := range taken {
			if err := c.verify(cfg); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	}
	t.Logf("%d crashes", total)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// runFaulty opens an engine on fs, does random operations and returns what they
// allow. The operations depend on the seed alone.
func runFaulty(t *testing.T, seed uint64, fs vfs.FS, steps int) (*Engine, *actor) {
	t.Helper()
	e, err := Open(testConfig(fs))
	if err != nil {
		// Pebble keeps only the text of some errors.
		if text := err.Error(); !strings.Contains(text, errInjected.Error()) && !strings.Contains(text, syscall.ENOSPC.Error()) {
			t.Fatalf("Open: %v", err)
		}
		return nil, nil
	}
	a := &actor{world: newWorld(), rng: rand.New(rand.NewPCG(seed, 3)), faulty: true}
	if _, err := e.CreateBucket(context.Background(), Bucket{Name: testBucket, Account: testAccount}); err != nil {
		if err := a.outcome("CreateBucket", err, nil, true); err != nil {
			t.Fatal(err)
		}
		return e, a
	}
	for i := range steps {
		if err := a.step(e); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	return e, a
}

// TestEveryChangeMayFail makes one change of the file system fail: not made, made
// but reported as failed, or made by half. Writes may be refused from then on;
// what was acknowledged stays readable, before and after a restart.
func TestEveryChangeMayFail(t *testing.T) {
	seed := randomSeed(t)
	const steps = 30
	count := 0
	var mu sync.Mutex
	e, _ := runFaulty(t, seed, &faultFS{FS: vfs.NewMem(), hook: func(op fsOp) error {
		mu.Lock()
		count++
		mu.Unlock()
		return op.do()
	}}, steps)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]func(fsOp) error{
		"not made":           func(fsOp) error { return errInjected },
		"made, yet reported": func(op fsOp) error { return errors.Join(op.do(), errInjected) },
		"made by half":       func(op fsOp) error { return errors.Join(op.torn(), errInjected) },
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 4))
			for range 40 * *testEffort {
				at := rng.IntN(count)
				failOnce(t, seed, at, steps, fault)
			}
		})
	}
}

func failOnce(t *testing.T, seed uint64, at, steps int, fault func(fsOp) error) {
	t.Helper()
	mem := vfs.NewCrashableMem()
	var mu sync.Mutex
	n, where := 0, "nothing"
	e, a := runFaulty(t, seed, &faultFS{FS: mem, hook: func(op fsOp) error {
		mu.Lock()
		n++
		hit := n == at+1
		if hit {
			where = fmt.Sprintf("change %d, %s %s", at, op.kind, op.path)
		}
		mu.Unlock()
		if hit {
			return fault(op)
		}
		return op.do()
	}}, steps)
	mu.Lock()
	defer mu.Unlock()
	allowed := map[string][]content{}
	if e != nil {
		allowed = a.snapshot()
		if err := check(e, allowed); err != nil && !errors.Is(err, ErrNoSuchBucket) {
			t.Fatalf("reads after a fault at %s: %v", where, err)
		}
	}
	rng := rand.New(rand.NewPCG(seed, uint64(at)))
	for _, percent := range []int{0, 50, 100} {
		c := crash{mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}), allowed, where}
		if err := c.verify(testConfig(nil)); err != nil {
			t.Fatalf("restart after a fault, %d%% of unsynced data kept: %v", percent, err)
		}
	}
	if e != nil {
		mu.Unlock()
		_ = e.Close()
		mu.Lock()
	}
}

// TestDiskFull fills the disk at a random change and frees it again: meanwhile
// writes answer ErrNoSpace and reads go on; afterwards everything goes on.
func TestDiskFull(t *testing.T) {
	seed := randomSeed(t)
	rng := rand.New(rand.NewPCG(seed, 5))
	for range 12 * *testEffort {
		var mu sync.Mutex
		n, from, full := 0, 20+rng.IntN(400), false
		mem := vfs.NewCrashableMem()
		fs := &faultFS{FS: mem, hook: func(op fsOp) error {
			mu.Lock()
			if n++; n == from {
				full = true
			}
			refuse := full
			mu.Unlock()
			if refuse && op.kind == "write" {
				return errors.Join(op.torn(), syscall.ENOSPC)
			}
			if refuse && (op.kind == "create" || op.kind == "mkdir") {
				return syscall.ENOSPC
			}
			return op.do()
		}}
		e, a := runFaulty(t, seed, fs, 60)
		if e == nil {
			continue // full while it was opened
		}
		if err := check(e, a.snapshot()); err != nil && !errors.Is(err, ErrNoSuchBucket) {
			t.Fatalf("reads on a full disk, from change %d on: %v", from, err)
		}
		rng := rand.New(rand.NewPCG(seed, uint64(from)))
		c := crash{mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng}), a.snapshot(), fmt.Sprintf("full disk from change %d on", from)}
		if err := c.verify(testConfig(nil)); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		full, from = false, -1
		mu.Unlock()
		waitHealthy(t, e)
		if _, err := e.CreateBucket(context.Background(), Bucket{Name: testBucket, Account: testAccount}); err != nil && !errors.Is(err, ErrBucketExists) {
			t.Fatalf("CreateBucket after space was freed: %v", err)
		}
		a.faulty, a.uploads = false, nil // uploads may be in an unknown state
		for i := range 30 {
			if err := a.step(e); err != nil {
				t.Fatalf("step %d after space was freed: %v", i, err)
			}
		}
		if err := check(e, a.snapshot()); err != nil {
			t.Fatalf("after space was freed: %v", err)
		}
		e.reaper.quiesce()
		if list, err := e.garbage(); err != nil || len(list) > 0 {
			t.Fatalf("garbage left after space was freed: %v, %v", list, err)
		}
		if err := e.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		c = crash{mem.CrashClone(vfs.CrashCloneCfg{}), a.snapshot(), "end"}
		if err := c.verify(testConfig(nil)); err != nil {
			t.Fatal(err)
		}
	}
}

// waitHealthy waits for the engine to see that there is space again.
func waitHealthy(t *testing.T, e *Engine) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		err := e.Err()
		if err == nil {
			return
		}
		if !errors.Is(err, ErrNoSpace) || time.Now().After(deadline) {
			t.Fatalf("engine did not recover: %v", err)
		}
	}
}

func TestReserveIsKept(t *testing.T) {
	mem := vfs.NewMem()
	cfg := testConfig(mem)
	cfg.ReserveBytes = 1000
	now := testEpoch
	cfg.Clock = func() time.Time { return now }
	e := openTest(t, cfg)
	defer e.Close()
	ctx := context.Background()
	createBucket(t, e, testBucket) // the file system does not tell: enough
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 5000})
	put(t, e, "a", testBody(2000, 1))
	_, err := e.Put(ctx, testBucket, "b", strings.NewReader(""), PutOptions{SizeBytes: 4001})
	wantError(t, "Put that would touch the reserve", err, ErrNoSpace)
	_, err = e.Put(ctx, testBucket, "b", strings.NewReader(strings.Repeat("x", 9000)), PutOptions{SizeBytes: UnknownSize})
	wantError(t, "Put of unknown size that would touch the reserve", err, ErrNoSpace)
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 999})
	now = now.Add(2 * spaceCheckInterval)
	_, err = e.Put(ctx, testBucket, "b", strings.NewReader(""), PutOptions{})
	wantError(t, "Put below the reserve", err, ErrNoSpace)
	_, err = e.CreateUpload(ctx, testBucket, "b", UploadOptions{})
	wantError(t, "CreateUpload below the reserve", err, ErrNoSpace)
	wantError(t, "Err below the reserve", e.Err(), ErrNoSpace)
	wantBody(t, e, "a", testBody(2000, 1))
	if _, err := e.Delete(ctx, testBucket, "a", DeleteOptions{}); err != nil {
		t.Errorf("Delete below the reserve: %v", err)
	}
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 30})
	put(t, e, "b", testBody(9000, 1))
}

func TestFailedSyncIsFinal(t *testing.T) {
	for _, part := range []string{"index", "segments"} {
		t.Run(part, func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			var mu sync.Mutex
			broken := false
			fs := &faultFS{FS: mem, hook: func(op fsOp) error {
				mu.Lock()
				defer mu.Unlock()
				if broken && op.kind == "sync" && strings.Contains(op.path, part) {
					return errInjected
				}
				return op.do()
			}}
			e := openTest(t, testConfig(fs))
			createBucket(t, e, testBucket)
			put(t, e, "kept", testBody(9000, 1))
			mu.Lock()
			broken = true
			mu.Unlock()
			ctx := context.Background()
			_, err := e.Put(ctx, testBucket, "new", strings.NewReader(strings.Repeat("x", 9000)), PutOptions{SizeBytes: 9000})
			wantError(t, "Put", err, ErrFailed)
			mu.Lock()
			broken = false
			mu.Unlock()
			_, err = e.Put(ctx, testBucket, "new", strings.NewReader(""), PutOptions{})
			wantError(t, "Put afterwards", err, ErrFailed)
			_, err = e.Delete(ctx, testBucket, "kept", DeleteOptions{})
			wantError(t, "Delete afterwards", err, ErrFailed)
			wantError(t, "Err", e.Err(), ErrFailed)
			wantBody(t, e, "kept", testBody(9000, 1))
			wantError(t, "Close", e.Close(), ErrFailed)
			next := openTest(t, testConfig(fs)) // the lock is free; recovers from the log
			wantBody(t, next, "kept", testBody(9000, 1))
			put(t, next, "new", []byte("x"))
			next.reaper.quiesce()
			wantRows(t, next)
			if err := next.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
