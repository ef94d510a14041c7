package sqlite

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/hot"
)

type certificate struct {
	Status string   `json:"status"`
	Things []string `json:"things"`
}

var certificates = metastore.NewTable[certificate]("certificate")

func openBench(b *testing.B, records int, change ...func(*Config)) *Store {
	b.Helper()
	s := openIn(b, b.TempDir(), change...)
	b.Cleanup(func() { s.Close() })
	for start := 0; start < records; start += 1000 {
		err := s.Update(b.Context(), func(w metastore.Writer) error {
			for i := start; i < min(start+1000, records); i++ {
				v := certificate{"ACTIVE", []string{"thing-1", "thing-2"}}
				if err := certificates.Put(b.Context(), w, account, id(i), &v); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func id(i int) string { return fmt.Sprintf("%064x", i) }

func BenchmarkHotHit(b *testing.B) {
	s := openBench(b, 1000)
	reader, ctx := s.Hot(), b.Context()
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = id(i)
		if _, err := certificates.Get(ctx, reader, account, ids[i]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := certificates.Get(ctx, reader, account, ids[i%len(ids)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkHotHitParallel(b *testing.B) {
	s := openBench(b, 1)
	one := id(0)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := certificates.Get(context.Background(), s.Hot(), account, one); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkHotRelations(b *testing.B) {
	s := openBench(b, 0)
	relation := metastore.NewRelation("attachment")
	err := s.Update(b.Context(), func(w metastore.Writer) error {
		for i := range 5 {
			if _, err := relation.Add(b.Context(), w, account, "certificate", id(i), ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := relation.From(b.Context(), s.Hot(), account, "certificate", "", 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHotMiss(b *testing.B) {
	s := openBench(b, 10000, func(c *Config) { c.Cache = hot.Config{Entries: 1} })
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := certificates.Get(b.Context(), s.Hot(), account, id(i%10000)); err != nil {
			b.Fatal(err)
		}
		i += 7919
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := openBench(b, 0)
			var n atomic.Int64
			b.SetParallelism(writers) // times GOMAXPROCS, which the caller sets to 1
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					v := certificate{"ACTIVE", nil}
					err := s.Update(context.Background(), func(w metastore.Writer) error {
						return certificates.Put(context.Background(), w, account, id(int(n.Add(1))%10000), &v)
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
		})
	}
}

// TestHotHitDoesNotAllocate holds the hot path to its promise.
func TestHotHitDoesNotAllocate(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	ctx, reader := t.Context(), s.Hot()
	err := s.Update(ctx, func(w metastore.Writer) error {
		return certificates.Put(ctx, w, account, "a", &certificate{Status: "ACTIVE"})
	})
	if err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(1000, func() {
		if _, err := certificates.Get(ctx, reader, account, "a"); err != nil {
			t.Error(err)
		}
		if _, err := certificates.Get(ctx, reader, account, "unknown"); err == nil {
			t.Error("found")
		}
		if _, err := reader.Relations(ctx, account, "attachment", metastore.FromSide, "a", "", 0); err != nil {
			t.Error(err)
		}
	})
	if allocations != 0 {
		t.Errorf("hot reads allocate %v times, want 0", allocations)
	}
}
