// Package rig runs the inro binary for tests that drive it from outside, with
// real clients or signals.
package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a running inro process.
type Server struct {
	// Dir is its data folder.
	Dir string
	// Env is what `inro env --json` prints.
	Env map[string]string
	// Credentials is the address of the credentials endpoint (host:port).
	Credentials string
	// ConsoleURL is the base URL of the console.
	ConsoleURL string

	args    []string
	cmd     *exec.Cmd
	log     *tail
	copyLog io.Writer // nil for none
}

var (
	buildOnce sync.Once
	binary    string
	buildErr  error
)

// Binary builds inro once and returns its path. INRO_TEST_BINARY names a
// ready one.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func build() (string, error) {
	buildOnce.Do(func() {
		if binary = os.Getenv("INRO_TEST_BINARY"); binary != "" {
			return
		}
		binary, buildErr = buildFresh()
	})
	return binary, buildErr
}

// buildFresh builds in Inro's own module, whichever the tests belong to.
func buildFresh() (string, error) {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "inro.dev/inro").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	dir, err := os.MkdirTemp("", "inro-test-bin")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "inro")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/inro")
	cmd.Dir = strings.TrimSpace(string(module))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build inro: %w\n%s", err, out)
	}
	return path, nil
}

// Start starts a server with an empty data folder on free ports and stops it
// with the test. Further arguments follow `inro serve`.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return StartLogged(t, nil, args...)
}

// Launch starts a server on a data folder, outside of any test. The caller
// closes it.
func Launch(dir string, args ...string) (*Server, error) {
	s := &Server{Dir: dir, args: args}
	if err := s.start(); err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

// Close stops a server that [Launch] started. The error says that it did not
// end cleanly.
func (s *Server) Close() error { return s.stop() }

// StartLogged is Start for tests that need all that the server logs, of which
// [Server.Log] keeps the end only: it is also written to log, if not nil.
func StartLogged(t testing.TB, log io.Writer, args ...string) *Server {
	t.Helper()
	s := &Server{Dir: filepath.Join(t.TempDir(), "data"), args: args, copyLog: log}
	s.Restart(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// startTimeout is how long a server may take until it is ready.
const startTimeout = 60 * time.Second

// Restart starts the server again on its data folder and waits until it is
// ready. Ports change.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) start() error {
	path, err := build()
	if err != nil {
		return err
	}
	args := append([]string{"serve", "--data", s.Dir, "--api", "127.0.0.1:0", "--credentials", "127.0.0.1:0", "--console", "127.0.0.1:0"}, s.args...)
	s.cmd = exec.Command(path, args...)
	s.log = &tail{}
	s.cmd.Stderr = s.log
	if s.copyLog != nil {
		s.cmd.Stderr = io.MultiWriter(s.log, s.copyLog)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	if err := awaitBanner(out); err != nil {
		s.kill()
		return fmt.Errorf("server did not start: %w\n%s", err, s.log)
	}
	if err := s.readAddresses(path); err != nil {
		return err
	}
	return s.awaitReady()
}

// awaitBanner reads the banner to its last line and goes on discarding output.
func awaitBanner(out io.Reader) error {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "Point a shell at it") {
			go io.Copy(io.Discard, out)
			return nil
		}
	}
	return errors.Join(errors.New("no banner"), lines.Err())
}

func (s *Server) readAddresses(path string) error {
	text, err := os.ReadFile(filepath.Join(s.Dir, "addresses.json"))
	if err != nil {
		return err
	}
	var a struct{ Credentials, ConsoleURL string }
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	s.Credentials, s.ConsoleURL = a.Credentials, a.ConsoleURL
	env, err := exec.Command(path, "env", "--data", s.Dir, "--json").Output()
	if err != nil {
		return fmt.Errorf("inro env: %w", err)
	}
	s.Env = nil
	return json.Unmarshal(env, &s.Env)
}

func (s *Server) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.ConsoleURL+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(req)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("server is not ready: %w\n%s", err, s.log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Stop ends the server with SIGTERM and waits. It fails the test when the
// server does not end cleanly. Stopping twice is harmless.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func (s *Server) stop() error {
	if s.cmd == nil || s.cmd.ProcessState != nil {
		return nil
	}
	s.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("server ended with %w\n%s", err, s.log)
	}
	return nil
}

// Kill ends the server with SIGKILL and waits.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.kill()
}

func (s *Server) kill() {
	if s.cmd == nil || s.cmd.ProcessState != nil {
		return
	}
	s.cmd.Process.Kill() // an error means that it has ended
	s.cmd.Wait()         // always an error: it was killed
}

// Log returns the end of what the server wrote to its log.
func (s *Server) Log() string { return s.log.String() }

// EnvScript returns what `inro env` prints for bash.
func (s *Server) EnvScript(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(Binary(t), "env", "--data", s.Dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// tail keeps the last part of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 64 << 10

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if over := len(l.text) - tailBytes; over > 0 {
		l.text = l.text[over:]
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
