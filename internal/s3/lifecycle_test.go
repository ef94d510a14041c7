package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/lifecycle"
	"inro.dev/inro/internal/object"
)

// putLifecycle sets rules, as root unless headers say otherwise.
func (f *fixture) putLifecycle(body string, headers map[string]string) answered {
	f.tb.Helper()
	sum := md5.Sum([]byte(body))
	all := map[string]string{"Content-MD5": base64.StdEncoding.EncodeToString(sum[:])}
	for name, value := range headers {
		all[name] = value
	}
	return f.do(call{method: "PUT", path: "/box?lifecycle", body: body, headers: all})
}

func rules(rules ...string) string {
	return `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + strings.Join(rules, "") + `</LifecycleConfiguration>`
}

// rule is an enabled rule with everything but an ID.
func rule(rest string) string { return `<Rule><Status>Enabled</Status>` + rest + `</Rule>` }

const (
	oneDay   = `<Expiration><Days>1</Days></Expiration>`
	noFilter = `<Filter/>`
)

func filter(rest string) string { return `<Filter>` + rest + `</Filter>` }

func tagElement(key, value string) string {
	return `<Tag><Key>` + key + `</Key><Value>` + value + `</Value></Tag>`
}

func TestLifecycleRefusesWhatS3Refuses(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	many := make([]string, 1001)
	for i := range many {
		many[i] = rule(noFilter + oneDay)
	}
	noncurrent := func(rest string) string {
		return rule(noFilter + `<NoncurrentVersionExpiration>` + rest + `</NoncurrentVersionExpiration>`)
	}
	abort := `<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>`
	marker := `<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>`
	glacier := func(when string) string {
		return rule(noFilter + `<Transition>` + when + `<StorageClass>GLACIER</StorageClass></Transition>`)
	}
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no rules":               {rules(), 400, "MalformedXML"},
		"another document":       {`<Lifecycle>` + rule(noFilter+oneDay) + `</Lifecycle>`, 400, "MalformedXML"},
		"too many rules":         {rules(many...), 400, "InvalidRequest"},
		"unknown element":        {rules(rule(noFilter+oneDay), `<Ruler/>`), 400, "MalformedXML"},
		"unknown in a rule":      {rules(rule(noFilter + oneDay + `<Only/>`)), 400, "MalformedXML"},
		"unknown in a filter":    {rules(rule(filter(`<Suffix>x</Suffix>`) + oneDay)), 400, "MalformedXML"},
		"unknown in an action":   {rules(rule(noFilter + `<Expiration><Days>1</Days><Hours>1</Hours></Expiration>`)), 400, "MalformedXML"},
		"long ID":                {rules(rule(`<ID>` + strings.Repeat("a", 256) + `</ID>` + noFilter + oneDay)), 400, "InvalidArgument"},
		"same ID":                {rules(rule(`<ID>a</ID>`+noFilter+oneDay), rule(`<ID>a</ID>`+noFilter+oneDay)), 400, "InvalidArgument"},
		"two IDs":                {rules(rule(`<ID>a</ID><ID>b</ID>` + noFilter + oneDay)), 400, "MalformedXML"},
		"no status":              {rules(`<Rule>` + noFilter + oneDay + `</Rule>`), 400, "MalformedXML"},
		"wrong status":           {rules(`<Rule><Status>enabled</Status>` + noFilter + oneDay + `</Rule>`), 400, "MalformedXML"},
		"no scope":               {rules(rule(oneDay)), 400, "MalformedXML"},
		"prefix and filter":      {rules(rule(`<Prefix/>` + noFilter + oneDay)), 400, "MalformedXML"},
		"old and new rules":      {rules(rule(`<Prefix>a</Prefix>`+oneDay), rule(noFilter+oneDay)), 400, "InvalidRequest"},
		"long prefix":            {rules(rule(`<Prefix>` + strings.Repeat("a", 1025) + `</Prefix>` + oneDay)), 400, "InvalidRequest"},
		"no action":              {rules(rule(noFilter)), 400, "InvalidRequest"},
		"two predicates":         {rules(rule(filter(`<Prefix>a</Prefix>`+tagElement("k", "v")) + oneDay)), 400, "MalformedXML"},
		"predicate beside And":   {rules(rule(filter(`<Prefix>a</Prefix><And>`+tagElement("k", "v")+tagElement("l", "v")+`</And>`) + oneDay)), 400, "MalformedXML"},
		"And of one":             {rules(rule(filter(`<And><Prefix>a</Prefix></And>`) + oneDay)), 400, "MalformedXML"},
		"And of And":             {rules(rule(filter(`<And><Prefix>a</Prefix><And>`+tagElement("k", "v")+tagElement("l", "v")+`</And></And>`) + oneDay)), 400, "MalformedXML"},
		"two tags without And":   {rules(rule(filter(tagElement("k", "v")+tagElement("l", "v")) + oneDay)), 400, "MalformedXML"},
		"a tag key twice":        {rules(rule(filter(`<And>`+tagElement("k", "v")+tagElement("k", "w")+`</And>`) + oneDay)), 400, "InvalidRequest"},
		"empty tag key":          {rules(rule(filter(tagElement("", "v")) + oneDay)), 400, "InvalidTag"},
		"long tag value":         {rules(rule(filter(tagElement("k", strings.Repeat("v", 257))) + oneDay)), 400, "InvalidTag"},
		"tag without value":      {rules(rule(filter(`<Tag><Key>k</Key></Tag>`) + oneDay)), 400, "MalformedXML"},
		"negative size":          {rules(rule(filter(`<ObjectSizeGreaterThan>-1</ObjectSizeGreaterThan>`) + oneDay)), 400, "InvalidRequest"},
		"less than nothing":      {rules(rule(filter(`<ObjectSizeLessThan>0</ObjectSizeLessThan>`) + oneDay)), 400, "InvalidRequest"},
		"size is no number":      {rules(rule(filter(`<ObjectSizeLessThan>1K</ObjectSizeLessThan>`) + oneDay)), 400, "MalformedXML"},
		"sizes the wrong way":    {rules(rule(filter(`<And><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan><ObjectSizeLessThan>5</ObjectSizeLessThan></And>`) + oneDay)), 400, "InvalidRequest"},
		"days 0":                 {rules(rule(noFilter + `<Expiration><Days>0</Days></Expiration>`)), 400, "InvalidArgument"},
		"days negative":          {rules(rule(noFilter + `<Expiration><Days>-1</Days></Expiration>`)), 400, "InvalidArgument"},
		"days too many":          {rules(rule(noFilter + `<Expiration><Days>2147483648</Days></Expiration>`)), 400, "InvalidArgument"},
		"days no number":         {rules(rule(noFilter + `<Expiration><Days>one</Days></Expiration>`)), 400, "MalformedXML"},
		"days twice":             {rules(rule(noFilter + `<Expiration><Days>1</Days><Days>100</Days></Expiration>`)), 400, "MalformedXML"},
		"expiration twice":       {rules(rule(noFilter + oneDay + oneDay)), 400, "MalformedXML"},
		"empty expiration":       {rules(rule(noFilter + `<Expiration/>`)), 400, "MalformedXML"},
		"days and date":          {rules(rule(noFilter + `<Expiration><Days>1</Days><Date>2030-01-01</Date></Expiration>`)), 400, "MalformedXML"},
		"days and marker":        {rules(rule(noFilter + `<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>`)), 400, "MalformedXML"},
		"date not midnight":      {rules(rule(noFilter + `<Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration>`)), 400, "InvalidArgument"},
		"midnight elsewhere":     {rules(rule(noFilter + `<Expiration><Date>2030-01-01T00:00:00+09:00</Date></Expiration>`)), 400, "InvalidArgument"},
		"no date":                {rules(rule(noFilter + `<Expiration><Date>20300101</Date></Expiration>`)), 400, "MalformedXML"},
		"year 1":                 {rules(rule(noFilter + `<Expiration><Date>0001-01-01</Date></Expiration>`)), 400, "InvalidArgument"},
		"marker with tag":        {rules(rule(filter(tagElement("k", "v")) + marker)), 400, "InvalidRequest"},
		"abort with tag":         {rules(rule(filter(tagElement("k", "v")) + abort)), 400, "InvalidRequest"},
		"abort with size":        {rules(rule(filter(`<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>`) + abort)), 400, "InvalidRequest"},
		"abort without days":     {rules(rule(noFilter + `<AbortIncompleteMultipartUpload/>`)), 400, "MalformedXML"},
		"abort after 0 days":     {rules(rule(noFilter + strings.Replace(abort, "1", "0", 1))), 400, "InvalidArgument"},
		"noncurrent 0 days":      {rules(noncurrent(`<NoncurrentDays>0</NoncurrentDays>`)), 400, "InvalidArgument"},
		"noncurrent without":     {rules(noncurrent(`<NewerNoncurrentVersions>1</NewerNoncurrentVersions>`)), 400, "MalformedXML"},
		"newer 0":                {rules(noncurrent(`<NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>0</NewerNoncurrentVersions>`)), 400, "InvalidArgument"},
		"newer 101":              {rules(noncurrent(`<NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>101</NewerNoncurrentVersions>`)), 400, "InvalidArgument"},
		"newer in an old rule":   {rules(strings.Replace(noncurrent(`<NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>1</NewerNoncurrentVersions>`), noFilter, `<Prefix/>`, 1)), 400, "InvalidRequest"},
		"transition":             {rules(glacier(`<Days>0</Days>`)), 501, "NotImplemented"},
		"disabled transition":    {rules(strings.Replace(glacier(`<Days>1</Days>`), "Enabled", "Disabled", 1)), 501, "NotImplemented"},
		"noncurrent transition":  {rules(rule(noFilter + `<NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays><StorageClass>GLACIER</StorageClass></NoncurrentVersionTransition>`)), 501, "NotImplemented"},
		"transition, wrong date": {rules(glacier(`<Date>2030-01-01T01:00:00Z</Date>`)), 400, "InvalidArgument"},
		"transition, no class":   {rules(strings.Replace(glacier(`<Days>1</Days>`), "GLACIER", "ICE", 1)), 400, "MalformedXML"},
		"transition, no days":    {rules(glacier("")), 400, "MalformedXML"},
		"transition, both":       {rules(glacier(`<Days>1</Days><Date>2030-01-01</Date>`)), 400, "MalformedXML"},
	} {
		e := wantRefusal(t, name, f.putLifecycle(c.body, nil), c.status, c.code)
		if e.Message == "" {
			t.Errorf("%s: no message", name)
		}
	}
	good := rules(rule(noFilter + oneDay))
	wantRefusal(t, "wrong digest", f.putLifecycle(good, map[string]string{"Content-MD5": base64.StdEncoding.EncodeToString(make([]byte, 16))}), 400, "BadDigest")
	wantRefusal(t, "no digest", f.do(call{method: "PUT", path: "/box?lifecycle", body: good}), 400, "InvalidRequest")
	wantRefusal(t, "wrong minimum", f.putLifecycle(good, map[string]string{"x-amz-transition-default-minimum-object-size": "1K"}), 400, "InvalidRequest")
	wantRefusal(t, "nothing was set", f.do(call{path: "/box?lifecycle"}), 404, "NoSuchLifecycleConfiguration")
	wantRefusal(t, "no bucket", f.do(call{path: "/none?lifecycle"}), 404, "NoSuchBucket")
}

func TestLifecycleNeedsItsOwnPermissions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.must(call{method: "DELETE", path: "/box?lifecycle"})
	f.allow("reader", []string{"s3:GetLifecycleConfiguration"}, []string{"arn:aws:s3:::box"})
	f.allow("writer", []string{"s3:PutLifecycleConfiguration"}, []string{"arn:aws:s3:::box"})
	f.allow("deleter", []string{"s3:DeleteBucket", "s3:PutObject", "s3:DeleteObject"}, []string{"arn:aws:s3:::box", "arn:aws:s3:::box/*"})
	body := rules(rule(noFilter + oneDay))
	sum := md5.Sum([]byte(body))
	for _, c := range []struct {
		method string
		may    map[string]bool
		status int
	}{
		{"PUT", map[string]bool{"writer": true}, 200},
		{"GET", map[string]bool{"reader": true}, 200},
		{"DELETE", map[string]bool{"writer": true}, 204},
	} {
		for _, who := range []string{"deleter", "other", "anonymous", "reader", "writer"} {
			sent := call{as: who, method: c.method, path: "/box?lifecycle"}
			if c.method == "PUT" {
				sent.body, sent.headers = body, map[string]string{"Content-MD5": base64.StdEncoding.EncodeToString(sum[:])}
			}
			a := f.do(sent)
			if c.may[who] {
				if a.status != c.status {
					t.Errorf("%s as %s: %d %s", c.method, who, a.status, a.body)
				}
				continue
			}
			wantRefusal(t, c.method+" as "+who, a, 403, "AccessDenied")
		}
	}
}

func TestLifecycleIsGivenBackAsSet(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, body := range []string{
		rules(`<Rule><ID>a</ID><Prefix>x&amp;/</Prefix><Status>Disabled</Status><Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration></Rule>`),
		rules(`<Rule><ID>a b</ID><Filter></Filter><Status>Enabled</Status><Expiration><Days>2147483647</Days></Expiration></Rule>`,
			`<Rule><ID>b</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>`+
				`<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>100</NewerNoncurrentVersions></NoncurrentVersionExpiration>`+
				`<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>`,
			`<Rule><ID>c</ID><Filter><And><Prefix>p</Prefix>`+tagElement("k", "v")+tagElement("l", "")+`<ObjectSizeGreaterThan>0</ObjectSizeGreaterThan><ObjectSizeLessThan>1000</ObjectSizeLessThan></And></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>`,
			`<Rule><ID>d</ID><Filter>`+tagElement("k", "v")+`</Filter><Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration></Rule>`),
	} {
		if a := f.putLifecycle(body, nil); a.status != 200 || a.body != "" {
			t.Fatalf("%s: %d %s", body, a.status, a.body)
		}
		a := f.must(call{path: "/box?lifecycle"})
		if want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + body; a.body != want {
			t.Errorf("got  %s\nwant %s", a.body, want)
		}
		if got := a.header.Get("X-Amz-Transition-Default-Minimum-Object-Size"); got != "all_storage_classes_128K" {
			t.Errorf("minimum size %q", got)
		}
	}
	body := rules(rule(noFilter+oneDay), rule(noFilter+oneDay))
	f.putLifecycle(body, map[string]string{"x-amz-transition-default-minimum-object-size": "varies_by_storage_class"})
	a := f.must(call{path: "/box?lifecycle"})
	if got := a.header.Get("X-Amz-Transition-Default-Minimum-Object-Size"); got != "varies_by_storage_class" {
		t.Errorf("minimum size %q", got)
	}
	got := decodeXML[lifecycleConfiguration](t, a)
	if len(got.Rules) != 2 || got.Rules[0].ID[0] == "" || got.Rules[0].ID[0] == got.Rules[1].ID[0] {
		t.Errorf("rules without ID: %+v", got.Rules)
	}
	f.must(call{method: "DELETE", path: "/box?lifecycle"})
	wantRefusal(t, "removed", f.do(call{path: "/box?lifecycle"}), 404, "NoSuchLifecycleConfiguration")
}

func TestLongLifecycleIsRefused(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	long := make([]string, 1000)
	for i := range long {
		long[i] = rule(fmt.Sprintf(`<ID>%d</ID>`, i) + filter(`<Prefix>`+strings.Repeat("p", 300)+`</Prefix>`) + oneDay)
	}
	wantRefusal(t, "long", f.putLifecycle(rules(long...), nil), 400, "InvalidRequest")
}

func TestAnswersTellWhenAnObjectExpires(t *testing.T) {
	f := newFixture(t) // at 2026-11-20T10:00:00Z
	f.bucket("box")
	if a := f.putLifecycle(rules(
		rule(`<ID>a rule</ID>`+filter(`<Prefix>a/</Prefix>`)+oneDay),
		rule(`<ID>later</ID>`+filter(`<Prefix>a/</Prefix>`)+`<Expiration><Days>2</Days></Expiration>`),
		rule(`<ID>big</ID>`+filter(`<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>`)+`<Expiration><Date>2030-01-01</Date></Expiration>`),
		rule(`<ID>up</ID>`+filter(`<Prefix>a/</Prefix>`)+`<AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation></AbortIncompleteMultipartUpload>`),
	), nil); a.status != 200 {
		t.Fatal(a.body)
	}
	const soon = `expiry-date="Sun, 22 Nov 2026 00:00:00 GMT", rule-id="a%20rule"`
	want := func(what string, a answered, value string) {
		t.Helper()
		if got := a.header.Get("X-Amz-Expiration"); got != value {
			t.Errorf("%s: %q, want %q", what, got, value)
		}
	}
	want("put", f.put("box", "a/1", "1234567"), soon)
	want("get", f.must(call{path: "/box/a/1"}), soon)
	want("head", f.must(call{method: "HEAD", path: "/box/a/1"}), soon)
	want("not modified", f.do(call{path: "/box/a/1", headers: map[string]string{"If-None-Match": "*"}}), soon)
	want("copy", f.must(call{method: "PUT", path: "/box/a/2", headers: map[string]string{"X-Amz-Copy-Source": "box/a/1"}}), soon)
	want("put elsewhere", f.put("box", "b", "12345"), "")
	want("get elsewhere", f.must(call{path: "/box/b"}), "")
	want("big", f.put("box", "c", "123456"), `expiry-date="Tue, 01 Jan 2030 00:00:00 GMT", rule-id="big"`)

	a := f.must(call{method: "POST", path: "/box/a/3?uploads"})
	upload := decodeXML[struct {
		UploadID string `xml:"UploadId"`
	}](t, a).UploadID
	wantAbort := func(what string, a answered) {
		t.Helper()
		if date, id := a.header.Get("X-Amz-Abort-Date"), a.header.Get("X-Amz-Abort-Rule-Id"); date != "Tue, 24 Nov 2026 00:00:00 GMT" || id != "up" {
			t.Errorf("%s: %q, %q", what, date, id)
		}
	}
	wantAbort("create", a)
	part := f.must(call{method: "PUT", path: "/box/a/3?partNumber=1&uploadId=" + upload, body: "part"})
	f.advance(24 * time.Hour)
	wantAbort("list", f.must(call{path: "/box/a/3?uploadId=" + upload}))
	want("complete", f.must(call{method: "POST", path: "/box/a/3?uploadId=" + upload, body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>` +
		part.header.Get("Etag") + `</ETag></Part></CompleteMultipartUpload>`}), strings.Replace(soon, "Sun, 22", "Mon, 23", 1))
}

func TestQuotasRefuseWrites(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	if err := f.engine.SetQuota(t.Context(), "box", object.Quota{Bytes: 100, FolderObjects: 2, FolderBytes: 50}); err != nil {
		t.Fatal(err)
	}
	f.put("box", "thing/1", "1")
	f.put("box", "thing/2", "2")
	f.put("box", "thing/2", "3") // in place of another
	e := wantRefusal(t, "third object", f.do(call{method: "PUT", path: "/box/thing/3", body: "3"}), 403, "QuotaExceeded")
	if !strings.Contains(e.Message, "the folder thing/ may hold 2 objects") || e.field("Folder") != "thing" || e.field("Limit") != "2" || e.field("Unit") != "objects" {
		t.Errorf("got %+v", e)
	}
	wantRefusal(t, "copy", f.do(call{method: "PUT", path: "/box/thing/3", headers: map[string]string{"X-Amz-Copy-Source": "box/thing/1"}}), 403, "QuotaExceeded")
	wantRefusal(t, "bytes of a folder", f.do(call{method: "PUT", path: "/box/thing/1", body: strings.Repeat("x", 60)}), 403, "QuotaExceeded")
	f.put("box", "other", strings.Repeat("x", 90))
	e = wantRefusal(t, "bytes", f.do(call{method: "PUT", path: "/box/more", body: strings.Repeat("x", 60)}), 403, "QuotaExceeded")
	if !strings.Contains(e.Message, "the bucket may hold 100 bytes") || e.field("Folder") != "" {
		t.Errorf("got %+v", e)
	}
	a := f.must(call{method: "POST", path: "/box/parts?uploads"})
	upload := decodeXML[struct {
		XMLName  xml.Name
		UploadID string `xml:"UploadId"`
	}](t, a).UploadID
	part := f.must(call{method: "PUT", path: "/box/parts?partNumber=1&uploadId=" + upload, body: "12345678"}) // exactly the rest
	wantRefusal(t, "part", f.do(call{method: "PUT", path: "/box/parts?partNumber=2&uploadId=" + upload, body: "1"}), 403, "QuotaExceeded")
	if err := f.engine.SetQuota(t.Context(), "box", object.Quota{Bytes: 100, Objects: 3}); err != nil {
		t.Fatal(err)
	}
	complete := call{method: "POST", path: "/box/parts?uploadId=" + upload, body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>` +
		part.header.Get("Etag") + `</ETag></Part></CompleteMultipartUpload>`}
	wantRefusal(t, "complete", f.do(complete), 403, "QuotaExceeded")
	f.must(call{method: "DELETE", path: "/box/other"})
	f.must(complete)
}

func TestTheWorkerFollowsTheRules(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.bucket("other")
	if a := f.putLifecycle(rules(rule(filter(`<Prefix>a/</Prefix>`)+oneDay)), nil); a.status != 200 {
		t.Fatal(a.body)
	}
	f.put("box", "a/1", "1")
	f.put("box", "b/1", "1")
	f.put("other", "a/1", "1")
	service := f.service()
	worker := lifecycle.New(lifecycle.Config{
		Engine: f.engine, Store: f.store, Rules: service.LifecycleRules, Messages: service.LifecycleMessages, Clock: f.clock,
	})
	f.advance(38*time.Hour - 2*time.Second)
	if err := worker.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.must(call{path: "/box/a/1"}) // one second before the date that the header tells
	f.advance(2 * time.Second)
	if err := worker.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, "expired", f.do(call{path: "/box/a/1"}), 404, "NoSuchKey")
	f.must(call{path: "/box/b/1"})
	f.must(call{path: "/other/a/1"})
}
