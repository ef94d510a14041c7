//go:build unix

package server

import "golang.org/x/sys/unix"

// openFiles is how many files and connections the system lets the process have
// open.
func openFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what most systems give at least
	}
	return int(min(uint64(limit.Cur), 1<<30))
}
