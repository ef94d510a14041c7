package s3

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
)

func loggingBody(target, more string) string {
	return "<BucketLoggingStatus><LoggingEnabled><TargetBucket>" + target + "</TargetBucket><TargetPrefix>log/</TargetPrefix>" + more + "</LoggingEnabled></BucketLoggingStatus>"
}

func TestBucketLoggingIsChecked(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.bucket("logs")
	f.must(call{as: "other", method: "PUT", path: "/theirs", body: constraint(region)})
	for _, c := range []struct {
		body   string
		status int
		code   string
	}{
		{"", 400, "MalformedXML"},
		{"<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket></LoggingEnabled></BucketLoggingStatus>", 400, "MalformedXML"},
		{loggingBody("nowhere", ""), 400, "InvalidTargetBucketForLogging"},
		{loggingBody("theirs", ""), 400, "InvalidTargetBucketForLogging"},
		{loggingBody("logs", "<TargetGrants><Grant/></TargetGrants>"), 501, "NotImplemented"},
		{loggingBody("logs", "<TargetObjectKeyFormat/>"), 400, "MalformedXML"},
		{loggingBody("logs", "<TargetObjectKeyFormat><SimplePrefix/><PartitionedPrefix/></TargetObjectKeyFormat>"), 400, "MalformedXML"},
		{loggingBody("logs", "<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>Never</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat>"), 400, "MalformedXML"},
	} {
		wantRefusal(t, c.body, f.do(call{method: "PUT", path: "/box?logging", body: c.body}), c.status, c.code)
	}
	if got := f.must(call{path: "/box?logging"}).body; strings.Contains(got, "LoggingEnabled") {
		t.Errorf("got %s, want no logging", got)
	}
	f.must(call{method: "PUT", path: "/box?logging", body: loggingBody("logs", "")})
	if got := f.must(call{path: "/box?logging"}).body; !strings.Contains(got, "<TargetObjectKeyFormat><SimplePrefix></SimplePrefix></TargetObjectKeyFormat>") {
		t.Errorf("got %s, want the default format", got)
	}
	f.must(call{method: "PUT", path: "/box?logging", body: loggingBody("logs", "<TargetObjectKeyFormat><PartitionedPrefix/></TargetObjectKeyFormat>")})
	if got := f.must(call{path: "/box?logging"}).body; !strings.Contains(got, "<TargetPrefix>log/</TargetPrefix>") || !strings.Contains(got, "<PartitionDateSource>DeliveryTime<") {
		t.Errorf("got %s", got)
	}
	f.must(call{method: "PUT", path: "/box?logging", body: "<BucketLoggingStatus/>"})
	if got := f.must(call{path: "/box?logging"}).body; strings.Contains(got, "LoggingEnabled") {
		t.Errorf("got %s, want no logging", got)
	}
}

// logged delivers what was recorded and returns the lines, with the keys of the
// objects that hold them.
func (f *fixture) logged(bucket string) (lines, keys []string) {
	f.tb.Helper()
	f.s3.deliverLogs(f.tb.Context())
	page := decodeXML[listResult](f.tb, f.must(call{path: "/" + bucket + "?list-type=2&prefix=log/"}))
	for _, entry := range page.Contents {
		keys = append(keys, entry.Key)
		text := f.must(call{path: "/" + bucket + "/" + entry.Key}).body
		lines = append(lines, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
		f.must(call{method: "DELETE", path: "/" + bucket + "/" + entry.Key})
	}
	return lines, keys
}

func (f *fixture) letLogsIn(bucket, condition string) {
	f.putPolicy(bucket, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"`+loggingService+`"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::`+bucket+`/log/*"`+condition+`}}`)
}

func TestRequestsAreRecorded(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.bucket("logs")
	f.put("box", "before", "not recorded")
	f.letLogsIn("logs", `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::box"},"StringEquals":{"aws:SourceAccount":"`+account+`"}}`)
	f.must(call{method: "PUT", path: "/box?logging", body: loggingBody("logs", "")})
	if lines, _ := f.logged("logs"); len(lines) != 1 || !strings.Contains(lines[0], " REST.PUT.LOGGING_STATUS - ") {
		t.Fatalf("got %q, want the request that enabled it", lines) // as the setting is there when the request ends
	}
	f.allow("reader", []string{"s3:GetObject"}, []string{"arn:aws:s3:::box/*"})
	f.must(call{method: "PUT", path: "/box/a%20b", body: "hello"})
	f.must(call{as: "reader", path: "/box/a%20b", headers: map[string]string{"Range": "bytes=1-2", "Referer": "http://x/\"y", "User-Agent": "test one"}})
	f.do(call{as: "anonymous", path: "/box/none"})
	f.presigned("root", "GET", "/box/a%20b", nil, "")
	f.must(call{method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "/box/a%20b"}})
	f.deleteMany("root", strings.ReplaceAll(`<Delete><Object><Key>c</Key></Object><Object><Key>d</Key></Object></Delete>`, "\n", ""))
	lines, keys := f.logged("logs")
	if len(keys) != 1 || !regexp.MustCompile(`^log/2026-11-20-10-00-00-[0-9A-F]{16}$`).MatchString(keys[0]) {
		t.Errorf("got keys %q", keys)
	}
	owner := canonicalUser(account)
	for _, want := range []string{
		`^` + owner + ` box \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] 192\.0\.2\.1 ` + owner + ` [-0-9a-f]{36} REST\.PUT\.OBJECT a%20b "PUT /box/a%20b HTTP/1\.1" 200 - - 5 \d+ \d+ "-" "[^"]*" - - SigV4 - AuthHeader localhost:9000 - - -$`,
		` 192\.0\.2\.1 arn:aws:sts::` + account + `:assumed-role/role/reader [-0-9a-f]{36} REST\.GET\.OBJECT a%20b "[^"]*" 206 - 2 5 \d+ \d+ "http://x/%22y" "test one" `,
		` 192\.0\.2\.1 - [-0-9a-f]{36} REST\.GET\.OBJECT none "[^"]*" 403 AccessDenied \d+ - \d+ \d+ "-" "-" - - - - - localhost:9000 `,
		` REST\.GET\.OBJECT a%20b "GET /box/a%20b\?[^"]*X-Amz-Signature=REDACTED[^"]*" 200 .* SigV4 - QueryString `,
		` REST\.COPY\.OBJECT c `, ` REST\.COPY\.OBJECT_GET a%20b `, ` REST\.POST\.MULTI_OBJECT_DELETE - `,
		` BATCH\.DELETE\.OBJECT c `, ` BATCH\.DELETE\.OBJECT d `,
	} {
		if n := len(regexp.MustCompile(`(?m)`+want).FindAllString(strings.Join(lines, "\n"), -1)); n != 1 {
			t.Errorf("%d lines are like %s:\n%s", n, want, strings.Join(lines, "\n"))
		}
	}
	if len(lines) != 9 {
		t.Errorf("got %d lines, want 9", len(lines))
	}
}

func TestLogsAreNotForcedOnABucket(t *testing.T) {
	for _, c := range []struct{ what, policy string }{
		{"no policy", ""},
		{"another source", `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::other"}}`},
		{"another account", `,"Condition":{"StringEquals":{"aws:SourceAccount":"` + otherAccount + `"}}`},
	} {
		f := newFixture(t)
		f.bucket("box")
		f.bucket("logs")
		if c.policy != "" {
			f.letLogsIn("logs", c.policy)
		}
		f.must(call{method: "PUT", path: "/box?logging", body: loggingBody("logs", "")})
		f.put("box", "k", "x")
		if lines, keys := f.logged("logs"); len(lines)+len(keys) != 0 {
			t.Errorf("%s: got %q", c.what, lines)
		}
	}
}

func TestABucketHoldsItsOwnPartitionedLog(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.letLogsIn("box", "")
	f.must(call{method: "PUT", path: "/box?logging", body: loggingBody("box", "<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>DeliveryTime</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat>")})
	_, keys := f.logged("box")
	if want := "log/" + account + "/" + region + "/box/2026/11/20/2026-11-20-10-00-00-"; len(keys) != 1 || !strings.HasPrefix(keys[0], want) {
		t.Fatalf("got %q, want %s…", keys, want)
	}
	f.logged("box") // what reading the log recorded
	if _, keys := f.logged("box"); len(keys) != 1 {
		t.Errorf("got %d objects, want the one about the last reading: a delivery must not record itself", len(keys))
	}
}

func TestAccessLogsAreBounded(t *testing.T) {
	l := newAccessLog()
	record := bytes.Repeat([]byte("x"), 1<<20)
	for range 10 { // of one place, which leaves room for others
		l.add(logPlace{target: "t"}, record)
	}
	for i := range 20 {
		l.add(logPlace{target: fmt.Sprint("t", i)}, record)
	}
	select {
	case <-l.full:
	default:
		t.Error("nobody was woken")
	}
	batches, dropped := l.take()
	total := 0
	for _, b := range batches {
		total += b.Len()
	}
	if got := batches[logPlace{target: "t"}].Len(); got != maxBatchBytes || total != maxLogBytes || dropped != 8+6 {
		t.Errorf("got %d bytes of one place, %d of all, %d dropped", got, total, dropped)
	}
	for i := range maxLogBatches + 3 {
		l.add(logPlace{target: fmt.Sprint(i)}, []byte("x"))
	}
	if batches, dropped := l.take(); len(batches) != maxLogBatches || dropped != 3 {
		t.Errorf("got %d batches and %d dropped", len(batches), dropped)
	}
}

func TestTheLastRecordsAreDeliveredAtTheEnd(t *testing.T) {
	f := newFixture(t)
	f.s3.logger = slog.New(slog.DiscardHandler)
	f.bucket("box")
	f.letLogsIn("box", "")
	f.must(call{method: "PUT", path: "/box?logging", body: loggingBody("box", "")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.s3.DeliverLogs(ctx, time.Hour)
	if page := decodeXML[listResult](t, f.must(call{path: "/box?list-type=2"})); len(page.Contents) != 1 {
		t.Errorf("got %d objects, want 1", len(page.Contents))
	}
}

// A field never ends its field or line.
func FuzzRecordFields(f *testing.F) {
	f.Add("a b\n\"c")
	f.Fuzz(func(t *testing.T, text string) {
		if got := string(appendPlain(nil, text)); strings.Count(got, " ") != 1 || strings.ContainsAny(got, "\n\r\"") {
			t.Fatalf("%q: got %q", text, got)
		}
		if got := string(appendQuoted(nil, text)); strings.Count(got, `"`) != 2 || strings.ContainsAny(got, "\n\r") {
			t.Fatalf("%q: got %q", text, got)
		}
	})
}
