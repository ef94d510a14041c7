package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/object"
)

type deleteResponse struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
	Deleted []struct {
		Key, VersionId        string
		DeleteMarker          bool
		DeleteMarkerVersionId string
	}
	Error []struct{ Key, VersionId, Code, Message string }
}

func (r *deleteResponse) deleted() []string {
	var keys []string
	for _, d := range r.Deleted {
		keys = append(keys, d.Key)
	}
	return keys
}

func (r *deleteResponse) refused() []string {
	var keys []string
	for _, e := range r.Error {
		keys = append(keys, e.Key+" "+e.Code)
	}
	return keys
}

// deleteMany sends a DeleteObjects with the right digest.
func (f *fixture) deleteMany(as, body string) answered {
	f.tb.Helper()
	sum := md5.Sum([]byte(body))
	return f.do(call{as: as, method: "POST", path: "/box?delete", body: body, headers: map[string]string{"Content-MD5": base64.StdEncoding.EncodeToString(sum[:])}})
}

func TestDeleteObjects(t *testing.T) {
	f := newFixture(t)
	fill(f, "a", "b & <c>", " spaced ", "日本", "stays", "match", "other")
	body := `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key></Object><Object><Key>b &amp; &lt;c&gt;</Key></Object>` +
		`<Object><Key> spaced </Key><VersionId>null</VersionId></Object><Object><Key>日本</Key></Object><Object><Key>never there</Key></Object>` +
		`<Object><Key>stays</Key><VersionId>nonsense</VersionId></Object><Object><Key>` + strings.Repeat("k", 1025) + `</Key></Object>` +
		`<Object><Key>match</Key><ETag>` + etagOf("match") + `</ETag></Object><Object><Key>other</Key><ETag>x</ETag></Object></Delete>`
	a := f.deleteMany("", body)
	r := decodeXML[deleteResponse](t, a)
	if a.status != 200 || !slices.Equal(r.deleted(), []string{"a", "b & <c>", " spaced ", "日本", "never there", "match"}) || r.Deleted[2].VersionId != "null" {
		t.Errorf("deleted: got %d %q", a.status, r.deleted())
	}
	want := []string{"stays InvalidArgument", strings.Repeat("k", 1025) + " KeyTooLongError", "other PreconditionFailed"}
	if !slices.Equal(r.refused(), want) {
		t.Errorf("refused: got %q, want %q", r.refused(), want)
	}
	if l := f.list(""); !slices.Equal(l.keys(), []string{"other", "stays"}) {
		t.Errorf("left: got %q", l.keys())
	}
	quiet := decodeXML[deleteResponse](t, f.deleteMany("", `<Delete><Quiet>true</Quiet><Object><Key>stays</Key></Object><Object><Key>other</Key><VersionId>x</VersionId></Object></Delete>`))
	if len(quiet.Deleted) != 0 || len(quiet.Error) != 1 {
		t.Errorf("quiet: got %+v", quiet)
	}
}

func TestDeleteObjectsDemandsADigest(t *testing.T) {
	f := newFixture(t)
	fill(f, "a")
	body := `<Delete><Object><Key>a</Key></Object></Delete>`
	send := func(headers map[string]string) answered {
		return f.do(call{method: "POST", path: "/box?delete", body: body, headers: headers})
	}
	wantRefusal(t, "none", send(nil), 400, "InvalidRequest")
	wantRefusal(t, "wrong MD5", send(map[string]string{"Content-MD5": base64.StdEncoding.EncodeToString(make([]byte, 16))}), 400, "BadDigest")
	for _, a := range everyAlgorithm {
		name := checksumPrefix + algorithmHeader(a)
		wantRefusal(t, name, send(map[string]string{name: sumOf(a, "x")}), 400, "BadDigest")
		if got := send(map[string]string{name: sumOf(a, body), "x-amz-sdk-checksum-algorithm": a.String()}); got.status != 200 {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
}

func TestDeleteObjectsLists(t *testing.T) {
	f := newFixture(t)
	fill(f, "a")
	entries := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<Object><Key>key-%d</Key></Object>", i)
		}
		return "<Delete>" + b.String() + "</Delete>"
	}
	if a := f.deleteMany("", entries(1000)); a.status != 200 || len(decodeXML[deleteResponse](t, a).Deleted) != 1000 {
		t.Errorf("1,000 keys: got %d", a.status)
	}
	for name, body := range map[string]string{
		"1,001 keys": entries(1001), "no keys": "<Delete/>", "nothing": "", "entry without key": "<Delete><Object/></Delete>", "not closed": "<Delete>",
		"two keys in one entry": "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "other document": "<Remove><Object><Key>a</Key></Object></Remove>",
	} {
		wantRefusal(t, name, f.deleteMany("", body), 400, "MalformedXML")
	}
	wantRefusal(t, "two sizes", f.deleteMany("", "<Delete><Object><Key>a</Key><Size>1</Size><Size>2</Size></Object></Delete>"), 400, "MalformedXML")
	wantRefusal(t, "a size that is none", f.deleteMany("", "<Delete><Object><Key>a</Key><Size>x</Size></Object></Delete>"), 400, "MalformedXML")
	wantRefusal(t, "a time that is none", f.deleteMany("", "<Delete><Object><Key>a</Key><LastModifiedTime>x</LastModifiedTime></Object></Delete>"), 400, "InvalidArgument")
	if l := f.list(""); !slices.Equal(l.keys(), []string{"a"}) {
		t.Errorf("left: got %q", l.keys())
	}
}

func TestDeleteObjectsWithoutBucket(t *testing.T) {
	f := newFixture(t)
	wantRefusal(t, "missing bucket", f.deleteMany("", "<Delete><Object><Key>a</Key></Object></Delete>"), 404, "NoSuchBucket")
}

func TestDeletingAnOverwrittenObjectLeavesNothing(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for i := range 3 {
		f.put("box", "k", strings.Repeat("x", i*50_000))
	}
	f.must(call{method: "DELETE", path: "/box/k"})
	f.must(call{method: "DELETE", path: "/box"})
	f.bucket("box")
	if _, err := f.engine.Head(t.Context(), "box", "k", object.GetOptions{}); err == nil {
		t.Error("the object is in a new bucket of the same name")
	}
}
