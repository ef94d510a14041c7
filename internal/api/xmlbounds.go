package api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// Bounds on an XML body. An element takes up to a hundred times the memory of
// its text when it is decoded, and anybody may send one, so the text's length
// alone does not bound the work. The largest legitimate list has 10,000 parts
// of up to seven members (S3 API reference, CompleteMultipartUpload).
const (
	maxXMLElements   = 100_000
	maxXMLChildren   = 10_000 // of one element
	maxXMLDepth      = 16
	maxXMLAttributes = 300     // in all; 100 grants of an access control list have two each
	maxXMLTagBytes   = 4 << 10 // of one tag, comment or the like
)

var errXMLTooMuch = errors.New("the document has too many elements or attributes, or is nested too deeply")

// boundedXML gives a document's tokens to another decoder, within the bounds.
type boundedXML struct {
	raw        *xml.Decoder
	elements   int
	attributes int
	children   []int // so far, of the document and of each open element
}

// newXMLDecoder returns a decoder of a document in UTF-8 within the bounds.
func newXMLDecoder(body []byte) (*xml.Decoder, error) {
	if err := checkXMLTags(body); err != nil {
		return nil, err
	}
	raw := xml.NewDecoder(bytes.NewReader(body))
	raw.CharsetReader = func(label string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the encoding %q is not UTF-8", label)
	}
	return xml.NewTokenDecoder(&boundedXML{raw: raw, children: []int{0}}), nil
}

// checkXMLTags refuses tags that are too long before a token is read, since
// all attributes of a tag are one token.
func checkXMLTags(body []byte) error {
	for {
		start := bytes.IndexByte(body, '<')
		if start < 0 {
			return nil
		}
		body = body[start:]
		end := bytes.IndexByte(body[:min(len(body), maxXMLTagBytes)], '>')
		switch {
		case end >= 0:
			body = body[end+1:]
		case len(body) > maxXMLTagBytes:
			return errXMLTooMuch
		default:
			return nil // the tag is not closed, as the decoder will say
		}
	}
}

// Token implements xml.TokenReader.
func (b *boundedXML) Token() (xml.Token, error) {
	t, err := b.raw.RawToken()
	if err != nil {
		return t, err
	}
	switch t := t.(type) {
	case xml.StartElement:
		parent := len(b.children) - 1
		b.elements++
		b.attributes += len(t.Attr)
		b.children[parent]++
		if b.elements > maxXMLElements || b.attributes > maxXMLAttributes || b.children[parent] > maxXMLChildren || parent >= maxXMLDepth {
			return nil, errXMLTooMuch
		}
		b.children = append(b.children, 0)
	case xml.EndElement:
		// One without a start is for the decoder to refuse.
		b.children = b.children[:max(len(b.children)-1, 1)]
	}
	return t, nil
}
