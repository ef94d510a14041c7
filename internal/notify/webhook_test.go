package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// hook is a webhook that keeps what it gets.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	answer   func(http.ResponseWriter, *http.Request) // nil: 204
}

func newHook(t *testing.T, secure bool) *hook {
	t.Helper()
	h := &hook{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		h.requests, h.bodies = append(h.requests, r), append(h.bodies, string(body))
		answer := h.answer
		h.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, r)
	})
	if secure {
		h.Server = httptest.NewTLSServer(handler)
	} else {
		h.Server = httptest.NewServer(handler)
	}
	t.Cleanup(h.Close)
	return h
}

func (h *hook) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.requests)
}

func (h *hook) target() Target { return Target{Name: "q", Type: Webhook, URL: h.URL + "/events"} }

// deliver sends messages once.
func deliver(t *testing.T, target Target, bodies ...string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := target.opener()(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	messages := make([]Message, len(bodies))
	for i, body := range bodies {
		messages[i] = Message{uint64(i + 1), []byte(body)}
	}
	return s.send(ctx, messages)
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWebhookIsSignedAndAuthorized(t *testing.T) {
	h := newHook(t, false)
	key := []byte("0123456789abcdef0123456789abcdef")
	target := h.target()
	target.TokenFile = secretFile(t, "the-token")
	target.SigningKeyFile = secretFile(t, "whsec_"+base64.StdEncoding.EncodeToString(key))
	if n, err := deliver(t, target, `{"a":1}`, `{"b":2}`); n != 2 || err != nil {
		t.Fatalf("got %d, %v, want 2 delivered", n, err)
	}
	if len(h.bodies) != 2 || h.bodies[0] != `{"a":1}` || h.bodies[1] != `{"b":2}` {
		t.Fatalf("got %q, want two requests in order", h.bodies)
	}
	r := h.requests[0]
	if r.Method != "POST" || r.URL.Path != "/events" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer the-token" {
		t.Errorf("got %s %s %v", r.Method, r.URL, r.Header)
	}
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, r.Header.Get("Webhook-Id")+"."+r.Header.Get("Webhook-Timestamp")+"."+h.bodies[0])
	if got, want := r.Header.Get("Webhook-Signature"), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	if r.Header.Get("Webhook-Id") == h.requests[1].Header.Get("Webhook-Id") {
		t.Error("two messages have one id")
	}
}

func TestWebhookWithoutKeyIsNotSigned(t *testing.T) {
	h := newHook(t, false)
	if _, err := deliver(t, h.target(), "{}"); err != nil {
		t.Fatal(err)
	}
	if r := h.requests[0]; r.Header.Get("Webhook-Signature") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Webhook-Id") == "" {
		t.Errorf("got %v, want an id and neither signature nor token", r.Header)
	}
}

func TestWebhookDeliversByStatus(t *testing.T) {
	for status, want := range map[int]bool{200: true, 202: true, 204: true, 299: true, 300: false, 304: false, 400: false, 404: false, 429: false, 500: false, 503: false} {
		h := newHook(t, false)
		h.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
		if n, err := deliver(t, h.target(), "{}"); (err == nil) != want || (n == 1) != want {
			t.Errorf("status %d: got %d, %v, want delivered: %t", status, n, err, want)
		}
	}
}

func TestWebhookFollowsNoRedirect(t *testing.T) {
	other, h := newHook(t, false), newHook(t, false)
	h.answer = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}
	target := h.target()
	target.TokenFile = secretFile(t, "the-token")
	if n, err := deliver(t, target, "{}"); n != 0 || err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("got %d, %v, want the status as an error", n, err)
	}
	if len(other.requests) != 0 {
		t.Error("the redirect was followed")
	}
}

func TestWebhookDoesNotReadAnEndlessAnswer(t *testing.T) {
	h := newHook(t, false)
	h.answer = func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		text := make([]byte, 32<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(text); err != nil {
				return
			}
		}
	}
	start := time.Now()
	if n, err := deliver(t, h.target(), "{}"); n != 1 || err != nil {
		t.Errorf("got %d, %v, want it delivered by its status", n, err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestWebhookThatDoesNotAnswerTimesOut(t *testing.T) {
	h := newHook(t, false)
	h.answer = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	target := h.target()
	target.Timeout = 50 * time.Millisecond
	if n, err := deliver(t, target, "{}"); n != 0 || err == nil {
		t.Errorf("got %d, %v, want an error", n, err)
	}
}

func TestWebhookStopsAtTheFirstFailure(t *testing.T) {
	h := newHook(t, false)
	h.answer = func(w http.ResponseWriter, _ *http.Request) {
		if h.count() == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	if n, err := deliver(t, h.target(), "{}", "{}", "{}"); n != 1 || err == nil || len(h.requests) != 2 {
		t.Errorf("got %d, %v after %d requests, want 1 delivered and nothing after the failure", n, err, len(h.requests))
	}
}

func TestWebhookVerifiesTheServer(t *testing.T) {
	h := newHook(t, true)
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if n, err := deliver(t, h.target(), "{}"); n != 0 || err == nil {
		t.Errorf("a server with an unknown certificate: got %d, %v, want an error", n, err)
	}
	target := h.target()
	target.CA = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(target.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := deliver(t, target, "{}"); n != 1 || err != nil {
		t.Errorf("with its CA: got %d, %v, want it delivered", n, err)
	}
}

func TestWebhookJoinsRecords(t *testing.T) {
	h := newHook(t, false)
	target := h.target()
	target.Batch = 3
	record := func(n string) string { return `{"Records":[{"n":` + n + `}]}` }
	all := []string{record("1"), record("2"), record("3"), record("4"), `{"Event":"s3:TestEvent"}`, record("5"), record("6")}
	if n, err := deliver(t, target, all...); n != len(all) || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	want := []string{`{"Records":[{"n":1},{"n":2},{"n":3}]}`, record("4"), `{"Event":"s3:TestEvent"}`, `{"Records":[{"n":5},{"n":6}]}`}
	if strings.Join(h.bodies, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", h.bodies, want)
	}
	for _, body := range h.bodies {
		if !json.Valid([]byte(body)) {
			t.Errorf("%s is no JSON", body)
		}
	}
}

func TestWebhookBoundsWhatItJoins(t *testing.T) {
	h := newHook(t, false)
	target := h.target()
	target.Batch = maxBatch
	record := `{"Records":["` + strings.Repeat("a", maxPostBytes/3) + `"]}`
	if n, err := deliver(t, target, record, record, record, record); n != 4 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	for _, body := range h.bodies {
		if len(body) > maxPostBytes {
			t.Errorf("a request of %d bytes, want at most %d", len(body), maxPostBytes)
		}
	}
	if len(h.bodies) != 2 {
		t.Errorf("%d requests, want 2 of two records each", len(h.bodies))
	}
}

func TestTokenThatChangedIsReadAfterARefusal(t *testing.T) {
	h := newHook(t, false)
	target := h.target()
	target.TokenFile = secretFile(t, "old")
	h.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	outbox := newMemoryOutbox()
	d, err := Start(Config{Targets: []Target{target}, Outbox: outbox, Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	outbox.enqueue("q", "{}")
	if err := os.WriteFile(target.TokenFile, []byte("new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); outbox.QueueStats("q").Length > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the message was not delivered with the new token")
		}
	}
}
