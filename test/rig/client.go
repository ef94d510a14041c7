package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

var cliVersion = regexp.MustCompile(`aws-cli/(\d+)\.(\d+)`)

// ClientPath returns the PATH under which tests run command line clients. An
// AWS CLI that does not know AWS_ENDPOINT_URL (before 1.29 and 2.13, such as
// Debian 12's) gets it as --endpoint-url from a script in front.
func ClientPath(t testing.TB) string {
	t.Helper()
	aws, err := exec.LookPath("aws")
	if err != nil {
		t.Fatal("the AWS CLI is needed: install it, or run test/run, which does")
	}
	out, err := exec.Command(aws, "--version").CombinedOutput()
	if err != nil {
		t.Fatalf("aws --version: %v\n%s", err, out)
	}
	m := cliVersion.FindSubmatch(out)
	if m == nil {
		t.Fatalf("aws --version printed %q", out)
	}
	major, _ := strconv.Atoi(string(m[1])) // the pattern has digits
	minor, _ := strconv.Atoi(string(m[2]))
	if major == 1 && minor >= 29 || major == 2 && minor >= 13 || major > 2 {
		return os.Getenv("PATH")
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nexec %s --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n", aws)
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir + string(os.PathListSeparator) + os.Getenv("PATH")
}
