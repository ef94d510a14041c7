package policy

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// nodeKind is the JSON type of a node.
type nodeKind int

const (
	nullNode nodeKind = iota
	objectNode
	listNode
	stringNode
	numberNode
	boolNode
)

// node is a JSON value with its place in the text.
type node struct {
	kind       nodeKind
	text       string // the decoded string, the number as written, true or false
	members    []member
	items      []node
	start, end Position // end is just after the value
	from, to   int      // byte offsets
}

type member struct {
	name  node
	value node
}

// jsonReader reads JSON more strictly than encoding/json: duplicate names, invalid UTF-8 and unpaired surrogates are
// errors, depth and counts are bounded, and every value keeps its position.
type jsonReader struct {
	text   []byte
	at     int
	line   int
	column int
	values int
}

// readJSON reads a whole document.
func readJSON(text []byte) (node, error) {
	r := &jsonReader{text: text, line: 1, column: 1}
	if !utf8.Valid(text) {
		return node{}, r.errorf("The document is not valid UTF-8.")
	}
	if utf8.RuneCount(text) > MaxDocumentChars {
		return node{}, r.errorf("The document is longer than " + strconv.Itoa(MaxDocumentChars) + " characters.")
	}
	r.skipSpace()
	n, err := r.value(0)
	if err != nil {
		return node{}, err
	}
	r.skipSpace()
	if r.at < len(r.text) {
		return node{}, r.errorf("Text follows the document.")
	}
	return n, nil
}

func (r *jsonReader) errorf(detail string) *Error {
	return syntaxError(r.position(), detail)
}

func syntaxError(at Position, detail string) *Error {
	return &Error{Problem: ProblemSyntax, Message: "Syntax errors in policy.", Detail: detail, Line: at.Line, Column: at.Column}
}

func (r *jsonReader) position() Position { return Position{Line: r.line, Column: r.column} }

// peek returns the next byte, 0 at the end (0 is not allowed anywhere, so the two need no telling apart).
func (r *jsonReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// skip moves over n bytes of ASCII that are not line feeds.
func (r *jsonReader) skip(n int) {
	r.at += n
	r.column += n
}

func (r *jsonReader) skipSpace() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case '\n':
			r.at++
			r.line++
			r.column = 1
		case ' ', '\t', '\r':
			r.skip(1)
		default:
			return
		}
	}
}

func (r *jsonReader) value(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, r.errorf("The document is nested too deeply.")
	}
	if r.values++; r.values > maxValues {
		return node{}, r.errorf("The document has too many values.")
	}
	n := node{start: r.position(), from: r.at}
	var err error
	switch c := r.peek(); {
	case c == '{':
		n.kind = objectNode
		n.members, err = r.object(depth)
	case c == '[':
		n.kind = listNode
		n.items, err = r.list(depth)
	case c == '"':
		n.kind = stringNode
		n.text, err = r.str()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = numberNode
		n.text, err = r.number()
	default:
		n.kind, n.text, err = r.word()
	}
	n.end, n.to = r.position(), r.at
	return n, err
}

func (r *jsonReader) object(depth int) ([]member, error) {
	r.skip(1)
	var members []member
	seen := make(map[string]bool)
	for {
		r.skipSpace()
		if r.peek() == '}' && len(members) == 0 {
			r.skip(1)
			return members, nil
		}
		if r.peek() != '"' {
			return nil, r.errorf("A quoted name is expected.")
		}
		name, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if seen[name.text] {
			return nil, syntaxError(name.start, "The name "+strconv.Quote(name.text)+" appears twice.")
		}
		seen[name.text] = true
		r.skipSpace()
		if r.peek() != ':' {
			return nil, r.errorf("A colon is expected.")
		}
		r.skip(1)
		r.skipSpace()
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name, value})
		if done, err := r.next('}'); done || err != nil {
			return members, err
		}
	}
}

func (r *jsonReader) list(depth int) ([]node, error) {
	r.skip(1)
	var items []node
	for {
		r.skipSpace()
		if r.peek() == ']' && len(items) == 0 {
			r.skip(1)
			return items, nil
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if done, err := r.next(']'); done || err != nil {
			return items, err
		}
	}
}

// next moves over a comma, or over the closing bracket and says so.
func (r *jsonReader) next(closing byte) (done bool, err error) {
	r.skipSpace()
	switch r.peek() {
	case ',':
		r.skip(1)
		return false, nil
	case closing:
		r.skip(1)
		return true, nil
	}
	return false, r.errorf("A comma or " + string(closing) + " is expected.")
}

func (r *jsonReader) word() (nodeKind, string, error) {
	for _, w := range [...]struct {
		text string
		kind nodeKind
	}{{"true", boolNode}, {"false", boolNode}, {"null", nullNode}} {
		if rest := r.text[r.at:]; len(rest) >= len(w.text) && string(rest[:len(w.text)]) == w.text {
			r.skip(len(w.text))
			return w.kind, w.text, nil
		}
	}
	return nullNode, "", r.errorf("A value is expected.")
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? and keeps it as written.
func (r *jsonReader) number() (string, error) {
	from := r.at
	if r.peek() == '-' {
		r.skip(1)
	}
	if r.peek() == '0' {
		r.skip(1)
	} else if r.digits() == 0 {
		return "", r.errorf("A digit is expected.")
	}
	if r.peek() == '.' {
		r.skip(1)
		if r.digits() == 0 {
			return "", r.errorf("A digit is expected.")
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.skip(1)
		if c := r.peek(); c == '+' || c == '-' {
			r.skip(1)
		}
		if r.digits() == 0 {
			return "", r.errorf("A digit is expected.")
		}
	}
	if r.at-from > maxValueBytes {
		return "", r.errorf("The value is too long.")
	}
	return string(r.text[from:r.at]), nil
}

func (r *jsonReader) digits() int {
	n := 0
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.skip(1)
		n++
	}
	return n
}

func (r *jsonReader) str() (string, error) {
	start := r.position()
	r.skip(1)
	var decoded []byte
	for {
		switch c := r.peek(); {
		case r.at == len(r.text):
			return "", syntaxError(start, "The string is not closed.")
		case c < 0x20:
			return "", r.errorf("Control characters in strings must be escaped.")
		case c == '"':
			r.skip(1)
			return string(decoded), nil
		case c == '\\':
			ch, err := r.escape()
			if err != nil {
				return "", err
			}
			decoded = utf8.AppendRune(decoded, ch)
		default:
			_, size := utf8.DecodeRune(r.text[r.at:])
			decoded = append(decoded, r.text[r.at:r.at+size]...)
			r.at += size
			r.column++
		}
		if len(decoded) > maxValueBytes {
			return "", syntaxError(start, "The string is longer than "+strconv.Itoa(maxValueBytes)+" bytes.")
		}
	}
}

// escape reads one escape sequence, a surrogate pair counting as one.
func (r *jsonReader) escape() (rune, error) {
	r.skip(1)
	c := r.peek()
	if c == 'u' {
		return r.unicodeEscape()
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for i := range len(from) {
		if c == from[i] {
			r.skip(1)
			return rune(to[i]), nil
		}
	}
	return 0, r.errorf("The escape sequence is unknown.")
}

func (r *jsonReader) unicodeEscape() (rune, error) {
	first, err := r.hex4()
	if err != nil || !utf16.IsSurrogate(first) {
		return first, err
	}
	if r.peek() != '\\' {
		return 0, r.errorf("The surrogate has no partner.")
	}
	r.skip(1)
	if r.peek() != 'u' {
		return 0, r.errorf("The surrogate has no partner.")
	}
	second, err := r.hex4()
	if err != nil {
		return 0, err
	}
	pair := utf16.DecodeRune(first, second)
	if pair == utf8.RuneError {
		return 0, r.errorf("The surrogate has no partner.")
	}
	return pair, nil
}

// hex4 reads the u and the four digits after it.
func (r *jsonReader) hex4() (rune, error) {
	if len(r.text)-r.at < 5 {
		return 0, r.errorf("Four hexadecimal digits are expected.")
	}
	n, err := strconv.ParseUint(string(r.text[r.at+1:r.at+5]), 16, 16)
	if err != nil {
		return 0, r.errorf("Four hexadecimal digits are expected.")
	}
	r.skip(5)
	return rune(n), nil
}
