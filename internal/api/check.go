package api

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Violation is one broken constraint of an input, worded as AWS's validation
// does.
type Violation struct {
	// Member is the wire name with its path: "tags.1.member.key".
	Member string
	// Value is the offending value, clipped; "null" when absent.
	Value string
	// Constraint says what the member must satisfy.
	Constraint string
}

// String renders v as "Value 'x' at 'roleName' failed to satisfy constraint: …".
func (v Violation) String() string {
	value := v.Value
	if value != "null" {
		value = "'" + value + "'"
	}
	return fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, v.Member, v.Constraint)
}

// ViolationMessage renders violations in the words of AWS's services.
func ViolationMessage(violations []Violation) string {
	texts := make([]string, len(violations))
	for i, v := range violations {
		texts[i] = v.String()
	}
	noun := "error"
	if len(violations) > 1 {
		noun = "errors"
	}
	return fmt.Sprintf("%d validation %s detected: %s", len(violations), noun, strings.Join(texts, "; "))
}

// check is the compiled form of a field's constraint tags.
type check struct {
	required         bool
	minLen, maxLen   int // -1: none
	hasRange         bool
	minimum, maximum int64
	pattern          *regexp.Regexp
	patternText      string
	enum             []string
	nested           []nestedCheck
}

// nestedCheck is a check on a field of a struct below.
type nestedCheck struct {
	index []int
	name  string
	check check
}

// maxViolations bounds how many violations one answer lists.
const maxViolations = 10

func compileCheck(operation string, sf reflect.StructField) check {
	c := check{minLen: -1, maxLen: -1}
	_, c.required = sf.Tag.Lookup("required")
	if v, ok := sf.Tag.Lookup("length"); ok {
		lo, hi := bounds(operation, sf, v)
		c.minLen, c.maxLen = int(lo), int(min(hi, math.MaxInt32))
	}
	if v, ok := sf.Tag.Lookup("range"); ok {
		c.hasRange = true
		c.minimum, c.maximum = bounds(operation, sf, v)
	}
	if v, ok := sf.Tag.Lookup("pattern"); ok {
		c.patternText = v
		c.pattern = regexp.MustCompile(`^(?:` + v + `)$`)
	}
	if v, ok := sf.Tag.Lookup("enum"); ok {
		c.enum = strings.Split(v, ",")
	}
	t := sf.Type
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t.PkgPath() != "time" {
		for i := range t.NumField() {
			inner := t.Field(i)
			if !inner.IsExported() || inner.Anonymous {
				continue
			}
			if nc := compileCheck(operation, inner); !nc.trivial() {
				c.nested = append(c.nested, nestedCheck{inner.Index, bodyName(inner), nc})
			}
		}
	}
	return c
}

func bounds(operation string, sf reflect.StructField, text string) (lo, hi int64) {
	a, b, found := strings.Cut(text, ",")
	lo, err1 := strconv.ParseInt(a, 10, 64)
	hi, err2 := strconv.ParseInt(b, 10, 64)
	if b == "" {
		hi, err2 = math.MaxInt64, nil
	}
	if !found || err1 != nil || err2 != nil || lo > hi {
		panic(fmt.Sprintf("api: %s: %s has bounds %q, want \"least,most\"", operation, sf.Name, text))
	}
	return lo, hi
}

func (c *check) trivial() bool {
	return !c.required && c.minLen < 0 && c.maxLen < 0 && !c.hasRange && c.pattern == nil && c.enum == nil && len(c.nested) == 0
}

// violations checks every field of the input v.
func (b *binding) violations(v reflect.Value) []Violation {
	var found []Violation
	for i := range b.fields {
		f := &b.fields[i]
		if f.check.trivial() {
			continue
		}
		found = f.check.run(v.FieldByIndex(f.index), f.name, found)
		if len(found) >= maxViolations {
			return found[:maxViolations]
		}
	}
	return found
}

func (c *check) run(v reflect.Value, name string, found []Violation) []Violation {
	given := v.Kind() == reflect.Pointer
	if given {
		if v.IsNil() {
			if c.required {
				found = append(found, Violation{name, "null", "Member must not be null"})
			}
			return found
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		return c.text(v.String(), given || v.Len() > 0, name, found)
	case reflect.Int, reflect.Int32, reflect.Int64:
		return c.number(v.Int(), name, found)
	case reflect.Slice:
		return c.list(v, name, found)
	case reflect.Map:
		if c.required && v.IsNil() {
			found = append(found, Violation{name, "null", "Member must not be null"})
		}
		return found
	case reflect.Struct:
		for _, n := range c.nested {
			found = n.check.run(v.FieldByIndex(n.index), name+"."+n.name, found)
		}
	}
	return found
}

// text checks a string. An empty one behind no pointer counts as not given.
func (c *check) text(s string, given bool, name string, found []Violation) []Violation {
	if !given {
		if c.required {
			found = append(found, Violation{name, "null", "Member must not be null"})
		}
		return found
	}
	n := utf8.RuneCountInString(s)
	if c.maxLen >= 0 && n > c.maxLen {
		found = append(found, Violation{name, clip(s), fmt.Sprintf("Member must have length less than or equal to %d", c.maxLen)})
	}
	if c.minLen >= 0 && n < c.minLen {
		found = append(found, Violation{name, clip(s), fmt.Sprintf("Member must have length greater than or equal to %d", c.minLen)})
	}
	if c.pattern != nil && !c.pattern.MatchString(s) {
		found = append(found, Violation{name, clip(s), "Member must satisfy regular expression pattern: " + c.patternText})
	}
	if c.enum != nil && !slices.Contains(c.enum, s) {
		found = append(found, Violation{name, clip(s), "Member must satisfy enum value set: [" + strings.Join(c.enum, ", ") + "]"})
	}
	return found
}

func (c *check) number(n int64, name string, found []Violation) []Violation {
	if !c.hasRange {
		return found
	}
	if n < c.minimum {
		found = append(found, Violation{name, strconv.FormatInt(n, 10), fmt.Sprintf("Member must have value greater than or equal to %d", c.minimum)})
	}
	if n > c.maximum {
		found = append(found, Violation{name, strconv.FormatInt(n, 10), fmt.Sprintf("Member must have value less than or equal to %d", c.maximum)})
	}
	return found
}

func (c *check) list(v reflect.Value, name string, found []Violation) []Violation {
	if c.required && v.IsNil() {
		return append(found, Violation{name, "null", "Member must not be null"})
	}
	if c.maxLen >= 0 && v.Len() > c.maxLen {
		found = append(found, Violation{name, "[...]", fmt.Sprintf("Member must have length less than or equal to %d", c.maxLen)})
	}
	if c.minLen > 0 && v.Len() < c.minLen && !v.IsNil() {
		found = append(found, Violation{name, "[...]", fmt.Sprintf("Member must have length greater than or equal to %d", c.minLen)})
	}
	for i := 0; i < v.Len() && len(found) < maxViolations; i++ {
		item := v.Index(i)
		member := fmt.Sprintf("%s.%d.member", name, i+1)
		if item.Kind() == reflect.String {
			each := *c
			each.minLen, each.maxLen, each.required = -1, -1, false
			found = each.text(item.String(), true, member, found)
			continue
		}
		found = c.run(item, member, found)
	}
	return found
}
