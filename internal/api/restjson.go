package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/sigv4"
)

// RestJSON is the restJson1 protocol, which IoT speaks (spec B.1).
func RestJSON() Protocol { return restJSON{} }

type restJSON struct{}

func (restJSON) buffersBody() bool       { return true }
func (restJSON) requestIDHeader() string { return "x-amzn-RequestId" }

func (restJSON) route(c *call) error {
	if err := routeByPath(c); err != nil {
		return awserr.Newf(http.StatusNotFound, "UnknownOperationException", "There is no operation %s %s.", c.r.Method, clip("/"+c.path))
	}
	return nil
}

func (p restJSON) decode(c *call, b *binding, in reflect.Value) error {
	if err := b.decodeHead(c, in); err != nil {
		return err
	}
	if !b.body || len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	return decodeJSONMembers(c.body, b, in)
}

// decodeJSONMembers reads the members that in knows. Unknown members are
// skipped, as AWS's services do.
func decodeJSONMembers(body []byte, b *binding, in reflect.Value) error {
	members, err := jsonObject(body)
	if err != nil {
		return awserr.Newf(http.StatusBadRequest, "SerializationException", "The request body is not a JSON object: %v.", err)
	}
	for i := range b.fields {
		f := &b.fields[i]
		raw, ok := members[f.name]
		if f.place != inBody || !ok || string(raw) == "null" {
			continue
		}
		if err := json.Unmarshal(raw, in.FieldByIndex(f.index).Addr().Interface()); err != nil {
			return awserr.Newf(http.StatusBadRequest, "SerializationException", "The member %q is not of the type %s.", f.name, jsonTypeName(f.typ))
		}
	}
	return nil
}

// jsonObject splits an object into its members and refuses duplicates, which
// two readers could understand differently.
func jsonObject(body []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('{') {
		return nil, errors.New("it does not start with {")
	}
	members := make(map[string]json.RawMessage)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := t.(string)
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("the member %q stands in it twice", clip(name))
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		members[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	return members, nil
}

func jsonTypeName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Slice:
		return "list"
	case reflect.Map, reflect.Struct:
		return "structure"
	}
	return "string"
}

func (restJSON) encode(c *call, b *binding, out reflect.Value) error {
	body := []byte("{}")
	if b.body {
		var err error
		if body, err = json.Marshal(out.Interface()); err != nil {
			return fmt.Errorf("encode %s: %w", c.op.Name, err)
		}
	}
	c.writeBody(b.encodeHead(c.w.Header(), out), "application/json", body)
	return nil
}

func (restJSON) encodeError(c *call, e *awserr.Error) {
	members := make(map[string]string, 1+len(e.Fields))
	for name, value := range e.Fields {
		members[name] = value
	}
	members["message"] = e.Message
	body, _ := json.Marshal(members) // a map of strings always encodes
	c.w.Header().Set("x-amzn-ErrorType", e.Code)
	c.writeBody(e.Status, "application/json", body)
}

func (restJSON) invalid(v []Violation) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidRequestException", ViolationMessage(v))
}

func (restJSON) refusals() *refusals { return &jsonRefusals }

var jsonRefusals = refusals{
	unsigned:     awserr.New(http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token"),
	unknownKey:   awserr.New(http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid."),
	invalidToken: awserr.New(http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid."),
	expiredToken: awserr.New(http.StatusForbidden, "ExpiredTokenException", "The security token included in the request is expired"),
	revoked:      awserr.New(http.StatusForbidden, "AccessDeniedException", "The session has been revoked."),
	internal:     awserr.New(http.StatusInternalServerError, "InternalFailureException", "Internal Failure"),
	tooLarge:     awserr.New(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request body is too large."),
	stalled:      awserr.New(http.StatusRequestTimeout, "RequestTimeoutException", "The request body did not arrive in time."),
	unavailable:  awserr.New(http.StatusServiceUnavailable, "ServiceUnavailableException", "The service is shutting down; try again."),
	denied: func(caller string, p Permission, why string) *awserr.Error {
		return awserr.New(http.StatusForbidden, "AccessDeniedException", deniedText(caller, p, why))
	},
	signature: sigv4.Kind.JSON,
}

// Timestamp is a time on the wire of restJson1: epoch seconds with a fraction.
type Timestamp struct{ time.Time }

// MarshalJSON writes epoch seconds with milliseconds.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	ms := t.UnixMilli()
	return []byte(strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64)), nil
}

// UnmarshalJSON reads epoch seconds.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	s, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("a timestamp is a number of seconds, not %s", b)
	}
	t.Time = time.UnixMilli(int64(s * 1000)).UTC()
	return nil
}
