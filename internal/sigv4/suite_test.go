package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const suiteDir = "testdata/aws-signing-test-suite"

// suiteCase is a case of AWS's test suite.
type suiteCase struct {
	Credentials struct {
		AccessKeyID     string `json:"access_key_id"`
		SecretAccessKey string `json:"secret_access_key"`
		Token           string `json:"token"`
	} `json:"credentials"`
	ExpirationInSeconds int       `json:"expiration_in_seconds"`
	Normalize           bool      `json:"normalize"`
	Region              string    `json:"region"`
	Service             string    `json:"service"`
	Timestamp           time.Time `json:"timestamp"`
	OmitSessionToken    bool      `json:"omit_session_token"`

	dir string
}

func suiteCases(t testing.TB) map[string]*suiteCase {
	t.Helper()
	entries, err := os.ReadDir(suiteDir)
	if err != nil {
		t.Fatal(err)
	}
	cases := make(map[string]*suiteCase)
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		c := &suiteCase{dir: filepath.Join(suiteDir, e.Name())}
		if err := json.Unmarshal([]byte(c.file(t, "context.json")), c); err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		cases[e.Name()] = c
	}
	if len(cases) != 38 {
		t.Fatalf("%d cases in %s, want 38", len(cases), suiteDir)
	}
	return cases
}

func (c *suiteCase) file(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// request reads a request of the suite. Its target may hold blanks and bytes
// that no client sends, so it is split by hand and kept as it is.
func (c *suiteCase) request(t testing.TB, name string) (r *http.Request, rawPath string) {
	t.Helper()
	text := c.file(t, name)
	line, rest, _ := strings.Cut(text, "\n")
	method, target, _ := strings.Cut(line, " ")
	target = strings.TrimSuffix(target, " HTTP/1.1")
	rest = strings.ReplaceAll(rest, "\n", "\r\n")
	if !strings.Contains(rest, "\r\n\r\n") {
		rest += "\r\n\r\n"
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " / HTTP/1.1\r\n" + rest)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	rawPath, query, _ := strings.Cut(target, "?")
	r.URL = &url.URL{Path: rawPath, RawQuery: query}
	return r, rawPath
}

// canonicalOf builds the canonical request as the context asks for it. The
// suite takes the path as it is for one that is escaped already.
func (c *suiteCase) canonicalOf(t *testing.T, r *http.Request, rawPath string, a *Authorization, payload string) string {
	t.Helper()
	request := canonical{"s3", a.SignedHeaders, a.signedList, a.Presigned, payload}
	if c.Normalize {
		r.URL.Path = normalizePath(rawPath)
	}
	got, err := request.appendTo(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func bodyHash(t *testing.T, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func TestSuiteCanonicalRequestStringToSignAndSignature(t *testing.T) {
	for name, c := range suiteCases(t) {
		for _, kind := range []string{"header", "query"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				r, rawPath := c.request(t, kind+"-signed-request.txt")
				if c.OmitSessionToken && kind == "query" {
					// The token was added after signing, which IoT alone takes.
					r.URL.RawQuery = dropParam(r.URL.RawQuery, "X-Amz-Security-Token")
				}
				a, err := Parse(r)
				if err != nil {
					t.Fatalf("Parse: %v", err)
				}
				got := c.canonicalOf(t, r, rawPath, a, bodyHash(t, r))
				if want := c.file(t, kind+"-canonical-request.txt"); got != want {
					t.Errorf("canonical request\n got %q\nwant %q", got, want)
				}
				sts := string(a.appendStringToSign(nil, []byte(got)))
				if want := c.file(t, kind+"-string-to-sign.txt"); sts != want {
					t.Errorf("string to sign\n got %q\nwant %q", sts, want)
				}
				key := deriveKey(c.Credentials.SecretAccessKey, a.Scope)
				mac := key.mac([]byte(sts))
				if got, want := hex.EncodeToString(mac[:]), c.file(t, kind+"-signature.txt"); got != want || a.Signature != want {
					t.Errorf("signature\n got %s, parsed %s\nwant %s", got, a.Signature, want)
				}
			})
		}
	}
}

func dropParam(query, name string) string {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		if !strings.HasPrefix(pair, name+"=") {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// What the suite signs is verified, except where a path or a header must be
// refused whoever signed it.
func TestSuiteVerify(t *testing.T) {
	refused := map[string]Kind{
		"get-relative-normalized":              KindInvalidRequest,
		"get-relative-relative-normalized":     KindInvalidRequest,
		"get-relative-relative-unnormalized":   KindInvalidRequest,
		"get-relative-unnormalized":            KindInvalidRequest,
		"get-slash-dot-slash-normalized":       KindInvalidRequest,
		"get-slash-dot-slash-unnormalized":     KindInvalidRequest,
		"get-slash-normalized":                 KindInvalidRequest,
		"get-slash-pointless-dot-normalized":   KindInvalidRequest,
		"get-slash-pointless-dot-unnormalized": KindInvalidRequest,
		"get-slash-unnormalized":               KindInvalidRequest,
		"get-slashes-normalized":               KindInvalidRequest,
		"get-slashes-unnormalized":             KindInvalidRequest,
		// The session token is sent without having been signed.
		"post-sts-header-after/header": KindHeadersNotSigned,
		"post-sts-header-after/query":  KindSignatureMismatch,
		// Signed as if "%" needed no second encoding.
		"get-space-normalized":   KindSignatureMismatch,
		"get-space-unnormalized": KindSignatureMismatch,
		"get-utf8":               KindSignatureMismatch,
	}
	for name, c := range suiteCases(t) {
		for _, kind := range []string{"header", "query"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				r, _ := c.request(t, kind+"-signed-request.txt")
				a, err := Parse(r)
				if err != nil {
					t.Fatal(err)
				}
				_, err = a.Verify(r, VerifyOptions{
					Secret: c.Credentials.SecretAccessKey, Now: c.Timestamp, PayloadSHA256: bodyHash(t, r),
				})
				want := refused[name] | refused[name+"/"+kind]
				if got := kindOf(err); got != want {
					t.Errorf("got %v (%v), want kind %v", got, err, want)
				}
			})
		}
	}
}

// kindOf returns the kind of a refusal, 0 for nil, 255 for any other error.
func kindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil || err == io.EOF:
		return 0
	case errors.As(err, &e):
		return e.Kind
	}
	return 255
}

func TestSuiteSignAndPresign(t *testing.T) {
	for name, c := range suiteCases(t) {
		t.Run(name, func(t *testing.T) {
			r, rawPath := c.request(t, "request.txt")
			if rawPath != normalizePath(rawPath) || strings.Contains(name, "space") || strings.Contains(name, "utf8") || c.OmitSessionToken {
				return // not what Sign takes: see TestSuiteVerify
			}
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			sum := sha256.Sum256(body)
			payload := hex.EncodeToString(sum[:])
			creds := Credentials{c.Credentials.AccessKeyID, c.Credentials.SecretAccessKey, c.Credentials.Token}
			scope := Scope{Region: c.Region, Service: c.Service}

			u, err := Presign(r, creds, scope, c.Timestamp, time.Duration(c.ExpirationInSeconds)*time.Second, payload)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := u.Query().Get("X-Amz-Signature"), c.file(t, "query-signature.txt"); got != want {
				t.Errorf("Presign: %s\n got signature %s\nwant %s", u, got, want)
			}
			if strings.Contains(c.file(t, "header-canonical-request.txt"), "x-amz-content-sha256:") {
				r.Header.Set("X-Amz-Content-Sha256", payload)
			}
			if err := Sign(r, creds, scope, c.Timestamp, payload); err != nil {
				t.Fatal(err)
			}
			_, got, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			if want := c.file(t, "header-signature.txt"); got != want {
				t.Errorf("Sign: %s\n got signature %s\nwant %s", r.Header.Get("Authorization"), got, want)
			}
		})
	}
}
