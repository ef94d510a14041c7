package memory_test

import (
	"testing"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/memory"
	"inro.dev/inro/internal/metastore/metastoretest"
)

func TestStoreMeetsContract(t *testing.T) {
	metastoretest.Run(t, func(*testing.T) metastore.Store { return memory.New() })
}
