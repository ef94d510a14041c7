package sigv4

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// specialKeys are object keys that clients and servers get wrong.
var specialKeys = []string{
	"plain", "a b", "a+b", "a%b", "a%20b", "a%2Fb", "a/b/", "a//b", "/a", "//a", ".", "..", "a/../b", "./a", "a/.",
	"~tilde", "日本語/キー", "é", "\xff\xfe", "a;b", "a?b", "a#b", "a&b=c", "a:b@c", "!'()*,", "\"<>\\^`{|}", "a\x01b", "a\tb",
}

// A signature must survive net/http's client and server, HTTP/1.1 and 2.
func TestSignedRequestsSurviveTransport(t *testing.T) {
	now := time.Now()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := verifiedBody(r, now)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		w.Write(append([]byte(r.URL.Path+"\n"), body...))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	send := func(name string, r *http.Request, want string) {
		t.Helper()
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || string(got) != want {
			t.Errorf("%s: got %d %q, %v; want 200 %q", name, resp.StatusCode, got, err, want)
		}
	}
	newRequest := func(method, path string, body io.Reader) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: path, RawQuery: "x-id=Op&empty&a=b%2Bc+d"}
		r.Header.Set("Content-Type", "text/plain;  charset=utf-8")
		return r
	}
	for _, key := range specialKeys {
		path := "/bucket/" + key
		r := newRequest("PUT", path, strings.NewReader("payload"))
		if err := Sign(r, sessionCredentials, testScope, now, hexSHA256([]byte("payload"))); err != nil {
			t.Fatal(err)
		}
		send("header "+key, r, path+"\npayload")

		r = newRequest("GET", path, nil)
		u, err := Presign(r, sessionCredentials, testScope, now, time.Minute, "")
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		send("presigned "+key, r, path+"\n")
	}
	for mode, o := range streamings {
		o.DecodedLength = 7
		if o.Trailer != "" {
			o.Checksum = crc32.NewIEEE()
		}
		r := newRequest("PUT", "/bucket/key", nil)
		if err := SignStreaming(r, strings.NewReader("payload"), sessionCredentials, testScope, now, o); err != nil {
			t.Fatal(err)
		}
		send(mode, r, "/bucket/key\npayload")
	}
	r := newRequest("PUT", "/bucket/key", io.MultiReader(strings.NewReader("payload"))) // of unknown length
	if err := Sign(r, sessionCredentials, testScope, now, UnsignedPayload); err != nil {
		t.Fatal(err)
	}
	send("length unknown", r, "/bucket/key\npayload")
}

func verifiedBody(r *http.Request, now time.Time) ([]byte, error) {
	a, err := Parse(r)
	if err != nil {
		return nil, err
	}
	v, err := a.Verify(r, VerifyOptions{Secret: exampleSecret, Now: now})
	if err != nil {
		return nil, err
	}
	b, err := v.Body(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(b)
}

func TestSignLeavesOutWhatTransportsChange(t *testing.T) {
	r := httptest.NewRequest("GET", "/bucket/key", nil)
	for _, name := range []string{"Accept-Encoding", "Connection", "Expect", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For"} {
		r.Header.Set(name, "x")
	}
	r.Header.Set("Range", "bytes=0-1")
	if err := Sign(r, testCredentials, testScope, exampleTime, EmptySHA256); err != nil {
		t.Fatal(err)
	}
	want := "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
	if got := r.Header.Get("Authorization"); !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	// Signing again replaces the signature.
	before := r.Header.Get("Authorization")
	if err := Sign(r, testCredentials, testScope, exampleTime, EmptySHA256); err != nil || r.Header.Get("Authorization") != before {
		t.Errorf("second time: %v\n got %s\nwant %s", err, r.Header.Get("Authorization"), before)
	}
}

func TestPresignedPayloadHashIsVerified(t *testing.T) {
	r := httptest.NewRequest("PUT", "/bucket/key", nil)
	u, err := Presign(r, testCredentials, testScope, exampleTime, time.Minute, hexSHA256([]byte("payload")))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]Kind{"payload": 0, "paxload": KindContentSHA256Mismatch} {
		r := httptest.NewRequest("PUT", "/bucket/key", strings.NewReader(body))
		r.URL = u
		if _, err := verifiedBody(r, exampleTime); kindOf(err) != want {
			t.Errorf("body %q: got %v, want kind %q", body, err, want)
		}
	}
}

func TestPresignedForAService(t *testing.T) {
	r := httptest.NewRequest("GET", "http://h/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	u, err := Presign(r, testCredentials, Scope{Region: "us-east-1", Service: "sts"}, exampleTime, time.Minute, EmptySHA256)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	if err := check(r, 0); err != nil {
		t.Error(err)
	}
}

func TestSignRefusesUnusableArguments(t *testing.T) {
	good := testCredentials
	tests := map[string]struct {
		c Credentials
		s Scope
		e time.Duration
	}{
		"no secret":             {Credentials{AccessKeyID: "a"}, testScope, time.Minute},
		"no key id":             {Credentials{SecretAccessKey: "s"}, testScope, time.Minute},
		"slash in id":           {Credentials{AccessKeyID: "a/b", SecretAccessKey: "s"}, testScope, time.Minute},
		"blank region":          {good, Scope{Region: " ", Service: "s3"}, time.Minute},
		"no service":            {good, Scope{Region: "us-east-1"}, time.Minute},
		"other day":             {good, Scope{"20130525", "us-east-1", "s3"}, time.Minute},
		"expiry too low":        {good, testScope, time.Millisecond},
		"expiry of over a week": {good, testScope, maxExpires + 1},
	}
	for name, test := range tests {
		r := httptest.NewRequest("GET", "/bucket/key", nil)
		if _, err := Presign(r, test.c, test.s, exampleTime, test.e, ""); err == nil {
			t.Errorf("Presign with %s: no error", name)
		}
		if strings.HasPrefix(name, "expiry") {
			continue
		}
		if err := Sign(r, test.c, test.s, exampleTime, EmptySHA256); err == nil || r.Header.Get("Authorization") != "" {
			t.Errorf("Sign with %s: got error %v, header %q; want an error and none", name, err, r.Header.Get("Authorization"))
		}
	}
}

func TestEncoderClosesItsPayload(t *testing.T) {
	closed := errors.New("closed")
	r := httptest.NewRequest("PUT", "/bucket/key", nil)
	payload := struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(nil), closerFunc(func() error { return closed })}
	if err := SignStreaming(r, payload, testCredentials, testScope, exampleTime, Streaming{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != closed {
		t.Errorf("got %v, want %v", err, closed)
	}
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

func TestARegionMayBeEmpty(t *testing.T) {
	r := httptest.NewRequest("GET", "/bucket/key", nil)
	if err := Sign(r, testCredentials, Scope{Service: "s3"}, exampleTime, EmptySHA256); err != nil {
		t.Fatal(err)
	}
	a, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if a.Scope.Region != "" || a.Scope.Service != "s3" {
		t.Errorf("got scope %+v", a.Scope)
	}
	if _, err := a.Verify(r, VerifyOptions{Secret: testCredentials.SecretAccessKey, Now: exampleTime}); err != nil {
		t.Errorf("got %v, want no error", err)
	}
	if _, err := a.Verify(r, VerifyOptions{Secret: "other", Now: exampleTime}); err == nil {
		t.Error("another secret: got no error")
	}
}
