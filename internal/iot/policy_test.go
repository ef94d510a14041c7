package iot

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// document has white space and an order that no encoder would give it.
const document = "{ \"Version\" : \"2012-10-17\",\n\t\"Statement\":[{\"Resource\":\"*\",\"Action\":[ \"iot:AssumeRoleWithCertificate\" ],\"Effect\":\"Allow\"}]}  "

func TestPolicyDocumentsAreKeptByteForByte(t *testing.T) {
	r := newRig(t)
	odd := strings.Replace(document, `"*"`, `"arn:aws:iot:*:*:rolealias/<a>&é`+"\u2028"+`\u00e9\/"`, 1)
	made := r.ok("POST", "/policies/p", object{"policyDocument": odd})
	want := object{"policyName": "p", "policyArn": arnPrefix + "policy/p", "policyDocument": odd, "policyVersionId": "1"}
	if !reflect.DeepEqual(made, want) {
		t.Errorf("CreatePolicy = %v, want %v", made, want)
	}
	got := r.ok("GET", "/policies/p", nil)
	if got["policyDocument"] != odd || got["defaultVersionId"] != "1" || got["creationDate"] != 1785585600.5 || got["lastModifiedDate"] != 1785585600.5 || got["generationId"] == "" {
		t.Errorf("GetPolicy = %v", got)
	}
	if got := r.ok("GET", "/policies/p/version/1", nil); got["policyDocument"] != odd || got["isDefaultVersion"] != true || got["policyArn"] != made["policyArn"] {
		t.Errorf("GetPolicyVersion = %v", got)
	}
	p := r.refused(409, "ResourceAlreadyExistsException", "POST", "/policies/p", object{"policyDocument": odd})
	if p.message() != "Policy cannot be created - name already exists (name=p)" || p.body["resourceId"] != "p" || p.body["resourceArn"] != made["policyArn"] {
		t.Errorf("%v", p.body)
	}
}

func TestPolicyVersions(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/policies/p", object{"policyDocument": document})
	version := func(setAsDefault bool) string {
		t.Helper()
		r.now = r.now.Add(time.Second)
		v := r.ok("POST", fmt.Sprint("/policies/p/version?setAsDefault=", setAsDefault), object{"policyDocument": document + strings.Repeat(" ", r.now.Second())})
		if v["isDefaultVersion"] != setAsDefault {
			t.Errorf("isDefaultVersion %v, want %v", v["isDefaultVersion"], setAsDefault)
		}
		return v["policyVersionId"].(string)
	}
	for want := 2; want <= 5; want++ {
		if got := version(want == 3); got != fmt.Sprint(want) {
			t.Errorf("version %s, want %d", got, want)
		}
	}
	p := r.refused(409, "VersionsLimitExceededException", "POST", "/policies/p/version", object{"policyDocument": document})
	if p.message() != "The policy p already has the maximum number of versions (5)" {
		t.Error(p.message())
	}
	if got := r.ok("GET", "/policies/p", nil); got["defaultVersionId"] != "3" || got["policyDocument"] != document+"  " {
		t.Errorf("GetPolicy = %v", got)
	}
	p = r.refused(400, "InvalidRequestException", "DELETE", "/policies/p/version/3", nil)
	if p.message() != "Cannot delete the default version of a policy" {
		t.Error(p.message())
	}
	r.ok("DELETE", "/policies/p/version/5", nil)
	if got := version(false); got != "6" {
		t.Errorf("a deleted version's number is used again: %s, want 6", got)
	}
	versions := r.ok("GET", "/policies/p/version", nil)
	if got := column(versions, "policyVersions", "versionId"); !slices.Equal(got, []string{"6", "4", "3", "2", "1"}) {
		t.Errorf("ListPolicyVersions = %v", versions)
	}
	r.ok("PATCH", "/policies/p/version/1", nil)
	if got := r.ok("GET", "/policies/p", nil); got["defaultVersionId"] != "1" || got["policyDocument"] != document {
		t.Errorf("GetPolicy = %v", got)
	}
	for _, target := range []string{"GET /policies/p/version/5", "DELETE /policies/p/version/5", "PATCH /policies/p/version/5", "GET /policies/none/version/1",
		"GET /policies/none", "GET /policies/none/version", "DELETE /policies/none", "PATCH /policies/none/version/1"} {
		method, path, _ := strings.Cut(target, " ")
		r.refused(404, "ResourceNotFoundException", method, path, nil)
	}
	r.refused(404, "ResourceNotFoundException", "POST", "/policies/none/version", object{"policyDocument": document})
	p = r.refused(409, "DeleteConflictException", "DELETE", "/policies/p", nil)
	if p.message() != "Cannot delete the policy because it has one or more policy versions attached to it (name=p)" {
		t.Error(p.message())
	}
	for _, v := range []string{"2", "3", "4", "6"} {
		r.ok("DELETE", "/policies/p/version/"+v, nil)
	}
	r.ok("DELETE", "/policies/p", nil)
}

func TestMalformedPolicies(t *testing.T) {
	r := newRig(t)
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[{` + s + `}]}` }
	for name, text := range map[string]string{
		"no JSON":         "nonsense",
		"empty object":    "{}",
		"no version date": strings.Replace(document, "2012", "2013", 1),
		"no effect":       statement(`"Action":"iot:*","Resource":"*"`),
		"no action":       statement(`"Effect":"Allow","Resource":"*"`),
		"no resource":     statement(`"Effect":"Allow","Action":"iot:*"`),
		"another service": statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`),
		"principal":       statement(`"Effect":"Allow","Action":"iot:*","Resource":"*","Principal":"*"`),
		"id":              `{"Id":"x",` + document[1:],
		"2049 characters": statement(`"Effect":"Allow","Action":"iot:*","Resource":"` + strings.Repeat("x", 2048) + `"`),
		"white space":     document + strings.Repeat(" ", maxPolicyBytes),
	} {
		p := r.refused(400, "MalformedPolicyException", "POST", "/policies/p", object{"policyDocument": text})
		if p.message() == "" {
			t.Errorf("%s: no message", name)
		}
	}
	r.refused(400, "InvalidRequestException", "POST", "/policies/p", object{})
	r.refused(404, "ResourceNotFoundException", "GET", "/policies/p", nil)
	r.ok("POST", "/policies/p", object{"policyDocument": document})
	r.refused(400, "MalformedPolicyException", "POST", "/policies/p/version", object{"policyDocument": "{"})
}

func TestLargestPolicyFitsItsRecord(t *testing.T) {
	r := newRig(t)
	// White space and letters that need the most room in a record.
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"arn:aws:iot:*:*:` + strings.Repeat("度", 1900) + `"}]}`
	text += strings.Repeat("\t", maxPolicyBytes-len(text))
	var tags []object
	for i := range maxTags {
		tags = append(tags, object{"Key": fmt.Sprint(i) + strings.Repeat("度", 126), "Value": strings.Repeat("度", 256)})
	}
	r.ok("POST", "/policies/p", object{"policyDocument": text, "tags": tags})
	for range 4 {
		r.ok("POST", "/policies/p/version", object{"policyDocument": text})
	}
	if got := r.ok("GET", "/policies/p/version/5", nil)["policyDocument"]; got != text {
		t.Error("the document came back changed")
	}
}
