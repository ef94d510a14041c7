package api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/sigv4"
)

// RestXML is the restXml protocol as S3 speaks it: bodies stream, and an XML
// body is one struct field tagged payload:"xml".
func RestXML() Protocol { return restXML{} }

// WrappedRestXML is RestXML with errors inside of an ErrorResponse, as S3
// Control speaks it.
func WrappedRestXML() Protocol { return restXML{wrapped: true} }

type restXML struct{ wrapped bool }

// maxXMLBytes bounds an XML body. The largest legitimate one is a
// DeleteObjects of 1,000 keys of 1,024 bytes, escaped (S3 API reference).
const maxXMLBytes = 8 << 20

// maxAnonymousXMLBytes bounds that of an unsigned request: memory that anybody
// can take.
const maxAnonymousXMLBytes = 128 << 10

func (restXML) buffersBody() bool       { return false }
func (restXML) requestIDHeader() string { return "x-amz-request-id" }

func (restXML) route(c *call) error {
	if err := c.headersFromQuery(); err != nil {
		return err
	}
	if err := routeByPath(c); err != nil {
		return awserr.New(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	}
	return nil
}

// signatureParameters are the query parameters of a presigned URL itself, in
// lower case.
var signatureParameters = map[string]bool{
	"x-amz-algorithm": true, "x-amz-credential": true, "x-amz-date": true, "x-amz-expires": true, "x-amz-signedheaders": true,
	"x-amz-signature": true, "x-amz-security-token": true, "x-amz-content-sha256": true,
}

// headersFromQuery makes headers of the x-amz-* query parameters: the SDKs'
// presigners move headers there, and S3 takes them as headers.
func (c *call) headersFromQuery() error {
	for name, values := range c.query {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") || signatureParameters[lower] {
			continue
		}
		if given := c.r.Header.Values(name); len(values) != 1 || len(given) > 1 || len(given) == 1 && given[0] != values[0] {
			return awserr.New(http.StatusBadRequest, "InvalidArgument", "The request gives "+clip(lower)+" more than once.").With("ArgumentName", clip(lower))
		}
		c.r.Header.Set(name, values[0])
	}
	return nil
}

func (restXML) decode(c *call, b *binding, in reflect.Value) error {
	if err := b.decodeHead(c, in); err != nil {
		return err
	}
	if b.xml < 0 {
		return nil
	}
	most := int64(maxXMLBytes)
	if c.req.Caller.IsAnonymous() {
		most = maxAnonymousXMLBytes
	}
	body, err := c.readAll(c.payload, c.payload.Length, most)
	if errors.Is(err, errTooLong) {
		return awserr.New(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big.")
	}
	if err != nil {
		return fmt.Errorf("read XML body: %w", err)
	}
	c.req.Body = body
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	target := in.FieldByIndex(b.fields[b.xml].index)
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
		target = target.Elem()
	}
	if err := unmarshalXML(body, target.Addr().Interface()); err != nil {
		return awserr.New(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.").WithCause(err)
	}
	return nil
}

// unmarshalXML decodes one document within bounds and refuses anything after
// the root element.
func unmarshalXML(body []byte, into any) error {
	d, err := newXMLDecoder(body)
	if err != nil {
		return err
	}
	if err := d.Decode(into); err != nil {
		return err
	}
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return fmt.Errorf("text follows the root element")
			}
		default:
			return fmt.Errorf("an element follows the root element")
		}
	}
}

func (restXML) encode(c *call, b *binding, out reflect.Value) error {
	switch {
	case b.stream >= 0:
		return encodeStream(c, b, out)
	case b.xml >= 0:
		v := out.FieldByIndex(b.fields[b.xml].index)
		if v.Kind() == reflect.Pointer && v.IsNil() {
			break
		}
		var buf bytes.Buffer
		buf.WriteString(xml.Header)
		if err := xml.NewEncoder(&buf).Encode(v.Interface()); err != nil {
			return fmt.Errorf("encode %s: %w", c.op.Name, err)
		}
		c.writeBody(b.encodeHead(c.w.Header(), out), "application/xml", buf.Bytes())
		return nil
	}
	status := b.encodeHead(c.w.Header(), out)
	if status != http.StatusNoContent && status != http.StatusNotModified && c.r.Method != http.MethodHead {
		c.w.Header().Set("Content-Length", "0")
	}
	c.writeHeader(status)
	return nil
}

// encodeStream sends the head, then the body. Once the head is out an error
// can only abort the connection, so that the client sees a short body.
func encodeStream(c *call, b *binding, out reflect.Value) error {
	payload, _ := out.FieldByIndex(b.fields[b.stream].index).Interface().(*Payload)
	status := b.encodeHead(c.w.Header(), out)
	if payload == nil {
		c.writeHeader(status)
		return nil
	}
	defer payload.Close()
	if payload.Length >= 0 {
		c.w.Header().Set("Content-Length", strconv.FormatInt(payload.Length, 10))
	}
	c.writeHeader(status)
	if c.r.Method == http.MethodHead || payload.Reader == nil {
		return nil
	}
	n, err := io.Copy(c.w, payload.Reader)
	c.sent += n
	if err == nil && payload.Length >= 0 && n != payload.Length {
		err = fmt.Errorf("body ended after %d of %d bytes", n, payload.Length)
	}
	return err
}

func (p restXML) encodeError(c *call, e *awserr.Error) {
	var buf bytes.Buffer
	buf.WriteString(xml.Header)
	if p.wrapped {
		buf.WriteString("<ErrorResponse>")
	}
	buf.WriteString("<Error>")
	element(&buf, "Code", e.Code)
	element(&buf, "Message", e.Message)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		element(&buf, name, e.Fields[name])
	}
	element(&buf, "Resource", "/"+c.path)
	element(&buf, "RequestId", c.req.ID)
	buf.WriteString("</Error>")
	if p.wrapped {
		element(&buf, "RequestId", c.req.ID)
		buf.WriteString("</ErrorResponse>")
	}
	body := buf.Bytes()
	if e.Status == http.StatusNotModified {
		body = nil
	}
	c.writeBody(e.Status, "application/xml", body)
}

func (restXML) invalid(v []Violation) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidArgument", ViolationMessage(v)).With("ArgumentName", v[0].Member)
}

func (restXML) refusals() *refusals { return &s3Refusals }

var s3Refusals = refusals{
	unsigned:     awserr.New(http.StatusForbidden, "AccessDenied", "Access Denied"),
	unknownKey:   awserr.New(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
	invalidToken: awserr.New(http.StatusBadRequest, "InvalidToken", "The provided token is malformed or otherwise invalid."),
	expiredToken: awserr.New(http.StatusBadRequest, "ExpiredToken", "The provided token has expired."),
	revoked:      awserr.New(http.StatusForbidden, "AccessDenied", "Access Denied"),
	internal:     awserr.New(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."),
	tooLarge:     awserr.New(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size."),
	stalled: awserr.New(http.StatusBadRequest, "RequestTimeout",
		"Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed."),
	unavailable: awserr.New(http.StatusServiceUnavailable, "ServiceUnavailable", "Please reduce your request rate."),
	denied: func(string, Permission, string) *awserr.Error {
		return awserr.New(http.StatusForbidden, "AccessDenied", "Access Denied")
	},
	signature: sigv4.Kind.S3,
}
