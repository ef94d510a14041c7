package server

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"inro.dev/inro/internal/object"
)

func TestUsageIsSummedUp(t *testing.T) {
	engine, err := object.Open(object.Config{Dir: "d", FS: vfs.NewMem(), ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for _, name := range []string{"a", "b", "empty"} {
		if _, err := engine.CreateBucket(t.Context(), object.Bucket{Name: name, Account: "1"}); err != nil {
			t.Fatal(err)
		}
		if name == "empty" {
			continue
		}
		if _, err := engine.Put(t.Context(), name, "k", strings.NewReader("12345"), object.PutOptions{SizeBytes: 5}); err != nil {
			t.Fatal(err)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(usageCollector{engine})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	if len(got) != 3 || got["inro_buckets"] != 3 || got["inro_stored_bytes"] != 10 || got["inro_stored_objects"] != 2 {
		t.Errorf("got %v", got)
	}
}
