package s3

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/sigv4"
)

// upload is a browser's form. Conditions are written for every field unless
// conditions is set.
type upload struct {
	as         string // "" is root, "anonymous" sends no policy
	bucket     string
	fields     map[string]string
	conditions []any // in the place of those of fields
	more       []any // further ones
	expires    time.Duration
	file       string
	fileName   string
}

func (f *fixture) post(u upload) answered {
	f.tb.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(u.signed(f))) {
		w.WriteField(name, u.fields[name])
	}
	name := u.fileName
	if name == "" {
		name = "file.bin"
	}
	part, _ := w.CreateFormFile("file", name)
	part.Write([]byte(u.file))
	w.Close()
	r := httptest.NewRequest("POST", "http://localhost:9000/"+u.bucket, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	answer := httptest.NewRecorder()
	f.server.ServeHTTP(answer, r)
	return answered{answer.Code, answer.Header(), answer.Body.String()}
}

// signed returns the fields with a policy and its signature.
func (u *upload) signed(f *fixture) map[string]string {
	u.fields = maps.Clone(u.fields)
	if u.as == "anonymous" {
		return u.fields
	}
	if u.as == "" {
		u.as = "root"
	}
	if u.expires == 0 {
		u.expires = time.Hour
	}
	credentials, scope := sigv4.Credentials{AccessKeyID: u.as, SecretAccessKey: secretOf(u.as)}, sigv4.Scope{Region: region}
	conditions := u.conditions
	if conditions == nil {
		conditions = []any{map[string]string{"bucket": u.bucket}}
		for name, value := range u.fields {
			conditions = append(conditions, map[string]string{name: strings.ReplaceAll(value, "${filename}", u.fileName)})
		}
	}
	for name, value := range sigv4.FormFields(credentials, scope, f.clock()) {
		conditions = append(conditions, map[string]string{name: value})
	}
	document, err := json.Marshal(map[string]any{
		"expiration": f.clock().Add(u.expires).UTC().Format("2006-01-02T15:04:05.000Z"), "conditions": append(conditions, u.more...),
	})
	if err != nil {
		f.tb.Fatal(err)
	}
	u.fields["policy"] = base64.StdEncoding.EncodeToString(document)
	sigv4.SignForm(u.fields, credentials, scope, f.clock())
	return u.fields
}

func TestPostObjectStoresTheFile(t *testing.T) {
	f := newFixture(t)
	f.bucket("forms")
	content := strings.Repeat("0123456789", 500_000) // in a segment
	a := f.post(upload{bucket: "forms", fileName: "a b.txt", file: content, fields: map[string]string{
		"key": "user/${filename}", "Content-Type": "text/plain", "x-amz-meta-Colour": "blue", "acl": "bucket-owner-full-control", "success_action_status": "201",
	}})
	if a.status != 201 {
		t.Fatalf("got %d %s, want 201", a.status, a.body)
	}
	var response struct {
		XMLName                     xml.Name `xml:"PostResponse"`
		Location, Bucket, Key, ETag string
	}
	if err := xml.Unmarshal([]byte(a.body), &response); err != nil {
		t.Fatal(err)
	}
	if response.Key != "user/a b.txt" || response.Bucket != "forms" || response.Location != "http://localhost:9000/forms/user/a%20b.txt" ||
		response.ETag != a.header.Get("Etag") || response.XMLName.Space != "" {
		t.Fatalf("got %+v", response)
	}
	got := f.must(call{path: "/forms/user/a%20b.txt"})
	if got.body != content || got.header.Get("Content-Type") != "text/plain" || got.meta("colour") != "blue" || got.header.Get("Etag") != response.ETag {
		t.Fatalf("got %d bytes, %v", len(got.body), got.header)
	}
}

func TestPostObjectAnswers(t *testing.T) {
	f := newFixture(t)
	f.bucket("forms")
	for _, c := range []struct {
		what     string
		fields   map[string]string
		status   int
		location string
	}{
		{"nothing asked", nil, 204, "http://localhost:9000/forms/a/b"},
		{"200", map[string]string{"success_action_status": "200"}, 200, "http://localhost:9000/forms/a/b"},
		{"a status that is none", map[string]string{"success_action_status": "404"}, 204, "http://localhost:9000/forms/a/b"},
		{"a redirect", map[string]string{"success_action_redirect": "https://example.com/done?x=1"}, 303,
			"https://example.com/done?x=1&bucket=forms&key=a%2Fb&etag=%22900150983cd24fb0d6963f7d28e17f72%22"},
		{"the older name", map[string]string{"redirect": "http://example.com"}, 303,
			"http://example.com?bucket=forms&key=a%2Fb&etag=%22900150983cd24fb0d6963f7d28e17f72%22"},
		{"a redirect to a script", map[string]string{"success_action_redirect": "javascript:alert(1)"}, 204, "http://localhost:9000/forms/a/b"},
	} {
		fields := map[string]string{"key": "a/b"}
		maps.Copy(fields, c.fields)
		a := f.post(upload{bucket: "forms", fields: fields, file: "abc"})
		if a.status != c.status || a.header.Get("Location") != c.location || a.body != "" {
			t.Errorf("%s: got %d %q %s, want %d %q", c.what, a.status, a.header.Get("Location"), a.body, c.status, c.location)
		}
	}
}

func TestPostObjectIsRefused(t *testing.T) {
	f := newFixture(t)
	f.bucket("forms")
	f.bucket("others")
	f.allow("writer", []string{"s3:PutObject"}, []string{"arn:aws:s3:::forms/own/*"})
	covered := map[string]string{"bucket": "forms"}
	long := map[string]string{"key": "k", "Content-Type": "image/png"}
	for _, c := range []struct {
		what   string
		upload upload
		status int
		code   string
	}{
		{"nobody", upload{as: "anonymous", fields: map[string]string{"key": "k"}}, 403, "AccessDenied"},
		{"a stranger", upload{as: "stranger", fields: map[string]string{"key": "k"}}, 403, "InvalidAccessKeyId"},
		{"a signer who may not", upload{as: "writer", fields: map[string]string{"key": "k"}}, 403, "AccessDenied"},
		{"a signer who may, with an ACL that it may not", upload{as: "writer", fields: map[string]string{"key": "own/k", "acl": "bucket-owner-full-control"}}, 403, "AccessDenied"},
		{"no key", upload{fields: map[string]string{"acl": "private"}}, 400, "InvalidArgument"},
		{"an expired policy", upload{expires: -time.Second, fields: map[string]string{"key": "k"}}, 403, "AccessDenied"},
		{"another bucket", upload{bucket: "others", conditions: []any{map[string]string{"bucket": "forms"}, map[string]string{"key": "k"}},
			fields: map[string]string{"key": "k"}}, 403, "AccessDenied"},
		{"a bucket that the policy leaves open", upload{conditions: []any{map[string]string{"key": "k"}}, fields: map[string]string{"key": "k"}}, 403, "AccessDenied"},
		{"a bucket field that is not the bucket", upload{fields: map[string]string{"key": "k", "bucket": "others"},
			conditions: []any{[]string{"starts-with", "$bucket", ""}, map[string]string{"key": "k"}}}, 403, "AccessDenied"},
		{"a field that the policy does not know", upload{fields: long, conditions: []any{covered, map[string]string{"key": "k"}}}, 403, "AccessDenied"},
		{"another key", upload{fields: map[string]string{"key": "k"}, conditions: []any{covered, []string{"starts-with", "$key", "user/"}}}, 403, "AccessDenied"},
		{"a file name that leaves the prefix", upload{fields: map[string]string{"key": "${filename}"}, fileName: `..\other`,
			conditions: []any{covered, []string{"starts-with", "$key", "user/"}}}, 403, "AccessDenied"},
		{"another type", upload{fields: long, conditions: []any{covered, map[string]string{"key": "k"}, []string{"starts-with", "$Content-Type", "text/"}}}, 403, "AccessDenied"},
		{"a list of types, of which one fits", upload{fields: map[string]string{"key": "k", "Content-Type": "image/png, text/html"},
			conditions: []any{covered, map[string]string{"key": "k"}, []string{"starts-with", "$Content-Type", "image/"}}}, 403, "AccessDenied"},
		{"a field that must be there", upload{fields: map[string]string{"key": "k"}, more: []any{map[string]string{"x-amz-meta-a": "b"}}}, 403, "AccessDenied"},
		{"too much", upload{fields: map[string]string{"key": "k"}, file: "12345", more: []any{[]any{"content-length-range", 0, 4}}}, 400, "EntityTooLarge"},
		{"too little", upload{fields: map[string]string{"key": "k"}, file: "12345", more: []any{[]any{"content-length-range", 6, 10}}}, 400, "EntityTooSmall"},
		{"a wrong checksum", upload{fields: map[string]string{"key": "k", "x-amz-checksum-crc32": "AAAAAA=="}, file: "12345"}, 400, "BadDigest"},
		{"tags that are no XML", upload{fields: map[string]string{"key": "k", "tagging": "a=b"}}, 400, "MalformedXML"},
		{"an ACL given twice", upload{fields: map[string]string{"key": "k", "acl": "private", "x-amz-acl": "public-read"}}, 400, "InvalidArgument"},
		{"no such bucket", upload{bucket: "nowhere", fields: map[string]string{"key": "k"}}, 404, "NoSuchBucket"},
	} {
		if c.upload.bucket == "" {
			c.upload.bucket = "forms"
		}
		wantRefusal(t, c.what, f.post(c.upload), c.status, c.code)
	}
	if a := f.do(call{path: "/forms?list-type=2"}); strings.Contains(a.body, "<Key>") {
		t.Errorf("a refused form stored something: %s", a.body)
	}
	if a := f.post(upload{as: "writer", bucket: "forms", fields: map[string]string{"key": "own/k", "x-ignore-me": "x"}, file: "12345",
		conditions: []any{covered, []any{"StArTs-WiTh", "$kEy", "own/"}, []any{"content-length-range", 5, 5}}}); a.status != 204 {
		t.Errorf("a signer who may: got %d %s, want 204", a.status, a.body)
	}
	if a := f.must(call{path: "/forms/own/k"}); a.body != "12345" {
		t.Errorf("got %q", a.body)
	}
}

func TestPostPolicyIsReadStrictly(t *testing.T) {
	const good = `"expiration":"2026-12-01T12:00:00.000Z"`
	for _, text := range []string{
		``, `[]`, `{}`, `null`, `{` + good + `}`, `{"conditions":[]}`,
		`{"EXPIRATION":"2026-12-01T12:00:00Z","conditions":[]}`, `{` + good + `,"CONDITIONS":[]}`,
		`{` + good + `,"conditions":[],"conditions":[]}`, `{` + good + `,"conditions":[]} {}`, `{` + good + `,"conditions":[]`,
		`{"expiration":"2026-12-01 12:00:00","conditions":[]}`, `{"expiration":"2026-12-01T12:00:00+09:00","conditions":[]}`, `{"expiration":1,"conditions":[]}`,
		`{` + good + `,"conditions":[{}]}`, `{` + good + `,"conditions":[{"acl":"a","key":"b"}]}`, `{` + good + `,"conditions":[{"acl":1}]}`, `{` + good + `,"conditions":["acl"]}`,
		`{` + good + `,"conditions":[["eq","$key"]]}`, `{` + good + `,"conditions":[["eq","$key","a","b"]]}`, `{` + good + `,"conditions":[["eq","key","a"]]}`,
		`{` + good + `,"conditions":[["like","$key","a"]]}`, `{` + good + `,"conditions":[["eq","$key",["a"]]]}`,
		`{` + good + `,"conditions":[["content-length-range",0]]}`, `{` + good + `,"conditions":[["content-length-range",-1,0]]}`,
		`{` + good + `,"conditions":[["content-length-range",2,1]]}`, `{` + good + `,"conditions":[["content-length-range",0,1.5]]}`,
		`{` + good + `,"conditions":[["content-length-range",0,1],["content-length-range",0,9]]}`,
		`{` + good + `,"conditions":[` + strings.Repeat(`{"a":"b"},`, maxPostConditions) + `{"a":"b"}]}`,
	} {
		if p, err := parsePostPolicy(base64.StdEncoding.EncodeToString([]byte(text))); err == nil {
			t.Errorf("%.80s: got %+v, want a refusal", text, p)
		}
	}
	for _, encoded := range []string{"{}", "e30", "!"} {
		if _, err := parsePostPolicy(encoded); err == nil {
			t.Errorf("%q was read", encoded)
		}
	}
}

// A policy that was read holds for the fields that its conditions name, and
// for no other field beside them.
func FuzzPostPolicy(f *testing.F) {
	f.Add(`{"expiration":"2026-12-01T12:00:00.000Z","conditions":[{"bucket":"b"},["starts-with","$key","user/"],["content-length-range",1,"10"]]}`)
	f.Add(`{"expiration":"2026-12-01T12:00:00Z","conditions":[["EQ","$Content-Type","a,b"]]}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePostPolicy(base64.StdEncoding.EncodeToString([]byte(text)))
		if err != nil {
			return
		}
		if p.expiration.IsZero() && !strings.Contains(text, "0001-01-01") || len(p.conditions) > maxPostConditions || p.size != nil && (p.size.least < 0 || p.size.most < p.size.least) {
			t.Fatalf("%q: got %+v", text, p)
		}
		fields := make(map[string]string)
		for _, c := range p.conditions {
			if len(c.value) > len(fields[c.field]) {
				fields[c.field] = c.value
			}
			if !c.holds(c.value) && !strings.Contains(c.value, ",") && strings.TrimSpace(c.value) == c.value {
				t.Fatalf("%v does not hold for its own value", c)
			}
		}
		before := p.expiration.Add(-time.Second)
		if p.check(fields, p.expiration) == nil {
			t.Fatalf("%q: holds when expired", text)
		}
		if name := fmt.Sprintf("x-amz-meta-%d", len(text)); p.check(fields, before) == nil {
			if _, known := fields[name]; known {
				return
			}
			if fields[name] = ""; p.check(fields, before) == nil {
				t.Fatalf("%q: holds for a field that it does not name", text)
			}
		}
	})
}
