package iot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/metastore"
)

func TestAttachAndDetachPolicies(t *testing.T) {
	r := newRig(t)
	id, cert := r.certificate(true)
	group := arnPrefix + "thinggroup/g"
	r.ok("POST", "/thing-groups/g", nil)
	r.ok("POST", "/policies/p", object{"policyDocument": document})
	r.ok("POST", "/policies/q", object{"policyDocument": document})
	for _, target := range []string{cert, cert, group} {
		r.ok("PUT", "/target-policies/p", object{"target": target})
	}
	r.ok("PUT", "/principal-policies/q", nil, "x-amzn-iot-principal", cert)
	if got := column(r.ok("POST", "/attached-policies/"+esc(cert), nil), "policies", "policyArn"); !slices.Equal(got, []string{arnPrefix + "policy/p", arnPrefix + "policy/q"}) {
		t.Errorf("ListAttachedPolicies = %q", got)
	}
	first := r.ok("POST", "/attached-policies/"+esc(cert)+"?pageSize=1", nil)
	second := r.ok("POST", "/attached-policies/"+esc(cert)+"?pageSize=1&marker="+strings.ReplaceAll(first["nextMarker"].(string), "=", "%3D"), nil)
	if got := append(column(first, "policies", "policyName"), column(second, "policies", "policyName")...); !slices.Equal(got, []string{"p", "q"}) || second["nextMarker"] != nil {
		t.Errorf("ListAttachedPolicies in pages: %v, %v", first, second)
	}
	if got := list(r.ok("POST", "/policy-targets/p", nil), "targets"); !slices.Equal(got, []string{cert, group}) {
		t.Errorf("ListTargetsForPolicy = %q", got)
	}
	if got := list(r.ok("GET", "/policy-principals", nil, "x-amzn-iot-policy", "p"), "principals"); !slices.Equal(got, []string{cert}) {
		t.Errorf("ListPolicyPrincipals = %q", got)
	}
	if got := column(r.ok("GET", "/principal-policies?isAscendingOrder=true", nil, "x-amzn-iot-principal", cert), "policies", "policyName"); !slices.Equal(got, []string{"p", "q"}) {
		t.Errorf("ListPrincipalPolicies = %q", got)
	}
	r.refused(501, "NotImplemented", "GET", "/principal-policies?isAscendingOrder=false", nil, "x-amzn-iot-principal", cert)
	p := r.refused(409, "DeleteConflictException", "DELETE", "/policies/q", nil)
	if p.message() != "The policy cannot be deleted as the policy is attached to one or more principals (name=q)" {
		t.Error(p.message())
	}
	r.ok("DELETE", "/principal-policies/q", nil, "x-amzn-iot-principal", cert)
	for range 2 {
		r.ok("POST", "/target-policies/p", object{"target": cert})
		r.ok("POST", "/target-policies/p", object{"target": group})
	}
	if got := list(r.ok("POST", "/policy-targets/p", nil), "targets"); len(got) != 0 {
		t.Errorf("after DetachPolicy: %q", got)
	}
	r.ok("DELETE", "/policies/p", nil)
	r.ok("POST", "/target-policies/p", object{"target": cert}) // it is not attached

	none := strings.Replace(cert, id, strings.Repeat("0", 64), 1)
	r.refused(404, "ResourceNotFoundException", "PUT", "/target-policies/none", object{"target": cert})
	r.refused(404, "ResourceNotFoundException", "PUT", "/target-policies/q", object{"target": none})
	r.refused(404, "ResourceNotFoundException", "PUT", "/target-policies/q", object{"target": arnPrefix + "thinggroup/none"})
	r.refused(404, "ResourceNotFoundException", "POST", "/attached-policies/"+esc(none), nil)
	r.refused(404, "ResourceNotFoundException", "POST", "/policy-targets/none", nil)
	r.refused(404, "ResourceNotFoundException", "GET", "/policy-principals", nil, "x-amzn-iot-policy", "none")
	r.refused(404, "ResourceNotFoundException", "DELETE", "/principal-policies/none", nil, "x-amzn-iot-principal", cert)
	for _, target := range []string{"", "ap-northeast-1:11111111-2222-3333-4444-555555555555", arnPrefix + "thing/x", arnPrefix + "cert/", strings.Replace(cert, testAccount, "111111111111", 1), strings.Replace(cert, testRegion, "us-east-1", 1)} {
		r.refused(400, "InvalidRequestException", "PUT", "/target-policies/q", object{"target": target})
	}
	p = r.refused(400, "InvalidRequestException", "PUT", "/principal-policies/q", nil, "x-amzn-iot-principal", group)
	if p.message() != "The given ARN does not represent a cert" {
		t.Error(p.message())
	}
	r.refused(400, "InvalidRequestException", "PUT", "/principal-policies/q", nil)
}

func TestPoliciesPerTarget(t *testing.T) {
	r := newRig(t)
	_, cert := r.certificate(true)
	r.ok("POST", "/thing-groups/g", nil)
	for target, most := range map[string]int{cert: maxPoliciesOfCertificate, arnPrefix + "thinggroup/g": maxPoliciesOfGroup} {
		for i := range most + 1 {
			name := fmt.Sprint("p", i)
			r.call("POST", "/policies/"+name, object{"policyDocument": document})
			p := r.call("PUT", "/target-policies/"+name, object{"target": target})
			if i < most && p.status != 200 || i == most && (p.status != 410 || p.code != "LimitExceededException") {
				t.Errorf("%s, policy %d: %d %s", target, i+1, p.status, p.text)
			}
		}
		if got := column(r.ok("POST", "/attached-policies/"+esc(target), nil), "policies", "policyName"); len(got) != most {
			t.Errorf("%s has %q, want %d", target, got, most)
		}
	}
}

func TestInheritedAndEffectivePolicies(t *testing.T) {
	r := newRig(t)
	_, cert := r.certificate(true)
	r.ok("POST", "/thing-groups/root", nil)
	r.ok("POST", "/thing-groups/leaf", object{"parentGroupName": "root"})
	r.ok("POST", "/things/lamp", nil)
	r.ok("PUT", "/thing-groups/addThingToThingGroup", object{"thingGroupName": "leaf", "thingName": "lamp"})
	for name, target := range map[string]string{"p-cert": cert, "p-root": arnPrefix + "thinggroup/root", "p-leaf": arnPrefix + "thinggroup/leaf"} {
		r.ok("POST", "/policies/"+name, object{"policyDocument": document})
		r.ok("PUT", "/target-policies/"+name, object{"target": target})
	}
	leaf := "/attached-policies/" + esc(arnPrefix+"thinggroup/leaf")
	for target, want := range map[string][]string{leaf: {"p-leaf"}, leaf + "?recursive=true": {"p-leaf", "p-root"}} {
		if got := column(r.ok("POST", target, nil), "policies", "policyName"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	for _, tc := range []struct {
		query string
		body  object
		want  []string
	}{
		{"", object{"principal": cert}, []string{"p-cert"}},
		{"?thingName=lamp", object{"principal": cert}, []string{"p-cert", "p-leaf", "p-root"}},
		{"?thingName=lamp", object{}, []string{"p-leaf", "p-root"}},
	} {
		got := r.ok("POST", "/effective-policies"+tc.query, tc.body)
		if names := column(got, "effectivePolicies", "policyName"); !slices.Equal(names, tc.want) {
			t.Errorf("%s %v: %q, want %q", tc.query, tc.body, names, tc.want)
		}
		if documents := column(got, "effectivePolicies", "policyDocument"); documents[0] != document {
			t.Errorf("document %q", documents[0])
		}
	}
	r.refused(400, "InvalidRequestException", "POST", "/effective-policies", object{})
	r.refused(404, "ResourceNotFoundException", "POST", "/effective-policies?thingName=none", object{})
	r.refused(501, "NotImplemented", "POST", "/effective-policies", object{"principal": cert, "cognitoIdentityPoolId": "x"})
}

func TestThingPrincipals(t *testing.T) {
	r := newRig(t)
	idA, certA := r.certificate(true)
	_, certB := r.certificate(false)
	for _, name := range []string{"lamp", "fan"} {
		r.ok("POST", "/things/"+name, nil)
	}
	r.ok("PUT", "/things/lamp/principals", nil, "x-amzn-principal", certA)
	r.ok("PUT", "/things/lamp/principals", nil, "x-amzn-principal", certA)
	r.ok("PUT", "/things/fan/principals?thingPrincipalType=NON_EXCLUSIVE_THING", nil, "x-amzn-principal", certA)
	r.ok("PUT", "/things/lamp/principals?thingPrincipalType=EXCLUSIVE_THING", nil, "x-amzn-principal", certB)
	both := []string{certA, certB}
	slices.Sort(both)
	for _, size := range []int{0, 1} {
		if got := r.pages("/things/lamp/principals", "", "principals", size, ""); !slices.Equal(got, both) {
			t.Errorf("ListThingPrincipals = %q, want %q", got, both)
		}
		if got := r.pages("/things/lamp/principals-v2", "thingPrincipalType=EXCLUSIVE_THING", "thingPrincipalObjects", size, "principal"); !slices.Equal(got, []string{certB}) {
			t.Errorf("ListThingPrincipalsV2 = %q", got)
		}
	}
	if got := column(r.ok("GET", "/things/lamp/principals-v2?thingPrincipalType=NON_EXCLUSIVE_THING", nil), "thingPrincipalObjects", "thingPrincipalType"); !slices.Equal(got, []string{metastore.NonExclusiveThing}) {
		t.Errorf("types %q", got)
	}
	if got := list(r.ok("GET", "/principals/things", nil, "x-amzn-principal", certA), "things"); !slices.Equal(got, []string{"fan", "lamp"}) {
		t.Errorf("ListPrincipalThings = %q", got)
	}
	if got := column(r.ok("GET", "/principals/things-v2", nil, "x-amzn-principal", certB), "principalThingObjects", "thingPrincipalType"); !slices.Equal(got, []string{metastore.ExclusiveThing}) {
		t.Errorf("ListPrincipalThingsV2 = %q", got)
	}
	if got := column(r.ok("GET", "/principals/things-v2?thingPrincipalType=EXCLUSIVE_THING", nil, "x-amzn-principal", certA), "principalThingObjects", "thingName"); len(got) != 0 {
		t.Errorf("exclusive things of A: %q", got)
	}
	r.ok("DELETE", "/things/fan/principals", nil, "x-amzn-principal", certA)
	r.ok("DELETE", "/things/fan/principals", nil, "x-amzn-principal", certA)
	none := strings.Replace(certA, idA, strings.Repeat("0", 64), 1)
	for _, method := range []string{"PUT", "DELETE"} {
		r.refused(404, "ResourceNotFoundException", method, "/things/none/principals", nil, "x-amzn-principal", certA)
		r.refused(404, "ResourceNotFoundException", method, "/things/lamp/principals", nil, "x-amzn-principal", none)
		r.refused(400, "InvalidRequestException", method, "/things/lamp/principals", nil)
		r.refused(400, "InvalidRequestException", method, "/things/lamp/principals", nil, "x-amzn-principal", arnPrefix+"thing/lamp")
	}
	r.refused(404, "ResourceNotFoundException", "GET", "/things/none/principals", nil)
	r.refused(404, "ResourceNotFoundException", "GET", "/principals/things", nil, "x-amzn-principal", none)
	r.refused(400, "InvalidRequestException", "PUT", "/things/lamp/principals?thingPrincipalType=OTHER", nil, "x-amzn-principal", certA)
}

func TestExclusiveAttachments(t *testing.T) {
	r := newRig(t)
	_, cert := r.certificate(true)
	for _, name := range []string{"a", "b", "c"} {
		r.ok("POST", "/things/"+name, nil)
	}
	attach := func(thing, kind string) int {
		return r.call("PUT", "/things/"+thing+"/principals?thingPrincipalType="+kind, nil, "x-amzn-principal", cert).status
	}
	const exclusive, shared = metastore.ExclusiveThing, metastore.NonExclusiveThing
	for i, step := range []struct {
		thing, kind string
		want        int
	}{
		{"b", exclusive, 200}, {"b", exclusive, 200},
		{"a", shared, 400}, {"a", exclusive, 400}, {"c", shared, 400}, {"c", exclusive, 400},
		{"b", shared, 200}, {"a", shared, 200}, {"c", shared, 200},
		{"a", exclusive, 400}, {"b", exclusive, 400}, {"c", exclusive, 400},
	} {
		if got := attach(step.thing, step.kind); got != step.want {
			t.Errorf("step %d, %s %s: %d, want %d", i, step.thing, step.kind, got, step.want)
		}
	}
}

func TestListThingPrincipalsReadsFilteredListsInParts(t *testing.T) {
	r := newRig(t)
	r.ok("POST", "/things/lamp", nil)
	r.update(func(ctx context.Context, w metastore.Writer) error {
		for i := range maxScanned + 5 {
			kind := metastore.NonExclusiveThing
			if i == maxScanned+2 {
				kind = metastore.ExclusiveThing
			}
			if _, err := metastore.ThingPrincipals.Add(ctx, w, testAccount, "lamp", fmt.Sprintf("%064x", i), kind); err != nil {
				return err
			}
		}
		return nil
	})
	first := r.ok("GET", "/things/lamp/principals-v2?thingPrincipalType=EXCLUSIVE_THING", nil)
	if len(column(first, "thingPrincipalObjects", "principal")) != 0 || first["nextToken"] == nil {
		t.Fatalf("first page %v, want none and a token", first)
	}
	if got := r.pages("/things/lamp/principals-v2", "thingPrincipalType=EXCLUSIVE_THING", "thingPrincipalObjects", 0, "principal"); !slices.Equal(got, []string{arnPrefix + "cert/" + fmt.Sprintf("%064x", maxScanned+2)}) {
		t.Errorf("all pages: %q", got)
	}
}
