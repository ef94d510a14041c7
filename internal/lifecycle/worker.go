package lifecycle

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
)

// Engine is what a Worker needs of an [object.Engine].
type Engine interface {
	Bucket(ctx context.Context, name string) (object.Bucket, error)
	Buckets(ctx context.Context, account, prefix, after string, limit int) ([]object.Bucket, error)
	Versions(ctx context.Context, bucket string, opts object.ListVersionsOptions) (object.VersionList, error)
	DeleteMany(ctx context.Context, bucket string, targets []object.DeleteTarget) ([]object.DeleteResult, error)
	Uploads(ctx context.Context, bucket string, opts object.ListUploadsOptions) (object.UploadList, error)
	AbortUpload(ctx context.Context, bucket, key, uploadID string) error
}

// Config is what a Worker is made of.
type Config struct {
	// Engine holds the objects. Required.
	Engine Engine
	// Store keeps how far a pass has come. Required.
	Store metastore.Store
	// Rules returns the configuration of a bucket; nil when it has none.
	// Required.
	Rules func(ctx context.Context, b object.Bucket) (*Configuration, error)

	// Messages returns what makes the messages of deletions in a bucket, which
	// are put into the outbox together with them; named says that the deletions
	// name versions, which they remove for good. It may return nil. An error
	// leaves the bucket to the next pass. Nil: none.
	Messages func(ctx context.Context, bucket string, named bool) (func(*object.Version) []object.Message, error)

	// Day is how long a day of a rule lasts.
	Day Day
	// Interval is the time from the start of a pass to that of the next. Zero:
	// once a day, in the first hour after midnight UTC; with a shorter Day,
	// twice a day.
	Interval time.Duration
	// ObjectsPerSecond bounds how many versions are looked at in a second, on
	// average of a page. Zero: 20,000. Negative: no bound.
	ObjectsPerSecond int

	// Observe is told of each pass that has ended. Nil: nobody.
	Observe func(Report)
	// Clock is the time. Nil: time.Now.
	Clock func() time.Time
	// Logger receives a line for each pass. Nil: none.
	Logger *slog.Logger
}

// Worker removes what has expired.
type Worker struct {
	cfg Config
	// minute is how long after midnight a daily pass begins: not the same for
	// every installation.
	minute time.Duration
}

const defaultRate = 20_000

// New returns a worker. Nothing happens before Run.
func New(cfg Config) *Worker {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Messages == nil {
		cfg.Messages = func(context.Context, string, bool) (func(*object.Version) []object.Message, error) { return nil, nil }
	}
	if cfg.ObjectsPerSecond == 0 {
		cfg.ObjectsPerSecond = defaultRate
	}
	if cfg.Interval == 0 && !cfg.Day.whole() {
		cfg.Interval = time.Duration(cfg.Day) / 2
	}
	return &Worker{cfg: cfg, minute: time.Duration(1+rand.IntN(59)) * time.Minute}
}

// retryPause follows a pass that could not be begun or written down.
const retryPause = time.Minute

// longestWait bounds a wait, so that a clock that was set is seen.
const longestWait = 10 * time.Minute

// Run makes passes until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	for {
		last, err := w.place(ctx)
		if err == nil {
			err = w.waitUntil(ctx, w.next(last))
		}
		if err == nil {
			err = w.Pass(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.cfg.Logger.Error("lifecycle pass failed", "err", err)
			if w.pause(ctx, retryPause) != nil {
				return
			}
		}
	}
}

// next returns when the pass after last is to begin; one that was interrupted
// goes on at once, and one that was missed is made up for.
func (w *Worker) next(last *metastore.LifecyclePass) time.Time {
	switch {
	case last.Finished.IsZero():
		return last.Started
	case w.cfg.Interval > 0:
		return last.Started.Add(w.cfg.Interval)
	}
	// The start, not the minute of the last pass: the minute is another after
	// a restart.
	return last.Started.UTC().Truncate(wholeDay).AddDate(0, 0, 1).Add(w.minute)
}

func (w *Worker) waitUntil(ctx context.Context, at time.Time) error {
	for {
		left := at.Sub(w.cfg.Clock())
		if left <= 0 {
			return ctx.Err()
		}
		if err := w.pause(ctx, min(left, longestWait)); err != nil {
			return err
		}
	}
}

func (w *Worker) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
