package object

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// indexOptions returns the options of the database. The format version is
// pinned, so that a newer library does not write a folder that the last release
// cannot read.
func indexOptions(e *Engine) *pebble.Options {
	o := &pebble.Options{
		FS:                          e.guard,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		CacheSize:                   e.cfg.CacheSizeBytes,
		MemTableSize:                uint64(e.cfg.MemTableSizeBytes),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       100,
		LBaseMaxBytes:               64 << 20,
		BytesPerSync:                1 << 20,
		MaxOpenFiles:                4096,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      indexLogger{e},
	}
	// Bodies in rows are kept apart from the keys, so that compactions rewrite few
	// of them: overwriting 64 KiB objects at random became a third faster.
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           2 * embedMaxBytes,
			MaxBlobReferenceDepth: 10,
			RewriteMinimumAge:     5 * time.Minute,
			TargetGarbageRatio:    0.3,
		}
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.FastestCompression }
	}
	o.EventListener = &pebble.EventListener{
		BackgroundError: func(err error) { e.cfg.Logger.Error("index", "err", err) },
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			e.cfg.Logger.Error("index is corrupt", "path", info.Path, "err", info.Details)
		},
		DiskSlow: func(info pebble.DiskSlowInfo) {
			e.cfg.Logger.Warn("disk is slow", "op", info.OpType.String(), "duration", info.Duration)
		},
	}
	return o
}

// indexLogger passes Pebble's messages on. Where Pebble would end the process,
// the engine stops writing instead.
type indexLogger struct{ engine *Engine }

func (l indexLogger) Infof(format string, args ...any) {
	l.log(slog.LevelDebug, format, args)
}

func (l indexLogger) Errorf(format string, args ...any) {
	l.log(slog.LevelError, format, args)
}

func (l indexLogger) Fatalf(format string, args ...any) {
	l.engine.fail(fmt.Errorf("index: "+format, args...))
}

func (l indexLogger) log(level slog.Level, format string, args []any) {
	logger := l.engine.cfg.Logger
	ctx := context.Background()
	if logger.Enabled(ctx, level) {
		logger.Log(ctx, level, "index: "+fmt.Sprintf(format, args...))
	}
}
