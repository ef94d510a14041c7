package iot

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"inro.dev/inro/internal/metastore"
)

func TestThingGroupLifeCycle(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/thing-groups/root", nil)
	r.ok("POST", "/thing-groups/middle", object{"parentGroupName": "root"})
	body := object{"parentGroupName": "middle", "thingGroupProperties": object{"thingGroupDescription": "d", "attributePayload": object{"attributes": object{"a": "b"}}}}
	made := r.ok("POST", "/thing-groups/leaf", body)
	if again := r.ok("POST", "/thing-groups/leaf", body); !reflect.DeepEqual(again, made) {
		t.Errorf("again = %v, want %v", again, made)
	}
	p := r.refused(409, "ResourceAlreadyExistsException", "POST", "/thing-groups/leaf", nil)
	if p.message() != "Thing Group leaf already exists in current account with different properties" {
		t.Error(p.message())
	}
	want := object{
		"thingGroupName": "leaf", "thingGroupArn": arnPrefix + "thinggroup/leaf", "thingGroupId": made["thingGroupId"], "version": 1.0,
		"thingGroupProperties": object{"thingGroupDescription": "d", "attributePayload": object{"attributes": object{"a": "b"}}},
		"thingGroupMetadata": object{"parentGroupName": "middle", "creationDate": 1785585600.5, "rootToParentThingGroups": []any{
			object{"groupName": "root", "groupArn": arnPrefix + "thinggroup/root"}, object{"groupName": "middle", "groupArn": arnPrefix + "thinggroup/middle"},
		}},
	}
	if got := r.ok("GET", "/thing-groups/leaf", nil); !reflect.DeepEqual(got, want) {
		t.Errorf("DescribeThingGroup = %v, want %v", got, want)
	}
	r.refused(404, "ResourceNotFoundException", "POST", "/thing-groups/orphan", object{"parentGroupName": "none"})
	r.refused(400, "InvalidRequestException", "DELETE", "/thing-groups/middle", nil)
	r.ok("DELETE", "/thing-groups/leaf", nil)
	r.ok("DELETE", "/thing-groups/leaf", nil)
	r.ok("DELETE", "/thing-groups/middle", nil)
	r.refused(404, "ResourceNotFoundException", "GET", "/thing-groups/middle", nil)
}

func TestThingGroupDepthAndChildren(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/thing-groups/g1", nil)
	for i := 2; i <= maxGroupDepth; i++ {
		r.ok("POST", fmt.Sprint("/thing-groups/g", i), object{"parentGroupName": fmt.Sprint("g", i-1)})
	}
	r.refused(400, "InvalidRequestException", "POST", "/thing-groups/g8", object{"parentGroupName": "g7"})
	r.update(func(ctx context.Context, w metastore.Writer) error {
		for i := range maxChildGroups - 1 {
			name := fmt.Sprint("child", i)
			if err := metastore.ThingGroups.Put(ctx, w, testAccount, name, &metastore.ThingGroup{Name: name, Parent: "g1"}); err != nil {
				return err
			}
		}
		return nil
	})
	r.refused(400, "InvalidRequestException", "POST", "/thing-groups/one-more", object{"parentGroupName": "g1"})
}

func TestListThingGroups(t *testing.T) {
	r := newRig(t)
	for _, g := range [][2]string{{"a", ""}, {"a1", "a"}, {"a2", "a"}, {"a11", "a1"}, {"b", ""}, {"b1", "b"}} {
		body := object{}
		if g[1] != "" {
			body["parentGroupName"] = g[1]
		}
		r.ok("POST", "/thing-groups/"+g[0], body)
	}
	for query, want := range map[string][]string{
		"":                                  {"a", "a1", "a11", "a2", "b", "b1"},
		"recursive=true":                    {"a", "a1", "a11", "a2", "b", "b1"},
		"recursive=false":                   {"a", "b"},
		"parentGroup=a":                     {"a1", "a2"},
		"parentGroup=a&recursive=false":     {"a1", "a2"},
		"parentGroup=a&recursive=true":      {"a1", "a11", "a2"},
		"parentGroup=a11":                   {},
		"namePrefixFilter=a1":               {"a1", "a11"},
		"namePrefixFilter=a1&parentGroup=a": {"a1"},
	} {
		for _, size := range []int{0, 1, 2, 5} {
			if got := r.pages("/thing-groups", query, "thingGroups", size, "groupName"); !slices.Equal(got, want) {
				t.Errorf("%q in pages of %d: %q, want %q", query, size, got, want)
			}
		}
	}
	r.refused(404, "ResourceNotFoundException", "GET", "/thing-groups?parentGroup=none", nil)
}

func TestGroupMembership(t *testing.T) {
	r := newRig(t)
	for _, g := range [][2]string{{"a", ""}, {"a1", "a"}, {"a2", "a"}, {"b", ""}} {
		body := object{}
		if g[1] != "" {
			body["parentGroupName"] = g[1]
		}
		r.ok("POST", "/thing-groups/"+g[0], body)
	}
	for _, name := range []string{"t1", "t2", "t3"} {
		r.ok("POST", "/things/"+name, nil)
	}
	add, remove, update := "/thing-groups/addThingToThingGroup", "/thing-groups/removeThingFromThingGroup", "/thing-groups/updateThingGroupsForThing"
	groups := func(thing string) []string {
		return r.pages("/things/"+thing+"/thing-groups", "", "thingGroups", 1, "groupName")
	}
	r.ok("PUT", add, object{"thingGroupName": "a1", "thingName": "t1"})
	r.ok("PUT", add, object{"thingGroupName": "a1", "thingName": "t1"})
	r.ok("PUT", add, object{"thingGroupArn": arnPrefix + "thinggroup/b", "thingArn": arnPrefix + "thing/t1", "overrideDynamicGroups": true})
	if got := groups("t1"); !slices.Equal(got, []string{"a1", "b"}) {
		t.Errorf("groups of t1: %q", got)
	}
	for _, group := range []string{"a", "a2"} { // one hierarchy
		r.refused(400, "InvalidRequestException", "PUT", add, object{"thingGroupName": group, "thingName": "t1"})
	}
	for _, body := range []object{
		{}, {"thingName": "t1"}, {"thingGroupName": "a"},
		{"thingGroupName": "a", "thingGroupArn": arnPrefix + "thinggroup/b", "thingName": "t1"},
		{"thingGroupArn": arnPrefix + "thing/a", "thingName": "t1"},
		{"thingGroupArn": "arn:aws:iot:us-east-1:999999999999:thinggroup/a", "thingName": "t1"},
		{"thingGroupArn": "arn:aws:iot:ap-northeast-1:111111111111:thinggroup/a", "thingName": "t1"},
		{"thingGroupArn": "nonsense", "thingName": "t1"},
	} {
		r.refused(400, "InvalidRequestException", "PUT", add, body)
	}
	r.refused(404, "ResourceNotFoundException", "PUT", add, object{"thingGroupName": "none", "thingName": "t1"})
	r.refused(404, "ResourceNotFoundException", "PUT", add, object{"thingGroupName": "a", "thingName": "none"})
	r.refused(404, "ResourceNotFoundException", "PUT", remove, object{"thingGroupName": "none", "thingName": "t1"})
	r.ok("PUT", update, object{"thingName": "t1", "thingGroupsToRemove": []string{"a1"}, "thingGroupsToAdd": []string{"a2"}})
	if got := groups("t1"); !slices.Equal(got, []string{"a2", "b"}) {
		t.Errorf("groups of t1: %q", got)
	}
	r.refused(400, "InvalidRequestException", "PUT", update, object{"thingName": "t1", "thingGroupsToRemove": []string{"b"}, "thingGroupsToAdd": []string{"a1"}})
	if got := groups("t1"); !slices.Equal(got, []string{"a2", "b"}) {
		t.Errorf("a refused update changed the groups of t1: %q", got)
	}
	r.ok("PUT", add, object{"thingGroupName": "a1", "thingName": "t2"})
	r.ok("PUT", add, object{"thingGroupName": "a", "thingName": "t3"})
	for query, want := range map[string][]string{"": {"t3"}, "recursive=true": {"t3", "t2", "t1"}} {
		for _, size := range []int{0, 1, 2, 3} {
			if got := r.pages("/thing-groups/a/things", query, "things", size, ""); !slices.Equal(got, want) {
				t.Errorf("things in a, %q in pages of %d: %q, want %q", query, size, got, want)
			}
		}
	}
	r.ok("PUT", remove, object{"thingGroupName": "b", "thingName": "t1"})
	r.ok("PUT", remove, object{"thingGroupName": "b", "thingName": "t1"})
	if got := groups("t1"); !slices.Equal(got, []string{"a2"}) {
		t.Errorf("groups of t1: %q", got)
	}
	r.refused(404, "ResourceNotFoundException", "GET", "/things/none/thing-groups", nil)
	r.refused(404, "ResourceNotFoundException", "GET", "/thing-groups/none/things", nil)
}

func TestThingsAreInTenGroups(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/things/t", nil)
	for i := range maxGroupsOfThing + 1 {
		name := fmt.Sprint("g", i)
		r.ok("POST", "/thing-groups/"+name, nil)
		p := r.call("PUT", "/thing-groups/addThingToThingGroup", object{"thingGroupName": name, "thingName": "t"})
		if want := i < maxGroupsOfThing; (p.status == 200) != want {
			t.Errorf("group %d: %d %s", i+1, p.status, p.text)
		}
	}
}

func TestDeletedGroupLeavesNothingBehind(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/thing-groups/g", nil)
	r.ok("POST", "/things/t", nil)
	r.ok("POST", "/policies/p", object{"policyDocument": document})
	r.ok("PUT", "/thing-groups/addThingToThingGroup", object{"thingGroupName": "g", "thingName": "t"})
	r.ok("PUT", "/target-policies/p", object{"target": arnPrefix + "thinggroup/g"})
	r.ok("DELETE", "/thing-groups/g", nil)
	r.ok("POST", "/thing-groups/g", nil)
	if got := r.pages("/thing-groups/g/things", "", "things", 0, ""); len(got) != 0 {
		t.Errorf("things of the new group: %q", got)
	}
	if got := r.ok("POST", "/attached-policies/"+esc(arnPrefix+"thinggroup/g"), nil); len(column(got, "policies", "policyName")) != 0 {
		t.Errorf("policies of the new group: %v", got)
	}
}
