package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/sigv4"
)

// authority knows one access key, and allows what mayDo says.
type authority struct {
	mayDo func(p Permission, keys *policy.Context) bool
}

var testCredentials = sigv4.Credentials{AccessKeyID: "AKIAEXAMPLEEXAMPLE00", SecretAccessKey: "secret"}

func (a authority) Resolve(_ context.Context, id, _ string) (*identity.Caller, string, error) {
	if id != testCredentials.AccessKeyID {
		return nil, "", identity.ErrUnknownKey
	}
	c := &identity.Caller{Principal: policy.Principal{Type: policy.User, Account: "999999999999", ARN: "arn:aws:iam::999999999999:user/u"}, Keys: new(policy.Context)}
	return c, testCredentials.SecretAccessKey, nil
}

func (a authority) Decide(_ context.Context, _ *identity.Caller, p Permission, keys *policy.Context) (policy.Decision, error) {
	if a.mayDo == nil || a.mayDo(p, keys) {
		return policy.Decision{Effect: policy.Allow}, nil
	}
	return policy.Decision{}, nil
}

type testInput struct {
	Prefix *string `query:"prefix"`
	Thing  string  `header:"x-amzn-thing"`
	Match  string  `header:"If-Match"`
	Name   string  `json:"name"`
}

type testXMLInput struct {
	Doc struct{ A string } `payload:"xml"`
}

// newTestServer serves one operation of each protocol.
func newTestServer(t *testing.T, a authority) *Server {
	t.Helper()
	needs := Permission{Action: "x:Do", Resource: "*"}
	s, err := NewServer(Config{
		Authority: a, Logger: slog.New(slog.DiscardHandler),
		Services: []Service{
			{Name: "iot", Protocol: RestJSON(), Operations: []Operation{Op("Do", "POST /do",
				func(context.Context, *testInput) ([]Permission, error) { return []Permission{needs}, nil },
				func(context.Context, *testInput) (*Empty, error) { return &Empty{}, nil })}},
			{Name: "s3", Protocol: RestXML(), Anonymous: true, Operations: []Operation{Op("Do", "POST /do",
				func(context.Context, *testXMLInput) ([]Permission, error) { return []Permission{needs}, nil },
				func(context.Context, *testXMLInput) (*Empty, error) { return &Empty{}, nil })}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// countedBody tells how often it was read.
type countedBody struct {
	io.Reader
	reads int
}

func (b *countedBody) Read(p []byte) (int, error) {
	b.reads++
	return b.Reader.Read(p)
}

func (b *countedBody) Close() error { return nil }

// signed returns a request to service with the given body.
func signed(t *testing.T, c sigv4.Credentials, service, target, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if err := sigv4.Sign(r, c, sigv4.Scope{Region: "eu-west-1", Service: service}, time.Now(), sha256Hex(body)); err != nil {
		t.Fatal(err)
	}
	return r
}

func sha256Hex(body string) string {
	return (&call{body: []byte(body), service: &service{Service: Service{Protocol: RestJSON()}}}).payloadHash()
}

func TestABodyIsNotReadForNobody(t *testing.T) {
	s := newTestServer(t, authority{})
	stranger := testCredentials
	stranger.AccessKeyID = "AKIANOBODYNOBODY0000"
	unsigned := httptest.NewRequest(http.MethodPost, "http://iot.eu-west-1.amazonaws.com/do", strings.NewReader("{}"))
	for _, c := range []struct {
		name string
		r    *http.Request
		read bool
		want int
	}{
		{"unsigned", unsigned, false, http.StatusForbidden},
		{"unknown key", signed(t, stranger, "iot", "/do", "{}"), false, http.StatusForbidden},
		{"known key", signed(t, testCredentials, "iot", "/do", "{}"), true, http.StatusOK},
	} {
		body := &countedBody{Reader: c.r.Body}
		c.r.Body = body
		w := httptest.NewRecorder()
		s.ServeHTTP(w, c.r)
		if w.Code != c.want || (body.reads > 0) != c.read {
			t.Errorf("%s: %d %s, body read %d times; want %d, read %v", c.name, w.Code, w.Body, body.reads, c.want, c.read)
		}
	}
}

// deadlineWriter notes the read deadlines of its connection.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (w *deadlineWriter) SetReadDeadline(t time.Time) error {
	w.deadlines = append(w.deadlines, t)
	return nil
}

// brokenBody gives its text, then fails.
func brokenBody(text string, err error) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader(text), failing{err}))
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestABodyThatStandsStillIsRefused(t *testing.T) {
	s := newTestServer(t, authority{})
	for _, c := range []struct {
		service string
		err     error
		status  int
		code    string
	}{
		{"iot", os.ErrDeadlineExceeded, http.StatusRequestTimeout, "The request body did not arrive in time."},
		{"s3", os.ErrDeadlineExceeded, http.StatusBadRequest, "<Code>RequestTimeout</Code>"},
		{"iot", io.ErrUnexpectedEOF, http.StatusBadRequest, "ended before its announced length"},
		{"s3", io.ErrUnexpectedEOF, http.StatusBadRequest, "<Code>IncompleteBody</Code>"},
		{"s3", errors.New("malformed chunked encoding"), http.StatusBadRequest, "<Code>IncompleteBody</Code>"},
	} {
		r := signed(t, testCredentials, c.service, "/do", "{}")
		r.Body = brokenBody("{", c.err)
		start := time.Now()
		w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
		s.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) {
			t.Errorf("%s, %v: %d %s, want %d with %q", c.service, c.err, w.Code, w.Body, c.status, c.code)
		}
		if len(w.deadlines) != 1 || w.deadlines[0].Before(start.Add(time.Minute)) || w.deadlines[0].After(time.Now().Add(time.Minute)) {
			t.Errorf("%s, %v: deadlines %v, want one, a minute after the first read at %v", c.service, c.err, w.deadlines, start)
		}
	}
}

func TestADeadlineMovesWithWhatArrives(t *testing.T) {
	w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	b := &watchedBody{ReadCloser: io.NopCloser(strings.NewReader("x")), control: http.NewResponseController(w), patience: time.Minute}
	start := time.Now()
	for _, after := range []time.Duration{0, 10 * time.Second, 29 * time.Second, 31 * time.Second, 90 * time.Second} {
		b.extend(start.Add(after))
	}
	if len(w.deadlines) != 3 || !w.deadlines[1].Equal(start.Add(91*time.Second)) || !w.deadlines[2].Equal(start.Add(150*time.Second)) {
		t.Errorf("deadlines %v, want three: 60, 91 and 150 s after %v", w.deadlines, start)
	}
	if _, err := io.ReadAll(b); err != nil {
		t.Fatal(err)
	}
	if last := w.deadlines[len(w.deadlines)-1]; !last.IsZero() {
		t.Errorf("deadline %v after the end of the body, want none", last)
	}

	whole := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	b = &watchedBody{control: http.NewResponseController(whole), patience: time.Minute, by: start.Add(time.Minute)}
	for after := range 50 {
		b.extend(start.Add(time.Duration(after) * time.Second))
	}
	if len(whole.deadlines) != 1 || !whole.deadlines[0].Equal(b.by) {
		t.Errorf("deadlines %v of a body that must be there whole by %v, want that one", whole.deadlines, b.by)
	}
}
