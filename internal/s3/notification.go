package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

// Targets are the destinations of event messages that the operator declared.
// Their methods are called for every event, and must be quick.
type Targets interface {
	// Allows reports whether there is a target of this name that buckets of
	// the account may use.
	Allows(name, account string) bool
	// Missed is told of an event that was not kept because Allows said no to
	// a target that a bucket's configuration still names.
	Missed(name string)
}

// noTargets are those of a server without any.
type noTargets struct{}

func (noTargets) Allows(string, string) bool { return false }
func (noTargets) Missed(string)              {}

func (s *Service) notificationOperations() []api.Operation {
	return []api.Operation{
		row("GetBucketNotificationConfiguration", "GET /{Bucket}?notification",
			needBucket[getNotificationInput](s, "s3:GetBucketNotification"), s.getNotification),
		row("PutBucketNotificationConfiguration", "PUT /{Bucket}?notification",
			needBucket[putNotificationInput](s, "s3:PutBucketNotification"), s.putNotification),
	}
}

type getNotificationInput struct{ bucketTarget }

type putNotificationInput struct {
	bucketTarget
	digestHeaders
	SkipDestinationValidation bool                       `header:"X-Amz-Skip-Destination-Validation"`
	NotificationConfiguration *notificationConfiguration `payload:"xml"`
}

// notificationConfiguration is the document. What may be there once is a list,
// to see what is given twice; Unknown is what AWS does not have.
type notificationConfiguration struct {
	XMLName     xml.Name             `xml:"NotificationConfiguration"`
	Topics      []notificationMember `xml:"TopicConfiguration"`
	Queues      []notificationMember `xml:"QueueConfiguration"`
	Functions   []notificationMember `xml:"CloudFunctionConfiguration"`
	EventBridge []struct{}           `xml:"EventBridgeConfiguration"`
	Unknown     []xmlAny             `xml:",any"`
}

// notificationMember is one configuration. Each kind has its own element for the
// destination.
type notificationMember struct {
	ID       []string             `xml:"Id"`
	Topic    []string             `xml:"Topic"`
	Queue    []string             `xml:"Queue"`
	Function []string             `xml:"CloudFunction"`
	Events   []string             `xml:"Event"`
	Filter   []notificationFilter `xml:"Filter"`
	Unknown  []xmlAny             `xml:",any"`
}

type notificationFilter struct {
	Key []struct {
		Rules   []filterRule `xml:"FilterRule"`
		Unknown []xmlAny     `xml:",any"`
	} `xml:"S3Key"`
	Unknown []xmlAny `xml:",any"`
}

type filterRule struct {
	Name    []string `xml:"Name"`
	Value   []string `xml:"Value"`
	Unknown []xmlAny `xml:",any"`
}

// xmlAny is an element that has no place in a document.
type xmlAny struct{ XMLName xml.Name }

// destinationKinds are the kinds of destinations with the services in their ARNs.
// Any kind may name any target: AWS has several because its services differ.
var destinationKinds = [...]struct {
	element, member, service, prefix string
	tested                           bool // S3 sends a test message when it is configured
}{
	{"TopicConfiguration", "Topic", "sns", "", true},
	{"QueueConfiguration", "Queue", "sqs", "", true},
	{"CloudFunctionConfiguration", "CloudFunction", "lambda", "function:", false},
}

// notificationRule is one configuration as it is used.
type notificationRule struct {
	kind           int // in destinationKinds
	id, arn        string
	jsonID         string // quoted for messages
	target         string
	names          []string // of the events, as they were given
	events         eventSet
	prefix, suffix filterValue
}

// filterValue is the value of a filter rule. given is as the client wrote it,
// key what it means.
type filterValue struct {
	set        bool
	given, key string
}

func (r *notificationRule) matches(key string) bool {
	return strings.HasPrefix(key, r.prefix.key) && strings.HasSuffix(key, r.suffix.key)
}

// notificationRules are the configurations of a bucket.
type notificationRules struct {
	rules  []notificationRule
	events eventSet // of all rules
}

// notificationSetting is stored as the XML that Get answers.
var notificationSetting = setting[notificationRules]{"notification", func(document string) (*notificationRules, error) {
	var c notificationConfiguration
	if err := xml.Unmarshal([]byte(document), &c); err != nil {
		return nil, err
	}
	rules, err := c.rules()
	if err != nil {
		// Not the fault of the request that reads it.
		return nil, errors.New(err.Error())
	}
	return rules, nil
}}

// Bounds of a configuration (S3 User Guide, "Amazon S3 Event Notifications": 100
// per bucket; API Reference, FilterRule: up to 1,024 characters).
const (
	maxNotificationRules     = 100
	maxNotificationIDBytes   = 255
	maxFilterValueBytes      = 1024
	maxNotificationBytes     = 100 << 10
	notificationOverlap      = "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
	destinationsNotValidated = "Unable to validate the following destination configurations"
)

// rules reads the document. Whether targets exist is not asked.
func (c *notificationConfiguration) rules() (*notificationRules, error) {
	if len(c.EventBridge) > 0 {
		return nil, awserr.NotImplemented("EventBridgeConfiguration is not offered: name targets in TopicConfiguration, QueueConfiguration or CloudFunctionConfiguration.")
	}
	if len(c.Unknown) > 0 {
		return nil, malformedXML()
	}
	all := &notificationRules{}
	ids := make(map[string]bool)
	for kind, members := range [...][]notificationMember{c.Topics, c.Queues, c.Functions} {
		for i := range members {
			r, err := members[i].rule(kind)
			if err != nil {
				return nil, err
			}
			if ids[r.id] {
				return nil, invalidArgument("Id", r.id, "Same ID used for multiple configurations. IDs must be unique")
			}
			ids[r.id] = true
			all.rules = append(all.rules, *r)
			all.events |= r.events
		}
	}
	if len(all.rules) > maxNotificationRules {
		return nil, invalidArgument("NotificationConfiguration", "", fmt.Sprintf("A bucket can have up to %d notification configurations.", maxNotificationRules))
	}
	return all, all.overlap()
}

// rule reads one configuration.
func (m *notificationMember) rule(kind int) (*notificationRule, error) {
	destinations := [...][]string{m.Topic, m.Queue, m.Function}
	own, given := destinations[kind], len(m.Topic)+len(m.Queue)+len(m.Function)
	if len(own) != 1 || given != 1 || len(m.ID) > 1 || len(m.Filter) > 1 || len(m.Events) == 0 || len(m.Unknown) > 0 {
		return nil, malformedXML()
	}
	r := &notificationRule{kind: kind, arn: own[0], names: m.Events}
	if len(m.ID) == 1 {
		r.id = m.ID[0]
	}
	if r.id == "" {
		r.id = uuid.NewString() // API Reference: S3 assigns one
	}
	if len(r.id) > maxNotificationIDBytes {
		return nil, invalidArgument("Id", r.id, fmt.Sprintf("The ID of a configuration has up to %d characters.", maxNotificationIDBytes))
	}
	r.jsonID = jsonText(r.id)
	var err error
	if r.events, err = parseEvents(m.Events); err != nil {
		return nil, err
	}
	if len(m.Filter) == 1 {
		if err := r.filter(&m.Filter[0]); err != nil {
			return nil, err
		}
	}
	r.target, err = targetOf(kind, r.arn)
	return r, err
}

// filter reads a filter (S3 User Guide, "Configuring event notifications using
// object key name filtering").
func (r *notificationRule) filter(f *notificationFilter) error {
	if len(f.Key) > 1 || len(f.Unknown) > 0 {
		return malformedXML()
	}
	if len(f.Key) == 0 {
		return nil
	}
	if len(f.Key[0].Unknown) > 0 {
		return malformedXML()
	}
	for _, rule := range f.Key[0].Rules {
		if len(rule.Name) != 1 || len(rule.Value) > 1 || len(rule.Unknown) > 0 {
			return malformedXML()
		}
		name, value := rule.Name[0], strings.Join(rule.Value, "")
		into := map[string]*filterValue{"prefix": &r.prefix, "suffix": &r.suffix}[strings.ToLower(name)]
		switch {
		case into == nil:
			return invalidArgument("FilterRule.Name", name, "filter rule name must be either prefix or suffix")
		case into.set:
			return invalidArgument("FilterRule.Name", name, "Cannot specify more than one "+strings.ToLower(name)+" rule in a filter.")
		case len(value) > maxFilterValueBytes:
			return invalidArgument("FilterRule.Value", value, fmt.Sprintf("Size of filter rule value cannot exceed %d bytes in UTF-8 representation", maxFilterValueBytes))
		}
		*into = filterValue{set: true, given: value, key: decodeFilter(value)}
	}
	return nil
}

// decodeFilter returns the part of a key that a filter value means: a space is
// written as +, other special characters percent-encoded (S3 User Guide, the same
// page). A value that is not encoded so stands for itself.
func decodeFilter(value string) string {
	if key, err := url.QueryUnescape(value); err == nil {
		return key
	}
	return value
}

// overlap refuses two rules that could tell of one event twice (S3 User Guide, the
// same page, "Examples of valid" and "of invalid notification configurations").
func (n *notificationRules) overlap() error {
	for i := range n.rules {
		for j := range i {
			a, b := &n.rules[i], &n.rules[j]
			if a.events&b.events != 0 && within(a.prefix.key, b.prefix.key, strings.HasPrefix) && within(a.suffix.key, b.suffix.key, strings.HasSuffix) {
				return awserr.New(http.StatusBadRequest, "InvalidArgument", notificationOverlap)
			}
		}
	}
	return nil
}

// within reports whether one of two parts of keys includes the other.
func within(a, b string, has func(string, string) bool) bool { return has(a, b) || has(b, a) }

// document renders the configurations as Get answers them.
func (n *notificationRules) document() *document {
	d := newDocument("NotificationConfiguration", 512*len(n.rules))
	for i := range n.rules {
		r := &n.rules[i]
		kind := &destinationKinds[r.kind]
		d.open(kind.element)
		d.text("Id", r.id)
		d.text(kind.member, r.arn)
		for _, name := range r.names {
			d.text("Event", name)
		}
		if r.prefix.set || r.suffix.set {
			d.open("Filter")
			d.open("S3Key")
			d.filterRule("Prefix", r.prefix)
			d.filterRule("Suffix", r.suffix)
			d.close("S3Key")
			d.close("Filter")
		}
		d.close(kind.element)
	}
	return d
}

func (d *document) filterRule(name string, v filterValue) {
	if !v.set {
		return
	}
	d.open("FilterRule")
	d.text("Name", name)
	d.text("Value", v.given)
	d.close("FilterRule")
}

func (s *Service) getNotification(ctx context.Context, in *getNotificationInput) (*xmlOutput, error) {
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.subject().translate(err)
	}
	rules, err := notificationSetting.get(ctx, s, b)
	if err != nil {
		return nil, err
	}
	if rules == nil {
		rules = new(notificationRules)
	}
	return rules.document().output(), nil
}

func (s *Service) putNotification(ctx context.Context, in *putNotificationInput) (*api.Empty, error) {
	check, err := in.digestHeaders.check(nil)
	if err != nil {
		return nil, err
	}
	if err := check.verifyBytes(api.RequestOf(ctx).Body); err != nil {
		return nil, err
	}
	if in.NotificationConfiguration == nil {
		return nil, malformedXML()
	}
	rules, err := in.NotificationConfiguration.rules()
	if err != nil {
		return nil, err
	}
	b, err := s.engine.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.subject().translate(err)
	}
	if err := s.checkDestinations(b, rules); err != nil {
		return nil, err
	}
	if err := s.setNotification(ctx, b, rules, !in.SkipDestinationValidation); err != nil {
		return nil, in.subject().translate(err)
	}
	return &api.Empty{}, nil
}

// setNotification stores the configurations; without any there is none. A test
// message comes first, as in AWS (API Reference, PutBucketNotificationConfiguration).
func (s *Service) setNotification(ctx context.Context, b object.Bucket, rules *notificationRules, test bool) error {
	if len(rules.rules) == 0 {
		return notificationSetting.remove(ctx, s, b)
	}
	document := rules.document().String()
	if len(document) > maxNotificationBytes {
		return invalidArgument("NotificationConfiguration", "", fmt.Sprintf("The configuration is longer than %d bytes.", maxNotificationBytes))
	}
	if test {
		if err := s.engine.Enqueue(ctx, s.testMessages(b, rules, api.RequestOf(ctx).ID)); err != nil {
			return err
		}
	}
	return notificationSetting.put(ctx, s, b, document)
}

// targetOf reads the name of a target out of an ARN of its kind.
func targetOf(kind int, text string) (string, error) {
	k := &destinationKinds[kind]
	a, err := arn.Parse(text)
	name, ok := strings.CutPrefix(a.Resource, k.prefix)
	if err != nil || a.Partition != "aws" || a.Service != k.service || !ok || name == "" || strings.Contains(name, ":") {
		return "", invalidArgument(k.member, text, "The ARN could not be parsed: want arn:aws:"+k.service+":<region>:<account>:"+k.prefix+"<target>.")
	}
	return name, nil
}

// checkDestinations refuses targets that do not exist, or not for the bucket's
// owner; the answer is the same for both. Skipping the validation of destinations
// does not skip this: there would be nobody to deliver to.
func (s *Service) checkDestinations(b object.Bucket, rules *notificationRules) error {
	var failed *awserr.Error
	n := 0
	for i := range rules.rules {
		r := &rules.rules[i]
		a, err := arn.Parse(r.arn)
		if err != nil {
			return err
		}
		if a.Region != b.Region {
			return invalidArgument(destinationKinds[r.kind].member, r.arn,
				"The notification destination service region is not valid for the bucket location constraint")
		}
		if a.Account == b.Account && s.targets.Allows(r.target, b.Account) {
			continue
		}
		if failed == nil {
			failed = awserr.New(http.StatusBadRequest, "InvalidArgument", destinationsNotValidated)
		}
		n++
		failed = failed.With(fmt.Sprint("ArgumentName", n), clip(r.arn)).
			With(fmt.Sprint("ArgumentValue", n), "The destination does not exist, or the bucket's owner may not use it.")
	}
	if failed != nil {
		return failed
	}
	return nil
}
