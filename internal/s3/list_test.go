package s3

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

type listResult struct {
	XMLName                           xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name, Prefix, Marker, NextMarker  string
	Delimiter, EncodingType           string
	ContinuationToken                 *string
	NextContinuationToken, StartAfter string
	MaxKeys, KeyCount                 int
	IsTruncated                       bool
	Contents                          []struct {
		Key, LastModified, ETag, StorageClass, ChecksumAlgorithm, ChecksumType string
		Size                                                                   int64
		Owner                                                                  *struct{ ID string }
	}
	CommonPrefixes []struct{ Prefix string }
}

func (r *listResult) keys() []string {
	var keys []string
	for _, c := range r.Contents {
		keys = append(keys, c.Key)
	}
	return keys
}

func (r *listResult) prefixes() []string {
	var prefixes []string
	for _, p := range r.CommonPrefixes {
		prefixes = append(prefixes, p.Prefix)
	}
	return prefixes
}

func (f *fixture) list(query string) listResult {
	f.tb.Helper()
	return decodeXML[listResult](f.tb, f.must(call{path: "/box?" + query}))
}

func fill(f *fixture, keys ...string) {
	f.tb.Helper()
	f.bucket("box")
	for _, k := range keys {
		f.put("box", k, k)
	}
}

func TestListEntries(t *testing.T) {
	f := newFixture(t)
	fill(f, "b", "a")
	f.advance(time.Second)
	f.put("box", "c/d", "ccc")
	l := f.list("list-type=2")
	if l.Name != "box" || l.KeyCount != 3 || l.MaxKeys != 1000 || l.IsTruncated || !slices.Equal(l.keys(), []string{"a", "b", "c/d"}) {
		t.Fatalf("got %+v", l)
	}
	c := l.Contents[2]
	if c.LastModified != "2026-11-20T10:00:01.123Z" || c.ETag != etagOf("ccc") || c.Size != 3 || c.StorageClass != "STANDARD" ||
		c.ChecksumAlgorithm != "CRC64NVME" || c.ChecksumType != "FULL_OBJECT" || c.Owner != nil {
		t.Errorf("entry: got %+v", c)
	}
	if l := f.list("list-type=2&fetch-owner=true"); l.Contents[0].Owner == nil || l.Contents[0].Owner.ID != canonicalUser(account) {
		t.Errorf("fetch-owner: got %+v", l.Contents[0])
	}
	if l := f.list(""); l.Contents[0].Owner == nil || l.KeyCount != 0 {
		t.Errorf("version 1: got %+v", l)
	}
}

func TestListPrefixAndDelimiter(t *testing.T) {
	f := newFixture(t)
	fill(f, "asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla", "0/", "b%r", "boo/")
	for _, test := range []struct {
		query          string
		keys, prefixes []string
	}{
		{"delimiter=/", []string{"asdf", "b%r"}, []string{"0/", "boo/", "cquux/"}},
		{"delimiter=/&prefix=boo/", []string{"boo/", "boo/bar"}, []string{"boo/baz/"}},
		{"delimiter=/&prefix=boo", nil, []string{"boo/"}},
		{"delimiter=a", []string{"0/", "b%r", "boo/", "cquux/thud"}, []string{"a", "boo/ba", "cquux/bla"}},
		{"delimiter=%25", []string{"0/", "asdf", "boo/", "boo/bar", "boo/baz/xyzzy", "cquux/bla", "cquux/thud"}, []string{"b%"}},
		{"delimiter=", []string{"0/", "asdf", "b%r", "boo/", "boo/bar", "boo/baz/xyzzy", "cquux/bla", "cquux/thud"}, nil},
		{"prefix=zzz", nil, nil},
		{"prefix=%0a", nil, nil},
		{"prefix=%ff", nil, nil},
		{"delimiter=az/x", []string{"0/", "asdf", "b%r", "boo/", "boo/bar", "cquux/bla", "cquux/thud"}, []string{"boo/baz/x"}},
	} {
		for _, kind := range []string{"", "&list-type=2"} {
			l := f.list(test.query + kind)
			if !slices.Equal(l.keys(), test.keys) || !slices.Equal(l.prefixes(), test.prefixes) {
				t.Errorf("%s: got %q %q, want %q %q", test.query+kind, l.keys(), l.prefixes(), test.keys, test.prefixes)
			}
			q, _ := url.ParseQuery(test.query)
			if l.Delimiter != q.Get("delimiter") || strings.ToValidUTF8(l.Prefix, "?") != strings.ToValidUTF8(q.Get("prefix"), "\uFFFD") {
				t.Errorf("%s: got delimiter %q, prefix %q", test.query+kind, l.Delimiter, l.Prefix)
			}
			if kind != "" && l.KeyCount != len(test.keys)+len(test.prefixes) {
				t.Errorf("%s: got KeyCount %d", test.query+kind, l.KeyCount)
			}
		}
	}
}

func TestListPages(t *testing.T) {
	f := newFixture(t)
	var keys []string
	for i := range 23 {
		keys = append(keys, fmt.Sprintf("dir%d/%d", i/5, i), fmt.Sprintf("k%02d", i))
	}
	fill(f, keys...)
	slices.Sort(keys)
	for _, delimiter := range []string{"", "/"} {
		whole := f.list("delimiter=" + delimiter)
		want := append(whole.keys(), whole.prefixes()...)
		for _, size := range []int{1, 2, 5, 7, 100} {
			var v1, v2 []string
			marker, token := "", ""
			for pages := 0; pages < 60; pages++ {
				l := f.list(fmt.Sprintf("delimiter=%s&max-keys=%d&marker=%s", delimiter, size, url.QueryEscape(marker)))
				v1 = append(v1, append(l.keys(), l.prefixes()...)...)
				if !l.IsTruncated {
					break
				}
				if marker = l.NextMarker; delimiter == "" {
					if marker != "" {
						t.Fatalf("NextMarker %q without a delimiter", marker)
					}
					marker = l.Contents[len(l.Contents)-1].Key
				}
			}
			for pages := 0; pages < 60; pages++ {
				l := f.list(fmt.Sprintf("list-type=2&delimiter=%s&max-keys=%d&continuation-token=%s&start-after=", delimiter, size, token))
				v2 = append(v2, append(l.keys(), l.prefixes()...)...)
				if token = l.NextContinuationToken; (token != "") != l.IsTruncated {
					t.Fatalf("truncated %v with token %q", l.IsTruncated, token)
				}
				if token == "" {
					break
				}
			}
			slices.Sort(want)
			slices.Sort(v1)
			slices.Sort(v2)
			if !slices.Equal(v1, want) || !slices.Equal(v2, want) {
				t.Errorf("delimiter %q, pages of %d: got %q and %q, want %q", delimiter, size, v1, v2, want)
			}
		}
	}
}

func TestListParameters(t *testing.T) {
	f := newFixture(t)
	fill(f, "bar", "baz", "foo", "quxx")
	if l := f.list("max-keys=0"); len(l.Contents) != 0 || l.IsTruncated || l.MaxKeys != 0 {
		t.Errorf("max-keys=0: got %+v", l)
	}
	if l := f.list("max-keys=5000&list-type=2"); l.MaxKeys != 1000 || l.KeyCount != 4 {
		t.Errorf("max-keys=5000: got %+v", l)
	}
	if l := f.list("list-type=2&continuation-token="); l.ContinuationToken == nil || *l.ContinuationToken != "" || l.KeyCount != 4 {
		t.Errorf("empty token: got %+v", l)
	}
	first := f.list("list-type=2&start-after=bar&max-keys=1")
	l := f.list("list-type=2&start-after=bar&continuation-token=" + first.NextContinuationToken)
	if l.StartAfter != "bar" || *l.ContinuationToken != first.NextContinuationToken || !slices.Equal(l.keys(), []string{"foo", "quxx"}) {
		t.Errorf("token and start-after: got %+v", l)
	}
	if l := f.list("list-type=2&start-after=blah"); !slices.Equal(l.keys(), []string{"foo", "quxx"}) {
		t.Errorf("start after a key that is not there: got %+v", l)
	}
	if l := f.list("marker=zzz"); len(l.Contents) != 0 || l.Marker != "zzz" {
		t.Errorf("marker behind the end: got %+v", l)
	}
	for _, query := range []string{"max-keys=blah", "max-keys=-1", "max-keys=99999999999", "encoding-type=x", "list-type=2&continuation-token=!", "list-type=2&continuation-token=eHl6"} {
		wantRefusal(t, query, f.do(call{path: "/box?" + query}), 400, "InvalidArgument")
	}
}

func TestListEncoding(t *testing.T) {
	f := newFixture(t)
	fill(f, "foo+1/bar", "foo/bar/xyzzy", "quux ab/thud", "asdf+b", "a\x01\x00\n\r\t&<>\"'", "日本", "\uFFFE")
	l := f.list("encoding-type=url&delimiter=/&prefix=&marker=+")
	if l.EncodingType != "url" || l.Delimiter != "/" || l.Marker != "%20" {
		t.Errorf("got %+v", l)
	}
	wantKeys := []string{"a%01%00%0A%0D%09%26%3C%3E%22%27", "asdf%2Bb", "%E6%97%A5%E6%9C%AC", "%EF%BF%BE"}
	if !slices.Equal(l.keys(), wantKeys) || !slices.Equal(l.prefixes(), []string{"foo%2B1/", "foo/", "quux%20ab/"}) {
		t.Errorf("encoded: got %q %q", l.keys(), l.prefixes())
	}
	// Without encoding, characters that XML cannot hold are references.
	a := f.must(call{path: "/box?prefix=a"})
	if want := "<Key>a&#x1;&#x0;&#xa;&#xd;&#x9;&amp;&lt;&gt;&quot;'</Key>"; !strings.Contains(a.body, want) {
		t.Errorf("got %s, want %s", a.body, want)
	}
	if a := f.must(call{path: "/box?prefix=" + url.QueryEscape("\uFFFE")}); !strings.Contains(a.body, "<Key>&#xfffe;</Key>") {
		t.Errorf("got %s", a.body)
	}
	l = f.list("list-type=2&encoding-type=url&start-after=a%2Bb&delimiter=+&prefix=q")
	if l.StartAfter != "a%2Bb" || l.Delimiter != "%20" || !slices.Equal(l.prefixes(), []string{"quux%20"}) {
		t.Errorf("got %+v", l)
	}
}

func TestTextIsEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "a&b<c>d\"e'f": "a&amp;b&lt;c&gt;d&quot;e'f", "\x00\x1f\n": "&#x0;&#x1f;&#xa;", "é日\U0001F600": "é日\U0001F600", "a\xffb": "a\uFFFDb", "\uFFFD": "\uFFFD",
	} {
		if got := string(appendText(nil, in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestTimesAreWrittenAsS3Does(t *testing.T) {
	const layout = "2006-01-02T15:04:05.000Z"
	for _, at := range []time.Time{
		time.Date(2026, 1, 2, 3, 4, 5, 6_999_999, time.UTC), time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(1999, 10, 10, 10, 10, 10, 120_000_000, time.FixedZone("", 9*3600)), time.Unix(0, 0),
	} {
		if got, want := string(appendTime(nil, at)), at.UTC().Format(layout); got != want {
			t.Errorf("%v: got %s, want %s", at, got, want)
		}
	}
}
