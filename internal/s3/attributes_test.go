package s3

import (
	"net/http/httptest"
	"strings"
	"testing"

	"inro.dev/inro/internal/object"
)

type attributesResult struct {
	ETag     string
	Checksum *struct {
		ChecksumCRC32, ChecksumCRC64NVME, ChecksumType string
	}
	ObjectParts *struct {
		PartsCount, PartNumberMarker, NextPartNumberMarker, MaxParts int
		IsTruncated                                                  bool
		Part                                                         []struct {
			PartNumber, Size int
			ChecksumCRC32    string
		}
	}
	StorageClass string
	ObjectSize   *int
}

func TestObjectAttributes(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	put := f.must(call{method: "PUT", path: "/box/k", body: "hello", headers: map[string]string{"x-amz-checksum-crc32": "NhCmhg==", "x-amz-storage-class": "STANDARD_IA"}})
	a := f.must(call{path: "/box/k?attributes", headers: map[string]string{"x-amz-object-attributes": "ETag, Checksum,ObjectParts,StorageClass,ObjectSize"}})
	got := decodeXML[attributesResult](t, a)
	if quote(got.ETag) != put.header.Get("Etag") || got.Checksum == nil || got.Checksum.ChecksumCRC32 != "NhCmhg==" || got.Checksum.ChecksumType != "FULL_OBJECT" ||
		got.ObjectParts != nil || got.StorageClass != "STANDARD_IA" || got.ObjectSize == nil || *got.ObjectSize != 5 || a.header.Get("Last-Modified") == "" {
		t.Errorf("got %+v from %s", got, a.body)
	}
	if got := decodeXML[attributesResult](t, f.must(call{path: "/box/k?attributes", headers: map[string]string{"x-amz-object-attributes": "ObjectSize"}})); got.ETag != "" || got.Checksum != nil || got.StorageClass != "" || got.ObjectSize == nil {
		t.Errorf("got %+v, want the size alone", got)
	}
	for _, value := range []string{"", "ETag,Owner", "etag"} {
		if a := f.do(call{path: "/box/k?attributes", headers: map[string]string{"x-amz-object-attributes": value}}); a.status != 400 {
			t.Errorf("%q: got %d %s, want 400", value, a.status, a.body)
		}
	}
	wantRefusal(t, "no object", f.do(call{path: "/box/none?attributes", headers: map[string]string{"x-amz-object-attributes": "ETag"}}), 404, "NoSuchKey")
}

// SDKs send lists as one header or as several.
func TestObjectAttributesInSeveralHeaders(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "hello")
	r := f.request(call{path: "/box/k?attributes", headers: map[string]string{"x-amz-object-attributes": "ETag,ObjectSize"}})
	r.Header["X-Amz-Object-Attributes"] = []string{"ETag", "ObjectSize"} // the signature covers them joined
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "<ObjectSize>5</ObjectSize>") || !strings.Contains(w.Body.String(), "<ETag>") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestObjectAttributesNeedBothPermissions(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "k", "hello")
	f.allow("one", []string{"s3:GetObject"}, []string{"arn:aws:s3:::box/*"})
	f.allow("two", []string{"s3:GetObjectAttributes"}, []string{"arn:aws:s3:::box/*"})
	f.allow("both", []string{"s3:GetObject", "s3:GetObjectAttributes"}, []string{"arn:aws:s3:::box/*"})
	for as, status := range map[string]int{"one": 403, "two": 403, "both": 200} {
		if a := f.do(call{as: as, path: "/box/k?attributes", headers: map[string]string{"x-amz-object-attributes": "ETag"}}); a.status != status {
			t.Errorf("%s: got %d, want %d", as, a.status, status)
		}
	}
	if a := f.do(call{as: "both", path: "/box/k?attributes&versionId=null", headers: map[string]string{"x-amz-object-attributes": "ETag"}}); a.status != 403 {
		t.Errorf("a version: got %d, want 403", a.status)
	}
}

func TestObjectAttributesPageParts(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	id := f.create("/box/k", map[string]string{"x-amz-checksum-algorithm": "CRC32"})
	part := strings.Repeat("x", object.MinPartSizeBytes)
	var entries []string
	for n := 1; n <= 3; n++ {
		f.part("/box/k", id, n, part)
	}
	list := f.must(call{path: "/box/k?uploadId=" + id})
	parts := decodeXML[struct {
		Part []struct {
			PartNumber          string
			ETag, ChecksumCRC32 string
		}
	}](t, list)
	for _, p := range parts.Part {
		entries = append(entries, "<Part><PartNumber>"+p.PartNumber+"</PartNumber><ETag>"+p.ETag+"</ETag><ChecksumCRC32>"+p.ChecksumCRC32+"</ChecksumCRC32></Part>")
	}
	f.must(call{method: "POST", path: "/box/k?uploadId=" + id, body: "<CompleteMultipartUpload>" + strings.Join(entries, "") + "</CompleteMultipartUpload>"})
	read := func(headers ...string) attributesResult {
		h := map[string]string{"x-amz-object-attributes": "ObjectParts,Checksum"}
		for i := 0; i < len(headers); i += 2 {
			h[headers[i]] = headers[i+1]
		}
		return decodeXML[attributesResult](t, f.must(call{path: "/box/k?attributes", headers: h}))
	}
	all := read()
	if p := all.ObjectParts; p == nil || p.PartsCount != 3 || len(p.Part) != 3 || p.IsTruncated || p.MaxParts != 1000 || p.Part[2].PartNumber != 3 ||
		p.Part[2].Size != len(part) || p.Part[2].ChecksumCRC32 == "" || all.Checksum.ChecksumType != "COMPOSITE" {
		t.Errorf("got %+v, %+v", p, all.Checksum)
	}
	one := f.must(call{path: "/box/k?partNumber=2", headers: map[string]string{"x-amz-checksum-mode": "ENABLED"}})
	if one.header.Get("X-Amz-Checksum-Type") != "COMPOSITE" || one.header.Get("X-Amz-Checksum-Crc32") != all.ObjectParts.Part[1].ChecksumCRC32 {
		t.Errorf("a part: got %v", one.header)
	}
	if p := read("x-amz-max-parts", "1", "x-amz-part-number-marker", "1").ObjectParts; len(p.Part) != 1 || p.Part[0].PartNumber != 2 || !p.IsTruncated || p.NextPartNumberMarker != 2 || p.PartNumberMarker != 1 || p.MaxParts != 1 {
		t.Errorf("got %+v", p)
	}
	if p := read("x-amz-part-number-marker", "3").ObjectParts; len(p.Part) != 0 || p.IsTruncated || p.PartsCount != 3 {
		t.Errorf("got %+v", p)
	}
	wantRefusal(t, "a negative page", f.do(call{path: "/box/k?attributes", headers: map[string]string{"x-amz-object-attributes": "ETag", "x-amz-max-parts": "-1"}}), 400, "InvalidArgument")
}

func TestStorageClassesAreGivenBack(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, class := range append(storageClasses, "") {
		f.must(call{method: "PUT", path: "/box/k", body: "x", headers: map[string]string{"x-amz-storage-class": class}})
		shown := class
		if class == standard {
			shown = ""
		}
		if got := f.must(call{method: "HEAD", path: "/box/k"}).header.Get("X-Amz-Storage-Class"); got != shown {
			t.Errorf("HEAD of %q: got %q", class, got)
		}
		if class == "" {
			class = standard
		}
		if got := f.must(call{path: "/box?list-type=2"}).body; !strings.Contains(got, "<StorageClass>"+class+"</StorageClass>") {
			t.Errorf("list of %q: got %s", class, got)
		}
	}
	// A copy is STANDARD unless it says otherwise, and may be onto itself for that.
	f.must(call{method: "PUT", path: "/box/k", body: "x", headers: map[string]string{"x-amz-storage-class": "STANDARD_IA"}})
	f.must(call{method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "/box/k"}})
	if got := f.must(call{method: "HEAD", path: "/box/c"}).header.Get("X-Amz-Storage-Class"); got != "" {
		t.Errorf("copy: got %q, want STANDARD", got)
	}
	f.must(call{method: "PUT", path: "/box/c", headers: map[string]string{"x-amz-copy-source": "/box/c", "x-amz-storage-class": "GLACIER_IR"}})
	if got := f.must(call{method: "HEAD", path: "/box/c"}).header.Get("X-Amz-Storage-Class"); got != "GLACIER_IR" {
		t.Errorf("copy onto itself: got %q", got)
	}
	f.grant("cheap", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::box/*","Condition":{"StringEquals":{"s3:x-amz-storage-class":"ONEZONE_IA"}}}}`, nil)
	wantRefusal(t, "a class that the policy does not allow", f.do(call{as: "cheap", method: "PUT", path: "/box/p", headers: map[string]string{"x-amz-storage-class": "STANDARD_IA"}}), 403, "AccessDenied")
	f.must(call{as: "cheap", method: "PUT", path: "/box/p", headers: map[string]string{"x-amz-storage-class": "ONEZONE_IA"}})
}

func TestWhatNoBucketUsesIsAnsweredAsInAWS(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	if got := f.must(call{path: "/box?requestPayment"}).body; !strings.Contains(got, "<Payer>BucketOwner</Payer>") {
		t.Errorf("got %s", got)
	}
	payer := func(p string) string {
		return "<RequestPaymentConfiguration><Payer>" + p + "</Payer></RequestPaymentConfiguration>"
	}
	f.must(call{method: "PUT", path: "/box?requestPayment", body: payer("BucketOwner")})
	wantRefusal(t, "requester", f.do(call{method: "PUT", path: "/box?requestPayment", body: payer("Requester")}), 501, "NotImplemented")
	wantRefusal(t, "nobody", f.do(call{method: "PUT", path: "/box?requestPayment", body: payer("Nobody")}), 400, "MalformedXML")
	wantRefusal(t, "nothing", f.do(call{method: "PUT", path: "/box?requestPayment"}), 400, "MalformedXML")
	if got := f.must(call{path: "/box?accelerate"}).body; !strings.Contains(got, "<AccelerateConfiguration") || strings.Contains(got, "Status") {
		t.Errorf("got %s", got)
	}
	wantRefusal(t, "acceleration", f.do(call{method: "PUT", path: "/box?accelerate"}), 501, "NotImplemented")
	wantRefusal(t, "replication", f.do(call{path: "/box?replication"}), 404, "ReplicationConfigurationNotFoundError")
	wantRefusal(t, "replicating", f.do(call{method: "PUT", path: "/box?replication"}), 501, "NotImplemented")
	f.allow("nobody", []string{"s3:GetObject"}, []string{"arn:aws:s3:::box/*"})
	for _, path := range []string{"/box?requestPayment", "/box?accelerate", "/box?replication"} {
		wantRefusal(t, path, f.do(call{as: "nobody", path: path}), 403, "AccessDenied")
	}
}
