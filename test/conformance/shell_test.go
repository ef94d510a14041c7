package conformance

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"inro.dev/inro/test/rig"
)

// shell runs scripts with bash in a folder of the test's, with the environment
// that `inro env` prints.
type shell struct {
	dir  string
	path string
	head string
}

// newShell returns a shell that speaks to the server as root.
func newShell(t *testing.T, server *rig.Server) *shell {
	t.Helper()
	return &shell{dir: t.TempDir(), path: rig.ClientPath(t), head: server.EnvScript(t) + "export AWS_PAGER= AWS_MAX_ATTEMPTS=1\n"}
}

// as returns a shell in the same folder with other credentials.
func (s *shell) as(c aws.Credentials) *shell {
	other := *s
	other.head += "export AWS_ACCESS_KEY_ID='" + c.AccessKeyID + "' AWS_SECRET_ACCESS_KEY='" + c.SecretAccessKey + "' AWS_SESSION_TOKEN='" + c.SessionToken + "'\n"
	return &other
}

// output is what a script printed.
type output struct {
	stdout, stderr string
	code           int
}

// try runs a script.
func (s *shell) try(t *testing.T, script string) output {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-s")
	cmd.Dir = s.dir
	cmd.Stdin = strings.NewReader(s.head + script)
	cmd.Env = append(os.Environ(), "PATH="+s.path, "HOME="+s.dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return output{strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String()), cmd.ProcessState.ExitCode()}
}

// run runs a script that must succeed and returns what it printed.
func (s *shell) run(t *testing.T, script string) string {
	t.Helper()
	out := s.try(t, "set -euo pipefail\n"+script)
	if out.code != 0 {
		t.Fatalf("%s\nended with %d\n%s\n%s", script, out.code, out.stdout, out.stderr)
	}
	return out.stdout
}

// write writes a file into the shell's folder.
func (s *shell) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *shell) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
