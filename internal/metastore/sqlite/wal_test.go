package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"inro.dev/inro/internal/metastore"
)

// Views that overlap for as long as there are Updates keep SQLite from
// starting the WAL anew by itself.
func TestWALIsBoundedUnderConstantReading(t *testing.T) {
	folder := t.TempDir()
	s := openIn(t, folder)
	defer s.Close()
	const limit = 1 << 20
	s.walLimitBytes, s.walDueBytes = limit, limit
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				err := s.View(t.Context(), func(r metastore.Reader) error {
					for range 200 { // longer than an Update takes
						_, _ = r.CountRelations(t.Context(), account, kind, metastore.FromSide, "a")
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	bodies := []string{strings.Repeat("x", 64<<10), strings.Repeat("y", 64<<10)}
	var largest int64
	for i := range 150 {
		put(t, s, "a", bodies[i%2])
		info, err := os.Stat(filepath.Join(folder, "records.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, info.Size())
	}
	close(stop)
	readers.Wait()
	if largest > 3*limit { // one commit beyond it, and a wait that may fail once
		t.Errorf("the WAL grew to %d bytes, want about %d", largest, limit)
	}
}
