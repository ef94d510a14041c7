package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// What real clients sent, byte for byte, must verify: see
// testdata/clients/README.md.
func TestRealClients(t *testing.T) {
	files, err := filepath.Glob("testdata/clients/*/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("captured requests: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			line, _, _ := bytes.Cut(raw, []byte("\r\n"))
			if err := verifyRaw(raw, exampleSecret); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if err := verifyRaw(raw, "another secret"); kindOf(err) != KindSignatureMismatch {
				t.Errorf("%s with another secret: got %v, want %q", line, err, KindSignatureMismatch)
			}
		})
	}
}

// verifyRaw reads a request as a server does and verifies all of it.
func verifyRaw(raw []byte, secret string) error {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return err
	}
	a, err := Parse(r)
	if err != nil {
		return err
	}
	o := VerifyOptions{Secret: secret, Now: a.Time}
	if a.Scope.Service != serviceS3 {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		o.PayloadSHA256 = hex.EncodeToString(sum[:])
		_, err = a.Verify(r, o)
		return err
	}
	v, err := a.Verify(r, o)
	if err != nil {
		return err
	}
	b, err := v.Body(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, b)
	return err
}
