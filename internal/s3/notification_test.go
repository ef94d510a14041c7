package s3

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"inro.dev/inro/internal/object"
)

// fixtureTargets are the targets of fixtures: which accounts may use them.
type fixtureTargets struct {
	mu     sync.Mutex
	allow  map[string][]string
	missed map[string]int
}

func newFixtureTargets() *fixtureTargets {
	return &fixtureTargets{
		allow:  map[string][]string{"hook": {account, otherAccount}, "queue": {account}, "theirs": {otherAccount}},
		missed: make(map[string]int),
	}
}

func (t *fixtureTargets) Allows(name, account string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.allow[name] {
		if a == account {
			return true
		}
	}
	return false
}

func (t *fixtureTargets) Missed(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.missed[name]++
}

// notification wraps configurations.
func notification(inner string) string {
	return `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + inner + `</NotificationConfiguration>`
}

// topic is one configuration for a target.
func topic(target string, events []string, filter string) string {
	return `<TopicConfiguration><Topic>arn:aws:sns:` + region + `:` + account + `:` + target + `</Topic>` + eventElements(events) + filter + `</TopicConfiguration>`
}

func eventElements(events []string) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString("<Event>" + e + "</Event>")
	}
	return b.String()
}

func keyFilter(prefix, suffix string) string {
	rule := func(name, value string) string {
		if value == "" {
			return ""
		}
		return "<FilterRule><Name>" + name + "</Name><Value>" + value + "</Value></FilterRule>"
	}
	return "<Filter><S3Key>" + rule("prefix", prefix) + rule("suffix", suffix) + "</S3Key></Filter>"
}

var allCreated = []string{"s3:ObjectCreated:*"}

func (f *fixture) notify(bucket, inner string) answered {
	f.tb.Helper()
	return f.do(call{method: "PUT", path: "/" + bucket + "?notification", body: notification(inner)})
}

// notifyQuietly sets a configuration without test messages.
func (f *fixture) notifyQuietly(bucket, inner string) {
	f.tb.Helper()
	f.must(call{method: "PUT", path: "/" + bucket + "?notification", body: notification(inner), headers: map[string]string{"X-Amz-Skip-Destination-Validation": "true"}})
}

// record is a message as its receiver decodes it.
type record struct {
	EventVersion, EventSource, AWSRegion, EventTime, EventName string
	UserIdentity                                               struct{ PrincipalID string }
	RequestParameters                                          struct{ SourceIPAddress string }
	ResponseElements                                           map[string]string
	S3                                                         struct {
		S3SchemaVersion, ConfigurationID string
		Bucket                           struct {
			Name, ARN     string
			OwnerIdentity struct{ PrincipalID string }
		}
		Object struct {
			Key, ETag, VersionID, Sequencer string
			Size                            *int64
		}
	}
}

// messages takes all messages out of a queue.
func (f *fixture) messages(queue string) []string {
	f.tb.Helper()
	list, err := f.engine.Messages(f.tb.Context(), queue, 0, 10000)
	if err != nil {
		f.tb.Fatal(err)
	}
	var texts []string
	var sequences []uint64
	for _, m := range list {
		texts, sequences = append(texts, string(m.Body)), append(sequences, m.Sequence)
	}
	if err := f.engine.Acknowledge(f.tb.Context(), queue, sequences); err != nil {
		f.tb.Fatal(err)
	}
	return texts
}

// records takes all messages out of a queue and decodes them.
func (f *fixture) records(queue string) []record {
	f.tb.Helper()
	var all []record
	for _, text := range f.messages(queue) {
		var m struct{ Records []record }
		if err := json.Unmarshal([]byte(text), &m); err != nil || len(m.Records) != 1 {
			f.tb.Fatalf("%s: %v, want one record", text, err)
		}
		all = append(all, m.Records[0])
	}
	return all
}

func TestNotificationRefusals(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	long := strings.Repeat("a", 1025)
	created := func(target string) string { return topic(target, allCreated, "") }
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(topic("hook", allCreated, keyFilter(fmt.Sprintf("%03d/", i), "")))
		}
		return b.String()
	}
	for what, c := range map[string]struct {
		inner, code, message string
	}{
		"no destination":        {`<TopicConfiguration>` + eventElements(allCreated) + `</TopicConfiguration>`, "MalformedXML", ""},
		"another kind's":        {`<TopicConfiguration><Queue>arn:aws:sqs:` + region + `:` + account + `:hook</Queue>` + eventElements(allCreated) + `</TopicConfiguration>`, "MalformedXML", ""},
		"two destinations":      {strings.Replace(created("hook"), "<Event>", "<Topic>x</Topic><Event>", 1), "MalformedXML", ""},
		"no event":              {topic("hook", nil, ""), "MalformedXML", ""},
		"unknown element":       {`<LambdaConfiguration/>`, "MalformedXML", ""},
		"unknown member":        {strings.Replace(created("hook"), "<Event>", "<Role>x</Role><Event>", 1), "MalformedXML", ""},
		"two filters":           {topic("hook", allCreated, keyFilter("a", "")+keyFilter("b", "")), "MalformedXML", ""},
		"event bridge":          {`<EventBridgeConfiguration/>`, "NotImplemented", "EventBridge"},
		"unknown event":         {topic("hook", []string{"s3:ObjectCreated:Append"}, ""), "InvalidArgument", "not supported for notifications"},
		"event without prefix":  {topic("hook", []string{"ObjectCreated:Put"}, ""), "InvalidArgument", "not supported"},
		"event that cannot be":  {topic("hook", []string{"s3:Replication:*"}, ""), "NotImplemented", "s3:Replication:*"},
		"filter name":           {topic("hook", allCreated, `<Filter><S3Key><FilterRule><Name>infix</Name><Value>a</Value></FilterRule></S3Key></Filter>`), "InvalidArgument", "either prefix or suffix"},
		"filter without name":   {topic("hook", allCreated, `<Filter><S3Key><FilterRule><Value>a</Value></FilterRule></S3Key></Filter>`), "MalformedXML", ""},
		"two prefixes":          {topic("hook", allCreated, `<Filter><S3Key><FilterRule><Name>prefix</Name><Value>a</Value></FilterRule><FilterRule><Name>Prefix</Name><Value>b</Value></FilterRule></S3Key></Filter>`), "InvalidArgument", "more than one prefix"},
		"long value":            {topic("hook", allCreated, keyFilter(long, "")), "InvalidArgument", "1024 bytes"},
		"long id":               {strings.Replace(created("hook"), "<Topic>", "<Id>"+strings.Repeat("i", 256)+"</Id><Topic>", 1), "InvalidArgument", "ID"},
		"same ids":              {strings.Repeat(strings.Replace(created("hook"), "<Topic>", "<Id>i</Id><Topic>", 1), 2), "InvalidArgument", "IDs must be unique"},
		"unknown target":        {created("nowhere"), "InvalidArgument", "Unable to validate the following destination"},
		"another's target":      {created("theirs"), "InvalidArgument", "Unable to validate the following destination"},
		"another account":       {strings.Replace(created("theirs"), account, otherAccount, 1), "InvalidArgument", "Unable to validate the following destination"},
		"another region":        {strings.Replace(created("hook"), region, "us-west-2", 1), "InvalidArgument", "region is not valid"},
		"no ARN":                {strings.Replace(created("hook"), "arn:aws:sns", "sns", 1), "InvalidArgument", "could not be parsed"},
		"ARN of another kind":   {strings.Replace(created("hook"), "arn:aws:sns", "arn:aws:sqs", 1), "InvalidArgument", "could not be parsed"},
		"ARN of a subscription": {created("hook:1234"), "InvalidArgument", "could not be parsed"},
		"overlap":               {created("hook") + created("queue"), "InvalidArgument", "overlapping"},
		"overlap of prefixes":   {topic("hook", allCreated, keyFilter("a/", "")) + topic("queue", []string{"s3:ObjectCreated:Put"}, keyFilter("a/b", "")), "InvalidArgument", "overlapping"},
		"overlap of suffixes":   {topic("hook", allCreated, keyFilter("", ".jpg")) + topic("queue", allCreated, keyFilter("", "g")), "InvalidArgument", "overlapping"},
		"overlap in part":       {topic("hook", allCreated, keyFilter("a", ".jpg")) + topic("queue", allCreated, keyFilter("a", "")), "InvalidArgument", "overlapping"},
		"overlap, encoded":      {topic("hook", allCreated, keyFilter("a%20b", "")) + topic("queue", allCreated, keyFilter("a+b", "")), "InvalidArgument", "overlapping"},
		"too many":              {many(101), "InvalidArgument", "up to 100"},
	} {
		a := f.notify("box", c.inner)
		want := 400
		if c.code == "NotImplemented" {
			want = 501
		}
		if e := wantRefusal(t, what, a, want, c.code); !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: got %q, want it to say %q", what, e.Message, c.message)
		}
	}
	if a := f.must(call{path: "/box?notification"}); strings.Contains(a.body, "TopicConfiguration") {
		t.Errorf("a refused configuration was stored: %s", a.body)
	}
	wantRefusal(t, "no body", f.do(call{method: "PUT", path: "/box?notification"}), 400, "MalformedXML")
	wantRefusal(t, "no bucket", f.do(call{method: "PUT", path: "/nobox?notification", body: notification("")}), 404, "NoSuchBucket")
	wantRefusal(t, "no bucket, get", f.do(call{path: "/nobox?notification"}), 404, "NoSuchBucket")
	wantRefusal(t, "anonymous", f.do(call{as: "anonymous", path: "/box?notification"}), 403, "AccessDenied")
	wantRefusal(t, "another account", f.do(call{as: "other", method: "PUT", path: "/box?notification", body: notification("")}), 403, "AccessDenied")
	wantRefusal(t, "digest", f.do(call{method: "PUT", path: "/box?notification", body: notification(""), headers: map[string]string{"Content-Md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}}), 400, "BadDigest")
	if n := len(f.messages("hook")) + len(f.messages("theirs")); n != 0 {
		t.Errorf("refused requests sent %d messages", n)
	}
	f.notifyQuietly("box", many(100))
}

func TestNotificationIsStored(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	if a := f.must(call{path: "/box?notification"}); !strings.Contains(a.body, `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></NotificationConfiguration>`) {
		t.Errorf("a new bucket: got %s, want no configuration", a.body)
	}
	queue := `<QueueConfiguration><Id>mine &amp; yours</Id><Queue>arn:aws:sqs:` + region + `:` + account + `:queue</Queue>` +
		eventElements([]string{"s3:ObjectRemoved:*", "s3:ObjectTagging:Put"}) + keyFilter("a+b&amp;", ".jpg") + `</QueueConfiguration>`
	function := `<CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:` + region + `:` + account + `:function:hook</CloudFunction>` + eventElements(allCreated) + `</CloudFunctionConfiguration>`
	if a := f.notify("box", queue+function); a.status != 200 || a.body != "" {
		t.Fatalf("got %d %s, want 200 without a body", a.status, a.body)
	}
	got := decodeXML[notificationConfiguration](t, f.must(call{path: "/box?notification"}))
	if len(got.Queues) != 1 || len(got.Functions) != 1 || len(got.Topics) != 0 {
		t.Fatalf("got %+v, want a queue and a function", got)
	}
	q := got.Queues[0]
	rules := q.Filter[0].Key[0].Rules
	if q.ID[0] != "mine & yours" || strings.Join(q.Events, ",") != "s3:ObjectRemoved:*,s3:ObjectTagging:Put" ||
		rules[0].Name[0] != "Prefix" || rules[0].Value[0] != "a+b&" || rules[1].Name[0] != "Suffix" || rules[1].Value[0] != ".jpg" {
		t.Errorf("got %+v", q)
	}
	if c := got.Functions[0]; len(c.ID) != 1 || len(c.ID[0]) != 36 || len(c.Filter) != 0 {
		t.Errorf("got %+v, want an id made and no filter", c)
	}
	f.notifyQuietly("box", "")
	if a := f.must(call{path: "/box?notification"}); strings.Contains(a.body, "Queue") {
		t.Errorf("after an empty configuration: got %s", a.body)
	}
}

func TestNotificationDoesNotOutliveItsBucket(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.notifyQuietly("box", topic("hook", allCreated, ""))
	f.must(call{method: "DELETE", path: "/box"})
	f.bucket("box")
	f.put("box", "a", "x")
	if got := f.messages("hook"); len(got) != 0 {
		t.Errorf("the new bucket sent %q", got)
	}
}

func TestTestMessage(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.notify("box", topic("hook", allCreated, keyFilter("a", ""))+topic("hook", allCreated, keyFilter("b", ""))+
		`<CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:`+region+`:`+account+`:function:queue</CloudFunction>`+eventElements([]string{"s3:ObjectRemoved:*"})+`</CloudFunctionConfiguration>`)
	got := f.messages("hook")
	var m struct{ Service, Event, Time, Bucket, RequestId, HostId string }
	if len(got) != 1 || json.Unmarshal([]byte(got[0]), &m) != nil {
		t.Fatalf("got %q, want one message", got)
	}
	if m.Service != "Amazon S3" || m.Event != "s3:TestEvent" || m.Time != "2026-11-20T10:00:00.123Z" || m.Bucket != "box" || m.RequestId == "" || m.HostId == "" {
		t.Errorf("got %s", got[0])
	}
	if got := f.messages("queue"); len(got) != 0 {
		t.Errorf("a function got %q, want no test message, as in AWS", got)
	}
	f.notifyQuietly("box", topic("hook", allCreated, ""))
	if got := f.messages("hook"); len(got) != 0 {
		t.Errorf("with the validation skipped: got %q", got)
	}
}

func TestRecordOfAnUpload(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.notifyQuietly("box", strings.Replace(topic("hook", allCreated, ""), "<Topic>", `<Id>my "id"</Id><Topic>`, 1))
	key := "日本/a b+c(1)*~\x01.jpg"
	a := f.put("box", key, "hello")
	list := f.messages("hook")
	if len(list) != 1 {
		t.Fatalf("got %q, want one message", list)
	}
	id := a.header.Get("X-Amz-Request-Id")
	if id == "" {
		t.Fatal("the answer has no request id")
	}
	var m struct{ Records []record }
	if err := json.Unmarshal([]byte(list[0]), &m); err != nil {
		t.Fatal(err)
	}
	sequencer := m.Records[0].S3.Object.Sequencer
	if len(sequencer) != 18 || strings.Trim(sequencer, "0123456789ABCDEF") != "" {
		t.Errorf("sequencer %q", sequencer)
	}
	want := `{"Records":[{"eventVersion":"2.5","eventSource":"aws:s3","awsRegion":"ap-northeast-1","eventTime":"2026-11-20T10:00:00.123Z","eventName":"ObjectCreated:Put",` +
		`"userIdentity":{"principalId":"AWS:` + account + `"},"requestParameters":{"sourceIPAddress":"192.0.2.1"},"responseElements":{"x-amz-request-id":"` + id + `","x-amz-id-2":"` + id + `"},` +
		`"s3":{"s3SchemaVersion":"1.0","configurationId":"my \"id\"","bucket":{"name":"box","ownerIdentity":{"principalId":"` + canonicalUser(account) + `"},"arn":"arn:aws:s3:::box"},` +
		`"object":{"key":"%E6%97%A5%E6%9C%AC/a+b%2Bc%281%29*%7E%01.jpg","size":5,"eTag":"5d41402abc4b2a76b9719d911017c592","sequencer":"` + sequencer + `"}}}]}`
	if list[0] != want {
		t.Errorf("got\n%s\nwant\n%s", list[0], want)
	}
	if decoded, err := url.QueryUnescape(m.Records[0].S3.Object.Key); err != nil || decoded != key {
		t.Errorf("the key decodes to %q, want %q", decoded, key)
	}
}

func TestEventsByOperation(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.notifyQuietly("box", topic("hook", []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"}, ""))
	names := func() string {
		var all []string
		for _, r := range f.records("hook") {
			all = append(all, r.EventName+" "+r.S3.Object.Key)
		}
		return strings.Join(all, ", ")
	}
	want := func(what, want string) {
		t.Helper()
		if got := names(); got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	f.put("box", "a", "1")
	f.put("box", "a", "2")
	want("puts", "ObjectCreated:Put a, ObjectCreated:Put a")
	f.must(call{method: "PUT", path: "/box/b", headers: map[string]string{"X-Amz-Copy-Source": "/box/a"}})
	want("copy", "ObjectCreated:Copy b")
	f.do(call{method: "PUT", path: "/box/a", body: "3", headers: map[string]string{"If-None-Match": "*"}})
	f.do(call{path: "/box/a"})
	want("a refused write, and a read", "")
	f.must(call{method: "PUT", path: "/box/a?tagging", body: tagDocumentOf("k=v")})
	f.must(call{method: "DELETE", path: "/box/a?tagging"})
	f.do(call{method: "DELETE", path: "/box/none?tagging"})
	want("tagging, and of nothing", "ObjectTagging:Put a, ObjectTagging:Delete a")
	f.must(call{method: "DELETE", path: "/box/a"})
	f.must(call{method: "DELETE", path: "/box/a"})
	want("a deletion, and one of nothing", "ObjectRemoved:Delete a")
	f.put("box", "c", "1")
	names()
	body := `<Delete><Object><Key>b</Key></Object><Object><Key>none</Key></Object><Object><Key>c</Key></Object></Delete>`
	f.deleteMany("", body)
	want("deletions at once", "ObjectRemoved:Delete b, ObjectRemoved:Delete c")

	up := f.must(call{method: "POST", path: "/box/m?uploads"})
	uploadID := decodeXML[struct{ UploadId string }](t, up).UploadId
	part := f.must(call{method: "PUT", path: "/box/m?partNumber=1&uploadId=" + uploadID, body: "part"})
	want("parts", "")
	f.must(call{method: "POST", path: "/box/m?uploadId=" + uploadID,
		body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>` + part.header.Get("Etag") + `</ETag></Part></CompleteMultipartUpload>`})
	want("complete", "ObjectCreated:CompleteMultipartUpload m")
}

func TestEventsOfVersions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	if err := f.engine.SetVersioning(t.Context(), "box", object.VersioningEnabled); err != nil {
		t.Fatal(err)
	}
	f.notifyQuietly("box", topic("hook", []string{"s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"}, ""))
	f.put("box", "a", "1")
	f.must(call{method: "DELETE", path: "/box/a"})
	list := f.records("hook")
	if len(list) != 2 {
		t.Fatalf("got %+v, want two records", list)
	}
	put, marker := list[0], list[1]
	if put.EventName != "ObjectCreated:Put" || len(put.S3.Object.VersionID) != 32 {
		t.Errorf("put: got %+v", put)
	}
	if o := marker.S3.Object; marker.EventName != "ObjectRemoved:DeleteMarkerCreated" || o.Size != nil || o.ETag != emptyETag || len(o.VersionID) != 32 {
		t.Errorf("marker: got %+v", marker)
	}
	if put.S3.Object.Sequencer >= marker.S3.Object.Sequencer {
		t.Errorf("sequencers %s and %s do not grow", put.S3.Object.Sequencer, marker.S3.Object.Sequencer)
	}
	f.must(call{method: "DELETE", path: "/box/a?versionId=" + marker.S3.Object.VersionID})
	f.must(call{method: "DELETE", path: "/box/a?versionId=" + put.S3.Object.VersionID})
	list = f.records("hook")
	if len(list) != 2 || list[0].EventName != "ObjectRemoved:Delete" || list[1].EventName != "ObjectRemoved:Delete" ||
		list[0].S3.Object.VersionID != marker.S3.Object.VersionID || list[1].S3.Object.VersionID != put.S3.Object.VersionID || list[1].S3.Object.ETag != "" {
		t.Errorf("removal of versions: got %+v", list)
	}

	f.put("box", "l", "1")
	for _, named := range []bool{false, true} {
		messages, err := f.service().LifecycleMessages(t.Context(), "box", named)
		if err != nil {
			t.Fatal(err)
		}
		options := object.DeleteOptions{Messages: messages}
		if named {
			options.VersionID = f.records("hook")[1].S3.Object.VersionID
		}
		if _, err := f.engine.Delete(t.Context(), "box", "l", options); err != nil {
			t.Fatal(err)
		}
		if named {
			break
		}
	}
	list = f.records("hook")
	if len(list) != 1 || list[0].EventName != "LifecycleExpiration:Delete" || list[0].UserIdentity.PrincipalID != "s3.amazonaws.com" || list[0].RequestParameters.SourceIPAddress != "s3.amazonaws.com" {
		t.Errorf("lifecycle: got %+v", list)
	}
}

func TestFilters(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.notifyQuietly("box", topic("hook", allCreated, keyFilter("in+box/", ".jpg"))+topic("queue", allCreated, keyFilter("out/%E6%97%A5", "")))
	for _, key := range []string{"in box/a.jpg", "in box/a.png", "in+box/a.jpg", "a.jpg", "out/日本", "out/x"} {
		f.put("box", key, "x")
	}
	keys := func(queue string) string {
		var all []string
		for _, r := range f.records(queue) {
			all = append(all, r.S3.Object.Key)
		}
		return strings.Join(all, " ")
	}
	if got := keys("hook"); got != "in+box/a.jpg" {
		t.Errorf("prefix and suffix: got %q", got)
	}
	if got := keys("queue"); got != "out/%E6%97%A5%E6%9C%AC" {
		t.Errorf("encoded prefix: got %q", got)
	}
}

func TestTargetThatIsGoneGetsNothing(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.notifyQuietly("box", topic("queue", allCreated, keyFilter("a", "")))
	f.targets.mu.Lock()
	f.targets.allow["queue"] = []string{otherAccount}
	f.targets.mu.Unlock()
	f.put("box", "a", "x")
	f.put("box", "b", "x")
	if got := f.messages("queue"); len(got) != 0 {
		t.Errorf("got %q, want nothing for a target that the account may not use", got)
	}
	if got := f.targets.missed["queue"]; got != 1 {
		t.Errorf("%d events missed, want the one that the filter lets through", got)
	}
}

func TestSequencersGrow(t *testing.T) {
	f := newFixture(t)
	var q sequencer
	last := ""
	for range 100 {
		next := string(appendSequence(nil, q.next(f.clock()))) // the clock stands still
		if next <= last {
			t.Fatalf("%s does not come after %s", next, last)
		}
		last = next
	}
}

func FuzzNotificationConfiguration(f *testing.F) {
	f.Add(notification(topic("hook", allCreated, keyFilter("a", "b"))))
	f.Add(notification(`<EventBridgeConfiguration/>`))
	f.Add(notification(strings.Repeat(topic("hook", allCreated, ""), 2)))
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := notificationSetting.parse(text)
		if err != nil {
			return
		}
		again, err := notificationSetting.parse(rules.document().String())
		if err != nil {
			t.Fatalf("%q was accepted and its own rendering is not: %v", text, err)
		}
		if again.events != rules.events || len(again.rules) != len(rules.rules) {
			t.Errorf("got %+v after rendering, want %+v", again, rules)
		}
	})
}

func BenchmarkEventRecord(b *testing.B) {
	template := newEventTemplate(object.Bucket{Name: "box", Account: account, Region: region}, eventSource{"AWS:AIDAEXAMPLE", "192.0.2.1", "1f1f7c3e-8d5c-4b5e-9c7d-000000000000"})
	rule := &notificationRule{jsonID: `"1f1f7c3e-8d5c-4b5e-9c7d-000000000000"`}
	v := &object.Version{Key: "sensor-0001/2026/11/20/frame-000001.jpg", SizeBytes: 1024, ETag: emptyETag}
	f := newFixture(b)
	now := f.clock()
	b.ReportAllocs()
	for b.Loop() {
		template.record(objectCreatedPut, rule, v, now, 1)
	}
}
