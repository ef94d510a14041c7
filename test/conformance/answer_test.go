package conformance

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestAnswersSuitTheStrictestClients is what the Greengrass nucleus, aws-c-auth
// and the embedded C library demand of the credentials (spec A.3).
func TestAnswersSuitTheStrictestClients(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	long := strings.Repeat("a", 128)
	f.thing(t, long)
	d.attachTo(t, long)
	for _, thing := range []string{"", d.thing, long} {
		got := d.ask(t, thing)
		c := got.parse(t) // refuses further members
		shape := regexp.MustCompile(`^\{"credentials":\{"accessKeyId":"ASIA[A-Z2-7]{16}","secretAccessKey":"[A-Za-z0-9/+]{40}","sessionToken":"[A-Za-z0-9/+=]+","expiration":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\}\}$`)
		if !shape.MatchString(got.body) {
			t.Errorf("thing %q: got %s, want %s", thing, got.body, shape)
		}
		if token := len(c.Credentials.SessionToken); len(got.body) >= 2048 || token > 1400 {
			t.Errorf("thing %q: %d bytes with a token of %d, want less than 2048 with at most 1400", thing, len(got.body), token)
		}
		if kind := got.header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("thing %q: Content-Type %q", thing, kind)
		}
		if got.header.Get("x-amzn-RequestId") == "" {
			t.Errorf("thing %q: no x-amzn-RequestId", thing)
		}
		if date, err := http.ParseTime(got.header.Get("Date")); err != nil || time.Since(date).Abs() > time.Minute {
			t.Errorf("thing %q: Date %q (%v), want now", thing, got.header.Get("Date"), err)
		}
		if c.Credentials.Expiration.Location() != time.UTC {
			t.Errorf("thing %q: expiration %s, want UTC", thing, c.Credentials.Expiration)
		}
	}
}
