package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// hook is a webhook that can go down and come back on its port.
type hook struct {
	t       *testing.T
	address string
	handler http.Handler

	mu     sync.Mutex
	server *http.Server
}

func newHook(t *testing.T, handler http.HandlerFunc) *hook {
	t.Helper()
	h := &hook{t: t, address: "127.0.0.1:" + freePort(t), handler: handler}
	h.up()
	t.Cleanup(h.down)
	return h
}

func (h *hook) up() {
	h.t.Helper()
	l, err := net.Listen("tcp", h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	server := &http.Server{Handler: h.handler}
	h.mu.Lock()
	h.server = server
	h.mu.Unlock()
	go server.Serve(l)
}

func (h *hook) down() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.server.Close()
}

var signingKey = []byte("0123456789abcdef0123456789abcdef")

// accept verifies a request's signature and keeps its body.
func accept(t *testing.T, r *receiver) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the hook goes down
		}
		mac := hmac.New(sha256.New, signingKey)
		io.WriteString(mac, req.Header.Get("Webhook-Id")+"."+req.Header.Get("Webhook-Timestamp")+"."+string(body))
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); req.Header.Get("Webhook-Signature") != want || req.Header.Get("Authorization") != "Bearer token" {
			t.Errorf("a request is not signed or has no token: %v", req.Header)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.bodies <- body
	}
}

func webhookSettings(t *testing.T, h *hook) string {
	return "type = \"webhook\"\nurl = \"http://" + h.address + "/events\"\ntoken_file = \"" + secret(t, "token") +
		"\"\nsigning_key_file = \"" + secret(t, "whsec_"+base64.StdEncoding.EncodeToString(signingKey)) + "\""
}

func TestWebhook(t *testing.T) {
	r := newReceiver(t)
	h := newHook(t, accept(t, r))
	server := start(t, webhookSettings(t, h))
	if got := r.next(); !got.test || got.bucket != bucket {
		t.Errorf("got %+v, want the test event", got)
	}
	r.wantUpload(server)
	r.outage(server, h.down, h.up)
}

// A webhook that accepts and never answers is slower than one that is down.
func TestWebhookThatHangsSlowsNobody(t *testing.T) {
	r := newReceiver(t)
	h := newHook(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	server := start(t, webhookSettings(t, h))
	begin := time.Now()
	for range 20 {
		must(t, server, http.MethodPut, bucket+"/a", "", "x")
	}
	// Each attempt takes ten seconds, the default of timeout.
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("20 writes took %v", took)
	}
	server.Kill(t)
	h.down()
	h.handler = accept(t, r)
	h.up()
	server.Restart(t)
	if got := r.next(); !got.test {
		t.Errorf("got %+v, want the test event, which was not answered", got)
	}
	for range 20 {
		r.want("ObjectCreated:Put a")
	}
	r.drained(server)
}
