package object

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// space watches the free space of the data folder.
type space struct {
	fs      vfs.FS
	dir     string
	clock   func() time.Time
	reserve int64 // negative: none

	mu      sync.Mutex
	known   bool
	checked time.Time
	free    int64 // at that time, less what was taken since
}

// spaceCheckInterval is how long an answer of the file system is believed.
const spaceCheckInterval = time.Second

func newSpace(fs vfs.FS, dir string, cfg Config) *space {
	return &space{fs: fs, dir: dir, clock: cfg.Clock, reserve: cfg.ReserveBytes}
}

// check returns ErrNoSpace when writing n bytes more would touch the reserve. A
// file system that does not tell its free space is taken to have enough.
func (s *space) check(n int64) error {
	if s.reserve < 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	age := now.Sub(s.checked)
	if !s.known || age < 0 || age >= spaceCheckInterval || s.free-n < s.reserve {
		usage, err := s.fs.GetDiskUsage(s.dir)
		if err != nil {
			return nil
		}
		s.known, s.checked = true, now
		s.free = int64(min(usage.AvailBytes, 1<<62))
	}
	if s.free-n < s.reserve {
		return ErrNoSpace
	}
	return nil
}

// take counts n bytes as used until the file system is asked again.
func (s *space) take(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free -= n
}
