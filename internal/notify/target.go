package notify

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Types of targets.
const (
	Webhook = "webhook"
	MQTT    = "mqtt"
	NATS    = "nats"
	AMQP    = "amqp"
)

// Target is one destination. Fields that its type does not use must be zero.
type Target struct {
	// Name is that of the target and of its queue.
	Name string
	// Type is Webhook, MQTT, NATS or AMQP.
	Type string
	// URL says where the target is, without credentials.
	URL string
	// Timeout is how long opening the target, one POST, or the confirmation of
	// a batch may take. 0: ten seconds.
	Timeout time.Duration
	// GiveUpAfter drops a message that the target has refused for so long,
	// so that those behind it get their turn. 0: never.
	GiveUpAfter time.Duration

	// CA is a PEM file of the authorities that may vouch for the target.
	// "": the system's.
	CA string
	// Certificate and Key are PEM files of a client certificate.
	Certificate, Key string

	// Username and PasswordFile are for MQTT, NATS and AMQP.
	Username, PasswordFile string
	// TokenFile holds the bearer token of a webhook, or the token of NATS.
	TokenFile string
	// CredentialsFile holds the user credentials (JWT and seed) of NATS.
	CredentialsFile string

	// SigningKeyFile holds the key that signs requests to a webhook.
	SigningKeyFile string
	// Batch is the most messages that one POST may carry. Their lists of
	// records are joined to one. 0: 1.
	Batch int

	// Topic and ClientID are MQTT's. ClientID "": the broker chooses.
	Topic, ClientID string
	// Subject is NATS's.
	Subject string
	// JetStream waits until a stream has stored the message.
	JetStream bool
	// Exchange and RoutingKey are AMQP's. Exchange "": the default exchange,
	// whose routing keys are names of queues.
	Exchange, RoutingKey string
}

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 5 * time.Minute
	maxBatch       = 1000
	// maxNameBytes bounds names that a protocol carries: topics, subjects,
	// routing keys (AMQP 0-9-1: a short string has up to 255 bytes).
	maxNameBytes = 255
)

// namePattern is that of target names: they stand in ARNs, in metrics, and in
// the log (SQS API Reference, CreateQueue: up to 80 of these characters).
var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// schemes are those of the URLs of each type, and whether they mean TLS.
var schemes = map[string]map[string]bool{
	Webhook: {"http": false, "https": true},
	MQTT:    {"mqtt": false, "mqtts": true},
	NATS:    {"nats": false, "tls": true},
	AMQP:    {"amqp": false, "amqps": true},
}

// Check says all that is wrong with the target. It opens no files.
func (t *Target) Check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !namePattern.MatchString(t.Name) {
		wrong("name %q is not 1 to 80 letters, digits, hyphens or underscores", t.Name)
	}
	if _, ok := schemes[t.Type]; !ok {
		wrong("type %q is not webhook, mqtt, nats or amqp", t.Type)
		return errors.Join(errs...)
	}
	if err := t.checkURL(); err != nil {
		errs = append(errs, err)
	}
	if t.Timeout < 0 || t.Timeout > maxTimeout {
		wrong("timeout must be up to %v", maxTimeout)
	}
	if t.GiveUpAfter < 0 {
		wrong("give_up_after cannot be negative")
	}
	if (t.Certificate == "") != (t.Key == "") {
		wrong("certificate and key must be given together")
	}
	if (t.Username == "") != (t.PasswordFile == "") {
		wrong("username and password_file must be given together")
	}
	errs = append(errs, t.checkMembers()...)
	return errors.Join(append(errs, t.checkNames()...)...)
}

func (t *Target) checkURL() error {
	u, err := url.Parse(t.URL)
	if err != nil {
		return errors.New("url cannot be read") // the error would show it, and what it holds
	}
	secure, known := schemes[t.Type][u.Scheme]
	switch {
	case !known:
		return fmt.Errorf("url of type %s must begin with one of %s", t.Type, strings.Join(slices.Sorted(maps.Keys(schemes[t.Type])), ", "))
	case u.User != nil:
		return errors.New("url must not hold credentials: they come from files")
	case u.Hostname() == "":
		return errors.New("url names no host")
	case u.Fragment != "" || t.Type != Webhook && u.RawQuery != "":
		return errors.New("url has a query or fragment, which has no meaning here")
	case (t.Type == MQTT || t.Type == NATS) && strings.Trim(u.Path, "/") != "":
		return errors.New("url has a path, which has no meaning here")
	case !secure && (t.CA != "" || t.Certificate != ""):
		return errors.New("ca and certificate need a url with TLS")
	}
	return nil
}

// secure reports whether the target is reached over TLS.
func (t *Target) secure() bool {
	scheme, _, _ := strings.Cut(t.URL, ":")
	return schemes[t.Type][scheme]
}

// checkMembers refuses what the target's type has no use for, and misses what
// it needs.
func (t *Target) checkMembers() []error {
	var errs []error
	for _, m := range []struct {
		name  string
		given bool
		types []string
	}{
		{"username", t.Username != "", []string{MQTT, NATS, AMQP}},
		{"token_file", t.TokenFile != "", []string{Webhook, NATS}},
		{"credentials_file", t.CredentialsFile != "", []string{NATS}},
		{"signing_key_file", t.SigningKeyFile != "", []string{Webhook}},
		{"batch", t.Batch != 0, []string{Webhook}},
		{"topic", t.Topic != "", []string{MQTT}},
		{"client_id", t.ClientID != "", []string{MQTT}},
		{"subject", t.Subject != "", []string{NATS}},
		{"jetstream", t.JetStream, []string{NATS}},
		{"exchange", t.Exchange != "", []string{AMQP}},
		{"routing_key", t.RoutingKey != "", []string{AMQP}},
	} {
		if m.given && !slices.Contains(m.types, t.Type) {
			errs = append(errs, fmt.Errorf("%s has no meaning for type %s", m.name, t.Type))
		}
	}
	switch {
	case t.Type == MQTT && t.Topic == "":
		errs = append(errs, errors.New("topic is missing"))
	case t.Type == NATS && t.Subject == "":
		errs = append(errs, errors.New("subject is missing"))
	case t.Type == AMQP && t.Exchange == "" && t.RoutingKey == "":
		errs = append(errs, errors.New("exchange or routing_key is missing"))
	case t.Type == AMQP && t.Username == "" && t.Certificate == "":
		errs = append(errs, errors.New("username or certificate is missing"))
	}
	if t.Type == NATS && moreThanOne(t.Username != "", t.TokenFile != "", t.CredentialsFile != "") {
		errs = append(errs, errors.New("username, token_file and credentials_file exclude one another"))
	}
	if t.Batch < 0 || t.Batch > maxBatch {
		errs = append(errs, fmt.Errorf("batch must be 1 to %d", maxBatch))
	}
	return errs
}

// checkNames refuses names that a broker would take for a pattern, or not take
// at all (MQTT 5 section 4.7.1; NATS, "Subject-Based Messaging").
func (t *Target) checkNames() []error {
	var errs []error
	for name, value := range map[string]string{
		"topic": t.Topic, "client_id": t.ClientID, "subject": t.Subject, "exchange": t.Exchange, "routing_key": t.RoutingKey, "username": t.Username,
	} {
		if len(value) > maxNameBytes || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
			errs = append(errs, fmt.Errorf("%s has control characters or more than %d bytes", name, maxNameBytes))
		}
	}
	if strings.ContainsAny(t.Topic, "+#") || strings.HasPrefix(t.Topic, "$") {
		errs = append(errs, errors.New("topic has a wildcard or begins with $"))
	}
	if strings.ContainsAny(t.Subject, "*> ") || slices.Contains(strings.Split(t.Subject, "."), "") && t.Subject != "" {
		errs = append(errs, errors.New("subject has a wildcard, a space or an empty token"))
	}
	return errs
}

func moreThanOne(given ...bool) bool {
	n := 0
	for _, g := range given {
		if g {
			n++
		}
	}
	return n > 1
}

// timeout returns Timeout or its default.
func (t *Target) timeout() time.Duration {
	if t.Timeout == 0 {
		return defaultTimeout
	}
	return t.Timeout
}
