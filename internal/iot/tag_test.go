package iot

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestTags(t *testing.T) {
	r := newRig(t)
	given := []object{{"Key": "team", "Value": "blue"}}
	r.ok("POST", "/policies/x", object{"policyDocument": document, "tags": given})
	r.ok("POST", "/role-aliases/x", object{"roleArn": roleARN, "tags": given})
	r.ok("POST", "/thing-types/x", object{"tags": given})
	r.ok("POST", "/thing-groups/x", object{"tags": given})
	for _, word := range []string{"policy", "rolealias", "thingtype", "thinggroup"} {
		arn := arnPrefix + word + "/x"
		tags := func() any { return r.ok("GET", "/tags?resourceArn="+esc(arn), nil)["tags"] }
		if got := tags(); !reflect.DeepEqual(got, []any{object{"Key": "team", "Value": "blue"}}) {
			t.Errorf("%s: tags %v", word, got)
		}
		r.ok("POST", "/tags", object{"resourceArn": arn, "tags": []object{{"Key": "team", "Value": "red"}, {"Key": "site", "Value": ""}}})
		if got := tags(); !reflect.DeepEqual(got, []any{object{"Key": "team", "Value": "red"}, object{"Key": "site", "Value": ""}}) {
			t.Errorf("%s: tags %v", word, got)
		}
		r.ok("POST", "/untag", object{"resourceArn": arn, "tagKeys": []string{"team", "Site", "none"}})
		if got := tags(); !reflect.DeepEqual(got, []any{object{"Key": "site", "Value": ""}}) {
			t.Errorf("%s: tags %v", word, got)
		}
		r.refused(404, "ResourceNotFoundException", "POST", "/tags", object{"resourceArn": arn + "y", "tags": given})
		r.refused(404, "ResourceNotFoundException", "POST", "/untag", object{"resourceArn": arn + "y", "tagKeys": []string{"a"}})
		r.refused(404, "ResourceNotFoundException", "GET", "/tags?resourceArn="+esc(arn+"y"), nil)
	}
}

func TestTagsThatAreRefused(t *testing.T) {
	r := newRig(t)
	id, cert := r.certificate(true)
	r.ok("POST", "/things/lamp", nil)
	r.ok("POST", "/thing-groups/g", object{"tags": []object{{"Key": "team", "Value": "blue"}}})
	group := arnPrefix + "thinggroup/g"
	one := []object{{"Key": "a", "Value": "b"}}
	for _, arn := range []string{cert, arnPrefix + "thing/lamp", "arn:aws:s3:::bucket", "nonsense", "", strings.Replace(group, testAccount, "111111111111", 1), arnPrefix + "cert/" + id} {
		r.refused(400, "InvalidRequestException", "POST", "/tags", object{"resourceArn": arn, "tags": one})
		r.refused(400, "InvalidRequestException", "GET", "/tags?resourceArn="+esc(arn), nil)
	}
	many := []object{}
	for i := range maxTags + 1 {
		many = append(many, object{"Key": fmt.Sprint(i), "Value": ""})
	}
	for _, tags := range [][]object{
		{{"Key": "TEAM", "Value": "x"}}, {{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}}, {{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}},
		{{"Key": "site", "Value": "1"}, {"Key": "s\u0130te", "Value": "2"}}, // İ in lower case is i
		{{"Key": "aws:x", "Value": ""}}, {{"Key": "AWS:x", "Value": ""}}, {{"Key": "", "Value": ""}}, {{"Value": "x"}}, {{"Key": strings.Repeat("x", 129), "Value": ""}},
		{{"Key": "a", "Value": strings.Repeat("x", 257)}}, {{"Key": "a<b", "Value": ""}}, many,
	} {
		r.refused(400, "InvalidRequestException", "POST", "/tags", object{"resourceArn": group, "tags": tags})
		if strings.Contains(fmt.Sprint(tags), "TEAM") {
			continue
		}
		r.refused(400, "InvalidRequestException", "POST", "/thing-groups/h", object{"tags": tags})
	}
	r.ok("POST", "/tags", object{"resourceArn": group, "tags": many[:maxTags-1]})
	r.refused(410, "LimitExceededException", "POST", "/tags", object{"resourceArn": group, "tags": many[maxTags-1:]})
	if got := r.ok("GET", "/tags?resourceArn="+esc(group), nil); len(column(got, "tags", "Key")) != maxTags || !slices.Contains(column(got, "tags", "Value"), "blue") {
		t.Errorf("tags %v", got)
	}
	r.refused(400, "InvalidRequestException", "GET", "/tags?nextToken=x&resourceArn="+esc(group), nil)
}
