package sqlite

import (
	"path/filepath"
	"testing"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/hot"
	"inro.dev/inro/internal/metastore/metastoretest"
)

// openIn opens the store of a folder.
func openIn(t testing.TB, folder string, change ...func(*Config)) *Store {
	t.Helper()
	config := Config{Path: filepath.Join(folder, "records.db")}
	for _, c := range change {
		c(&config)
	}
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoreMeetsContract(t *testing.T) {
	metastoretest.Run(t, func(t *testing.T) metastore.Store { return openIn(t, t.TempDir()) })
}

func TestStoreMeetsContractWithLittleMemory(t *testing.T) {
	metastoretest.Run(t, func(t *testing.T) metastore.Store {
		return openIn(t, t.TempDir(), func(c *Config) {
			c.Cache, c.ChangeLogRows, c.Readers = hot.Config{Entries: 3, Bytes: 4096}, 10, 2
		})
	})
}

func TestStoreIsDurable(t *testing.T) {
	metastoretest.RunDurable(t, func(t *testing.T, folder string) metastore.Store { return openIn(t, folder) })
}
