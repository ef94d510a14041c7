package api

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/sigv4"
)

// Protocol is one of AWS's wire protocols: RestXML, RestJSON or Query. It
// finds the row, decodes inputs and renders answers and errors.
type Protocol interface {
	// buffersBody reports whether the whole body is read, bounded, before
	// authentication: its digest is part of the signature.
	buffersBody() bool
	// route finds the row for the call and sets its labels.
	route(c *call) error
	// decode fills in from the call.
	decode(c *call, b *binding, in reflect.Value) error
	// encode writes the answer.
	encode(c *call, b *binding, out reflect.Value) error
	// encodeError writes the refusal.
	encodeError(c *call, e *awserr.Error)
	// invalid words broken constraints.
	invalid(violations []Violation) *awserr.Error
	// refusals words what the pipeline itself refuses.
	refusals() *refusals
	// requestIDHeader is the header that carries the request id.
	requestIDHeader() string
}

// refusals are a protocol's words for what the pipeline refuses.
type refusals struct {
	unsigned, unknownKey, invalidToken, expiredToken, revoked *awserr.Error
	internal, tooLarge, stalled, unavailable                  *awserr.Error
	// denied words a refusal by policy. explanation is the part that AWS
	// tells the caller.
	denied func(callerARN string, p Permission, explanation string) *awserr.Error
	// signature gives code and status of a failed verification.
	signature func(sigv4.Kind) (code string, status int)
}

// call is one request on its way through the pipeline.
type call struct {
	w        http.ResponseWriter
	r        *http.Request
	req      *Request
	service  *service
	op       *Operation
	path     string // escaped, without a leading slash; the bucket in front for virtual-hosted S3
	query    url.Values
	values   url.Values // Query protocol
	names    []segment
	labels   []string
	source   *watchedBody // nil when the request has no body
	body     []byte       // buffered body
	payload  *Payload     // streamed body
	form     *Form        // fields of a browser's upload; its file is the payload
	written  bool
	answered int   // status
	sent     int64 // bytes of the answer's body
	// formHeader is form as headers, made by header.
	formHeader http.Header
	headAt     time.Time // when the answer's head was sent
}

// decodeHead fills the fields that live in path, query and headers.
func (b *binding) decodeHead(c *call, in reflect.Value) error {
	if b.form >= 0 && c.form == nil {
		return errFormKind
	}
	for i := range b.fields {
		f := &b.fields[i]
		text, ok := "", false
		switch f.place {
		case inLabel:
			text, ok = c.label(f.name)
		case inQuery:
			var v []string
			if v, ok = c.query[f.name]; ok && len(v) > 0 {
				text = v[0]
			}
		case inHeader:
			v := c.header().Values(f.name)
			if f.isList() {
				in.FieldByIndex(f.index).Set(reflect.ValueOf(listValues(v)))
				continue
			}
			if len(v) > 1 && amazonHeader(f.name) {
				return c.service.Protocol.invalid([]Violation{{f.name, "[...]", "Member must be given once"}})
			}
			if len(v) > 0 {
				text, ok = v[0], true
			}
			if c.form != nil && !headerValue(text) {
				return c.service.Protocol.invalid([]Violation{{f.name, clip(text), "Member must not have control characters"}})
			}
		case inHeaders:
			if m := prefixed(c.header(), f.name); m != nil {
				in.FieldByIndex(f.index).Set(reflect.ValueOf(m))
			}
		case inStream:
			in.FieldByIndex(f.index).Set(reflect.ValueOf(c.payload))
		case inForm:
			in.FieldByIndex(f.index).Set(reflect.ValueOf(c.form))
		}
		if !ok {
			continue
		}
		if err := setScalar(in.FieldByIndex(f.index), text); err != nil {
			return c.service.Protocol.invalid([]Violation{{f.name, clip(text), "Member must be well formed: " + err.Error()}})
		}
	}
	return nil
}

// listValues splits the headers of one list.
func listValues(headers []string) []string {
	var list []string
	for _, h := range headers {
		for v := range strings.SplitSeq(h, ",") {
			if v = strings.TrimSpace(v); v != "" {
				list = append(list, v)
			}
		}
	}
	return list
}

// amazonHeader reports whether a header is one of Amazon's own, which are no
// lists: of two with one name, proxies and servers take one or the other.
func amazonHeader(name string) bool {
	const prefix = "x-amz"
	return len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

func (c *call) label(name string) (string, bool) {
	k := 0
	for _, s := range c.names {
		if s.label == "" {
			continue
		}
		if s.label == name && k < len(c.labels) {
			return c.labels[k], true
		}
		k++
	}
	return "", false
}

func prefixed(h http.Header, prefix string) map[string]string {
	var m map[string]string
	for name, values := range h {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			if m == nil {
				m = make(map[string]string)
			}
			m[strings.ToLower(name[len(prefix):])] = strings.Join(values, ",")
		}
	}
	return m
}

// encodeHead sets the headers of an output and returns its status.
func (b *binding) encodeHead(h http.Header, out reflect.Value) int {
	status := http.StatusOK
	for i := range b.fields {
		f := &b.fields[i]
		switch f.place {
		case inHeader:
			if text, ok := scalarText(out.FieldByIndex(f.index)); ok {
				h.Set(f.name, text)
			}
		case inHeaders:
			// As spelled: SDKs take the case of such names from the wire.
			for name, value := range out.FieldByIndex(f.index).Interface().(map[string]string) {
				h[f.name+name] = []string{value}
			}
		case inStatus:
			if n := out.FieldByIndex(f.index).Int(); n != 0 {
				status = int(n)
			}
		}
	}
	return status
}

// routeByPath is the routing of the two REST protocols.
func routeByPath(c *call) error {
	r, labels, ok := c.service.routes.match(c.r.Method, c.path, c.query, c.r.Header)
	if !ok {
		return fmt.Errorf("no operation for %s", c.r.Method)
	}
	c.op, c.names, c.labels = r.op, r.segments, labels
	return nil
}

// writeBody sends head and body of an answer.
func (c *call) writeBody(status int, contentType string, body []byte) {
	h := c.w.Header()
	if len(body) > 0 {
		h.Set("Content-Type", contentType)
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	c.writeHeader(status)
	if c.r.Method != http.MethodHead {
		n, _ := c.w.Write(body) // an error means that the client is gone
		c.sent += int64(n)
	}
}

func (c *call) writeHeader(status int) {
	c.written, c.answered, c.headAt = true, status, time.Now()
	c.w.WriteHeader(status)
}
