package sigv4

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A canonical request (Signature Version 4 documentation, "Create a canonical
// request") is, without spaces:
//
//	method      \n
//	path        \n   see appendS3Path and appendServicePath
//	query       \n   see appendCanonicalQuery
//	name:value  \n   for each signed header, ascending
//	            \n
//	name;name   \n   the signed headers
//	payload          hash of the body, or what stands for it
//
// canonical lists what it is made from beside the request itself.
type canonical struct {
	service    string
	signed     []string // lower case, ascending
	signedList string   // the same, separated by semicolons
	presigned  bool     // leave X-Amz-Signature out of the query
	payload    string
}

// appendTo appends the canonical request of r. It fails on a query that
// cannot be decoded and on a signed header that r does not have.
func (c *canonical) appendTo(dst []byte, r *http.Request) ([]byte, error) {
	dst = append(dst, r.Method...)
	dst = append(dst, '\n')
	if c.service == serviceS3 {
		dst = appendS3Path(dst, r.URL.Path)
	} else {
		dst = appendServicePath(dst, r.URL.EscapedPath())
	}
	dst = append(dst, '\n')
	dst, err := appendCanonicalQuery(dst, r.URL.RawQuery, c.presigned)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '\n')
	for _, name := range c.signed {
		dst = append(dst, name...)
		dst = append(dst, ':')
		var ok bool
		if dst, ok = appendHeader(dst, r, name); !ok {
			return dst, refuse(KindSignatureMismatch, "The signed header "+name+" is not in the request.")
		}
		dst = append(dst, '\n')
	}
	dst = append(dst, '\n')
	dst = append(dst, c.signedList...)
	dst = append(dst, '\n')
	return append(dst, c.payload...), nil
}

// appendS3Path encodes each byte of the decoded path once, but '/': an object
// key is never normalised.
func appendS3Path(dst []byte, path string) []byte {
	if path == "" {
		return append(dst, '/')
	}
	return appendEncoded(dst, path, true)
}

// appendServicePath normalises the path as it is on the wire, already
// escaped, and encodes it again.
func appendServicePath(dst []byte, escaped string) []byte {
	if !normalPath(escaped) {
		escaped = normalizePath(escaped)
	}
	return appendEncoded(dst, escaped, true)
}

// normalPath reports whether a path begins with '/' and has neither empty
// segments nor dot segments.
func normalPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	rest, more := path[1:], true
	for more {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "." || segment == ".." || segment == "" && more {
			return false
		}
	}
	return true
}

// normalizePath removes dot segments (RFC 3986 section 5.2.4) and empty ones.
func normalizePath(path string) string {
	var kept []string
	segments := strings.Split(path, "/")
	for _, s := range segments {
		switch s {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, s)
		}
	}
	normal := "/" + strings.Join(kept, "/")
	switch last := segments[len(segments)-1]; {
	case len(kept) > 0 && (last == "" || last == "." || last == ".."):
		return normal + "/"
	}
	return normal
}

// span is one query parameter in encoded form within a buffer.
type span struct{ start, nameEnd, valueStart, end int }

// appendCanonicalQuery decodes each name and value of a raw query, encodes
// them again and sorts by name, then value. A literal '+' is a space, as form
// decoding has it; an empty parameter ("&&") is dropped. A literal ';' is
// refused outside X-Amz-SignedHeaders, because some decoders take it for '&'.
func appendCanonicalQuery(dst []byte, raw string, presigned bool) ([]byte, error) {
	if raw == "" {
		return dst, nil
	}
	if len(raw) > maxQueryBytes {
		return dst, refuse(KindInvalidRequest, "The query string is too long.")
	}
	var encodedArray [768]byte
	var spanArray [16]span
	encoded, spans := encodedArray[:0], spanArray[:0]
	for raw != "" {
		var pair string
		if pair, raw, _ = strings.Cut(raw, "&"); pair == "" {
			continue
		}
		if len(spans) == maxQueryParams {
			return dst, refuse(KindInvalidRequest, "The query string has too many parameters.")
		}
		var s span
		var ok bool
		if encoded, s, ok = appendPair(encoded, pair); !ok {
			return dst, errBadEscape()
		}
		if presigned && string(encoded[s.start:s.nameEnd]) == paramNames[paramSignature] {
			continue
		}
		spans = append(spans, s)
	}
	compare := func(a, b span) int {
		if c := bytes.Compare(encoded[a.start:a.nameEnd], encoded[b.start:b.nameEnd]); c != 0 {
			return c
		}
		return bytes.Compare(encoded[a.valueStart:a.end], encoded[b.valueStart:b.end])
	}
	if !slices.IsSortedFunc(spans, compare) {
		slices.SortFunc(spans, compare)
	}
	for i, s := range spans {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, encoded[s.start:s.end]...)
	}
	return dst, nil
}

// appendPair appends "name=value" of one raw parameter, encoded.
func appendPair(dst []byte, pair string) ([]byte, span, bool) {
	name, value, _ := strings.Cut(pair, "=")
	s := span{start: len(dst)}
	dst, ok := appendReencoded(dst, name, false)
	if !ok {
		return dst, s, false
	}
	s.nameEnd = len(dst)
	semicolons := string(dst[s.start:s.nameEnd]) == paramNames[paramSignedHeaders]
	dst = append(dst, '=')
	s.valueStart = len(dst)
	dst, ok = appendReencoded(dst, value, semicolons)
	s.end = len(dst)
	return dst, s, ok
}

// appendReencoded decodes a part of a query and encodes it.
func appendReencoded(dst []byte, s string, semicolons bool) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case unreserved[c]:
			dst = append(dst, c)
			continue
		case c == '+':
			c = ' '
		case c == ';' && !semicolons:
			return dst, false
		case c == '%':
			b, ok := unhex(s, i+1)
			if !ok {
				return dst, false
			}
			i += 2
			if unreserved[b] {
				dst = append(dst, b)
				continue
			}
			c = b
		}
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
	}
	return dst, true
}

// appendEncoded percent-encodes every byte but the unreserved ones of RFC
// 3986 and, in a path, '/'.
func appendEncoded(dst []byte, s string, path bool) []byte {
	plain := 0 // start of a run that stays as it is
	for i := range len(s) {
		c := s[i]
		if unreserved[c] || c == '/' && path {
			continue
		}
		dst = append(dst, s[plain:i]...)
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		plain = i + 1
	}
	return append(dst, s[plain:]...)
}

const upperHex = "0123456789ABCDEF"

// unreserved is the table of RFC 3986 section 2.3.
var unreserved = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'A': true, 'B': true, 'C': true, 'D': true, 'E': true, 'F': true, 'G': true, 'H': true, 'I': true, 'J': true,
	'K': true, 'L': true, 'M': true, 'N': true, 'O': true, 'P': true, 'Q': true, 'R': true, 'S': true, 'T': true,
	'U': true, 'V': true, 'W': true, 'X': true, 'Y': true, 'Z': true,
	'a': true, 'b': true, 'c': true, 'd': true, 'e': true, 'f': true, 'g': true, 'h': true, 'i': true, 'j': true,
	'k': true, 'l': true, 'm': true, 'n': true, 'o': true, 'p': true, 'q': true, 'r': true, 's': true, 't': true,
	'u': true, 'v': true, 'w': true, 'x': true, 'y': true, 'z': true,
	'-': true, '.': true, '_': true, '~': true,
}

// appendHeader appends the canonical value of the header name, in lower case:
// values trimmed, runs of blanks made one space, joined by commas. It reports
// false if r has no such header. Three headers are not in Header: net/http
// keeps Host, Transfer-Encoding and (of chunked bodies) Content-Length in
// fields of their own.
func appendHeader(dst []byte, r *http.Request, name string) ([]byte, bool) {
	if name == "host" {
		host := requestHost(r)
		return append(dst, host...), host != ""
	}
	if values := lookup(r.Header, name); len(values) > 0 {
		for i, v := range values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendTrimmed(dst, v)
		}
		return dst, true
	}
	switch name {
	case "content-length":
		return strconv.AppendInt(dst, r.ContentLength, 10), r.ContentLength >= 0
	case "transfer-encoding":
		return append(dst, strings.Join(r.TransferEncoding, ",")...), len(r.TransferEncoding) > 0
	}
	return dst, false
}

// requestHost returns the Host header as sent, or as it will be sent.
func requestHost(r *http.Request) string {
	if r.Host == "" {
		return r.URL.Host
	}
	return r.Host
}

// lookup finds a header by its lower-case name, without allocating the
// canonical spelling that Header is keyed by.
func lookup(h http.Header, name string) []string {
	var array [64]byte
	if len(name) > len(array) {
		return h[http.CanonicalHeaderKey(name)]
	}
	key := array[:len(name)]
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		key[i] = c
		upper = c == '-'
	}
	return h[string(key)]
}

func appendTrimmed(dst []byte, v string) []byte {
	v = trim(v)
	if strings.IndexByte(v, '\t') < 0 && !strings.Contains(v, "  ") {
		return append(dst, v...)
	}
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == ' ' || c == '\t' {
			for i+1 < len(v) && (v[i+1] == ' ' || v[i+1] == '\t') {
				i++
			}
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}
