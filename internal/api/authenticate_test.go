package api

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/sigv4"
)

func TestAQueryParameterMayStandOnce(t *testing.T) {
	s := newTestServer(t, authority{})
	for _, c := range []struct {
		query string
		want  int
	}{
		{"?prefix=a", http.StatusOK}, {"?prefix=a&other=b", http.StatusOK},
		{"?prefix=a&prefix=b", http.StatusBadRequest}, {"?prefix=a&prefi%78=a", http.StatusBadRequest}, {"?other&other", http.StatusBadRequest},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, signed(t, testCredentials, "iot", "/do"+c.query, "{}"))
		if w.Code != c.want {
			t.Errorf("%s: %d %s, want %d", c.query, w.Code, w.Body, c.want)
		}
	}
	if got, err := parseQuery(""); got != nil || err != nil {
		t.Errorf("no query: %v, %v", got, err)
	}
	if _, err := parseQuery(strings.Repeat("a&", maxQueryMembers)); err == nil {
		t.Error("a query of too many members was read")
	}
	if got, err := parseQuery("a=1&b=%20"); err != nil || got.Encode() != (url.Values{"a": {"1"}, "b": {" "}}).Encode() {
		t.Errorf("query: %v, %v", got, err)
	}
}

func TestAHeaderOfAmazonsMayStandOnce(t *testing.T) {
	s := newTestServer(t, authority{})
	for _, c := range []struct {
		header string
		values []string
		want   int
	}{
		{"X-Amzn-Thing", []string{"a"}, http.StatusOK}, {"X-Amzn-Thing", []string{"a", "a"}, http.StatusBadRequest},
		{"If-Match", []string{"a", "b"}, http.StatusOK}, {"X-Amz-Unknown", []string{"a", "b"}, http.StatusOK},
	} {
		r := httptest.NewRequest(http.MethodPost, "/do", strings.NewReader("{}"))
		r.Header[c.header] = c.values
		if err := sigv4.Sign(r, testCredentials, sigv4.Scope{Region: "eu-west-1", Service: "iot"}, time.Now(), sha256Hex("{}")); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %v: %d %s, want %d", c.header, c.values, w.Code, w.Body, c.want)
		}
	}
}

func TestTheSourceAddressIsTheConnections(t *testing.T) {
	for _, c := range []struct{ remote, want string }{
		{"192.0.2.7:1234", "192.0.2.7"}, {"[2001:db8::1]:1", "2001:db8::1"}, {"[fe80::1%eth0]:1", "fe80::1"}, {"[::ffff:192.0.2.7]:1", "192.0.2.7"}, {"@", ""},
	} {
		got := ""
		s := newTestServer(t, authority{func(_ Permission, keys *policy.Context) bool {
			values, _ := keys.Get("aws:SourceIp")
			got = strings.Join(values, ",")
			return true
		}})
		r := signed(t, testCredentials, "iot", "/do", "{}")
		r.RemoteAddr = c.remote
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		r.Header.Set("Forwarded", "for=198.51.100.1")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK || got != c.want {
			t.Errorf("%s: aws:SourceIp %q, want %q; answer %d %s", c.remote, got, c.want, w.Code, w.Body)
		}
	}
}

func TestAnUnsignedXMLBodyIsSmall(t *testing.T) {
	s := newTestServer(t, authority{})
	text := "<Doc><A>" + strings.Repeat("k", maxAnonymousXMLBytes) + "</A></Doc>"
	for _, c := range []struct {
		name string
		r    *http.Request
		want int
	}{
		{"signed", signed(t, testCredentials, "s3", "/do", text), http.StatusOK},
		{"unsigned", httptest.NewRequest(http.MethodPost, "/do", strings.NewReader(text)), http.StatusBadRequest},
		{"unsigned of unknown length", httptest.NewRequest(http.MethodPost, "/do", struct{ io.Reader }{strings.NewReader(text)}), http.StatusBadRequest},
		{"unsigned and short", httptest.NewRequest(http.MethodPost, "/do", strings.NewReader("<Doc/>")), http.StatusOK},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, c.r)
		if w.Code != c.want {
			t.Errorf("%s: %d %s, want %d", c.name, w.Code, w.Body, c.want)
		}
	}
}

func TestConditionKeysOfTheTransport(t *testing.T) {
	for _, c := range []struct {
		service, target string
		version         uint16
		secure, tls     string
	}{
		{"s3", "http://x/do", 0, "false", ""}, {"s3", "https://x/do", tls.VersionTLS12, "true", "1.2"},
		{"s3", "https://x/do", tls.VersionTLS13, "true", "1.3"}, {"iot", "https://x/do", tls.VersionTLS13, "true", ""},
	} {
		secure, version := "", ""
		s := newTestServer(t, authority{func(_ Permission, keys *policy.Context) bool {
			for key, to := range map[string]*string{"aws:SecureTransport": &secure, "s3:TlsVersion": &version} {
				values, _ := keys.Get(key)
				*to = strings.Join(values, ",")
			}
			return true
		}})
		body := "<Doc/>"
		if c.service == "iot" {
			body = "{}"
		}
		r := signed(t, testCredentials, c.service, c.target, body)
		if r.TLS != nil {
			r.TLS.Version = c.version
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK || secure != c.secure || version != c.tls {
			t.Errorf("%s %s: secure %q, TLS %q, want %q, %q; answer %d %s", c.service, c.target, secure, version, c.secure, c.tls, w.Code, w.Body)
		}
	}
}
