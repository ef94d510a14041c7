package s3

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"inro.dev/inro/internal/object"
)

func FuzzDeleteObjectsBody(f *testing.F) {
	f.Add(`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet><Object><Key>a&amp;b</Key><VersionId>null</VersionId><ETag>"x"</ETag></Object></Delete>`)
	f.Add(`<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>`)
	f.Fuzz(func(t *testing.T, body string) {
		var list deleteList
		if xml.Unmarshal([]byte(body), &list) != nil {
			return
		}
		all, err := list.deletions(false)
		if err != nil {
			return
		}
		if len(all) == 0 || len(all) > maxDeletes || len(all) != len(list.Objects) {
			t.Fatalf("got %d deletions of %d entries", len(all), len(list.Objects))
		}
		for i, d := range all {
			if d.key != list.Objects[i].Key[0] || d.version != nil && *d.version == "" {
				t.Fatalf("entry %d: got %+v", i, d)
			}
		}
	})
}

func FuzzCompleteMultipartUploadBody(f *testing.F) {
	f.Add(`<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"x"</ETag><ChecksumCRC32>y/Q5Jg==</ChecksumCRC32></Part></CompleteMultipartUpload>`)
	f.Fuzz(func(t *testing.T, body string) {
		var upload completedUpload
		if xml.Unmarshal([]byte(body), &upload) != nil {
			return
		}
		parts, err := upload.parts()
		if err != nil {
			return
		}
		for _, p := range parts {
			if p.Number < 1 || p.Number > object.MaxPartNumber || p.ETag == "" {
				t.Fatalf("got %+v", p)
			}
			for _, c := range p.Checksums {
				if len(c.Sum) != c.Algorithm.Size() {
					t.Fatalf("got checksum %+v", c)
				}
			}
		}
	})
}

// FuzzLifecycleConfiguration checks that what is accepted is given back in a form
// that means the same.
func FuzzLifecycleConfiguration(f *testing.F) {
	f.Add(`<LifecycleConfiguration><Rule><ID>a</ID><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter><Status>Enabled</Status>` +
		`<Expiration><Date>2030-01-01</Date></Expiration><NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>`)
	f.Add(`<LifecycleConfiguration><Rule><Prefix>p</Prefix><Status>Disabled</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>` +
		`<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>`)
	f.Fuzz(func(t *testing.T, body string) {
		var first, second lifecycleConfiguration
		if xml.Unmarshal([]byte(body), &first) != nil {
			return
		}
		c, err := first.read()
		if err != nil {
			return
		}
		kept, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := lifecycleRules.parse(string(kept))
		if err != nil {
			t.Fatal(err)
		}
		d := newDocument("LifecycleConfiguration", 0)
		for i := range stored.Rules {
			d.lifecycleRule(&stored.Rules[i])
		}
		d.close("LifecycleConfiguration")
		if err := xml.Unmarshal(d.b, &second); err != nil {
			if bytes.Contains(d.b, []byte("&#x")) {
				return // a character that XML cannot hold
			}
			t.Fatalf("%s: %v", d.b, err)
		}
		again, err := second.read()
		if err != nil {
			t.Fatalf("%s: %v", d.b, err)
		}
		if a, _ := json.Marshal(again); !bytes.Equal(a, kept) {
			t.Fatalf("%s\nwas given back as %s,\nwhich is %s", kept, d.b, a)
		}
	})
}

func FuzzCreateBucketConfiguration(f *testing.F) {
	f.Add(constraint("eu-west-1"), region)
	f.Add(constraint("EU"), classicRegion)
	f.Fuzz(func(t *testing.T, body, asked string) {
		var in createBucketInput
		if xml.Unmarshal([]byte(body), &in.Configuration) != nil {
			return
		}
		_ = in.refuse()
		s := &Service{region: region}
		got, err := s.location(asked, in.constraint())
		if err == nil && got != classicRegion && got != region && !regionPattern.MatchString(got) {
			t.Fatalf("constraint %q asked for in %q: got region %q", in.constraint(), asked, got)
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=-1", "bytes=1-", "bytes=0-0,1-1", "bytes=99999999999999999999-", "bytes=+1-2"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		r, partial, err := parseRange(header, size)
		if err != nil && partial || partial && (r.offset < 0 || r.length < 1 || r.offset > size-r.length) {
			t.Fatalf("%q of %d bytes: got %+v, %v, %v", header, size, r, partial, err)
		}
		c, err := parseCopyRange(header, size)
		if err == nil && (c.offset < 0 || c.length < 0 || c.offset > size-c.length) {
			t.Fatalf("copy %q of %d bytes: got %+v", header, size, c)
		}
		if err == nil && header != "" && partial && c != r {
			t.Fatalf("%q of %d bytes: a read takes %+v, a copy %+v", header, size, r, c)
		}
	})
}

func FuzzCopySource(f *testing.F) {
	for _, s := range []string{"/b/k", "b/k?versionId=null", "b%2Fk", "b//k", "/b/%3FversionId=x", "b/k?versionId=a?versionId=null"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		source, err := parseCopySource(header)
		if err != nil {
			return
		}
		if source.bucket == "" || source.key == "" || strings.Contains(source.bucket, "/") {
			t.Fatalf("%q: got %+v", header, source)
		}
		// What was read, written again, is read as the same.
		again := url.PathEscape(source.bucket) + "/" + url.PathEscape(source.key)
		if source.version != nil {
			again += "?versionId=" + *source.version
		}
		second, err := parseCopySource(again)
		if err != nil || second.String() != source.String() || second.bucket != source.bucket || second.key != source.key {
			t.Fatalf("%q: got %+v, then %+v, %v", header, source, second, err)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("a&b<c>\"'\x00\n\r\uFFFE\xff")
	f.Fuzz(func(t *testing.T, text string) {
		out := string(appendText(nil, text))
		if !utf8.ValidString(out) || strings.ContainsAny(out, "<>\"\x00\n\r") {
			t.Fatalf("%q: got %q", text, out)
		}
		for _, r := range text {
			if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
				return // no XML parser takes the reference
			}
		}
		var back string
		if err := xml.Unmarshal([]byte("<a>"+out+"</a>"), &back); err != nil || utf8.ValidString(text) && back != text {
			t.Fatalf("%q: got %q, read back as %q, %v", text, out, back, err)
		}
		if encoded := string(appendURL(nil, text)); func() bool { got, err := url.PathUnescape(encoded); return err != nil || got != text }() {
			t.Fatalf("%q: got %q", text, encoded)
		}
	})
}

func FuzzContinuationToken(f *testing.F) {
	f.Add("MWE", "a")
	f.Fuzz(func(t *testing.T, token, name string) {
		_, _ = decodeToken(token)
		if got, err := decodeToken(encodeToken(name)); err != nil || got != name {
			t.Fatalf("%q: got %q, %v", name, got, err)
		}
	})
}

func FuzzBucketName(f *testing.F) {
	f.Add("a.b-c")
	f.Fuzz(func(t *testing.T, name string) {
		if checkBucketName(name) == nil && (strings.ContainsAny(name, "/:*?$ \x00") || name != strings.ToLower(name)) {
			t.Fatalf("%q was accepted", name)
		}
	})
}
