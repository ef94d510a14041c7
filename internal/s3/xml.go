package s3

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"inro.dev/inro/internal/api"
)

// namespace is that of every answer of S3.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// appendTime appends t as S3 writes times in XML, "2006-01-02T15:04:05.000Z", in
// a third of the time of time.AppendFormat.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(appendTwo(appendTwo(b, year/100), year%100), '-')
	b = append(appendTwo(b, int(month)), '-')
	b = append(appendTwo(b, day), 'T')
	b = append(appendTwo(b, hour), ':')
	b = append(appendTwo(b, minute), ':')
	b = append(appendTwo(b, second), '.')
	ms := t.Nanosecond() / 1e6
	return append(appendTwo(b, ms/10), byte('0'+ms%10), 'Z')
}

// appendTwo appends the two digits of a number below 100.
func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// document is an XML answer in the making. encoding/xml takes 5 times as long
// for a page of a listing, and replaces characters that XML cannot hold, which
// would make a key look like another.
type document struct {
	b    []byte
	root string
}

// newDocument begins a document with room for sizeBytes.
func newDocument(root string, sizeBytes int) *document {
	d := &document{b: make([]byte, 0, sizeBytes+256), root: root}
	d.b = append(d.b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<"...)
	d.b = append(d.b, root...)
	d.b = append(d.b, ` xmlns="`+namespace+`">`...)
	return d
}

// xmlOutput is an answer that is only a document.
type xmlOutput struct {
	ContentType string       `header:"Content-Type"`
	Body        *api.Payload `payload:"stream"`
}

// output ends the document.
func (d *document) output() *xmlOutput {
	return &xmlOutput{ContentType: "application/xml", Body: d.payload()}
}

func (d *document) payload() *api.Payload {
	d.close(d.root)
	return &api.Payload{Reader: bytes.NewReader(d.b), Length: int64(len(d.b))}
}

// String ends the document and returns it.
func (d *document) String() string {
	d.close(d.root)
	return string(d.b)
}

func (d *document) open(name string) {
	d.b = append(d.b, '<')
	d.b = append(d.b, name...)
	d.b = append(d.b, '>')
}

func (d *document) close(name string) {
	d.b = append(d.b, '<', '/')
	d.b = append(d.b, name...)
	d.b = append(d.b, '>')
}

func (d *document) text(name, value string) {
	d.open(name)
	d.b = appendText(d.b, value)
	d.close(name)
}

func (d *document) etag(value string) {
	d.b = append(d.b, "<ETag>&quot;"...)
	d.b = append(d.b, value...)
	d.b = append(d.b, "&quot;</ETag>"...)
}

func (d *document) int(name string, value int64) {
	d.open(name)
	d.b = strconv.AppendInt(d.b, value, 10)
	d.close(name)
}

func (d *document) bool(name string, value bool) {
	d.open(name)
	d.b = strconv.AppendBool(d.b, value)
	d.close(name)
}

func (d *document) time(name string, value time.Time) {
	d.open(name)
	d.b = appendTime(d.b, value)
	d.close(name)
}

// owner writes an account as S3 names it; see Service.writeOwner.
func (d *document) owner(element, canonicalUser, displayName string) {
	d.open(element)
	d.text("ID", canonicalUser)
	d.text("DisplayName", displayName)
	d.close(element)
}

// plain tells the bytes that stand for themselves in XML text.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != '&' && c != '<' && c != '>' && c != '"' && c < utf8.RuneSelf
	}
	return t
}()

// appendText appends s escaped. Characters outside of XML 1.0 become numeric
// references, as in S3; bytes that are not UTF-8 become U+FFFD.
func appendText(b []byte, s string) []byte {
	done := 0
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		replacement := ""
		switch {
		case r == '&':
			replacement = "&amp;"
		case r == '<':
			replacement = "&lt;"
		case r == '>':
			replacement = "&gt;"
		case r == '"':
			replacement = "&quot;"
		case r == utf8.RuneError && n == 1:
			replacement = "\uFFFD"
		case r < 0x20 || r == 0xFFFE || r == 0xFFFF:
			replacement = "&#x" + strconv.FormatInt(int64(r), 16) + ";"
		default:
			i += n
			continue
		}
		b = append(b, s[done:i]...)
		b = append(b, replacement...)
		i += n
		done = i
	}
	return append(b, s[done:]...)
}

const upperHex = "0123456789ABCDEF"

// appendURL appends s percent-encoded for encoding-type=url. A space is %20,
// which every client decodes; a slash stays.
func appendURL(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '/':
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// names writes keys, prefixes and markers of one listing.
type names struct {
	*document
	url bool // encoding-type=url
}

func (d names) name(element, value string) {
	if !d.url {
		d.text(element, value)
		return
	}
	d.open(element)
	d.b = appendURL(d.b, value)
	d.close(element)
}
