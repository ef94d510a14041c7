package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// webhook posts messages as JSON. Requests carry the headers of the Standard
// Webhooks specification: webhook-id and webhook-timestamp always,
// webhook-signature with a signing key.
type webhook struct {
	target *Target
	*secrets
	client *http.Client
}

// Bounds of what a webhook answers. Nothing of the body is used; it is read so
// that the connection can be used again.
const (
	maxAnswerBytes       = 64 << 10
	maxAnswerHeaderBytes = 64 << 10
)

// maxPostBytes bounds a request that carries several messages.
const maxPostBytes = 256 << 10

func openWebhook(_ context.Context, t *Target, s *secrets) (sender, error) {
	return &webhook{target: t, secrets: s, client: &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: s.tls, ForceAttemptHTTP2: true, DisableCompression: true,
			MaxConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxAnswerHeaderBytes,
		},
		// A redirect would send events, and the token, where the operator did
		// not say.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (w *webhook) close() { w.client.CloseIdleConnections() }

func (w *webhook) send(ctx context.Context, messages []Message) (int, error) {
	done := 0
	for done < len(messages) {
		m, n := w.next(messages[done:])
		if err := w.post(ctx, &m); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// What a message of records begins and ends with; those can be joined.
var recordsBegin, recordsEnd = []byte(`{"Records":[`), []byte(`]}`)

// next makes one message of as many as may be joined, and says how many.
func (w *webhook) next(messages []Message) (Message, int) {
	joined := messages[0]
	if w.target.Batch <= 1 || !joinable(joined.Body) {
		return joined, 1
	}
	body := bytes.Clone(joined.Body)
	n := 1
	for n < min(len(messages), w.target.Batch) {
		next := messages[n].Body
		if !joinable(next) || len(body)+len(next) > maxPostBytes {
			break
		}
		body = append(body[:len(body)-len(recordsEnd)], ',')
		body = append(body, next[len(recordsBegin):]...)
		n++
	}
	joined.Body = body
	return joined, n
}

func joinable(body []byte) bool {
	return len(body) > len(recordsBegin)+len(recordsEnd) && bytes.HasPrefix(body, recordsBegin) && bytes.HasSuffix(body, recordsEnd)
}

// post sends one request.
func (w *webhook) post(ctx context.Context, m *Message) error {
	ctx, cancel := context.WithTimeout(ctx, w.target.timeout())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.target.URL, bytes.NewReader(m.Body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "inro")
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	w.sign(r.Header, m, time.Now())
	answer, err := w.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswerBytes)) // the status says it all
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("the webhook answered with status %d", answer.StatusCode)
	}
	return nil
}

// sign sets the headers of the Standard Webhooks specification ("Signature
// scheme"): HMAC-SHA256 over id, time and body.
func (w *webhook) sign(h http.Header, m *Message, now time.Time) {
	id, at := m.ID(), strconv.FormatInt(now.Unix(), 10)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", at)
	if w.signingKey == nil {
		return
	}
	mac := hmac.New(sha256.New, w.signingKey)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(m.Body)
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
