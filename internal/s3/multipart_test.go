package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/object"
)

type createResult struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
	Bucket, Key, UploadId string
}

type completeResult struct {
	XMLName                                          xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
	Location, Bucket, Key, ETag, ChecksumType        string
	ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME string
	ChecksumSHA1, ChecksumSHA256                     string
}

func (r *completeResult) checksum(a object.Algorithm) string {
	return map[object.Algorithm]string{object.CRC32: r.ChecksumCRC32, object.CRC32C: r.ChecksumCRC32C, object.CRC64NVME: r.ChecksumCRC64NVME,
		object.SHA1: r.ChecksumSHA1, object.SHA256: r.ChecksumSHA256}[a]
}

func (f *fixture) create(path string, headers map[string]string) string {
	f.tb.Helper()
	return decodeXML[createResult](f.tb, f.must(call{method: "POST", path: path + "?uploads", headers: headers})).UploadId
}

func partPath(path, id string, number int) string {
	return fmt.Sprintf("%s?partNumber=%d&uploadId=%s", path, number, id)
}

// part uploads a part and returns its entry for the completion.
func (f *fixture) part(path, id string, number int, body string) string {
	f.tb.Helper()
	a := f.must(call{method: "PUT", path: partPath(path, id, number), body: body})
	return entry(number, a.header.Get("ETag"), "")
}

func entry(number int, etag, more string) string {
	return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>%s</Part>", number, strings.ReplaceAll(etag, `"`, "&quot;"), more)
}

func (f *fixture) complete(path, id string, headers map[string]string, entries ...string) answered {
	f.tb.Helper()
	return f.do(call{method: "POST", path: path + "?uploadId=" + id, headers: headers,
		body: `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + strings.Join(entries, "") + `</CompleteMultipartUpload>`})
}

func joinedETag(bodies ...string) string {
	var all []byte
	for _, b := range bodies {
		sum := md5.Sum([]byte(b))
		all = append(all, sum[:]...)
	}
	sum := md5.Sum(all)
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:]), len(bodies))
}

var (
	fiveMiB  = strings.Repeat("0123456789abcdef", 5<<20/16)
	lastPart = "the end"
)

func TestMultipartUpload(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	id := f.create("/box/a/b%20c", map[string]string{"Content-Type": "text/plain", "x-amz-meta-k": "v"})
	two := f.part("/box/a/b%20c", id, 7, lastPart)
	f.part("/box/a/b%20c", id, 2, "to be replaced")
	one := f.part("/box/a/b%20c", id, 2, fiveMiB)
	wantRefusal(t, "before completion", f.do(call{path: "/box/a/b%20c"}), 404, "NoSuchKey")
	a := f.complete("/box/a/b%20c", id, nil, one, two)
	r := decodeXML[completeResult](t, a)
	etag := joinedETag(fiveMiB, lastPart)
	if a.status != 200 || r.ETag != etag || r.Bucket != "box" || r.Key != "a/b c" || r.Location != "http://localhost:9000/box/a/b%20c" ||
		r.ChecksumCRC64NVME != sumOf(object.CRC64NVME, fiveMiB+lastPart) || r.ChecksumType != "FULL_OBJECT" {
		t.Errorf("complete: got %d %s", a.status, a.body)
	}
	again := decodeXML[completeResult](t, f.complete("/box/a/b%20c", id, nil, one, two))
	if again.ETag != r.ETag || again.ChecksumCRC64NVME != r.ChecksumCRC64NVME {
		t.Errorf("completed again: got %+v", again)
	}
	got := f.must(call{path: "/box/a/b%20c"})
	if got.body != fiveMiB+lastPart || got.header.Get("ETag") != etag || got.header.Get("Content-Type") != "text/plain" || got.meta("k") != "v" {
		t.Errorf("got %d bytes, %v", len(got.body), got.header)
	}
	got = f.do(call{path: "/box/a/b%20c", headers: map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", 5<<20-2, 5<<20+2)}})
	if got.status != 206 || got.body != "efthe" {
		t.Errorf("range over two parts: got %d %q", got.status, got.body)
	}
}

func TestReadOfOnePart(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	id := f.create("/box/k", map[string]string{"x-amz-checksum-algorithm": "CRC32"})
	var entries []string
	for number, body := range map[int]string{1: fiveMiB, 3: lastPart} {
		a := f.must(call{method: "PUT", path: partPath("/box/k", id, number), body: body, headers: map[string]string{"x-amz-checksum-crc32": sumOf(object.CRC32, body)}})
		entries = append(entries, entry(number, a.header.Get("ETag"), "<ChecksumCRC32>"+a.header.Get("x-amz-checksum-crc32")+"</ChecksumCRC32>"))
	}
	slices.Sort(entries)
	if a := f.complete("/box/k", id, nil, entries...); a.status != 200 {
		t.Fatalf("complete: got %d %s", a.status, a.body)
	}
	mode := map[string]string{"x-amz-checksum-mode": "ENABLED"}
	for number, body := range map[int]string{1: fiveMiB, 3: lastPart} {
		for _, method := range []string{"GET", "HEAD"} {
			a := f.do(call{method: method, path: fmt.Sprintf("/box/k?partNumber=%d", number), headers: mode})
			from := 0
			if number == 3 {
				from = len(fiveMiB)
			}
			want := fmt.Sprintf("bytes %d-%d/%d", from, from+len(body)-1, len(fiveMiB)+len(lastPart))
			if a.status != 206 || method == "GET" && a.body != body || a.header.Get("x-amz-mp-parts-count") != "2" || a.header.Get("Content-Range") != want ||
				a.header.Get("ETag") != joinedETag(fiveMiB, lastPart) || a.header.Get("x-amz-checksum-crc32") != sumOf(object.CRC32, body) ||
				a.header.Get("Content-Length") != fmt.Sprint(len(body)) {
				t.Errorf("%s part %d: got %d, %d bytes, %v", method, number, a.status, len(a.body), a.header)
			}
		}
	}
	wantRefusal(t, "part 2", f.do(call{path: "/box/k?partNumber=2"}), 416, "InvalidPartNumber")
	wantRefusal(t, "part 0", f.do(call{path: "/box/k?partNumber=0"}), 400, "InvalidArgument")
	wantRefusal(t, "part and range", f.do(call{path: "/box/k?partNumber=1", headers: map[string]string{"Range": "bytes=0-1"}}), 400, "InvalidRequest")
	whole := f.must(call{method: "HEAD", path: "/box/k", headers: mode})
	if got := whole.header.Get("x-amz-checksum-crc32"); !strings.HasSuffix(got, "-2") || whole.header.Get("x-amz-checksum-type") != "COMPOSITE" {
		t.Errorf("composite checksum: got %q %v", got, whole.header)
	}
	f.put("box", "single", "body")
	a := f.do(call{path: "/box/single?partNumber=1"})
	if a.status != 206 || a.body != "body" || a.header.Get("x-amz-mp-parts-count") != "" {
		t.Errorf("part 1 of a single object: got %d %q %v", a.status, a.body, a.header)
	}
	wantRefusal(t, "part 2 of a single object", f.do(call{path: "/box/single?partNumber=2"}), 416, "InvalidPartNumber")
}

func TestMultipartChecksums(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, test := range []struct {
		algorithm object.Algorithm
		kind      string
		want      string // "" is composite
	}{
		{object.CRC32, "", ""}, {object.CRC32C, "COMPOSITE", ""}, {object.SHA1, "", ""}, {object.SHA256, "COMPOSITE", ""},
		{object.CRC32, "FULL_OBJECT", sumOf(object.CRC32, fiveMiB+lastPart)}, {object.CRC32C, "FULL_OBJECT", sumOf(object.CRC32C, fiveMiB+lastPart)},
		{object.CRC64NVME, "", sumOf(object.CRC64NVME, fiveMiB+lastPart)}, {object.CRC64NVME, "FULL_OBJECT", sumOf(object.CRC64NVME, fiveMiB+lastPart)},
	} {
		what := fmt.Sprint(test.algorithm, " ", test.kind)
		headers := map[string]string{"x-amz-checksum-algorithm": test.algorithm.String()}
		if test.kind != "" {
			headers["x-amz-checksum-type"] = test.kind
		}
		name, element := checksumPrefix+algorithmHeader(test.algorithm), "Checksum"+test.algorithm.String()
		id := f.create("/box/k", headers)
		var entries, plain []string
		joined := newHash(test.algorithm)
		for i, body := range []string{fiveMiB, lastPart} {
			a := f.must(call{method: "PUT", path: partPath("/box/k", id, i+1), stream: trailing(test.algorithm, true, body, body)})
			sum := a.header.Get(name)
			if sum != sumOf(test.algorithm, body) || a.header.Get("x-amz-checksum-type") != "" {
				t.Errorf("%s, part %d: got %v", what, i+1, a.header)
			}
			raw, _ := base64.StdEncoding.DecodeString(sum)
			joined.Write(raw)
			entries = append(entries, entry(i+1, a.header.Get("ETag"), "<"+element+">"+sum+"</"+element+">"))
			plain = append(plain, entry(i+1, a.header.Get("ETag"), ""))
		}
		want := test.want
		if want == "" {
			want = base64.StdEncoding.EncodeToString(joined.Sum(nil)) + "-2"
			wantRefusal(t, what+" without checksums of parts", f.complete("/box/k", id, nil, plain...), 400, "InvalidRequest")
		}
		bad := strings.Replace(entries[0], "Checksum", "Checksum", 1)
		bad = strings.Replace(bad, sumOf(test.algorithm, fiveMiB), sumOf(test.algorithm, "other"), 1)
		wantRefusal(t, what+" with a wrong checksum of a part", f.complete("/box/k", id, nil, bad, entries[1]), 400, "InvalidPart")
		wantRefusal(t, what+" with a wrong checksum", f.complete("/box/k", id, map[string]string{name: sumOf(test.algorithm, "other")}, entries...), 400, "BadDigest")
		a := f.complete("/box/k", id, map[string]string{name: want, "x-amz-mp-object-size": fmt.Sprint(len(fiveMiB) + len(lastPart))}, entries...)
		r := decodeXML[completeResult](t, a)
		if a.status != 200 || r.checksum(test.algorithm) != want {
			t.Errorf("%s: got %d %s, want %s", what, a.status, a.body, want)
		}
		if a := f.must(call{method: "HEAD", path: "/box/k", headers: map[string]string{"x-amz-checksum-mode": "ENABLED"}}); a.header.Get(name) != want {
			t.Errorf("%s: head answered %v", what, a.header)
		}
	}
}

func TestMultipartChecksumRefusals(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	for _, test := range []struct {
		algorithm, kind string
		status          int
		code            string
	}{
		{"CRC64NVME", "COMPOSITE", 400, "InvalidRequest"}, {"SHA256", "FULL_OBJECT", 400, "InvalidRequest"}, {"SHA1", "FULL_OBJECT", 400, "InvalidRequest"},
		{"", "COMPOSITE", 400, "InvalidRequest"}, {"CRC32", "HALF", 400, "InvalidRequest"}, {"CRC31", "", 400, "InvalidRequest"}, {"XXHASH3", "", 501, "NotImplemented"},
	} {
		headers := map[string]string{}
		if test.algorithm != "" {
			headers["x-amz-checksum-algorithm"] = test.algorithm
		}
		if test.kind != "" {
			headers["x-amz-checksum-type"] = test.kind
		}
		wantRefusal(t, fmt.Sprint(headers), f.do(call{method: "POST", path: "/box/k?uploads", headers: headers}), test.status, test.code)
	}
	id := f.create("/box/k", map[string]string{"x-amz-checksum-algorithm": "SHA256"})
	a := f.do(call{method: "PUT", path: partPath("/box/k", id, 1), body: "x", headers: map[string]string{"x-amz-checksum-crc32": sumOf(object.CRC32, "x")}})
	wantRefusal(t, "another algorithm", a, 400, "InvalidRequest")
	a = f.do(call{method: "PUT", path: partPath("/box/k", id, 1), body: "x", headers: map[string]string{"x-amz-checksum-sha256": sumOf(object.SHA256, "y")}})
	wantRefusal(t, "wrong checksum", a, 400, "BadDigest")
	a = f.complete("/box/k", id, map[string]string{"x-amz-checksum-type": "FULL_OBJECT"}, entry(1, "x", ""))
	wantRefusal(t, "another type", a, 400, "InvalidRequest")
}

func TestCompletionRefusals(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	id := f.create("/box/k", nil)
	one, two := f.part("/box/k", id, 1, "too small"), f.part("/box/k", id, 2, lastPart)
	for name, test := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"nothing":         {"", 400, "MalformedXML"},
		"no parts":        {"<CompleteMultipartUpload/>", 400, "MalformedXML"},
		"other document":  {"<Delete>" + one + "</Delete>", 400, "MalformedXML"},
		"no ETag":         {"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", 400, "MalformedXML"},
		"two numbers":     {"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>", 400, "MalformedXML"},
		"no number":       {"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>", 400, "MalformedXML"},
		"number 0":        {"<CompleteMultipartUpload>" + entry(0, "x", "") + "</CompleteMultipartUpload>", 400, "InvalidArgument"},
		"newer checksum":  {"<CompleteMultipartUpload>" + entry(1, "x", "<ChecksumXXHASH3>AA==</ChecksumXXHASH3>") + "</CompleteMultipartUpload>", 501, "NotImplemented"},
		"wrong order":     {"<CompleteMultipartUpload>" + two + one + "</CompleteMultipartUpload>", 400, "InvalidPartOrder"},
		"twice":           {"<CompleteMultipartUpload>" + one + one + "</CompleteMultipartUpload>", 400, "InvalidPartOrder"},
		"missing part":    {"<CompleteMultipartUpload>" + entry(9999, etagOf(lastPart), "") + "</CompleteMultipartUpload>", 400, "InvalidPart"},
		"wrong ETag":      {"<CompleteMultipartUpload>" + entry(1, strings.Repeat("f", 32), "") + "</CompleteMultipartUpload>", 400, "InvalidPart"},
		"part too small":  {"<CompleteMultipartUpload>" + one + two + "</CompleteMultipartUpload>", 400, "EntityTooSmall"},
		"text after root": {"<CompleteMultipartUpload>" + one + "</CompleteMultipartUpload>x", 400, "MalformedXML"},
		"entities":        {`<!DOCTYPE a [<!ENTITY e "x">]><CompleteMultipartUpload>` + entry(1, "&e;", "") + "</CompleteMultipartUpload>", 400, "MalformedXML"},
	} {
		a := f.do(call{method: "POST", path: "/box/k?uploadId=" + id, body: test.body})
		wantRefusal(t, name, a, test.status, test.code)
	}
	wantRefusal(t, "size", f.complete("/box/k", id, map[string]string{"x-amz-mp-object-size": "1"}, one), 400, "InvalidRequest")
	wantRefusal(t, "size 0", f.complete("/box/k", id, map[string]string{"x-amz-mp-object-size": "0"}, one), 400, "InvalidArgument")
	wantRefusal(t, "If-Match on nothing", f.complete("/box/k", id, map[string]string{"If-Match": "*"}, one), 404, "NoSuchKey")
	f.put("box", "k", "there")
	wantRefusal(t, "If-None-Match", f.complete("/box/k", id, map[string]string{"If-None-Match": "*"}, one), 412, "PreconditionFailed")
	wantRefusal(t, "If-Match another", f.complete("/box/k", id, map[string]string{"If-Match": "x"}, one), 412, "PreconditionFailed")
	if a := f.complete("/box/k", id, map[string]string{"If-Match": etagOf("there")}, one); a.status != 200 {
		t.Errorf("If-Match: got %d %s", a.status, a.body)
	}
}

func TestUploadsThatAreNot(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	id := f.create("/box/k", nil)
	for _, c := range []call{
		{method: "PUT", path: partPath("/box/k", "56788", 1)}, {method: "PUT", path: partPath("/box/other", id, 1)}, {method: "PUT", path: partPath("/box/k", "", 1)},
		{path: "/box/k?uploadId=56788"}, {path: "/box/other?uploadId=" + id}, {method: "DELETE", path: "/box/k?uploadId=56788"}, {method: "DELETE", path: "/box/other?uploadId=" + id},
		{method: "POST", path: "/box/other?uploadId=" + id, body: "<CompleteMultipartUpload>" + entry(1, "x", "") + "</CompleteMultipartUpload>"},
	} {
		wantRefusal(t, c.method+" "+c.path, f.do(c), 404, "NoSuchUpload")
	}
	for _, number := range []string{"0", "10001", "-1", "x", ""} {
		a := f.do(call{method: "PUT", path: "/box/k?uploadId=" + id + "&partNumber=" + number})
		wantRefusal(t, "part number "+number, a, 400, "InvalidArgument")
	}
	f.part("/box/k", id, 10000, "x")
	if a := f.must(call{method: "DELETE", path: "/box/k?uploadId=" + id}); a.status != 204 {
		t.Errorf("abort: got %d", a.status)
	}
	wantRefusal(t, "after abort", f.do(call{path: "/box/k?uploadId=" + id}), 404, "NoSuchUpload")
	wantRefusal(t, "abort again", f.do(call{method: "DELETE", path: "/box/k?uploadId=" + id}), 404, "NoSuchUpload")
}

type partsResult struct {
	XMLName                                          xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
	Bucket, Key, UploadId, StorageClass              string
	Initiator, Owner                                 struct{ ID string }
	PartNumberMarker, NextPartNumberMarker, MaxParts int
	IsTruncated                                      bool
	Part                                             []struct {
		PartNumber                            int
		LastModified, ETag, ChecksumCRC64NVME string
		Size                                  int64
	}
}

func TestListParts(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	id := f.create("/box/k%26", nil)
	for _, n := range []int{1, 3, 5, 10000} {
		f.part("/box/k%26", id, n, fmt.Sprint("part ", n))
	}
	a := f.must(call{path: "/box/k%26?uploadId=" + id})
	r := decodeXML[partsResult](t, a)
	if r.Bucket != "box" || r.Key != "k&" || r.UploadId != id || r.Owner.ID != canonicalUser(account) || r.Initiator.ID != "arn:aws:iam::999999999999:root" || r.MaxParts != 1000 || r.IsTruncated || len(r.Part) != 4 {
		t.Errorf("got %+v", r)
	}
	if p := r.Part[1]; p.PartNumber != 3 || p.ETag != etagOf("part 3") || p.Size != 6 || p.LastModified != "2026-11-20T10:00:00.123Z" || p.ChecksumCRC64NVME != sumOf(object.CRC64NVME, "part 3") {
		t.Errorf("part: got %+v", p)
	}
	var numbers []int
	marker := 0
	for range 10 {
		a := f.must(call{path: fmt.Sprintf("/box/k%%26?uploadId=%s&max-parts=2&part-number-marker=%d", id, marker)})
		r := decodeXML[partsResult](t, a)
		for _, p := range r.Part {
			numbers = append(numbers, p.PartNumber)
		}
		if marker = r.NextPartNumberMarker; !r.IsTruncated {
			break
		}
	}
	if !slices.Equal(numbers, []int{1, 3, 5, 10000}) {
		t.Errorf("pages: got %v", numbers)
	}
	for _, query := range []string{"max-parts=x", "max-parts=-1", "part-number-marker=x", "part-number-marker=-1"} {
		wantRefusal(t, query, f.do(call{path: "/box/k%26?uploadId=" + id + "&" + query}), 400, "InvalidArgument")
	}
}

type uploadsResult struct {
	XMLName                                             xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
	Bucket, KeyMarker, UploadIdMarker, NextKeyMarker    string
	NextUploadIdMarker, Prefix, Delimiter, EncodingType string
	MaxUploads                                          int
	IsTruncated                                         bool
	Upload                                              []struct{ Key, UploadId, Initiated, StorageClass string }
	CommonPrefixes                                      []struct{ Prefix string }
}

func TestListMultipartUploads(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	var want []string
	for _, key := range []string{"a", "a", "b/1", "b/2", "c+d"} {
		want = append(want, key+" "+f.create("/box/"+key, nil))
	}
	var got []string
	keyMarker, idMarker := "", ""
	for range 10 {
		r := decodeXML[uploadsResult](t, f.must(call{path: "/box?uploads&max-uploads=2&key-marker=" + url.QueryEscape(keyMarker) + "&upload-id-marker=" + idMarker}))
		for _, u := range r.Upload {
			got = append(got, u.Key+" "+u.UploadId)
		}
		if keyMarker, idMarker = r.NextKeyMarker, r.NextUploadIdMarker; !r.IsTruncated {
			break
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("pages: got %q, want %q", got, want)
	}
	r := decodeXML[uploadsResult](t, f.must(call{path: "/box?uploads&delimiter=/&prefix=&encoding-type=url"}))
	if len(r.Upload) != 3 || r.Upload[2].Key != "c%2Bd" || len(r.CommonPrefixes) != 1 || r.CommonPrefixes[0].Prefix != "b/" || r.Upload[0].Initiated != "2026-11-20T10:00:00.123Z" {
		t.Errorf("delimiter: got %+v", r)
	}
	r = decodeXML[uploadsResult](t, f.must(call{path: "/box?uploads&prefix=b/&max-uploads=0"}))
	if len(r.Upload) != 0 || r.IsTruncated {
		t.Errorf("max-uploads=0: got %+v", r)
	}
	wantRefusal(t, "bad marker", f.do(call{path: "/box?uploads&key-marker=a&upload-id-marker=x"}), 400, "InvalidArgument")
}

func TestUploadPartCopy(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.put("box", "source", fiveMiB+"tail")
	id := f.create("/box/k", nil)
	copyPart := func(number int, source, bytes string) answered {
		c := call{method: "PUT", path: partPath("/box/k", id, number), headers: map[string]string{"x-amz-copy-source": source}}
		if bytes != "" {
			c.headers["x-amz-copy-source-range"] = bytes
		}
		return f.do(c)
	}
	var entries []string
	for i, bytes := range []string{fmt.Sprintf("bytes=0-%d", len(fiveMiB)-1), fmt.Sprintf("bytes=%d-%d", len(fiveMiB), len(fiveMiB)+3)} {
		a := copyPart(i+1, "/box/source", bytes)
		r := decodeXML[copyResult](t, a)
		want := []string{fiveMiB, "tail"}[i]
		if a.status != 200 || r.XMLName.Local != "CopyPartResult" || r.ETag != etagOf(want) || r.ChecksumCRC64NVME != sumOf(object.CRC64NVME, want) {
			t.Errorf("part %d: got %d %s", i+1, a.status, a.body)
		}
		entries = append(entries, entry(i+1, r.ETag, ""))
	}
	for _, bad := range []string{"0-2", "bytes=0", "bytes=hello-world", "bytes=0-bar", "bytes=hello-", "bytes=0-2,3-5", "bytes=-5", "bytes=5-4", "bytes=5-"} {
		wantRefusal(t, bad, copyPart(3, "box/source", bad), 400, "InvalidArgument")
	}
	wantRefusal(t, "past the end", copyPart(3, "box/source", fmt.Sprintf("bytes=0-%d", len(fiveMiB)+4)), 416, "InvalidRange")
	wantRefusal(t, "missing source", copyPart(3, "box/none", ""), 404, "NoSuchKey")
	if a := copyPart(3, "box/source", ""); a.status != 200 {
		t.Errorf("whole source: got %d %s", a.status, a.body)
	}
	if a := f.complete("/box/k", id, nil, entries...); a.status != 200 {
		t.Fatalf("complete: got %d %s", a.status, a.body)
	}
	if a := f.must(call{path: "/box/k"}); a.body != fiveMiB+"tail" {
		t.Errorf("got %d other bytes", len(a.body))
	}
	if a := f.copy("box/k", "/box/whole", nil); decodeXML[copyResult](t, a).ETag != etagOf(fiveMiB+"tail") {
		t.Errorf("copy of an object in parts: got %d %s", a.status, a.body)
	}
}
