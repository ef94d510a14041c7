package api

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/sigv4"
)

// Query is the awsQuery protocol, which IAM and STS speak (spec C.1), with the
// service's XML namespace.
func Query(namespace string) Protocol { return &query{namespace} }

type query struct{ namespace string }

func (*query) buffersBody() bool       { return true }
func (*query) requestIDHeader() string { return "x-amzn-RequestId" }

// maxFormMembers bounds the members of a form.
const maxFormMembers = 10_000

func (q *query) route(c *call) error {
	form, err := readForm(c)
	if err != nil {
		return awserr.Newf(http.StatusBadRequest, "MalformedQueryString", "The request's form cannot be read: %v.", err)
	}
	c.values = form
	action := form.Get("Action")
	if action == "" {
		return awserr.New(http.StatusBadRequest, "MissingAction", "The request must contain the parameter Action.")
	}
	op, ok := c.service.byName[action]
	if v := form.Get("Version"); !ok || v != c.service.Version {
		return awserr.Newf(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", clip(action), clip(v))
	}
	c.op = op
	return nil
}

// readForm reads the members from the query string of a GET, else from the
// body.
func readForm(c *call) (url.Values, error) {
	text := string(c.body)
	switch c.r.Method {
	case http.MethodGet:
		text = c.r.URL.RawQuery
	case http.MethodPost:
		if t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
			return nil, fmt.Errorf("the Content-Type must be application/x-www-form-urlencoded")
		}
	default:
		return nil, fmt.Errorf("the method must be POST or GET")
	}
	if strings.Count(text, "&") >= maxFormMembers {
		return nil, fmt.Errorf("it has more than %d members", maxFormMembers)
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, fmt.Errorf("the member %q stands in it twice", clip(name))
		}
	}
	return form, nil
}

func (q *query) decode(c *call, b *binding, in reflect.Value) error {
	d := newFormDecoder(c.values)
	for i := range b.fields {
		f := &b.fields[i]
		if f.place != inBody {
			continue
		}
		if err := d.value(in.FieldByIndex(f.index), f.name); err != nil {
			return awserr.Newf(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at '%s' is malformed: %v", f.name, err)
		}
	}
	return nil
}

// formDecoder reads flattened members: Name, Name.member.N, Name.member.N.Key.
type formDecoder struct {
	form  url.Values
	names []string // sorted, to find whether a prefix has members
}

func newFormDecoder(form url.Values) *formDecoder {
	d := &formDecoder{form: form, names: make([]string, 0, len(form))}
	for name := range form {
		d.names = append(d.names, name)
	}
	sort.Strings(d.names)
	return d
}

func (d *formDecoder) has(prefix string) bool {
	i := sort.SearchStrings(d.names, prefix)
	return i < len(d.names) && strings.HasPrefix(d.names[i], prefix)
}

func (d *formDecoder) value(v reflect.Value, name string) error {
	switch {
	case isScalar(v.Type()):
		if text, ok := d.form[name]; ok {
			return setScalar(v, text[0])
		}
		return nil
	case v.Kind() == reflect.Slice:
		return d.list(v, name)
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		if !d.has(name + ".") {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return d.structure(v.Elem(), name)
	case v.Kind() == reflect.Struct:
		return d.structure(v, name)
	}
	return fmt.Errorf("type %s cannot be read from a form", v.Type())
}

func (d *formDecoder) list(v reflect.Value, name string) error {
	if text, ok := d.form[name]; ok && text[0] == "" {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // an empty list is sent as "Name="
	}
	for n := 1; n <= maxFormMembers; n++ {
		member := name + ".member." + strconv.Itoa(n)
		_, scalar := d.form[member]
		if !scalar && !d.has(member+".") {
			return nil
		}
		item := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(item, member); err != nil {
			return err
		}
		v.Set(reflect.Append(v, item))
	}
	return nil
}

func (d *formDecoder) structure(v reflect.Value, name string) error {
	for _, sf := range reflect.VisibleFields(v.Type()) {
		if err := d.value(v.FieldByIndex(sf.Index), name+"."+bodyName(sf)); err != nil {
			return err
		}
	}
	return nil
}

func (q *query) encode(c *call, b *binding, out reflect.Value) error {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, `<%sResponse xmlns="%s">`, c.op.Name, q.namespace)
	if b.body || out.NumField() > 0 {
		fmt.Fprintf(&buf, "<%sResult>", c.op.Name)
		if err := encodeQueryStruct(&buf, out); err != nil {
			return err
		}
		fmt.Fprintf(&buf, "</%sResult>", c.op.Name)
	}
	fmt.Fprintf(&buf, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>\n", c.req.ID, c.op.Name)
	c.writeBody(http.StatusOK, "text/xml", buf.Bytes())
	return nil
}

// EmptyResult is the output of an operation whose answer holds an empty result
// element, such as UpdateRole.
type EmptyResult struct {
	Nothing *string `form:"-"`
}

func encodeQueryStruct(buf *bytes.Buffer, v reflect.Value) error {
	for _, sf := range reflect.VisibleFields(v.Type()) {
		name := bodyName(sf)
		if sf.Anonymous || name == "-" {
			continue
		}
		if err := encodeQueryValue(buf, name, v.FieldByIndex(sf.Index)); err != nil {
			return err
		}
	}
	return nil
}

// encodeQueryValue writes one member. Nil pointers, nil lists, empty strings
// behind no pointer and zero times are left out; an empty list is an empty
// element.
func encodeQueryValue(buf *bytes.Buffer, name string, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	} else if v.Kind() == reflect.String && v.Len() == 0 {
		return nil
	}
	if t, ok := v.Interface().(time.Time); ok {
		if !t.IsZero() {
			element(buf, name, t.UTC().Format("2006-01-02T15:04:05Z"))
		}
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		element(buf, name, v.String())
	case reflect.Bool:
		element(buf, name, strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int32, reflect.Int64:
		element(buf, name, strconv.FormatInt(v.Int(), 10))
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		buf.WriteString("<" + name + ">")
		for i := range v.Len() {
			if err := encodeQueryValue(buf, "member", v.Index(i)); err != nil {
				return err
			}
		}
		buf.WriteString("</" + name + ">")
	case reflect.Map:
		return encodeQueryMap(buf, name, v)
	case reflect.Struct:
		buf.WriteString("<" + name + ">")
		if err := encodeQueryStruct(buf, v); err != nil {
			return err
		}
		buf.WriteString("</" + name + ">")
	default:
		return fmt.Errorf("encode %s: type %s has no Query form", name, v.Type())
	}
	return nil
}

func encodeQueryMap(buf *bytes.Buffer, name string, v reflect.Value) error {
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	buf.WriteString("<" + name + ">")
	for _, k := range keys {
		buf.WriteString("<entry>")
		element(buf, "key", k.String())
		if err := encodeQueryValue(buf, "value", v.MapIndex(k)); err != nil {
			return err
		}
		buf.WriteString("</entry>")
	}
	buf.WriteString("</" + name + ">")
	return nil
}

func element(buf *bytes.Buffer, name, text string) {
	buf.WriteString("<" + name + ">")
	xml.EscapeText(buf, []byte(text)) // writing to a buffer does not fail
	buf.WriteString("</" + name + ">")
}

func (q *query) encodeError(c *call, e *awserr.Error) {
	kind := "Sender"
	if e.Status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	var buf bytes.Buffer
	fmt.Fprintf(&buf, `<ErrorResponse xmlns="%s"><Error>`, q.namespace)
	element(&buf, "Type", kind)
	element(&buf, "Code", e.Code)
	element(&buf, "Message", e.Message)
	fmt.Fprintf(&buf, "</Error><RequestId>%s</RequestId></ErrorResponse>\n", c.req.ID)
	c.writeBody(e.Status, "text/xml", buf.Bytes())
}

func (q *query) invalid(v []Violation) *awserr.Error {
	for i := range v {
		v[i].Member = lowerFirst(v[i].Member)
	}
	return awserr.New(http.StatusBadRequest, "ValidationError", ViolationMessage(v))
}

// lowerFirst writes a member as IAM's validation messages do: roleName.
func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func (*query) refusals() *refusals { return &queryRefusals }

var queryRefusals = refusals{
	unsigned:     awserr.New(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"),
	unknownKey:   awserr.New(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."),
	invalidToken: awserr.New(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."),
	expiredToken: awserr.New(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"),
	revoked:      awserr.New(http.StatusForbidden, "AccessDenied", "The session has been revoked."),
	internal:     awserr.New(http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure."),
	tooLarge:     awserr.New(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body is too large."),
	stalled:      awserr.New(http.StatusRequestTimeout, "RequestTimeout", "The request body did not arrive in time."),
	unavailable:  awserr.New(http.StatusServiceUnavailable, "ServiceUnavailable", "The service is shutting down; try again."),
	denied: func(caller string, p Permission, why string) *awserr.Error {
		return awserr.New(http.StatusForbidden, "AccessDenied", deniedText(caller, p, why))
	},
	signature: sigv4.Kind.Query,
}

// deniedText words a refusal of IAM, STS and IoT (spec C.1).
func deniedText(caller string, p Permission, why string) string {
	text := "User: " + caller + " is not authorized to perform: " + p.Action
	if p.Resource != "" {
		text += " on resource: " + p.Resource
	}
	return text + why
}
