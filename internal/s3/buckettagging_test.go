package s3

import (
	"fmt"
	"strings"
	"testing"
)

func tagBody(pairs ...string) string {
	var b strings.Builder
	b.WriteString(`<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>`)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", pairs[i], pairs[i+1])
	}
	b.WriteString("</TagSet></Tagging>")
	return b.String()
}

func TestBucketTags(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	wantRefusal(t, "none", f.do(call{path: "/box?tagging"}), 404, "NoSuchTagSet")
	var many []string
	for i := range maxBucketTags + 1 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	for name, test := range map[string]struct{ body, code string }{
		"nothing":       {"", "MalformedXML"},
		"no set":        {"<Tagging/>", "MalformedXML"},
		"no value":      {"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "MalformedXML"},
		"twice":         {tagBody("a", "1", "a", "2"), "InvalidTag"},
		"system":        {tagBody("aws:a", "1"), "InvalidTag"},
		"system, upper": {tagBody("AWS:a", "1"), "InvalidTag"},
		"empty key":     {tagBody("", "1"), "InvalidTag"},
		"long key":      {tagBody(strings.Repeat("k", 129), "1"), "InvalidTag"},
		"long value":    {tagBody("a", strings.Repeat("v", 257)), "InvalidTag"},
		"character":     {tagBody("a?", "1"), "InvalidTag"},
		"too many":      {tagBody(many...), "BadRequest"},
	} {
		wantRefusal(t, name, f.do(call{method: "PUT", path: "/box?tagging", body: test.body}), 400, test.code)
	}
	if a := f.must(call{method: "PUT", path: "/box?tagging", body: tagBody("Hello", "World", "鍵", "値 1", "empty", "")}); a.status != 204 {
		t.Errorf("put: got %d, want 204", a.status)
	}
	want := `<TagSet><Tag><Key>Hello</Key><Value>World</Value></Tag><Tag><Key>鍵</Key><Value>値 1</Value></Tag><Tag><Key>empty</Key><Value></Value></Tag></TagSet>`
	if got := f.must(call{path: "/box?tagging"}).body; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	f.must(call{method: "PUT", path: "/box?tagging", body: tagBody(many[:2*maxBucketTags]...)})
	f.must(call{method: "DELETE", path: "/box?tagging"})
	wantRefusal(t, "deleted", f.do(call{path: "/box?tagging"}), 404, "NoSuchTagSet")
}

func TestTagsOfRequestsAreConditionKeys(t *testing.T) {
	f := newFixture(t)
	f.bucket("box")
	f.grant("tagger", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:PutBucketTagging","s3:CreateBucket","s3:TagResource"],"Resource":"*",
		"Condition":{"StringEquals":{"aws:RequestTag/team":"a"},"ForAllValues:StringEquals":{"aws:TagKeys":["team","stage"]}}}}`, nil)
	create := func(tags string) string {
		return `<CreateBucketConfiguration><LocationConstraint>` + region + `</LocationConstraint><Tags>` + tags + `</Tags></CreateBucketConfiguration>`
	}
	tag := func(k, v string) string { return "<Tag><Key>" + k + "</Key><Value>" + v + "</Value></Tag>" }
	for body, allowed := range map[string]bool{
		tagBody("team", "a"): true, tagBody("team", "a", "stage", "x"): true, tagBody("team", "b"): false, tagBody("team", "a", "more", "x"): false, tagBody(): false,
	} {
		if a := f.do(call{as: "tagger", method: "PUT", path: "/box?tagging", body: body}); (a.status == 204) != allowed || !allowed && a.status != 403 {
			t.Errorf("%s: got %d %s, want allowed %v", body, a.status, a.body, allowed)
		}
	}
	wantRefusal(t, "create", f.do(call{as: "tagger", method: "PUT", path: "/box3", body: create(tag("team", "b"))}), 403, "AccessDenied")
	f.must(call{as: "tagger", method: "PUT", path: "/box3", body: create(tag("team", "a"))})
	if got := f.must(call{path: "/box3?tagging"}).body; !strings.Contains(got, "<Key>team</Key><Value>a</Value>") {
		t.Errorf("tags of the new bucket: %s", got)
	}
	f.allow("untagged", []string{"s3:CreateBucket"}, []string{"*"})
	wantRefusal(t, "without TagResource", f.do(call{as: "untagged", method: "PUT", path: "/box4", body: create(tag("team", "a"))}), 403, "AccessDenied")
}
