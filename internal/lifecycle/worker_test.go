package lifecycle

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/memory"
	"inro.dev/inro/internal/object"
)

// empty is an engine without buckets.
type empty struct{ Engine }

func (empty) Buckets(context.Context, string, string, string, int) ([]object.Bucket, error) {
	return nil, nil
}

// passes runs a worker for a while and returns when its passes ended, as time
// since the start, which is 2000-01-01T00:00:00Z.
func passes(t *testing.T, cfg Config, last *metastore.LifecyclePass, d time.Duration) (ended []time.Duration, w *Worker) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	began := time.Now()
	if cfg.Store == nil {
		cfg.Store = memory.New()
	}
	if cfg.Engine == nil {
		cfg.Engine = empty{}
	}
	cfg.Observe = func(Report) { ended = append(ended, time.Since(began)) }
	w = New(cfg)
	if last != nil {
		if err := w.keep(ctx, last); err != nil {
			t.Fatal(err)
		}
	}
	w.Run(ctx)
	return ended, w
}

func TestPassesAreDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		midnight := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		ended, w := passes(t, Config{}, nil, 3*day)
		if len(ended) != 3 || ended[0] != 0 || ended[1] != day+w.minute || ended[2] != 2*day+w.minute {
			t.Errorf("with minute %v: %v", w.minute, ended)
		}
		if w.minute < time.Minute || w.minute >= time.Hour {
			t.Errorf("minute %v", w.minute)
		}
		// Now it is the fourth, at midnight. A pass of today is not repeated,
		// one that was missed is made up for, one that was interrupted goes on.
		now := midnight.Add(3 * day)
		if ended, _ := passes(t, Config{}, &metastore.LifecyclePass{Started: now, Finished: now}, day); len(ended) != 0 {
			t.Errorf("after the pass of today: %v", ended)
		}
		now = now.Add(day)
		if ended, _ := passes(t, Config{}, &metastore.LifecyclePass{Started: now.Add(-30 * day), Finished: now.Add(-30 * day)}, time.Second); len(ended) != 1 {
			t.Errorf("after a pass long ago: %v", ended)
		}
		if ended, _ := passes(t, Config{}, &metastore.LifecyclePass{Started: now}, time.Second); len(ended) != 1 {
			t.Errorf("after a pass that was interrupted: %v", ended)
		}
	})
}

func TestIntervalAndShortDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if ended, _ := passes(t, Config{Interval: time.Hour}, nil, 2*time.Hour+1); len(ended) != 3 || ended[2] != 2*time.Hour {
			t.Errorf("an hour: %v", ended)
		}
		if ended, _ := passes(t, Config{Day: Day(10 * time.Second)}, nil, 11*time.Second); len(ended) != 3 || ended[1] != 5*time.Second {
			t.Errorf("days of ten seconds: %v", ended)
		}
	})
}

// broken is a store that cannot be written.
type broken struct{ metastore.Store }

func (broken) Update(context.Context, func(metastore.Writer) error) error {
	return errors.New("broken")
}

func TestFailedPassesPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		cfg := Config{Store: broken{memory.New()}, Engine: empty{}, Clock: func() time.Time { calls++; return time.Now() }}
		passes(t, cfg, nil, time.Hour)
		if calls == 0 || calls > 500 {
			t.Errorf("the clock was asked %d times in an hour", calls)
		}
	})
}

// slow has one bucket with as many objects as asked for.
type slow struct {
	Engine
	left int
}

func (s *slow) Buckets(_ context.Context, _, _, after string, _ int) ([]object.Bucket, error) {
	return []object.Bucket{{Name: "b", ID: "1"}}, nil
}

func (s *slow) Versions(_ context.Context, _ string, opts object.ListVersionsOptions) (object.VersionList, error) {
	n := min(s.left, opts.Limit)
	s.left -= n
	list := object.VersionList{Entries: make([]object.VersionEntry, n), Truncated: s.left > 0}
	for i := range list.Entries {
		list.Entries[i].Version.Modified = time.Now()
	}
	return list, nil
}

func TestRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := func(context.Context, object.Bucket) (*Configuration, error) {
			return &Configuration{Rules: []Rule{days("d", "", 1)}}, nil
		}
		for rate, want := range map[int]time.Duration{0: 5 * time.Second, 10_000: 10 * time.Second, -1: 0} {
			ended, _ := passes(t, Config{Engine: &slow{left: 100_000}, Rules: rules, ObjectsPerSecond: rate}, nil, time.Hour)
			if len(ended) != 1 || ended[0] != want {
				t.Errorf("100,000 objects with rate %d: %v, want %v", rate, ended, want)
			}
		}
	})
}
