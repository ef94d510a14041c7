package object

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
)

var (
	benchDir    = flag.String("bench.dir", "", "folder of the benchmarks' data; a temporary one by default")
	benchInline = flag.Int("bench.inline", 0, "Config.InlineMaxBytes of the benchmarks")
	benchLarge  = flag.Bool("bench.large", false, "also list from 1,000,000 keys")
)

func benchEngine(b *testing.B) *Engine {
	b.Helper()
	dir := b.TempDir()
	if *benchDir != "" {
		dir = fmt.Sprintf("%s/%s-%d", *benchDir, b.Name(), b.N)
	}
	e, err := Open(Config{Dir: dir, InlineMaxBytes: *benchInline})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, err := e.CreateBucket(context.Background(), Bucket{Name: "bench", Account: "999999999999"}); err != nil {
		b.Fatal(err)
	}
	return e
}

func BenchmarkPut(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 1 << 20, 16 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			e := benchEngine(b)
			body := make([]byte, size)
			rand.Read(body)
			var n atomic.Int64
			b.SetBytes(int64(size))
			b.SetParallelism(8) // of 2 CPUs: 16 writers
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					key := fmt.Sprintf("things/%08x/data", n.Add(1)*2654435761%(1<<32))
					_, err := e.Put(context.Background(), "bench", key, bytes.NewReader(body), PutOptions{
						SizeBytes: int64(size), Checksums: []Algorithm{CRC32},
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10, 1 << 20, 16 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			e := benchEngine(b)
			body := make([]byte, size)
			rand.Read(body)
			const keys = 16
			for i := range keys {
				benchPut(b, e, fmt.Sprintf("key-%d", i), body)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				r, err := e.Get(context.Background(), "bench", fmt.Sprintf("key-%d", i%keys), GetOptions{})
				if err != nil {
					b.Fatal(err)
				}
				part, err := r.Range(0, r.SizeBytes)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, part); err != nil || n != int64(size) {
					b.Fatalf("got %d bytes, %v", n, err)
				}
				part.Close()
				r.Close()
			}
		})
	}
}

func BenchmarkHead(b *testing.B) {
	e := benchEngine(b)
	benchPut(b, e, "key", make([]byte, 1<<10))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Head(context.Background(), "bench", "key", GetOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchPut(b *testing.B, e *Engine, key string, body []byte) {
	b.Helper()
	_, err := e.Put(context.Background(), "bench", key, bytes.NewReader(body), PutOptions{SizeBytes: int64(len(body))})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkList reads a page of 1,000 at a random place of a flat and of a deep
// listing. Its time should not depend on the number of keys.
func BenchmarkList(b *testing.B) {
	counts := []int{10_000, 100_000}
	if *benchLarge {
		counts = append(counts, 1_000_000)
	}
	for _, count := range counts {
		e := benchEngine(b)
		var next atomic.Int64
		done := make(chan error)
		const writers = 256
		for range writers {
			go func() {
				for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
					// 10 keys under each common prefix.
					key := fmt.Sprintf("d/%07d/%d", i/10, i%10)
					_, err := e.Put(context.Background(), "bench", key, bytes.NewReader(make([]byte, 256)), PutOptions{SizeBytes: 256})
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range writers {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		for _, delimiter := range []string{"", "/"} {
			b.Run(fmt.Sprintf("keys=%d,delimiter=%q", count, delimiter), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					after := fmt.Sprintf("d/%07d/", i*7919%(count/10-min(1000, count/20)))
					list, err := e.List(context.Background(), "bench", ListOptions{
						Prefix: "d/", Delimiter: delimiter, After: after, Limit: 1000,
					})
					if err != nil || len(list.Entries) < min(1000, count/20) {
						b.Fatalf("got %d entries, %v", len(list.Entries), err)
					}
				}
			})
		}
	}
}
