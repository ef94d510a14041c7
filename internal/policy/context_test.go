package policy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestContextLayers(t *testing.T) {
	var base Context
	base.Set("aws:username", "alice")
	base.Set("aws:userid", "AIDA")
	c := base.Layer()
	c.Set("AWS:UserID", "other")
	c.Unset("aws:UserName")
	c.SetList("aws:TagKeys", "a", "b")
	if v, ok := c.Get("aws:userid"); !ok || v[0] != "other" {
		t.Errorf("got %v %v, want the layer's value", v, ok)
	}
	if v, ok := c.Get("aws:username"); ok {
		t.Errorf("got %v, want an unset key to hide the parent's", v)
	}
	if v, ok := base.Get("aws:username"); !ok || v[0] != "alice" {
		t.Errorf("got %v %v, want the parent unchanged", v, ok)
	}
	names := c.Names()
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "aws:tagkeys aws:userid" {
		t.Errorf("got names %q", got)
	}
	clone := c.Clone()
	clone.Set("aws:userid", "clone")
	if v, _ := c.Get("aws:userid"); v[0] != "other" {
		t.Errorf("got %v, want the original unchanged by its clone", v)
	}
	c.Reset(nil)
	if names := c.Names(); len(names) != 0 {
		t.Errorf("got %v after Reset, want no names", names)
	}
}

func TestContextWritesTypesAsPoliciesReadThem(t *testing.T) {
	var c Context
	c.SetBool("k:b", true)
	c.SetInt("k:i", -9007199254740993)
	c.SetTime("k:t", time.Date(2026, 8, 1, 21, 0, 0, 999, time.FixedZone("JST", 9*3600)))
	c.SetBinary("k:x", []byte("Binary"))
	for key, want := range map[string]string{"k:b": "true", "k:i": "-9007199254740993", "k:t": "2026-08-01T12:00:00Z", "k:x": "QmluYXJ5"} {
		if got, _ := c.Get(key); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %v, want %s", key, got, want)
		}
	}
}

func TestNilContextHasNoKeys(t *testing.T) {
	var c *Context
	if _, ok := c.Get("aws:username"); ok || len(c.Names()) != 0 || c.Clone() == nil {
		t.Error("a nil context should be empty")
	}
}

func TestCertificateValuesTooLongStayVariables(t *testing.T) {
	tests := []struct {
		value string
		want  string
	}{
		{strings.Repeat("é", 1024), strings.Repeat("é", 1024)},
		{strings.Repeat("é", 1025), "${iot:Certificate.Subject.CommonName}"},
		{`a,b"c\d=e<f>g;h`, `a\,b\"c\\d\=e\<f\>g\;h`},
		{"a$b", "${iot:Certificate.Subject.CommonName}"},
	}
	variable, err := parseVariable("${iot:Certificate.Subject.CommonName}")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		var c Context
		c.SetCertificate("iot:Certificate.Subject.CommonName", tt.value)
		if got, ok := variable.resolve(&c); !ok || got != tt.want {
			t.Errorf("%q: got %q %v, want %q", tt.value, got, ok, tt.want)
		}
	}
}
