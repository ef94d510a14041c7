package conformance

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"

	"inro.dev/inro/internal/api"
)

// member is a field of one of Inro's wire structs, with the names by which the
// SDK may know it: those of its tags and its own, without regard to case.
type member struct {
	field reflect.StructField
	names []string
}

var wireTags = []string{"label", "query", "header", "json", "form"}

// membersOf lists the members of a struct of ours, those of embedded structs
// included.
func membersOf(t reflect.Type) []member {
	var all []member
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		m := member{field: f, names: []string{strings.ToLower(f.Name)}}
		for _, tag := range wireTags {
			if name, _, _ := strings.Cut(f.Tag.Get(tag), ","); name != "" {
				m.names = append(m.names, strings.ToLower(name))
			}
		}
		if !m.called("-") {
			all = append(all, m)
		}
	}
	return all
}

func (m *member) called(name string) bool {
	for _, n := range m.names {
		if n == strings.ToLower(name) {
			return true
		}
	}
	return false
}

func find(all []member, name string) (member, bool) {
	for _, m := range all {
		if m.called(name) {
			return m, true
		}
	}
	return member{}, false
}

// sdkFields are the members of a struct of the SDK.
func sdkFields(t reflect.Type) []reflect.StructField {
	var all []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		if f.IsExported() && f.Name != "ResultMetadata" {
			all = append(all, f)
		}
	}
	return all
}

// comparison walks a value of the SDK and one of ours side by side.
type comparison struct {
	different []string // both have the member, and not the same value
	onlySDK   []string // members that ours does not have
	onlyOurs  []string // members that the SDK does not have
}

func compare(sdk, ours reflect.Value) comparison {
	var c comparison
	c.structs("", sdk, ours)
	for _, list := range [][]string{c.different, c.onlySDK, c.onlyOurs} {
		sort.Strings(list)
	}
	return c
}

func (c *comparison) structs(path string, sdk, ours reflect.Value) {
	known := make(map[string]bool)
	all := membersOf(ours.Type())
	for _, f := range sdkFields(sdk.Type()) {
		at := strings.TrimPrefix(path+"."+f.Name, ".")
		m, ok := find(all, f.Name)
		if !ok {
			c.onlySDK = append(c.onlySDK, at)
			continue
		}
		known[m.field.Name] = true
		c.values(at, sdk.FieldByIndex(f.Index), ours.FieldByIndex(m.field.Index))
	}
	for _, m := range all {
		if !known[m.field.Name] {
			c.onlyOurs = append(c.onlyOurs, strings.TrimPrefix(path+"."+m.field.Name, "."))
		}
	}
}

func (c *comparison) values(path string, sdk, ours reflect.Value) {
	sdk, sdkThere := dereference(sdk)
	ours, oursThere := dereference(ours)
	if !sdkThere || !oursThere {
		if sdkThere && !sdk.IsZero() || oursThere && !ours.IsZero() {
			c.differ(path, sdk, ours)
		}
		return
	}
	if a, ok := momentOf(sdk); ok {
		if b, ok := momentOf(ours); !ok || !a.Equal(b) {
			c.differ(path, sdk, ours)
		}
		return
	}
	switch {
	case sdk.Kind() == reflect.Struct && ours.Kind() == reflect.Struct:
		c.structs(path, sdk, ours)
	case sdk.Kind() == reflect.Slice && ours.Kind() == reflect.Slice:
		if sdk.Len() != ours.Len() {
			c.differ(path, sdk, ours)
			return
		}
		for i := range sdk.Len() {
			c.values(fmt.Sprintf("%s[%d]", path, i), sdk.Index(i), ours.Index(i))
		}
	case sdk.Kind() == reflect.Map && ours.Kind() == reflect.Map:
		if sdk.Len() != ours.Len() {
			c.differ(path, sdk, ours)
			return
		}
		for _, key := range ours.MapKeys() {
			other := sdk.MapIndex(key.Convert(sdk.Type().Key()))
			if !other.IsValid() {
				c.differ(path, sdk, ours)
				return
			}
			c.values(path+"["+key.String()+"]", other, ours.MapIndex(key))
		}
	default:
		if fmt.Sprint(sdk) != fmt.Sprint(ours) {
			c.differ(path, sdk, ours)
		}
	}
}

func (c *comparison) differ(path string, sdk, ours reflect.Value) {
	text := func(v reflect.Value) string {
		if !v.IsValid() {
			return "nothing"
		}
		return fmt.Sprintf("%+v", v)
	}
	c.different = append(c.different, fmt.Sprintf("%s: the SDK has %s, Inro %s", path, text(sdk), text(ours)))
}

func dereference(v reflect.Value) (reflect.Value, bool) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return reflect.Value{}, false
		}
		v = v.Elem()
	}
	return v, true
}

func momentOf(v reflect.Value) (time.Time, bool) {
	switch m := v.Interface().(type) {
	case time.Time:
		return m, true
	case api.Timestamp:
		return m.Time, true
	}
	return time.Time{}, false
}
