package s3

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/object"
)

// tagDocumentOf is the body of PutObjectTagging for "key=value" pairs.
func tagDocumentOf(pairs ...string) string {
	var b strings.Builder
	b.WriteString("<Tagging><TagSet>")
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		fmt.Fprintf(&b, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", key, value)
	}
	return b.String() + "</TagSet></Tagging>"
}

// tags returns what GetObjectTagging answers, as "key=value" pairs.
func (f *fixture) tags(path string) []string {
	f.tb.Helper()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	r := decodeXML[struct {
		XMLName xml.Name                      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
		Tags    []struct{ Key, Value string } `xml:"TagSet>Tag"`
	}](f.tb, f.must(call{path: path + separator + "tagging"}))
	var pairs []string
	for _, t := range r.Tags {
		pairs = append(pairs, t.Key+"="+t.Value)
	}
	return pairs
}

func TestPutObjectTaggingRefusals(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "x")
	many := func(n int) (pairs []string) {
		for i := range n {
			pairs = append(pairs, fmt.Sprintf("k%d=v", i))
		}
		return pairs
	}
	for _, test := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"no body", "", 400, "MalformedXML"},
		{"another document", "<Delete/>", 400, "MalformedXML"},
		{"no set", "<Tagging/>", 400, "MalformedXML"},
		{"no value", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", 400, "MalformedXML"},
		{"no key", "<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>", 400, "MalformedXML"},
		{"eleven", tagDocumentOf(many(11)...), 400, "InvalidTag"},
		{"empty key", tagDocumentOf("=v"), 400, "InvalidTag"},
		{"long key", tagDocumentOf(strings.Repeat("k", 129) + "=v"), 400, "InvalidTag"},
		{"long value", tagDocumentOf("k=" + strings.Repeat("v", 257)), 400, "InvalidTag"},
		{"characters in the key", tagDocumentOf("k?=v"), 400, "InvalidTag"},
		{"characters in the value", tagDocumentOf("k=v*"), 400, "InvalidTag"},
		{"system tag", tagDocumentOf("aws:k=v"), 400, "InvalidTag"},
		{"twice", tagDocumentOf("k=v", "k=w"), 400, "InvalidTag"},
		{"twice but for case", tagDocumentOf("k=v", "K=w"), 400, "InvalidTag"},
	} {
		wantRefusal(t, test.name, f.do(call{method: "PUT", path: "/box/k?tagging", body: test.body}), test.status, test.code)
	}
	f.allow("reader", []string{"s3:GetObjectTagging"}, []string{"arn:aws:s3:::box/*"})
	wantRefusal(t, "put without permission", f.do(call{as: "reader", method: "PUT", path: "/box/k?tagging", body: tagDocumentOf("a=b")}), 403, "AccessDenied")
	wantRefusal(t, "delete without permission", f.do(call{as: "reader", method: "DELETE", path: "/box/k?tagging"}), 403, "AccessDenied")
	wantRefusal(t, "no object, unlisted", f.do(call{as: "reader", path: "/box/none?tagging"}), 403, "AccessDenied")
	wantRefusal(t, "digest", f.do(call{method: "PUT", path: "/box/k?tagging", body: tagDocumentOf("a=b"), headers: map[string]string{"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}}), 400, "BadDigest")
	for _, c := range []call{{path: "/box/none?tagging"}, {method: "PUT", path: "/box/none?tagging", body: tagDocumentOf("a=b")}, {method: "DELETE", path: "/box/none?tagging"}} {
		wantRefusal(t, "no object", f.do(c), 404, "NoSuchKey")
	}
	if got := f.tags("/box/k"); len(got) != 0 {
		t.Errorf("after refusals: tags %q", got)
	}
	widest := []string{strings.Repeat("é", 128) + "=" + strings.Repeat("é", 256), "a +-._:/@=", "日本=語 x"}
	f.must(call{method: "PUT", path: "/box/k?tagging", body: tagDocumentOf(widest...)})
	slices.Sort(widest)
	if got := f.tags("/box/k"); !slices.Equal(got, widest) {
		t.Errorf("widest: got %q, want %q", got, widest)
	}
}

func TestTagsOfVersions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.versioning("box", "Enabled")
	put := func(tags string) string {
		return f.must(call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-tagging": tags}}).header.Get(versionHeader)
	}
	first, second := put("b=2&a=%2B+1&c"), put("")
	if got := f.tags("/box/k?versionId=" + first); !slices.Equal(got, []string{"a=+ 1", "b=2", "c="}) {
		t.Errorf("by header: got %q", got)
	}
	a := f.must(call{method: "PUT", path: "/box/k?tagging&versionId=" + first, body: tagDocumentOf("x=1", "y=2")})
	if a.header.Get(versionHeader) != first {
		t.Errorf("put: got %v", a.header)
	}
	f.must(call{method: "PUT", path: "/box/k?tagging", body: tagDocumentOf("z=1")})
	if first, second := f.tags("/box/k?versionId="+first), f.tags("/box/k?versionId="+second); !slices.Equal(first, []string{"x=1", "y=2"}) || !slices.Equal(second, []string{"z=1"}) {
		t.Errorf("got %q and %q", first, second)
	}
	a = f.must(call{method: "DELETE", path: "/box/k?tagging&versionId=" + first})
	if a.status != 204 || a.header.Get(versionHeader) != first || len(f.tags("/box/k?versionId="+first)) != 0 || len(f.tags("/box/k")) != 1 {
		t.Errorf("delete: got %d %v", a.status, a.header)
	}
	marker := f.must(call{method: "DELETE", path: "/box/k"}).header.Get(versionHeader)
	wantRefusal(t, "tags of a marker", f.do(call{path: "/box/k?tagging&versionId=" + marker}), 405, "MethodNotAllowed")
	wantRefusal(t, "tag a marker", f.do(call{method: "PUT", path: "/box/k?tagging&versionId=" + marker, body: tagDocumentOf("a=b")}), 405, "MethodNotAllowed")
	wantRefusal(t, "tag behind a marker", f.do(call{method: "PUT", path: "/box/k?tagging", body: tagDocumentOf("a=b")}), 404, "NoSuchKey")
	f.allow("current", []string{"s3:PutObjectTagging"}, []string{"arn:aws:s3:::box/*"})
	wantRefusal(t, "without the permission for versions",
		f.do(call{as: "current", method: "PUT", path: "/box/k?tagging&versionId=" + first, body: tagDocumentOf("a=b")}), 403, "AccessDenied")
}

func TestTaggingCountIsToldToThoseWhoMayReadTags(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.must(call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-tagging": "a=1&b=2"}})
	f.put("box", "plain", "x")
	f.allow("reader", []string{"s3:GetObject"}, []string{"arn:aws:s3:::box/*"})
	f.allow("tagger", []string{"s3:GetObject", "s3:GetObjectTagging"}, []string{"arn:aws:s3:::box/*"})
	for _, test := range []struct{ as, path, want string }{{"", "/box/k", "2"}, {"reader", "/box/k", ""}, {"tagger", "/box/k", "2"}, {"tagger", "/box/plain", ""}} {
		for _, method := range []string{"GET", "HEAD"} {
			if got := f.must(call{as: test.as, method: method, path: test.path}).header.Get("x-amz-tagging-count"); got != test.want {
				t.Errorf("%s %s as %q: got count %q, want %q", method, test.path, test.as, got, test.want)
			}
		}
	}
}

func TestCopiesAndUploadsCarryTags(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.must(call{method: "PUT", path: "/box/a", headers: map[string]string{"x-amz-tagging": "a=1"}})
	f.put("box", "plain", "x")
	f.allow("copier", []string{"s3:GetObject", "s3:PutObject"}, []string{"arn:aws:s3:::box/*"})
	f.allow("half", []string{"s3:GetObject", "s3:PutObject", "s3:GetObjectTagging"}, []string{"arn:aws:s3:::box/*"})
	copied := func(as, source string, headers map[string]string) answered {
		h := map[string]string{"x-amz-copy-source": source}
		for name, value := range headers {
			h[name] = value
		}
		return f.do(call{as: as, method: "PUT", path: "/box/b", headers: h})
	}
	wantRefusal(t, "tagged, without permission for tags", copied("copier", "box/a", nil), 403, "AccessDenied")
	wantRefusal(t, "tagged, without permission to write tags", copied("half", "box/a", nil), 403, "AccessDenied")
	wantRefusal(t, "replaced, without permission to write tags", copied("half", "box/a", map[string]string{"x-amz-tagging-directive": "REPLACE"}), 403, "AccessDenied")
	wantRefusal(t, "tags and no directive", copied("", "box/a", map[string]string{"x-amz-tagging": "b=2"}), 400, "InvalidRequest")
	wantRefusal(t, "unknown directive", copied("", "box/a", map[string]string{"x-amz-tagging-directive": "MERGE"}), 400, "InvalidArgument")
	if a := copied("copier", "box/plain", nil); a.status != 200 {
		t.Errorf("untagged: got %d %s", a.status, a.body)
	}
	for _, test := range []struct {
		headers map[string]string
		want    []string
	}{
		{nil, []string{"a=1"}},
		{map[string]string{"x-amz-tagging-directive": "COPY"}, []string{"a=1"}},
		{map[string]string{"x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "b=2"}, []string{"b=2"}},
		{map[string]string{"x-amz-tagging-directive": "REPLACE"}, nil},
		{map[string]string{"x-amz-metadata-directive": "REPLACE"}, []string{"a=1"}},
	} {
		if a := copied("", "box/a", test.headers); a.status != 200 {
			t.Errorf("%v: got %d %s", test.headers, a.status, a.body)
		}
		if got := f.tags("/box/b"); !slices.Equal(got, test.want) {
			t.Errorf("%v: got tags %q, want %q", test.headers, got, test.want)
		}
	}
	id := f.create("/box/big", map[string]string{"x-amz-tagging": "m=1"})
	f.must(call{method: "POST", path: "/box/big?uploadId=" + id, body: "<CompleteMultipartUpload>" + f.part("/box/big", id, 1, "x") + "</CompleteMultipartUpload>"})
	if got := f.tags("/box/big"); !slices.Equal(got, []string{"m=1"}) {
		t.Errorf("upload: got tags %q", got)
	}
}

func TestExistingTagsDecide(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.versioning("box", "Enabled")
	put := func(key, tags string) string {
		return f.must(call{method: "PUT", path: "/box/" + key, body: tags, headers: map[string]string{"x-amz-tagging": tags}}).header.Get(versionHeader)
	}
	public := put("k", "Class=public")
	secret := put("k", "class=secret&other=public")
	put("plain", "")
	f.grant("class", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"arn:aws:s3:::box*",
		"Action":["s3:GetObject","s3:GetObjectVersion","s3:GetObjectTagging","s3:PutObjectTagging","s3:DeleteObjectTagging","s3:GetObjectAcl"],
		"Condition":{"StringEquals":{"s3:ExistingObjectTag/class":"public"}}},
		{"Effect":"Allow","Resource":"*","Action":["s3:ListBucket","s3:PutObject"]}]}`, nil)
	for _, test := range []struct {
		c       call
		allowed bool
	}{
		{call{path: "/box/k"}, false},
		{call{path: "/box/k?versionId=" + public}, true},
		{call{path: "/box/k?versionId=" + secret}, false},
		{call{path: "/box/plain"}, false},
		{call{path: "/box/k?tagging"}, false},
		{call{method: "PUT", path: "/box/k?tagging", body: tagDocumentOf("class=public")}, false},
		{call{method: "DELETE", path: "/box/k?tagging"}, false},
		{call{method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "box/k"}}, false},
		{call{method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "box/k?versionId=" + public}}, false}, // its tags
		{call{path: "/box/none"}, false},
	} {
		test.c.as = "class"
		a := f.do(test.c)
		if (a.status < 300) != test.allowed || !test.allowed && a.status != 403 {
			t.Errorf("%s %s %v: got %d %s, want allowed: %v", test.c.method, test.c.path, test.c.headers, a.status, a.body, test.allowed)
		}
	}
	f.must(call{method: "DELETE", path: "/box/k?versionId=" + secret})
	f.must(call{as: "class", path: "/box/k"})
	// What it was allowed to change is no longer public, so it is not allowed again.
	f.must(call{as: "class", method: "PUT", path: "/box/k?tagging", body: tagDocumentOf("class=secret")})
	wantRefusal(t, "after its own change", f.do(call{as: "class", method: "PUT", path: "/box/k?tagging", body: tagDocumentOf("class=public")}), 403, "AccessDenied")
}

// TestTagsThatChangedMeanwhileDecide changes the tags between authorization and
// what was authorized.
func TestTagsThatChangedMeanwhileDecide(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.grant("class", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"arn:aws:s3:::box/k","Action":"s3:*",
		"Condition":{"StringEquals":{"s3:ExistingObjectTag/class":"public"}}},
		{"Effect":"Allow","Resource":["arn:aws:s3:::box","arn:aws:s3:::box/c"],"Action":"s3:*"}]}`, nil)
	for _, c := range []call{
		{path: "/box/k"}, {method: "HEAD", path: "/box/k"}, {path: "/box/k?tagging"},
		{method: "PUT", path: "/box/k?tagging", body: tagDocumentOf("class=public")}, {method: "DELETE", path: "/box/k?tagging"},
		{method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "box/k", "x-amz-tagging-directive": "REPLACE"}},
	} {
		for _, now := range []string{"public", "secret"} {
			f.must(call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-tagging": "class=public"}})
			f.decided = func() {
				f.decided = nil
				change := func(v *object.Version) error {
					v.Tags = []object.Tag{{Key: "class", Value: now}, {Key: "new", Value: ""}}
					return nil
				}
				if _, err := f.engine.SetAttributes(t.Context(), "box", "k", object.SetAttributesOptions{}, change); err != nil {
					t.Error(err)
				}
			}
			c.as = "class"
			if a := f.do(c); (a.status < 300) != (now == "public") || now == "secret" && a.status != 403 {
				t.Errorf("%s %s: got %d %s after the tag became %s", c.method, c.path, a.status, a.body, now)
			}
			if f.decided != nil {
				t.Fatalf("%s %s: nothing was decided", c.method, c.path)
			}
			if got := f.tags("/box/k"); now == "secret" && !slices.Equal(got, []string{"class=secret", "new="}) {
				t.Errorf("%s %s: tags became %q", c.method, c.path, got)
			}
		}
	}
}
