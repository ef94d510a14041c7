package s3

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// versioning sets the state of a bucket's versioning.
func (f *fixture) versioning(bucket, status string) {
	f.tb.Helper()
	f.must(call{method: "PUT", path: "/" + bucket + "?versioning", body: versioningDocument(status)})
}

func versioningDocument(status string) string {
	return "<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>"
}

const versionHeader = "X-Amz-Version-Id"

func TestPutBucketVersioningRefusals(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, c := range []struct {
		name, body string
		headers    map[string]string
		status     int
		code       string
	}{
		{name: "no body", status: 400, code: "MalformedXML"},
		{name: "another document", body: "<Tagging/>", status: 400, code: "MalformedXML"},
		{name: "no status", body: "<VersioningConfiguration/>", status: 400, code: "IllegalVersioningConfigurationException"},
		{name: "unknown status", body: versioningDocument("On"), status: 400, code: "MalformedXML"},
		{name: "lower case", body: versioningDocument("enabled"), status: 400, code: "MalformedXML"},
		{name: "two", body: "<VersioningConfiguration><Status>Enabled</Status><Status>Suspended</Status></VersioningConfiguration>", status: 400, code: "MalformedXML"},
		{name: "MFA delete", body: "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>", status: 501, code: "NotImplemented"},
		{name: "MFA delete, unknown", body: "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>No</MfaDelete></VersioningConfiguration>", status: 400, code: "MalformedXML"},
		{name: "MFA", body: versioningDocument("Enabled"), headers: map[string]string{"x-amz-mfa": "1 2"}, status: 501, code: "NotImplemented"},
		{name: "digest", body: versioningDocument("Enabled"), headers: map[string]string{"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, status: 400, code: "BadDigest"},
	} {
		wantRefusal(t, c.name, f.do(call{method: "PUT", path: "/box?versioning", body: c.body, headers: c.headers}), c.status, c.code)
	}
	f.allow("reader", []string{"s3:GetBucketVersioning"}, []string{"arn:aws:s3:::box"})
	wantRefusal(t, "without permission", f.do(call{as: "reader", method: "PUT", path: "/box?versioning", body: versioningDocument("Enabled")}), 403, "AccessDenied")
	if a := f.must(call{as: "reader", path: "/box?versioning"}); strings.Contains(a.body, "Status") {
		t.Errorf("never versioned: got %s", a.body)
	}
	wantRefusal(t, "no bucket", f.do(call{method: "PUT", path: "/none?versioning", body: versioningDocument("Enabled")}), 404, "NoSuchBucket")
	for _, status := range []string{"Enabled", "Suspended"} {
		f.must(call{method: "PUT", path: "/box?versioning", body: "<VersioningConfiguration><MfaDelete>Disabled</MfaDelete><Status>" + status + "</Status></VersioningConfiguration>"})
		if a := f.must(call{as: "reader", path: "/box?versioning"}); !strings.Contains(a.body, "<Status>"+status+"</Status>") {
			t.Errorf("%s: got %s", status, a.body)
		}
	}
}

func TestVersionsOfAnObject(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	if a := f.put("box", "k", "null"); a.header.Get(versionHeader) != "" {
		t.Errorf("put in a bucket that was never versioned: version %q", a.header.Get(versionHeader))
	}
	f.versioning("box", "Enabled")
	first := f.put("box", "k", "first").header.Get(versionHeader)
	second := f.put("box", "k", "second").header.Get(versionHeader)
	for id, body := range map[string]string{"null": "null", first: "first", second: "second"} {
		for _, method := range []string{"GET", "HEAD"} {
			a := f.must(call{method: method, path: "/box/k?versionId=" + id})
			if a.header.Get(versionHeader) != id || method == "GET" && a.body != body || a.header.Get("Etag") != etagOf(body) {
				t.Errorf("%s of %s: got %q %v", method, id, a.body, a.header)
			}
		}
	}
	if a := f.must(call{path: "/box/k"}); a.body != "second" || a.header.Get(versionHeader) != second {
		t.Errorf("current version: got %q %v", a.body, a.header)
	}
	wantRefusal(t, "put of a version", f.do(call{method: "PUT", path: "/box/k?versionId=" + first}), 400, "InvalidArgument")
	e := wantRefusal(t, "another version", f.do(call{path: "/box/k?versionId=" + strings.Repeat("x", 32)}), 404, "NoSuchVersion")
	if e.field("VersionId") != strings.Repeat("x", 32) {
		t.Errorf("fields: got %v", e)
	}
	f.versioning("box", "Suspended")
	if a := f.put("box", "k", "third"); a.header.Get(versionHeader) != "null" {
		t.Errorf("put while suspended: version %q", a.header.Get(versionHeader))
	}
	if a := f.must(call{path: "/box/k"}); a.body != "third" || a.header.Get(versionHeader) != "null" {
		t.Errorf("current version: got %q %v", a.body, a.header)
	}
	if a := f.must(call{method: "DELETE", path: "/box/k?versionId=" + first}); a.header.Get(versionHeader) != first || a.header.Get("x-amz-delete-marker") != "" {
		t.Errorf("removal: got %v", a.header)
	}
	wantRefusal(t, "removed version", f.do(call{path: "/box/k?versionId=" + first}), 404, "NoSuchVersion")
}

func TestDeleteMarkers(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.versioning("box", "Enabled")
	version := f.put("box", "k", "x").header.Get(versionHeader)
	a := f.must(call{method: "DELETE", path: "/box/k"})
	marker := a.header.Get(versionHeader)
	if a.status != 204 || a.header.Get("x-amz-delete-marker") != "true" || len(marker) != 32 {
		t.Fatalf("delete: got %d %v", a.status, a.header)
	}
	for _, method := range []string{"GET", "HEAD"} {
		a := f.do(call{method: method, path: "/box/k"})
		if a.status != 404 || a.header.Get("x-amz-delete-marker") != "true" || a.header.Get(versionHeader) != marker {
			t.Errorf("%s: got %d %v", method, a.status, a.header)
		}
		a = f.do(call{method: method, path: "/box/k?versionId=" + marker})
		if a.status != 405 || a.header.Get("x-amz-delete-marker") != "true" || a.header.Get("Allow") != "DELETE" ||
			a.header.Get(versionHeader) != marker || a.header.Get("Last-Modified") != f.clock().UTC().Format(http.TimeFormat) {
			t.Errorf("%s of the marker: got %d %v", method, a.status, a.header)
		}
	}
	wantRefusal(t, "get", f.do(call{path: "/box/k"}), 404, "NoSuchKey")
	wantRefusal(t, "get of the marker", f.do(call{path: "/box/k?versionId=" + marker}), 405, "MethodNotAllowed")
	wantRefusal(t, "copy", f.do(call{method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "/box/k"}}), 404, "NoSuchKey")

	// Those who may not list learn nothing, nor from headers.
	f.allow("reader", []string{"s3:GetObject", "s3:GetObjectVersion"}, []string{"arn:aws:s3:::box/*"})
	for _, path := range []string{"/box/k", "/box/k?versionId=" + marker, "/box/other", "/box/k?versionId=" + strings.Repeat("x", 32)} {
		a := f.do(call{as: "reader", path: path})
		wantRefusal(t, path, a, 403, "AccessDenied")
		if a.header.Get("x-amz-delete-marker") != "" || a.header.Get(versionHeader) != "" || a.header.Get("Allow") != "" {
			t.Errorf("%s: refused with %v", path, a.header)
		}
	}
	f.must(call{as: "reader", path: "/box/k?versionId=" + version})

	a = f.must(call{method: "DELETE", path: "/box/k?versionId=" + marker})
	if a.header.Get("x-amz-delete-marker") != "true" || a.header.Get(versionHeader) != marker {
		t.Errorf("removal of the marker: got %v", a.header)
	}
	f.must(call{path: "/box/k"})
}

func TestDeleteObjectsOfVersions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.versioning("box", "Enabled")
	version := f.put("box", "a", "x").header.Get(versionHeader)
	marker := f.must(call{method: "DELETE", path: "/box/b"}).header.Get(versionHeader)
	r := decodeXML[deleteResponse](t, f.deleteMany("", fmt.Sprintf(
		"<Delete><Object><Key>a</Key></Object><Object><Key>a</Key><VersionId>%s</VersionId></Object><Object><Key>b</Key><VersionId>%s</VersionId></Object></Delete>", version, marker)))
	if len(r.Deleted) != 3 || len(r.Error) != 0 {
		t.Fatalf("got %+v", r)
	}
	made, removed, gone := r.Deleted[0], r.Deleted[1], r.Deleted[2]
	if made.VersionId != "" || !made.DeleteMarker || len(made.DeleteMarkerVersionId) != 32 {
		t.Errorf("a marker made: got %+v", made)
	}
	if removed.VersionId != version || removed.DeleteMarker || removed.DeleteMarkerVersionId != "" {
		t.Errorf("a version removed: got %+v", removed)
	}
	if gone.VersionId != marker || !gone.DeleteMarker || gone.DeleteMarkerVersionId != marker {
		t.Errorf("a marker removed: got %+v", gone)
	}
	// Without the permission for versions only markers can be made.
	f.allow("deleter", []string{"s3:DeleteObject"}, []string{"arn:aws:s3:::box/*"})
	r = decodeXML[deleteResponse](t, f.deleteMany("deleter", fmt.Sprintf(
		"<Delete><Object><Key>a</Key></Object><Object><Key>a</Key><VersionId>%s</VersionId></Object></Delete>", made.DeleteMarkerVersionId)))
	if len(r.Deleted) != 1 || !r.Deleted[0].DeleteMarker || !slices.Equal(r.refused(), []string{"a AccessDenied"}) {
		t.Errorf("without s3:DeleteObjectVersion: got %+v", r)
	}
}

func TestCopyAndCompleteNameVersions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.versioning("box", "Enabled")
	old := f.put("box", "k", "old").header.Get(versionHeader)
	now := f.put("box", "k", "new").header.Get(versionHeader)
	a := f.must(call{method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "/box/k"}})
	if a.header.Get("x-amz-copy-source-version-id") != now || a.header.Get(versionHeader) == "" || a.header.Get(versionHeader) == now {
		t.Errorf("copy: got %v", a.header)
	}
	// An older version may be copied to its own key, the current one not.
	a = f.must(call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-copy-source": "/box/k?versionId=" + old}})
	if a.header.Get("x-amz-copy-source-version-id") != old {
		t.Errorf("copy of a version: got %v", a.header)
	}
	if a := f.must(call{path: "/box/k"}); a.body != "old" {
		t.Errorf("restored: got %q", a.body)
	}
	wantRefusal(t, "copy to itself", f.do(call{method: "PUT", path: "/box/k", headers: map[string]string{"x-amz-copy-source": "/box/k"}}), 400, "InvalidRequest")
	id := f.create("/box/big", nil)
	a = f.must(call{method: "PUT", path: "/box/big?partNumber=1&uploadId=" + id, headers: map[string]string{"x-amz-copy-source": "/box/k?versionId=" + now}})
	if a.header.Get("x-amz-copy-source-version-id") != now || a.header.Get(versionHeader) != "" {
		t.Errorf("part copy: got %v", a.header)
	}
	a = f.must(call{method: "POST", path: "/box/big?uploadId=" + id,
		body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etagOf("new") + "</ETag></Part></CompleteMultipartUpload>"})
	if got := f.must(call{path: "/box/big"}).header.Get(versionHeader); got == "" || a.header.Get(versionHeader) != got {
		t.Errorf("complete: got version %q, want %q", a.header.Get(versionHeader), got)
	}
}

// versionsPage is the answer of ListObjectVersions.
type versionsPage struct {
	XMLName                                                  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
	KeyMarker, VersionIdMarker                               string
	NextKeyMarker, NextVersionIdMarker, EncodingType, Prefix string
	MaxKeys                                                  int
	IsTruncated                                              bool
	Entries                                                  []struct {
		XMLName                                                  xml.Name
		Key, VersionId, LastModified, ETag, StorageClass, Prefix string
		ChecksumAlgorithm, ChecksumType                          string
		IsLatest                                                 bool
		Size                                                     int
		Owner                                                    struct{ ID string }
	} `xml:",any"`
}

func (f *fixture) listVersions(query string) versionsPage {
	f.tb.Helper()
	p := decodeXML[versionsPage](f.tb, f.must(call{path: "/box?versions" + query}))
	entries := p.Entries[:0]
	for _, e := range p.Entries {
		if e.XMLName.Local == "Version" || e.XMLName.Local == "DeleteMarker" || e.XMLName.Local == "CommonPrefixes" {
			entries = append(entries, e)
		}
	}
	p.Entries = entries
	return p
}

func TestListObjectVersions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "a b", "0")
	f.versioning("box", "Enabled")
	var want []string // newest first within a key
	for _, key := range []string{"a b", "d/1", "d/2", "e"} {
		var of []string
		for i := range 3 {
			of = append(of, "Version "+key+" "+f.put("box", key, strings.Repeat("x", i)).header.Get(versionHeader))
		}
		if key == "d/2" {
			of = append(of, "DeleteMarker "+key+" "+f.must(call{method: "DELETE", path: "/box/d/2"}).header.Get(versionHeader))
		}
		slices.Reverse(of)
		if want = append(want, of...); key == "a b" {
			want = append(want, "Version a b null")
		}
	}
	for size := 1; size <= len(want)+1; size++ {
		var got []string
		latest, after := 0, ""
		for {
			p := f.listVersions(fmt.Sprintf("&max-keys=%d%s", size, after))
			for i, e := range p.Entries {
				got = append(got, e.XMLName.Local+" "+e.Key+" "+e.VersionId)
				if e.IsLatest {
					latest++
				}
				if isVersion := e.XMLName.Local == "Version"; e.Owner.ID != canonicalUser(account) || e.LastModified == "" ||
					isVersion != (e.ETag != "") || isVersion != (e.StorageClass == "STANDARD") || isVersion != (e.ChecksumAlgorithm == "CRC64NVME") {
					t.Errorf("entry %d: %+v", i, e)
				}
			}
			if !p.IsTruncated {
				break
			}
			after = "&key-marker=" + escape(p.NextKeyMarker) + "&version-id-marker=" + p.NextVersionIdMarker
		}
		if !slices.Equal(got, want) || latest != 4 {
			t.Fatalf("pages of %d: got %d latest of %q, want %q", size, latest, got, want)
		}
	}
	p := f.listVersions("&delimiter=/&max-keys=5")
	if last := p.Entries[4]; last.Prefix != "d/" || !p.IsTruncated || p.NextKeyMarker != "d/" || p.NextVersionIdMarker != "" {
		t.Errorf("common prefix at the end: got %+v", p)
	}
	if p := f.listVersions("&delimiter=/&key-marker=d/"); len(p.Entries) != 3 || p.Entries[0].Key != "e" || p.KeyMarker != "d/" {
		t.Errorf("behind a common prefix: got %+v", p)
	}
	if p := f.listVersions("&prefix=a&encoding-type=url"); len(p.Entries) != 4 || p.Entries[0].Key != "a%20b" || p.EncodingType != "url" {
		t.Errorf("encoded: got %+v", p)
	}
	if p := f.listVersions("&max-keys=0"); len(p.Entries) != 0 || p.IsTruncated || p.MaxKeys != 0 {
		t.Errorf("none: got %+v", p)
	}
	for query, code := range map[string]string{
		"&version-id-marker=null": "InvalidArgument", "&key-marker=a&version-id-marker=": "InvalidArgument", "&key-marker=a&version-id-marker=1": "InvalidArgument",
		"&max-keys=-1": "InvalidArgument", "&max-keys=x": "InvalidArgument", "&encoding-type=x": "InvalidArgument",
	} {
		wantRefusal(t, query, f.do(call{path: "/box?versions" + query}), 400, code)
	}
	wantRefusal(t, "no bucket", f.do(call{path: "/none?versions"}), 404, "NoSuchBucket")
}

func TestListObjectVersionsIsLimitedByConditions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.grant("thing", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucketVersions","Resource":"*",
		"Condition":{"StringLike":{"s3:prefix":"thing/*"}}},{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}`, nil)
	f.must(call{as: "thing", path: "/box?versions&prefix=thing/"})
	for _, query := range []string{"", "&prefix=", "&prefix=thing", "&prefix=other/"} {
		wantRefusal(t, query, f.do(call{as: "thing", path: "/box?versions" + query}), 403, "AccessDenied")
	}
}
