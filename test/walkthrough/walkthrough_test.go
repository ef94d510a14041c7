package walkthrough

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"inro.dev/inro/test/rig"
)

// articleCertificate is the certificate id that the article's author got; a
// reader puts in their own.
const articleCertificate = "5c3453ecc18e5e6b8f3cf89a6c1d68f62a5b08855d13c61b37c987e3442f70f5"

// ownCertificate is how a reader finds theirs.
const ownCertificate = "certificateId=$(openssl x509 -in thing-3f21f372.cert.pem -outform der | sha256sum | cut -d' ' -f1)"

func TestArticleRunsUnchanged(t *testing.T) {
	server := rig.Start(t)
	steps := readArticle(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "test.txt"), "test\n") // the article's list shows 5 bytes
	run(t, dir, server, steps)
	for i, s := range steps {
		if s.file == "" {
			checkStep(t, s, output(t, dir, "out", i), output(t, dir, "code", i))
		}
	}
	credentialsShape(t, dir, steps)
}

func readArticle(t *testing.T) []step {
	article, err := os.ReadFile("testdata/walkthrough.ja.md")
	if err != nil {
		t.Fatal(err)
	}
	steps, err := parseArticle(string(article))
	if err != nil {
		t.Fatal(err)
	}
	// 4 files, 9 commands that set up, 3 that fetch credentials, 4 on S3.
	if len(steps) != 20 {
		t.Fatalf("found %d steps in the article, want 20: %+v", len(steps), steps)
	}
	return steps
}

// run runs all steps in one shell, as a reader would: what one exports, the
// next ones see. Output and exit code of step N go to files out.N and code.N.
func run(t *testing.T, dir string, server *rig.Server, steps []step) {
	var script strings.Builder
	script.WriteString(server.EnvScript(t) + "export AWS_PAGER=\n")
	for i, s := range steps {
		if s.file != "" {
			write(t, filepath.Join(dir, s.file), s.text)
			continue
		}
		text := s.text
		if strings.Contains(text, articleCertificate) {
			script.WriteString(ownCertificate + "\n")
			text = strings.ReplaceAll(text, articleCertificate, "${certificateId}")
		}
		fmt.Fprintf(&script, "{\n%s\n} > out.%d 2>&1; echo $? > code.%d\n", text, i, i)
	}
	cmd := exec.Command("bash", "-s")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(script.String())
	cmd.Env = append(os.Environ(), "PATH="+rig.ClientPath(t), "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("shell: %v\n%s", err, out)
	}
}

// checkStep compares a step with the article: what it shows must be printed;
// where it shows nothing the command must succeed.
func checkStep(t *testing.T, s step, out, code string) {
	t.Helper()
	refused := strings.Contains(s.expected, "AccessDenied")
	if (code == "0") == refused {
		t.Errorf("line %d: exit code %s, refused is %v\n%s\n%s", s.line, code, refused, s.text, out)
		return
	}
	if !expectation(s.expected).MatchString(squeeze(out)) {
		t.Errorf("line %d: %s\nprinted %q\nthe article shows %q", s.line, s.text, out, s.expected)
	}
}

var listTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// expectation matches what the article shows, at any time and with any white
// space between words.
func expectation(shown string) *regexp.Regexp {
	text := regexp.QuoteMeta(squeeze(shown))
	return regexp.MustCompile(listTime.ReplaceAllString(text, `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`))
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// credentialsShape checks the answer of the article's first curl call.
func credentialsShape(t *testing.T, dir string, steps []step) {
	shape := regexp.MustCompile(`\{"credentials":\{"accessKeyId":"ASIA[A-Z2-7]{16}","secretAccessKey":"[^"]{40}","sessionToken":"[^"]+","expiration":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\}\}`)
	for i, s := range steps {
		if strings.HasPrefix(s.text, "curl") {
			if out := output(t, dir, "out", i); !shape.MatchString(out) {
				t.Errorf("line %d: %s\nprinted %s\nwant %s", s.line, s.text, out, shape)
			}
			return
		}
	}
	t.Error("no step of the article calls curl")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func output(t *testing.T, dir, name string, i int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s.%d", name, i)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
