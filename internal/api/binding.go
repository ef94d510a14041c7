package api

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// place says where in a request or answer a field lives.
type place uint8

const (
	inBody place = iota
	inLabel
	inQuery
	inHeader
	inHeaders
	inStatus
	inXML
	inStream
	inForm
)

// field is the compiled form of one struct field.
type field struct {
	index  []int
	place  place
	name   string // wire name
	goName string
	typ    reflect.Type
	check  check
}

// binding is the compiled form of an input or output struct.
type binding struct {
	fields []field
	// body is set when any field lives in the body (json or form members).
	body bool
	// stream, xml and form are indexes into fields, or -1.
	stream, xml, form int
}

var placeTags = []struct {
	tag   string
	place place
}{
	{"label", inLabel}, {"query", inQuery}, {"header", inHeader}, {"headers", inHeaders}, {"status", inStatus},
}

// compileBinding reads the tags of struct type t. It panics on what could not
// work, naming the operation.
func compileBinding(operation string, t reflect.Type) *binding {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("api: %s: %s is not a struct", operation, t))
	}
	b := &binding{stream: -1, xml: -1, form: -1}
	seen := make(map[string]bool)
	for _, sf := range reflect.VisibleFields(t) {
		if sf.Anonymous || !sf.IsExported() || sf.Name == "XMLName" {
			continue
		}
		f := compileField(operation, sf)
		key := fmt.Sprint(f.place, strings.ToLower(f.name))
		if seen[key] {
			panic(fmt.Sprintf("api: %s: %s.%s repeats the name %q", operation, t, sf.Name, f.name))
		}
		seen[key] = true
		switch f.place {
		case inBody:
			b.body = true
		case inStream:
			b.stream = len(b.fields)
		case inXML:
			b.xml = len(b.fields)
		case inForm:
			b.form = len(b.fields)
		}
		b.fields = append(b.fields, f)
	}
	if b.stream >= 0 && b.xml >= 0 || (b.stream >= 0 || b.xml >= 0) && b.body {
		panic(fmt.Sprintf("api: %s: %s has two bodies", operation, t))
	}
	return b
}

func compileField(operation string, sf reflect.StructField) field {
	f := field{index: sf.Index, goName: sf.Name, typ: sf.Type, check: compileCheck(operation, sf)}
	for _, p := range placeTags {
		if v, ok := sf.Tag.Lookup(p.tag); ok {
			f.place, f.name = p.place, v
		}
	}
	if v, ok := sf.Tag.Lookup("payload"); ok {
		switch v {
		case "xml":
			f.place, f.name = inXML, "body"
		case "stream":
			if sf.Type != reflect.TypeFor[*Payload]() && !sf.Type.Implements(reflect.TypeFor[io.Reader]()) {
				panic(fmt.Sprintf("api: %s: %s is a stream and no io.Reader", operation, sf.Name))
			}
			f.place, f.name = inStream, "body"
		case "form":
			if sf.Type != reflect.TypeFor[*Form]() {
				panic(fmt.Sprintf("api: %s: %s is a form and no *Form", operation, sf.Name))
			}
			f.place, f.name = inForm, "form"
		default:
			panic(fmt.Sprintf("api: %s: unknown payload %q", operation, v))
		}
	}
	if f.place == inBody {
		f.name = bodyName(sf)
	}
	mustBeSettable(operation, f)
	return f
}

func bodyName(sf reflect.StructField) string {
	for _, tag := range []string{"json", "form"} {
		if v, ok := sf.Tag.Lookup(tag); ok {
			if name, _, _ := strings.Cut(v, ","); name != "" {
				return name
			}
		}
	}
	return sf.Name
}

func mustBeSettable(operation string, f field) {
	switch f.place {
	case inLabel, inQuery, inHeader, inStatus:
		if !isScalar(f.typ) && !f.isList() {
			panic(fmt.Sprintf("api: %s: field %s of type %s cannot live outside the body", operation, f.goName, f.typ))
		}
	case inHeaders:
		if f.typ != reflect.TypeFor[map[string]string]() {
			panic(fmt.Sprintf("api: %s: field %s must be map[string]string", operation, f.goName))
		}
	}
}

// isList reports whether f is a list in a header: values separated by commas,
// in one header or in several (Smithy, httpHeader trait).
func (f *field) isList() bool { return f.place == inHeader && f.typ == reflect.TypeFor[[]string]() }

func isScalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64:
		return true
	}
	return false
}
