package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"inro.dev/inro/internal/awserr"
)

func TestBrowsersOfOtherOrigins(t *testing.T) {
	asked := 0
	s, err := NewServer(Config{
		Authority: authority{}, Logger: slog.New(slog.DiscardHandler),
		Services: []Service{{Name: "s3", Protocol: RestXML(), Operations: []Operation{NotOffered("Get", "GET /{Bucket}/{Key+}", "test")},
			CrossOrigin: func(_ context.Context, path string, r *http.Request, answer http.Header) error {
				asked++
				switch r.Header.Get("Origin") {
				case "http://good":
					answer.Set("Access-Control-Allow-Origin", "http://good")
					answer.Set("X-Path", path)
					return nil
				case "http://broken":
					return errors.New("broken")
				}
				return awserr.New(http.StatusForbidden, "AccessForbidden", "no")
			}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, origin string
		status, asked  int
		allowed        string
	}{
		{"OPTIONS", "http://good", 200, 1, "http://good"},
		{"OPTIONS", "http://evil", 403, 1, ""},
		{"OPTIONS", "http://broken", 500, 1, ""},
		{"OPTIONS", "", 403, 1, ""},
		{"GET", "http://good", 403, 1, "http://good"}, // refused, and the page may read why
		{"GET", "http://evil", 403, 1, ""},
		{"GET", "http://broken", 403, 1, ""},
		{"GET", "", 403, 0, ""},
	} {
		asked = 0
		r := httptest.NewRequest(c.method, "/bucket/a%2Fb", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status || asked != c.asked || w.Header().Get("Access-Control-Allow-Origin") != c.allowed {
			t.Errorf("%s from %q: got %d, asked %d times, allowed %q, want %d, %d, %q", c.method, c.origin, w.Code, asked,
				w.Header().Get("Access-Control-Allow-Origin"), c.status, c.asked, c.allowed)
		}
		if c.allowed != "" && w.Header().Get("X-Path") != "bucket/a%2Fb" {
			t.Errorf("path: got %q", w.Header().Get("X-Path"))
		}
	}
}

func TestAServiceClaimsHosts(t *testing.T) {
	var seen *Served
	pages := Service{Name: "pages", Protocol: Website(), Anonymous: true, Unsigned: true,
		Operations: []Operation{NotOffered("Page", "GET /{Bucket}/{Key+}", "<test> & so")},
		Host: func(host string) (string, bool) {
			return strings.CutSuffix(host, ".pages.example.com")
		},
		Observe: func(v *Served) { seen = v },
	}
	s, err := NewServer(Config{Authority: authority{}, Logger: slog.New(slog.DiscardHandler), Domains: []string{"example.com"},
		Services: []Service{{Name: "s3", Protocol: RestXML(), Anonymous: true}, pages}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(method string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://B.pages.example.com:8080/a//b", nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	w := get("GET")
	if w.Code != 501 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !strings.Contains(w.Body.String(), "&lt;test&gt; &amp; so") {
		t.Fatalf("got %d %s %s, want a page that says 501", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if seen == nil || seen.Service != "pages" || seen.Path != "b/a//b" || seen.SentBytes != int64(w.Body.Len()) || seen.Caller == nil {
		t.Fatalf("observed %+v", seen)
	}
	if w := get("GET", "Authorization", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLEEXAMPLE00/20260101/r/s3/aws4_request, SignedHeaders=host, Signature="+
		strings.Repeat("0", 64), "X-Amz-Date", "20260101T000000Z"); w.Code != 400 {
		t.Errorf("signed: got %d %s, want 400", w.Code, w.Body)
	}
	if w := get("POST"); w.Code != 405 {
		t.Errorf("POST: got %d, want 405", w.Code)
	}
}
