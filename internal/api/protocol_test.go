package api

import (
	"bytes"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

type formInput struct {
	RoleName   string   `required:"" length:"1,64" pattern:"[\\w+=,.@-]+"`
	MaxItems   *int     `range:"1,1000"`
	PolicyARNs []arnRef `form:"PolicyArns" length:"0,2"`
	TagKeys    []string
	Tags       []tagInput
	Enabled    *bool
	Kind       string `enum:"A,B"`
}

type arnRef struct {
	ARN string `form:"arn" length:"20,2048"`
}

type tagInput struct {
	Key   string  `required:"" length:"1,128"`
	Value *string `required:"" length:"0,256"`
}

func decodeForm(t *testing.T, text string) (*formInput, error) {
	t.Helper()
	form, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	in := new(formInput)
	b := compileBinding("Test", reflect.TypeFor[formInput]())
	return in, Query("ns").decode(&call{values: form}, b, reflect.ValueOf(in).Elem())
}

func TestQueryFormsDecodeFlattenedMembers(t *testing.T) {
	in, err := decodeForm(t, "RoleName=r&MaxItems=7&PolicyArns.member.1.arn=a1&PolicyArns.member.2.arn=a2&TagKeys.member.1=x&TagKeys.member.2=y&Tags.member.1.Key=k&Tags.member.1.Value=&Enabled=true")
	if err != nil {
		t.Fatal(err)
	}
	if in.RoleName != "r" || *in.MaxItems != 7 || len(in.PolicyARNs) != 2 || in.PolicyARNs[1].ARN != "a2" ||
		strings.Join(in.TagKeys, ",") != "x,y" || len(in.Tags) != 1 || in.Tags[0].Key != "k" || *in.Tags[0].Value != "" || !*in.Enabled {
		t.Fatalf("decoded %+v", in)
	}
	if _, err := decodeForm(t, "RoleName=r&MaxItems=many"); err == nil {
		t.Fatal("MaxItems=many was accepted")
	}
}

func TestConstraintsAreCheckedInAWSWords(t *testing.T) {
	b := compileBinding("Test", reflect.TypeFor[formInput]())
	for _, c := range []struct{ form, want string }{
		{"RoleName=r", ""},
		{"", "Value null at 'RoleName' failed to satisfy constraint: Member must not be null"},
		{"RoleName=a/b", "Value 'a/b' at 'RoleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+"},
		{"RoleName=" + strings.Repeat("r", 65), "Member must have length less than or equal to 64"},
		{"RoleName=r&MaxItems=0", "Value '0' at 'MaxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"RoleName=r&Kind=C", "Member must satisfy enum value set: [A, B]"},
		{"RoleName=r&PolicyArns.member.1.arn=short", "at 'PolicyArns.1.member.arn' failed"},
		{"RoleName=r&PolicyArns.member.1.arn=12345678901234567890&PolicyArns.member.2.arn=12345678901234567890&PolicyArns.member.3.arn=12345678901234567890", "Member must have length less than or equal to 2"},
		{"RoleName=r&Tags.member.1.Key=k", "Value null at 'Tags.1.member.Value'"},
	} {
		in, err := decodeForm(t, c.form)
		if err != nil {
			t.Fatal(err)
		}
		found := b.violations(reflect.ValueOf(in).Elem())
		text := ""
		if len(found) > 0 {
			text = ViolationMessage(found)
		}
		if c.want == "" && text != "" || !strings.Contains(text, c.want) {
			t.Errorf("%q: %q, want %q", c.form, text, c.want)
		}
	}
}

func TestQueryAnswersRenderAsAWSDoes(t *testing.T) {
	type role struct {
		RoleName string
		Created  time.Time `form:"CreateDate"`
		Limit    *int
		Flag     bool
	}
	out := struct {
		Roles       []role
		Empty       []string
		Absent      []string
		Marker      string
		SummaryMap  map[string]int
		IsTruncated bool
	}{
		Roles: []role{{"a<b", time.Date(2021, 3, 28, 6, 40, 0, 0, time.UTC), nil, true}}, Empty: []string{}, SummaryMap: map[string]int{"Users": 1, "Roles": 2},
	}
	var buf bytes.Buffer
	if err := encodeQueryStruct(&buf, reflect.ValueOf(out)); err != nil {
		t.Fatal(err)
	}
	want := "<Roles><member><RoleName>a&lt;b</RoleName><CreateDate>2021-03-28T06:40:00Z</CreateDate><Flag>true</Flag></member></Roles>" +
		"<Empty></Empty><SummaryMap><entry><key>Roles</key><value>2</value></entry><entry><key>Users</key><value>1</value></entry></SummaryMap><IsTruncated>false</IsTruncated>"
	if buf.String() != want {
		t.Errorf("got  %s\nwant %s", buf.String(), want)
	}
}

type jsonInput struct {
	Name    string            `json:"name"`
	Count   *int              `json:"count"`
	Attrs   map[string]string `json:"attrs"`
	Merge   bool              `json:"merge"`
	Created Timestamp         `json:"created"`
}

func decodeTestJSON(body string) (*jsonInput, error) {
	in := new(jsonInput)
	return in, decodeJSONMembers([]byte(body), compileBinding("Test", reflect.TypeFor[jsonInput]()), reflect.ValueOf(in).Elem())
}

func TestJSONBodiesAreReadStrictly(t *testing.T) {
	in, err := decodeTestJSON(`{"name":"n","count":3,"attrs":{"a":"b"},"unknown":[1],"merge":true,"created":1616913600.5}`)
	if err != nil || in.Name != "n" || *in.Count != 3 || in.Attrs["a"] != "b" || !in.Merge || in.Created.UnixMilli() != 1616913600500 {
		t.Fatalf("decoded %+v, %v", in, err)
	}
	for _, body := range []string{`{"name":"a","name":"b"}`, `{"name":1}`, `[]`, `{"name":"a"} x`, `{"name":"a"`, `{"count":1.5}`, `nul`} {
		if in, err := decodeTestJSON(body); err == nil {
			t.Errorf("%s was read as %+v", body, in)
		}
	}
}

func TestXMLRefusesWhatFollowsTheRoot(t *testing.T) {
	type doc struct {
		A string
	}
	for _, c := range []struct {
		body string
		ok   bool
	}{
		{"<doc><A>x</A></doc>", true}, {"<?xml version=\"1.0\"?>\n<doc><A>x</A></doc>\n<!-- end -->", true},
		{"<doc></doc><doc></doc>", false}, {"<doc></doc>x", false}, {"<doc>", false}, {"", false},
	} {
		if err := unmarshalXML([]byte(c.body), new(doc)); (err == nil) != c.ok {
			t.Errorf("%q: %v, want ok %v", c.body, err, c.ok)
		}
	}
}

func FuzzQueryDecode(f *testing.F) {
	f.Add("RoleName=r&Tags.member.1.Key=k&PolicyArns.member.1.arn=a")
	f.Add("Tags.member.1=&Tags.member.01.Key=k&TagKeys=&MaxItems=99999999999999999999")
	b := compileBinding("Test", reflect.TypeFor[formInput]())
	f.Fuzz(func(t *testing.T, text string) {
		form, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		in := new(formInput)
		if err := Query("ns").decode(&call{values: form}, b, reflect.ValueOf(in).Elem()); err == nil {
			b.violations(reflect.ValueOf(in).Elem())
		}
	})
}

func FuzzJSONDecode(f *testing.F) {
	f.Add(`{"name":"n","count":3,"attrs":{"a":"b"}}`)
	f.Add(`{"name":"a","name":"b"}`)
	f.Fuzz(func(t *testing.T, body string) {
		if in, err := decodeTestJSON(body); err == nil && in == nil {
			t.Fatal("neither input nor error")
		}
	})
}

func FuzzXMLDecode(f *testing.F) {
	f.Add([]byte("<doc><A>x</A></doc>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v struct {
			A string
			B []struct{ C int }
		}
		_ = unmarshalXML(body, &v) // must not panic
	})
}
