package walkthrough

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"inro.dev/inro/test/rig"
)

// The README's example stands between these marks.
const (
	exampleBegin = "<!-- example: begin -->"
	exampleEnd   = "<!-- example: end -->"
)

// useCredentials does what the README says to do with the answer of its last
// block, which is in the file %s.
const useCredentials = `
export AWS_ACCESS_KEY_ID=$(jq -r .credentials.accessKeyId %[1]s)
export AWS_SECRET_ACCESS_KEY=$(jq -r .credentials.secretAccessKey %[1]s)
export AWS_SESSION_TOKEN=$(jq -r .credentials.sessionToken %[1]s)
`

func TestReadmeExampleRuns(t *testing.T) {
	for _, name := range []string{"README.md", "README.ja.md"} {
		t.Run(name, func(t *testing.T) {
			runExample(t, readExample(t, filepath.Join("..", "..", name)))
		})
	}
}

// runExample runs the blocks as a reader would, in one shell, and then, as the
// device, an upload to its own folder and one to another's.
func runExample(t *testing.T, blocks []string) {
	server := rig.Start(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "reading.txt"), "21.5\n")
	var script strings.Builder
	script.WriteString("set -euo pipefail\n" + server.EnvScript(t) + "export AWS_PAGER=\n")
	for i, block := range blocks {
		fmt.Fprintf(&script, "{\n%s\n} > out.%d\n", block, i)
	}
	fmt.Fprintf(&script, useCredentials, fmt.Sprintf("out.%d", len(blocks)-1))
	script.WriteString("aws s3 cp reading.txt s3://fleet/sensor-1/\n")
	script.WriteString("if aws s3 cp reading.txt s3://fleet/sensor-2/ > foreign.0 2>&1; then echo 'the foreign upload worked' >&2; exit 1; fi\n")
	shell(t, dir, script.String())
	if out := output(t, dir, "foreign", 0); !strings.Contains(out, "AccessDenied") {
		t.Errorf("the upload to another device's folder printed %q, want AccessDenied", out)
	}
}

// readExample returns the sh blocks of the example, in order.
func readExample(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), exampleBegin)
	example, _, ends := strings.Cut(rest, exampleEnd)
	if !begins || !ends {
		t.Fatalf("%s has no example between %s and %s", path, exampleBegin, exampleEnd)
	}
	var blocks []string
	for {
		_, after, found := strings.Cut(example, "\n```sh\n")
		if !found {
			break
		}
		block, rest, closed := strings.Cut(after, "\n```")
		if !closed {
			t.Fatalf("%s has a block that does not end", path)
		}
		blocks, example = append(blocks, block), rest
	}
	if len(blocks) != 3 {
		t.Fatalf("%s has %d blocks in its example, want 3: the bucket and role, the device, its credentials", path, len(blocks))
	}
	return blocks
}

// shell runs a script in dir with the clients of the machine.
func shell(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.Command("bash", "-s")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = append(os.Environ(), "PATH="+rig.ClientPath(t), "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("shell: %v\n%s", err, out)
	}
}
