package iot

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestThingLifeCycle(t *testing.T) {
	r := newRig(t)
	made := r.ok("POST", "/things/lamp", nil)
	if made["thingName"] != "lamp" || made["thingArn"] != arnPrefix+"thing/lamp" || len(made["thingId"].(string)) != 36 {
		t.Errorf("CreateThing = %v", made)
	}
	got := r.ok("GET", "/things/lamp", nil)
	want := object{"defaultClientId": "lamp", "thingName": "lamp", "thingId": made["thingId"], "thingArn": made["thingArn"], "attributes": object{}, "version": 1.0}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("DescribeThing = %v, want %v", got, want)
	}
	if again := r.ok("POST", "/things/lamp", nil); !reflect.DeepEqual(again, made) {
		t.Errorf("the same CreateThing again = %v, want %v", again, made)
	}
	p := r.refused(409, "ResourceAlreadyExistsException", "POST", "/things/lamp", object{"attributePayload": object{"attributes": object{"a": "b"}}})
	if p.message() != "Thing lamp already exists in account with different attributes" || p.body["resourceId"] != made["thingId"] || p.body["resourceArn"] != made["thingArn"] {
		t.Errorf("%v", p.body)
	}
	r.ok("DELETE", "/things/lamp", nil)
	r.ok("DELETE", "/things/lamp", nil) // documented as success
	if p := r.refused(404, "ResourceNotFoundException", "GET", "/things/lamp", nil); p.message() == "" {
		t.Error("no message")
	}
}

func TestUpdateThing(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/thing-types/sensor", nil)
	r.ok("POST", "/thing-types/old", nil)
	r.ok("POST", "/thing-types/old/deprecate", nil)
	r.ok("POST", "/things/lamp", object{"attributePayload": object{"attributes": object{"a": "1", "b": "2"}}})
	attributes := func(m object, merge bool) object {
		return object{"attributePayload": object{"attributes": m, "merge": merge}}
	}
	many := object{}
	for i := range 50 {
		many[fmt.Sprint("k", i)] = "v"
	}
	for _, step := range []struct {
		name   string
		body   object
		status int
		code   string
		want   object // attributes afterwards
		typ    any
	}{
		{"merge", attributes(object{"b": "3", "c": "4"}, true), 200, "", object{"a": "1", "b": "3", "c": "4"}, nil},
		{"merge removes by an empty value", attributes(object{"a": ""}, true), 200, "", object{"b": "3", "c": "4"}, nil},
		{"replace", attributes(object{"d": "5"}, false), 200, "", object{"d": "5"}, nil},
		{"too many without a type", attributes(object{"e": "1", "f": "2", "g": "3"}, true), 400, "InvalidRequestException", object{"d": "5"}, nil},
		{"unknown type", object{"thingTypeName": "none"}, 404, "ResourceNotFoundException", object{"d": "5"}, nil},
		{"deprecated type", object{"thingTypeName": "old"}, 400, "InvalidRequestException", object{"d": "5"}, nil},
		{"type", object{"thingTypeName": "sensor"}, 200, "", object{"d": "5"}, "sensor"},
		{"50 with a type", attributes(many, false), 200, "", many, "sensor"},
		{"51", attributes(object{"k50": "v"}, true), 400, "InvalidRequestException", many, "sensor"},
		{"no type with 50", object{"removeThingType": true}, 400, "InvalidRequestException", many, "sensor"},
		{"both", object{"removeThingType": true, "thingTypeName": "sensor"}, 400, "InvalidRequestException", many, "sensor"},
		{"no type and fewer", object{"removeThingType": true, "attributePayload": object{"attributes": object{}}}, 200, "", object{}, nil},
		{"names in two cases", attributes(object{"site": "1", "Site": "2"}, true), 400, "InvalidRequestException", object{}, nil},
		{"bad name", attributes(object{"a b": "1"}, true), 400, "InvalidRequestException", object{}, nil},
		{"bad value", attributes(object{"a": "é"}, true), 400, "InvalidRequestException", object{}, nil},
		{"long value", attributes(object{"a": strings.Repeat("x", 801)}, true), 400, "InvalidRequestException", object{}, nil},
	} {
		p := r.call("PATCH", "/things/lamp", step.body)
		if p.status != step.status || p.code != step.code {
			t.Errorf("%s: %d %s %s, want %d %s", step.name, p.status, p.code, p.text, step.status, step.code)
		}
		got := r.ok("GET", "/things/lamp", nil)
		if !reflect.DeepEqual(got["attributes"], any(step.want)) || got["thingTypeName"] != step.typ {
			t.Errorf("%s: attributes %v, type %v, want %v, %v", step.name, got["attributes"], got["thingTypeName"], step.want, step.typ)
		}
	}
}

func TestExpectedVersions(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/things/lamp", nil)
	r.refused(409, "VersionConflictException", "PATCH", "/things/lamp", object{"expectedVersion": 2})
	r.ok("PATCH", "/things/lamp", object{"expectedVersion": 1})
	if v := r.ok("GET", "/things/lamp", nil)["version"]; v != 2.0 {
		t.Errorf("version %v, want 2", v)
	}
	r.refused(409, "VersionConflictException", "DELETE", "/things/lamp?expectedVersion=1", nil)
	r.ok("DELETE", "/things/lamp?expectedVersion=2", nil)
	r.ok("POST", "/thing-groups/g", nil)
	r.refused(409, "VersionConflictException", "PATCH", "/thing-groups/g", object{"thingGroupProperties": object{}, "expectedVersion": 7})
	if v := r.ok("PATCH", "/thing-groups/g", object{"thingGroupProperties": object{"thingGroupDescription": "x"}, "expectedVersion": 1})["version"]; v != 2.0 {
		t.Errorf("group version %v, want 2", v)
	}
	r.refused(409, "VersionConflictException", "DELETE", "/thing-groups/g?expectedVersion=1", nil)
	r.ok("DELETE", "/thing-groups/g?expectedVersion=2", nil)
}

func TestDeleteThingRefusesAttachedPrincipals(t *testing.T) {
	r := newRig(t)
	_, arn := r.certificate(true)
	r.ok("POST", "/things/lamp", nil)
	r.ok("PUT", "/things/lamp/principals", nil, "x-amzn-principal", arn)
	p := r.refused(400, "InvalidRequestException", "DELETE", "/things/lamp", nil)
	if p.message() != "Cannot delete. Thing lamp is still attached to one or more principals" {
		t.Error(p.message())
	}
	r.ok("DELETE", "/things/lamp/principals", nil, "x-amzn-principal", arn)
	r.ok("POST", "/thing-groups/g", nil)
	r.ok("PUT", "/thing-groups/addThingToThingGroup", object{"thingGroupName": "g", "thingName": "lamp"})
	r.ok("DELETE", "/things/lamp", nil)
	r.ok("POST", "/things/lamp", nil)
	if groups := r.ok("GET", "/things/lamp/thing-groups", nil); len(column(groups, "thingGroups", "groupName")) != 0 {
		t.Errorf("a new thing of the name is in %v", groups)
	}
}

func TestListThingsFiltersAndPages(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/thing-types/sensor", nil)
	for i := range 7 {
		body := object{"attributePayload": object{"attributes": object{"site": fmt.Sprint("tokyo-", i%3)}}}
		if i%2 == 0 {
			body["thingTypeName"] = "sensor"
		}
		r.ok("POST", fmt.Sprint("/things/t", i), body)
	}
	r.ok("POST", "/things/other", nil)
	all := []string{"other", "t0", "t1", "t2", "t3", "t4", "t5", "t6"}
	for query, want := range map[string][]string{
		"":                     all,
		"thingTypeName=sensor": {"t0", "t2", "t4", "t6"},
		"thingTypeName=none":   {},
		"attributeName=site":   {"t0", "t3", "t6", "t1", "t4", "t2", "t5"},
		"attributeName=site&attributeValue=tokyo-1":                          {"t1", "t4"},
		"attributeName=site&attributeValue=tokyo":                            {},
		"attributeName=site&attributeValue=tok&usePrefixAttributeValue=true": {"t0", "t3", "t6", "t1", "t4", "t2", "t5"},
		"attributeName=site&thingTypeName=sensor":                            {"t0", "t6", "t4", "t2"},
		"attributeName=site&attributeValue=tokyo-0&thingTypeName=sensor":     {"t0", "t6"},
		"attributeName=sit": {},
	} {
		for _, size := range []int{0, 1, 2, 3, 4, 250} {
			if got := r.pages("/things", query, "things", size, "thingName"); !slices.Equal(got, want) {
				t.Errorf("%q in pages of %d: %q, want %q", query, size, got, want)
			}
		}
	}
	for _, query := range []string{
		"maxResults=0", "maxResults=251", "maxResults=x", "nextToken=x", "nextToken=AAAA", "attributeValue=x", "usePrefixAttributeValue=true", "usePrefixAttributeValue=2", "thingTypeName=a%20b",
	} {
		r.refused(400, "InvalidRequestException", "GET", "/things?"+query, nil)
	}
}

// pages reads a list that pages by nextToken to its end, in pages of size (0:
// default), checking that none is longer and none but the last has no token.
func (r *rig) pages(path, query, member string, size int, name string) []string {
	r.t.Helper()
	all := []string{}
	token := ""
	for range 100 {
		target := path + "?" + query
		if size > 0 {
			target += fmt.Sprint("&maxResults=", size)
		}
		if token != "" {
			target += "&nextToken=" + strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(token)
		}
		page := r.ok("GET", target, nil)
		items := list(page, member)
		if name != "" {
			items = column(page, member, name)
		}
		if size > 0 && len(items) > size {
			r.t.Errorf("%s: page of %d", target, len(items))
		}
		all = append(all, items...)
		next, more := page["nextToken"]
		if !more {
			return all
		}
		if size > 0 && len(items) == 0 {
			r.t.Errorf("%s: empty page with a token", target)
		}
		token = next.(string)
	}
	r.t.Fatalf("%s: no end", path)
	return nil
}

func TestThingTypes(t *testing.T) {
	r := newRig(t)
	properties := object{"thingTypeDescription": "a sensor", "searchableAttributes": []string{"site"}}
	made := r.ok("POST", "/thing-types/sensor", object{"thingTypeProperties": properties})
	if again := r.ok("POST", "/thing-types/sensor", object{"thingTypeProperties": properties}); !reflect.DeepEqual(again, made) {
		t.Errorf("again = %v, want %v", again, made)
	}
	r.refused(409, "ResourceAlreadyExistsException", "POST", "/thing-types/sensor", nil)
	got := r.ok("GET", "/thing-types/sensor", nil)
	if !reflect.DeepEqual(got["thingTypeProperties"], any(object{"thingTypeDescription": "a sensor", "searchableAttributes": []any{"site"}})) ||
		at(got, "thingTypeMetadata", "deprecated") != false || at(got, "thingTypeMetadata", "creationDate") != 1785585600.5 || got["thingTypeArn"] != arnPrefix+"thingtype/sensor" {
		t.Errorf("DescribeThingType = %v", got)
	}
	r.ok("PATCH", "/thing-types/sensor", object{"thingTypeProperties": object{"thingTypeDescription": "new"}})
	if d := at(r.ok("GET", "/thing-types/sensor", nil), "thingTypeProperties", "thingTypeDescription"); d != "new" {
		t.Errorf("description %v", d)
	}
	r.ok("POST", "/thing-types/other", nil)
	if got := r.pages("/thing-types", "", "thingTypes", 1, "thingTypeName"); !slices.Equal(got, []string{"other", "sensor"}) {
		t.Errorf("ListThingTypes = %q", got)
	}
	if got := r.pages("/thing-types", "thingTypeName=sensor", "thingTypes", 1, "thingTypeName"); !slices.Equal(got, []string{"sensor"}) {
		t.Errorf("ListThingTypes by name = %q", got)
	}
	for _, target := range []string{"GET /thing-types/none", "PATCH /thing-types/none", "POST /thing-types/none/deprecate", "DELETE /thing-types/none"} {
		method, path, _ := strings.Cut(target, " ")
		r.refused(404, "ResourceNotFoundException", method, path, nil)
	}
	r.refused(501, "NotImplemented", "POST", "/thing-types/mqtt", object{"thingTypeProperties": object{"mqtt5Configuration": object{}}})
	r.refused(400, "InvalidRequestException", "POST", "/thing-types/many", object{"thingTypeProperties": object{"searchableAttributes": []string{"a", "b", "c", "d"}}})
}

func TestThingTypesAreDeletedAfterTheWait(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/thing-types/sensor", nil)
	r.ok("POST", "/things/lamp", object{"thingTypeName": "sensor"})
	r.refused(400, "InvalidRequestException", "DELETE", "/thing-types/sensor", nil)
	r.ok("POST", "/thing-types/sensor/deprecate", nil)
	deprecated := r.now
	r.now = r.now.Add(defaultThingTypeDeletionDelay - 1)
	r.ok("POST", "/thing-types/sensor/deprecate", nil) // does not start the wait anew
	p := r.refused(400, "InvalidRequestException", "DELETE", "/thing-types/sensor", nil)
	if !strings.Contains(p.message(), "Please wait for 5 minutes after deprecation and then retry") {
		t.Error(p.message())
	}
	if d := at(r.ok("GET", "/thing-types/sensor", nil), "thingTypeMetadata", "deprecationDate"); d != float64(deprecated.UnixMilli())/1000 {
		t.Errorf("deprecationDate %v", d)
	}
	r.now = r.now.Add(1)
	r.refused(400, "InvalidRequestException", "DELETE", "/thing-types/sensor", nil) // lamp is of it
	r.ok("DELETE", "/things/lamp", nil)
	r.ok("POST", "/thing-types/sensor/deprecate", object{"undoDeprecate": true})
	r.refused(400, "InvalidRequestException", "DELETE", "/thing-types/sensor", nil)
	r.ok("POST", "/thing-types/sensor/deprecate", nil)
	r.now = r.now.Add(defaultThingTypeDeletionDelay)
	r.ok("DELETE", "/thing-types/sensor", nil)
	r.refused(404, "ResourceNotFoundException", "GET", "/thing-types/sensor", nil)
}

func TestNamesAreChecked(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"a%20b", "a%2Fb", "%C3%A9", "a*", strings.Repeat("x", 129), "a%00"} {
		for _, path := range []string{"/things/", "/thing-types/", "/thing-groups/", "/role-aliases/", "/policies/"} {
			p := r.call("POST", path+name, object{"roleArn": "arn:aws:iam::999999999999:role/r", "policyDocument": "{}"})
			if p.status != 400 || p.code != "InvalidRequestException" {
				t.Errorf("POST %s%s: %d %s %s", path, name, p.status, p.code, p.text)
			}
		}
	}
	r.refused(501, "NotImplemented", "POST", "/things/lamp", object{"billingGroupName": "b"})
	if p := r.call("GET", "/things/lamp", nil); p.status != 404 {
		t.Errorf("the refused thing is there: %s", p.text)
	}
}
