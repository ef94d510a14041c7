package lifecycle

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"inro.dev/inro/internal/metastore/memory"
	"inro.dev/inro/internal/object"
)

// objectsOf is how many objects a benchmark has: INRO_LIFECYCLE_OBJECTS, or few.
func objectsOf() int {
	n, err := strconv.Atoi(os.Getenv("INRO_LIFECYCLE_OBJECTS"))
	if err != nil || n < 1 {
		return 10_000
	}
	return n
}

// filled opens an engine on disk with a bucket of n objects in a thousand folders.
func filled(b *testing.B, n int) *object.Engine {
	engine, err := object.Open(object.Config{Dir: b.TempDir(), ReserveBytes: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { engine.Close() })
	if _, err := engine.CreateBucket(b.Context(), object.Bucket{Name: "b", Account: "1"}); err != nil {
		b.Fatal(err)
	}
	var writers sync.WaitGroup
	const parallel = 256
	for w := range parallel {
		writers.Go(func() {
			for i := w; i < n; i += parallel {
				key := fmt.Sprintf("thing-%03d/telemetry/2026/%09d.json", i%1000, i)
				_, err := engine.Put(b.Context(), "b", key, strings.NewReader("{}"), object.PutOptions{
					SizeBytes: 2, Attributes: object.Attributes{Tags: []object.Tag{{Key: "class", Value: "raw"}}},
				})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	return engine
}

// BenchmarkPass goes through objects of which none expires, at no bounded rate: by
// a rule with a prefix, and by one with a tag, which reads more of each object.
func BenchmarkPass(b *testing.B) {
	n := objectsOf()
	engine := filled(b, n)
	tag := days("d", "", 30)
	tag.Filter.Tags = []object.Tag{{Key: "class", Value: "raw"}}
	for name, rule := range map[string]Rule{"prefix": days("d", "", 30), "tag": tag} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if report := pass(b, engine, rule, time.Now); report.Looked != int64(n) {
					b.Fatalf("looked at %d of %d objects", report.Looked, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/object")
		})
	}
}

// BenchmarkExpiry deletes all objects.
func BenchmarkExpiry(b *testing.B) {
	n := objectsOf()
	var took time.Duration
	for range b.N {
		b.StopTimer()
		engine := filled(b, n)
		b.StartTimer()
		report := pass(b, engine, days("d", "", 30), func() time.Time { return time.Now().AddDate(0, 0, 40) })
		if report.Deleted != int64(n) {
			b.Fatalf("deleted %d of %d objects", report.Deleted, n)
		}
		took += report.Took
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N)/float64(n), "ns/object")
}

// pass makes a pass by one rule.
func pass(b *testing.B, engine *object.Engine, rule Rule, clock func() time.Time) (last Report) {
	worker := New(Config{
		Engine: engine, Store: memory.New(), ObjectsPerSecond: -1, Clock: clock, Observe: func(r Report) { last = r },
		Rules: func(context.Context, object.Bucket) (*Configuration, error) {
			return &Configuration{Rules: []Rule{rule}}, nil
		},
	})
	if err := worker.Pass(b.Context()); err != nil {
		b.Fatal(err)
	}
	return last
}
