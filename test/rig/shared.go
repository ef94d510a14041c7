package rig

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Shared is a server that the tests of a package use together. It starts when
// the first of them asks for it; TestMain closes it. Its zero value is ready.
type Shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Server returns the running server.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	s.once.Do(func() {
		dir, err := os.MkdirTemp("", "inro-test-shared")
		if err != nil {
			s.err = err
			return
		}
		s.server = &Server{Dir: filepath.Join(dir, "data")}
		s.err = s.server.start()
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// Close stops the server, if it was started, and removes its data. The error
// says that it did not end cleanly.
func (s *Shared) Close() error {
	if s.server == nil {
		return nil
	}
	defer os.RemoveAll(filepath.Dir(s.server.Dir))
	return s.server.stop()
}
