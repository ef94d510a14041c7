package notify

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var validTargets = map[string]Target{
	"webhook": {Name: "hook", Type: Webhook, URL: "https://example.com/events?tenant=1", TokenFile: "t", SigningKeyFile: "k", Batch: 10, CA: "ca"},
	"mqtt":    {Name: "m_1", Type: MQTT, URL: "mqtts://broker:8883", Topic: "inro/events", ClientID: "inro-1", Username: "u", PasswordFile: "p", Certificate: "c", Key: "k"},
	"nats":    {Name: "n-1", Type: NATS, URL: "nats://127.0.0.1:4222", Subject: "inro.events", JetStream: true, CredentialsFile: "c"},
	"amqp":    {Name: "A", Type: AMQP, URL: "amqp://host/vhost", Exchange: "events", RoutingKey: "s3", Username: "u", PasswordFile: "p", Timeout: time.Second, GiveUpAfter: time.Hour},
}

func TestTargetsThatAreRight(t *testing.T) {
	for name, target := range validTargets {
		if err := target.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTargetsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		kind   string
		change func(*Target)
		want   string
	}{
		{"webhook", func(t *Target) { t.Name = "" }, "name"},
		{"webhook", func(t *Target) { t.Name = "a:b" }, "name"},
		{"webhook", func(t *Target) { t.Name = strings.Repeat("a", 81) }, "name"},
		{"webhook", func(t *Target) { t.Type = "kafka" }, "is not webhook, mqtt, nats or amqp"},
		{"webhook", func(t *Target) { t.URL = "" }, "url"},
		{"webhook", func(t *Target) { t.URL = "ftp://host/" }, "http, https"},
		{"webhook", func(t *Target) { t.URL = "https:///path" }, "names no host"},
		{"webhook", func(t *Target) { t.URL = "https://user:secret@host/" }, "must not hold credentials"},
		{"webhook", func(t *Target) { t.URL = "https://host/#part" }, "fragment"},
		{"webhook", func(t *Target) { t.URL = "http://host/" }, "need a url with TLS"},
		{"webhook", func(t *Target) { t.URL = "https://ho\nst/" }, "cannot be read"},
		{"webhook", func(t *Target) { t.Batch = 1001 }, "batch"},
		{"webhook", func(t *Target) { t.Batch = -1 }, "batch"},
		{"webhook", func(t *Target) { t.Topic = "t" }, "topic has no meaning"},
		{"webhook", func(t *Target) { t.Username, t.PasswordFile = "u", "p" }, "username has no meaning"},
		{"webhook", func(t *Target) { t.Timeout = time.Hour }, "timeout"},
		{"webhook", func(t *Target) { t.Timeout = -1 }, "timeout"},
		{"webhook", func(t *Target) { t.GiveUpAfter = -1 }, "give_up_after"},
		{"mqtt", func(t *Target) { t.Topic = "" }, "topic is missing"},
		{"mqtt", func(t *Target) { t.Topic = "a/#" }, "wildcard"},
		{"mqtt", func(t *Target) { t.Topic = "a/+/b" }, "wildcard"},
		{"mqtt", func(t *Target) { t.Topic = "$SYS/a" }, "begins with $"},
		{"mqtt", func(t *Target) { t.Topic = "a\x00b" }, "control characters"},
		{"mqtt", func(t *Target) { t.URL = "mqtts://host/path" }, "path"},
		{"mqtt", func(t *Target) { t.URL = "mqtts://host?x=1" }, "query"},
		{"mqtt", func(t *Target) { t.PasswordFile = "" }, "together"},
		{"mqtt", func(t *Target) { t.Key = "" }, "together"},
		{"mqtt", func(t *Target) { t.TokenFile = "t" }, "token_file has no meaning"},
		{"nats", func(t *Target) { t.Subject = "" }, "subject is missing"},
		{"nats", func(t *Target) { t.Subject = "a.>" }, "wildcard"},
		{"nats", func(t *Target) { t.Subject = "a..b" }, "empty token"},
		{"nats", func(t *Target) { t.TokenFile = "t" }, "exclude one another"},
		{"amqp", func(t *Target) { t.Exchange, t.RoutingKey = "", "" }, "exchange or routing_key"},
		{"amqp", func(t *Target) { t.Username, t.PasswordFile = "", "" }, "username or certificate"},
		{"amqp", func(t *Target) { t.RoutingKey = strings.Repeat("a", 256) }, "255 bytes"},
		{"amqp", func(t *Target) { t.JetStream = true }, "jetstream has no meaning"},
	} {
		target := validTargets[c.kind]
		c.change(&target)
		err := target.Check()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want an error with %q", target, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("the error shows what the url holds: %v", err)
		}
	}
}

func TestStartRefusesFilesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	base := Target{Name: "a", Type: Webhook, URL: "https://127.0.0.1:1/"}
	for what, change := range map[string]func(*Target){
		"missing":          func(t *Target) { t.TokenFile = filepath.Join(dir, "none") },
		"open to others":   func(t *Target) { t.TokenFile = write("open", "secret", 0o644) },
		"empty":            func(t *Target) { t.TokenFile = write("empty", "\n", 0o600) },
		"two lines":        func(t *Target) { t.TokenFile = write("lines", "a\nb\n", 0o600) },
		"key: no prefix":   func(t *Target) { t.SigningKeyFile = write("k1", strings.Repeat("a", 40), 0o600) },
		"key: too short":   func(t *Target) { t.SigningKeyFile = write("k2", "whsec_AAAA", 0o600) },
		"ca: none in file": func(t *Target) { t.CA = write("ca", "nothing", 0o644) },
		"certificate":      func(t *Target) { t.Certificate, t.Key = write("crt", "x", 0o644), write("key", "x", 0o600) },
	} {
		target := base
		change(&target)
		d, err := Start(Config{Targets: []Target{target}, Outbox: newMemoryOutbox(), Logger: discard})
		if err == nil {
			d.Close()
			t.Errorf("%s: got no error", what)
			continue
		}
		if !strings.Contains(err.Error(), `event target "a"`) {
			t.Errorf("%s: %v does not name the target", what, err)
		}
	}
	if _, err := Start(Config{Targets: []Target{base, base}, Outbox: newMemoryOutbox()}); err == nil || !strings.Contains(err.Error(), "two targets") {
		t.Errorf("two of one name: got %v", err)
	}
}

func TestCredentialsInTheClearAreWarnedOf(t *testing.T) {
	for url, want := range map[string]bool{
		"http://events.example.com/": true, "http://192.0.2.1/": true,
		"http://127.0.0.1/": false, "http://localhost/": false, "http://[::1]:80/": false, "https://events.example.com/": false,
	} {
		var log strings.Builder
		target := Target{Name: "a", Type: Webhook, URL: url, TokenFile: "t"}
		target.warn(slog.New(slog.NewTextHandler(&log, nil)))
		if got := log.Len() > 0; got != want {
			t.Errorf("%s: warned %t, want %t", url, got, want)
		}
	}
}
