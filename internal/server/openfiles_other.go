//go:build !unix

package server

// openFiles is how many files and connections the system lets the process have
// open: as many as there is memory for.
func openFiles() int { return 1 << 30 }
