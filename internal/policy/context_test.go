package policy

import (
	"errors"
	"slices"
	"strconv"
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

func TestContextOfManyKeys(t *testing.T) {
	const many = 100_000 // took half a minute when every key was compared with every other
	var base Context
	c := base.Layer()
	for i := range many {
		c.Set("aws:RequestTag/Key"+strconv.Itoa(i), "first")
	}
	c.Set("aws:RequestTag/key7", "second")
	c.Unset("aws:RequestTag/key8")
	clone := c.Clone()
	clone.Set("aws:RequestTag/key9", "clone")
	for _, w := range []struct {
		c         *Context
		key, want string
	}{
		{c, "aws:requesttag/KEY0", "first"}, {c, "aws:requesttag/key99999", "first"}, {c, "aws:RequestTag/Key7", "second"},
		{c, "aws:RequestTag/Key8", ""}, {c, "aws:RequestTag/Key9", "first"}, {c, "aws:RequestTag/Key100000", ""},
		{clone, "aws:RequestTag/Key9", "clone"}, {clone, "aws:RequestTag/Key7", "second"}, {clone, "aws:RequestTag/Key8", ""},
		{c.Layer(), "aws:RequestTag/Key7", "second"},
	} {
		if got, _ := w.c.Get(w.key); strings.Join(got, "") != w.want {
			t.Errorf("%s: got %q, want %q", w.key, got, w.want)
		}
	}
	if got := len(c.Names()); got != many-1 {
		t.Errorf("got %d names, want %d", got, many-1)
	}
	c.Reset(nil)
	if got, ok := c.Get("aws:RequestTag/Key7"); ok {
		t.Errorf("got %q after Reset, want nothing", got)
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

func TestFamiliesAreLookedUpWhenAPolicyAsks(t *testing.T) {
	tests := []struct {
		condition string
		tags      map[string]string
		err       error
		want      bool
		asked     int
	}{
		{`{"StringEquals":{"s3:prefix":"x"}}`, nil, nil, false, 0},
		{`{"StringEquals":{"s3:ExistingObjectTag/Class":"public"}}`, map[string]string{"class": "public"}, nil, true, 1},
		{`{"StringEquals":{"S3:existingobjecttag/CLASS":"public"}}`, map[string]string{"class": "private"}, nil, false, 1},
		{`{"StringNotEquals":{"s3:ExistingObjectTag/Class":"public"}}`, nil, nil, true, 1},
		{`{"StringLike":{"s3:ExistingObjectTag/Class":"*"},"Null":{"s3:ExistingObjectTag/Class":"false"}}`, map[string]string{"class": ""}, nil, true, 1},
		{`{"StringEquals":{"s3:ExistingObjectTag/Class":"${s3:ExistingObjectTag/Class}"}}`, map[string]string{"class": "*"}, nil, true, 1},
		{`{"StringEquals":{"s3:ExistingObjectTag/Class":"public"}}`, map[string]string{"class": "public"}, errors.New("unread"), false, 1},
	}
	for _, tt := range tests {
		p := mustCompile(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":`+tt.condition+`}}`, Identity)
		asked := 0
		var parent Context
		parent.SetFamily("s3:ExistingObjectTag/", func(rest string) (string, bool, error) {
			asked++
			value, ok := tt.tags[rest]
			return value, ok, tt.err
		})
		keys := parent.Layer()
		d := Evaluate(&Request{Principal: Principal{Type: User}, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Context: keys}, &Sets{Identity: []*Policy{p}})
		if d.Allowed() != tt.want || asked != tt.asked || !errors.Is(keys.Err(), tt.err) {
			t.Errorf("%s with %v: got %v, asked %d times, error %v; want %v, %d, %v", tt.condition, tt.tags, d.Allowed(), asked, keys.Err(), tt.want, tt.asked, tt.err)
		}
		if parent.Reset(nil); parent.Err() != nil {
			t.Error("an error outlived Reset")
		}
	}
}
