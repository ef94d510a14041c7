package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
)

// Messages are as AWS sends them (S3 User Guide, "Event message structure"), one
// record in each. They are made at the commit of the change, while other writers
// wait, so all that is known before is laid out before: only what the commit
// decides (key, version, size, time) is appended then.

// eventVersion is that of the structure. Since 2.4 AWS has one for all events; 2.5
// adds tags that AWS itself put on a bucket, of which there are none here.
const eventVersion = "2.5"

// messageMaker makes the messages of one change.
type messageMaker func(*object.Version) []object.Message

// eventSource is who caused an event.
type eventSource struct {
	principal string
	address   string
	requestID string
}

// lifecycleSource causes the events of lifecycle rules (S3 User Guide, "Configuring
// S3 Lifecycle event notifications").
const lifecycleSource = "s3.amazonaws.com"

// requestSource is the caller of a request.
func requestSource(ctx context.Context) eventSource {
	req := api.RequestOf(ctx)
	source := eventSource{principal: "Anonymous", requestID: req.ID}
	if !req.Caller.IsAnonymous() {
		source.principal = "AWS:" + req.Caller.Principal.UserID
	}
	if v, ok := req.Context.Get("aws:SourceIp"); ok && len(v) == 1 {
		source.address = v[0]
	} else if host, _, err := net.SplitHostPort(req.HTTP.RemoteAddr); err == nil {
		source.address = host
	}
	return source
}

// messages returns what makes the messages for an event of the request's, nil when
// the bucket asks for none. An error fails the request: an event that was asked for
// is not lost in silence.
func (s *Service) messages(ctx context.Context, bucket string, e event) (func(*object.Version) []object.Message, error) {
	return s.messagesOf(ctx, bucket, setOf(e), func(*object.Version) event { return e }, func() eventSource { return requestSource(ctx) })
}

// removalMessages is messages for a deletion. named says that the request names
// the version that it removes for good.
func (s *Service) removalMessages(ctx context.Context, bucket string, named bool) (func(*object.Version) []object.Message, error) {
	return s.messagesOf(ctx, bucket, setOf(objectRemovedDelete, objectRemovedDeleteMarkerCreated), func(v *object.Version) event {
		if v.DeleteMarker && !named {
			return objectRemovedDeleteMarkerCreated
		}
		return objectRemovedDelete
	}, func() eventSource { return requestSource(ctx) })
}

// tellOfRemovals is removalMessages for many deletions in one bucket.
func (s *Service) tellOfRemovals(ctx context.Context, bucket string, targets []object.DeleteTarget) error {
	var messages [2]func(*object.Version) []object.Message // of current versions, and of those named
	for i := range messages {
		var err error
		if messages[i], err = s.removalMessages(ctx, bucket, i == 1); err != nil {
			return err
		}
	}
	for i := range targets {
		o := &targets[i].Options
		o.Messages = messages[0]
		if o.VersionID != "" {
			o.Messages = messages[1]
		}
	}
	return nil
}

// LifecycleMessages returns what makes the messages for a deletion by a lifecycle
// rule, for DeleteOptions.Messages; nil when the bucket asks for none. named says
// that the deletion names the version that it removes for good.
func (s *Service) LifecycleMessages(ctx context.Context, bucket string, named bool) (func(*object.Version) []object.Message, error) {
	return s.messagesOf(ctx, bucket, setOf(lifecycleExpirationDelete, lifecycleExpirationDeleteMarkerCreated), func(v *object.Version) event {
		if v.DeleteMarker && !named {
			return lifecycleExpirationDeleteMarkerCreated
		}
		return lifecycleExpirationDelete
	}, func() eventSource { return eventSource{lifecycleSource, lifecycleSource, uuid.NewString()} })
}

// messagesOf returns what makes the messages for whichever of the events which
// says. For buckets that ask for none of them it costs two look-ups in memory.
func (s *Service) messagesOf(ctx context.Context, bucket string, events eventSet, which func(*object.Version) event, source func() eventSource) (messageMaker, error) {
	b, err := s.engine.Bucket(ctx, bucket)
	if errors.Is(err, object.ErrNoSuchBucket) {
		return nil, nil // as the change itself will find
	}
	if err != nil {
		return nil, err
	}
	rules, err := notificationSetting.get(ctx, s, b)
	if err != nil || rules == nil || rules.events&events == 0 {
		return nil, err
	}
	t := newEventTemplate(b, source())
	return func(v *object.Version) []object.Message {
		e := which(v)
		var made []object.Message
		for i := range rules.rules {
			r := &rules.rules[i]
			if !r.events.has(e) || !r.matches(v.Key) {
				continue
			}
			if !s.targets.Allows(r.target, b.Account) {
				s.targets.Missed(r.target)
				continue
			}
			now := s.clock()
			made = append(made, object.Message{Queue: r.target, Body: t.record(e, r, v, now, s.sequencer.next(now))})
		}
		return made
	}, nil
}

// eventTemplate are the parts of a record between those that the commit decides.
type eventTemplate struct {
	head, source, bucket string
}

func newEventTemplate(b object.Bucket, source eventSource) *eventTemplate {
	id := jsonText(source.requestID)
	return &eventTemplate{
		head: `{"Records":[{"eventVersion":"` + eventVersion + `","eventSource":"aws:s3","awsRegion":` + jsonText(b.Region) + `,"eventTime":"`,
		// There is one host, so x-amz-id-2 says no more than the request ID.
		source: `","userIdentity":{"principalId":` + jsonText(source.principal) + `},"requestParameters":{"sourceIPAddress":` + jsonText(source.address) +
			`},"responseElements":{"x-amz-request-id":` + id + `,"x-amz-id-2":` + id + `},"s3":{"s3SchemaVersion":"1.0","configurationId":`,
		bucket: `,"bucket":{"name":` + jsonText(b.Name) + `,"ownerIdentity":{"principalId":"` + canonicalUser(b.Account) + `"},"arn":` +
			jsonText(arnPrefix+b.Name) + `},"object":{"key":"`,
	}
}

// record makes a message.
func (t *eventTemplate) record(e event, r *notificationRule, v *object.Version, now time.Time, sequence uint64) []byte {
	b := make([]byte, 0, len(t.head)+len(t.source)+len(t.bucket)+len(r.jsonID)+len(v.Key)+320)
	b = append(b, t.head...)
	b = appendTime(b, now)
	b = append(b, `","eventName":"`...)
	b = append(b, eventNames[e]...)
	b = append(b, t.source...)
	b = append(b, r.jsonID...)
	b = append(b, t.bucket...)
	b = appendForm(b, v.Key)
	b = append(b, '"')
	switch e {
	case objectRemovedDelete, lifecycleExpirationDelete: // of what is gone AWS tells neither size nor entity tag
	case objectRemovedDeleteMarkerCreated, lifecycleExpirationDeleteMarkerCreated:
		b = append(b, `,"eTag":"`+emptyETag+`"`...)
	default:
		b = append(b, `,"size":`...)
		b = strconv.AppendInt(b, v.SizeBytes, 10)
		b = append(b, `,"eTag":"`...)
		b = append(b, v.ETag...)
		b = append(b, '"')
	}
	if v.VersionID != "" && v.VersionID != object.NullVersionID {
		b = append(b, `,"versionId":"`...)
		b = append(b, v.VersionID...)
		b = append(b, '"')
	}
	b = append(b, `,"sequencer":"`...)
	b = appendSequence(b, sequence)
	return append(b, `"}}}]}`...)
}

// emptyETag is the entity tag that AWS gives a delete marker: that of nothing.
const emptyETag = "d41d8cd98f00b204e9800998ecf8427e"

// sequencer numbers events. Of two events of one key the later has the greater
// number: they are made one after another, by the goroutine that commits.
type sequencer struct{ last atomic.Uint64 }

// next returns a number that is about the time, so that it grows across restarts.
func (q *sequencer) next(now time.Time) uint64 {
	for {
		last := q.last.Load()
		n := max(uint64(max(now.UnixNano(), 1)), last+1)
		if q.last.CompareAndSwap(last, n) {
			return n
		}
	}
}

// appendSequence writes a sequencer: 18 hexadecimal digits, so that texts compare
// like numbers.
func appendSequence(b []byte, n uint64) []byte {
	b = append(b, "00"...)
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, upperHex[n>>shift&15])
	}
	return b
}

// appendForm writes a key as AWS does in messages: encoded like the value of a form,
// with slashes left as they are.
func appendForm(b []byte, key string) []byte {
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '*', c == '/':
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// jsonText quotes s.
func jsonText(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("s3: a text that is no JSON: %v", err)) // every string is
	}
	return string(b)
}

// testMessages are those that S3 sends to a destination when it is configured (S3
// User Guide, "Event message structure"): one for each.
func (s *Service) testMessages(b object.Bucket, rules *notificationRules, requestID string) []object.Message {
	told := make(map[string]bool)
	var all []object.Message
	for i := range rules.rules {
		r := &rules.rules[i]
		if !destinationKinds[r.kind].tested || told[r.arn] {
			continue
		}
		told[r.arn] = true
		body := append([]byte(nil), `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"`...)
		body = appendTime(body, s.clock())
		body = append(body, `","Bucket":`+jsonText(b.Name)+`,"RequestId":`+jsonText(requestID)+`,"HostId":`+jsonText(requestID)+`}`...)
		all = append(all, object.Message{Queue: r.target, Body: body})
	}
	return all
}
