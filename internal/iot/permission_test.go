package iot

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func allow(action, resource, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + action + `,"Resource":` + resource + condition + `}]}`
}

func TestPermissionsAreOnTheResourceOfEachOperation(t *testing.T) {
	for _, tc := range []struct {
		name             string
		action, resource string
		condition        string
		method, target   string
		body             any
		headers          []string
		want             int
	}{
		{"thing", `"iot:CreateThing"`, `"` + arnPrefix + `thing/new"`, "", "POST", "/things/new", nil, nil, 200},
		{"another thing", `"iot:CreateThing"`, `"` + arnPrefix + `thing/other"`, "", "POST", "/things/new", nil, nil, 403},
		{"another action", `"iot:DescribeThing"`, `"*"`, "", "POST", "/things/new", nil, nil, 403},
		{"no resource type", `"iot:ListThings"`, `"*"`, "", "GET", "/things", nil, nil, 200},
		{"no resource type, policy on things", `"iot:ListThings"`, `"` + arnPrefix + `thing/*"`, "", "GET", "/things", nil, nil, 403},
		{"keys and certificate", `"iot:CreateKeysAndCertificate"`, `"*"`, "", "POST", "/keys-and-certificate", nil, nil, 200},
		{"attach: certificate", `"iot:AttachPolicy"`, `"CERT"`, "", "PUT", "/target-policies/p", object{"target": "CERT"}, nil, 200},
		{"attach: policy is not the resource", `"iot:AttachPolicy"`, `"` + arnPrefix + `policy/p"`, "", "PUT", "/target-policies/p", object{"target": "CERT"}, nil, 403},
		{"attach: group", `"iot:AttachPolicy"`, `"` + arnPrefix + `thinggroup/g"`, "", "PUT", "/target-policies/p", object{"target": arnPrefix + "thinggroup/g"}, nil, 200},
		{"principal policy", `"iot:AttachPrincipalPolicy"`, `"CERT"`, "", "PUT", "/principal-policies/p", nil, []string{"x-amzn-iot-principal", "CERT"}, 200},
		{"thing principal: certificate", `"iot:AttachThingPrincipal"`, `"CERT"`, "", "PUT", "/things/lamp/principals", nil, []string{"x-amzn-principal", "CERT"}, 200},
		{"thing principal: not the thing", `"iot:AttachThingPrincipal"`, `"` + arnPrefix + `thing/lamp"`, "", "PUT", "/things/lamp/principals", nil, []string{"x-amzn-principal", "CERT"}, 403},
		{"thing principal: thingArn", `"iot:AttachThingPrincipal"`, `"*"`, `{"ArnEquals":{"iot:thingArn":"` + arnPrefix + `thing/lamp"}}`, "PUT", "/things/lamp/principals", nil, []string{"x-amzn-principal", "CERT"}, 200},
		{"thing principal: another thingArn", `"iot:DetachThingPrincipal"`, `"*"`, `{"ArnEquals":{"iot:thingArn":"` + arnPrefix + `thing/fan"}}`, "DELETE", "/things/lamp/principals", nil, []string{"x-amzn-principal", "CERT"}, 403},
		{"group member: both", `"iot:AddThingToThingGroup"`, `["` + arnPrefix + `thing/lamp","` + arnPrefix + `thinggroup/g"]`, "", "PUT", "/thing-groups/addThingToThingGroup", object{"thingName": "lamp", "thingGroupName": "g"}, nil, 200},
		{"group member: thing alone", `"iot:AddThingToThingGroup"`, `"` + arnPrefix + `thing/lamp"`, "", "PUT", "/thing-groups/addThingToThingGroup", object{"thingName": "lamp", "thingGroupName": "g"}, nil, 403},
		{"group member: group alone", `"iot:AddThingToThingGroup"`, `"` + arnPrefix + `thinggroup/g"`, "", "PUT", "/thing-groups/addThingToThingGroup", object{"thingName": "lamp", "thingGroupName": "g"}, nil, 403},
		{"groups of thing: one missing", `"iot:UpdateThingGroupsForThing"`, `["` + arnPrefix + `thing/lamp","` + arnPrefix + `thinggroup/g"]`, "", "PUT", "/thing-groups/updateThingGroupsForThing", object{"thingName": "lamp", "thingGroupsToAdd": []string{"g"}, "thingGroupsToRemove": []string{"h"}}, nil, 403},
		{"child group: both", `"iot:CreateThingGroup"`, `["` + arnPrefix + `thinggroup/n","` + arnPrefix + `thinggroup/g"]`, "", "POST", "/thing-groups/n", object{"parentGroupName": "g"}, nil, 200},
		{"child group: not on the parent", `"iot:CreateThingGroup"`, `"` + arnPrefix + `thinggroup/n"`, "", "POST", "/thing-groups/n", object{"parentGroupName": "g"}, nil, 403},
		{"child group: on the parent alone", `"iot:CreateThingGroup"`, `"` + arnPrefix + `thinggroup/g"`, "", "POST", "/thing-groups/n", object{"parentGroupName": "g"}, nil, 403},
		{"child group: request tag", `"iot:CreateThingGroup"`, `"*"`, `{"StringEquals":{"aws:RequestTag/team":"blue"}}`, "POST", "/thing-groups/n", object{"parentGroupName": "g", "tags": []object{{"Key": "team", "Value": "blue"}}}, nil, 200},
		{"effective policies", `"iot:GetEffectivePolicies"`, `"CERT"`, "", "POST", "/effective-policies", object{"principal": "CERT"}, nil, 200},
		{"things of principal", `"iot:ListPrincipalThingsV2"`, `"CERT"`, "", "GET", "/principals/things-v2", nil, []string{"x-amzn-principal", "CERT"}, 200},
		{"resource tag", `"iot:DescribeThingGroup"`, `"*"`, `{"StringEquals":{"aws:ResourceTag/team":"blue"}}`, "GET", "/thing-groups/g", nil, nil, 200},
		{"another resource tag", `"iot:DescribeThingGroup"`, `"*"`, `{"StringEquals":{"aws:ResourceTag/team":"red"}}`, "GET", "/thing-groups/g", nil, nil, 403},
		{"request tag", `"iot:CreateThingGroup"`, `"*"`, `{"StringEquals":{"aws:RequestTag/team":"blue"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`, "POST", "/thing-groups/n", object{"tags": []object{{"Key": "team", "Value": "blue"}}}, nil, 200},
		{"request without the tag", `"iot:CreateThingGroup"`, `"*"`, `{"StringEquals":{"aws:RequestTag/team":"blue"}}`, "POST", "/thing-groups/n", nil, nil, 403},
		{"further tag key", `"iot:CreateThingGroup"`, `"*"`, `{"StringEquals":{"aws:RequestTag/team":"blue"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`, "POST", "/thing-groups/n", object{"tags": []object{{"Key": "team", "Value": "blue"}, {"Key": "x", "Value": ""}}}, nil, 403},
		{"tag resource", `"iot:TagResource"`, `"` + arnPrefix + `thinggroup/g"`, `{"StringEquals":{"aws:ResourceTag/team":"blue","aws:RequestTag/site":"x"}}`, "POST", "/tags", object{"resourceArn": arnPrefix + "thinggroup/g", "tags": []object{{"Key": "site", "Value": "x"}}}, nil, 200},
		{"untag resource", `"iot:UntagResource"`, `"*"`, `{"ForAllValues:StringEquals":{"aws:TagKeys":["site"]}}`, "POST", "/untag", object{"resourceArn": arnPrefix + "thinggroup/g", "tagKeys": []string{"team"}}, nil, 403},
		{"alias without PassRole", `"iot:CreateRoleAlias"`, `"*"`, "", "POST", "/role-aliases/new", object{"roleArn": roleARN}, nil, 403},
		{"alias with PassRole", `["iot:CreateRoleAlias","iam:PassRole"]`, `["` + arnPrefix + `rolealias/new","` + roleARN + `"]`, "", "POST", "/role-aliases/new", object{"roleArn": roleARN}, nil, 200},
		{"alias with PassRole on another role", `["iot:CreateRoleAlias","iam:PassRole"]`, `["` + arnPrefix + `rolealias/new","` + roleARN + `"]`, "", "POST", "/role-aliases/new", object{"roleArn": roleARN + "x"}, nil, 403},
		{"new role without PassRole", `["iot:UpdateRoleAlias"]`, `"*"`, "", "PUT", "/role-aliases/a", object{"roleArn": roleARN + "x"}, nil, 403},
		{"new duration without PassRole", `["iot:UpdateRoleAlias"]`, `"*"`, "", "PUT", "/role-aliases/a", object{"credentialDurationSeconds": 900}, nil, 403},
		{"new duration with PassRole", `["iot:UpdateRoleAlias","iam:PassRole"]`, `["` + arnPrefix + `rolealias/a","` + roleARN + `"]`, "", "PUT", "/role-aliases/a", object{"credentialDurationSeconds": 900}, nil, 200},
		{"no alias to update", `["iot:UpdateRoleAlias"]`, `"*"`, "", "PUT", "/role-aliases/none", object{"credentialDurationSeconds": 900}, nil, 404},
		{"endpoint", `"iot:DescribeEndpoint"`, `"*"`, "", "GET", "/endpoint?endpointType=iot:CredentialProvider", nil, nil, 200},
	} {
		r := newRig(t)
		_, cert := r.certificate(true)
		r.ok("POST", "/things/lamp", nil)
		r.ok("POST", "/thing-groups/g", object{"tags": []object{{"Key": "team", "Value": "blue"}}})
		r.ok("POST", "/thing-groups/h", nil)
		r.ok("POST", "/policies/p", object{"policyDocument": document})
		r.ok("POST", "/role-aliases/a", object{"roleArn": roleARN})
		if o, ok := tc.body.(object); ok {
			for k, v := range o {
				if v == "CERT" {
					o[k] = cert
				}
			}
		}
		for i := range tc.headers {
			tc.headers[i] = strings.Replace(tc.headers[i], "CERT", cert, 1)
		}
		r.as(strings.ReplaceAll(allow(tc.action, tc.resource, tc.condition), "CERT", cert))
		p := r.call(tc.method, tc.target, tc.body, tc.headers...)
		if p.status != tc.want || tc.want == 403 && p.code != "AccessDeniedException" {
			t.Errorf("%s: %d %s %s, want %d", tc.name, p.status, p.code, p.text, tc.want)
		}
	}
}

func TestPassRoleKeys(t *testing.T) {
	r := newRig(t)
	for condition, want := range map[string]int{
		`{"StringEquals":{"iam:PassedToService":"credentials.iot.amazonaws.com"},"ArnLike":{"iam:AssociatedResourceArn":"` + arnPrefix + `rolealias/n*"}}`: 200,
		`{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}`:                                                                                     403,
		`{"ArnLike":{"iam:AssociatedResourceArn":"` + arnPrefix + `rolealias/other"}}`:                                                                     403,
	} {
		r.as(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":` + condition + `}]}`)
		if p := r.call("POST", "/role-aliases/new", object{"roleArn": roleARN}); p.status != want {
			t.Errorf("%s: %d %s, want %d", condition, p.status, p.text, want)
		}
	}
}

func TestUnsignedAndForeignCallersAreRefused(t *testing.T) {
	r := newRig(t)
	r.key.SecretAccessKey = "wrong"
	r.refused(403, "InvalidSignatureException", "GET", "/things", nil)
	r.key.AccessKeyID = "AKIANOBODYNOBODYNOBO"
	r.refused(403, "UnrecognizedClientException", "GET", "/things", nil)
}

// The table must hold every operation of the API model, 272 (spec H.1), each
// with a route of its own, and no name twice; NewServer in newRig checks the
// rest.
func TestEveryOperationHasARow(t *testing.T) {
	r := newRig(t)
	rows := New(Config{Store: r.store}).Operations()
	offered := 0
	for _, row := range rows {
		if row.Offered() {
			offered++
		}
	}
	if len(rows) != 272 || offered != 61 {
		t.Errorf("%d rows, %d offered, want 272 and 61", len(rows), offered)
	}
}

func TestWhatIsNotOfferedSaysSo(t *testing.T) {
	r := newRig(t)
	labels := regexp.MustCompile(`\{[^}]*\}`)
	for _, row := range notOffered() {
		method, path, _ := strings.Cut(row.Route, " ")
		p := r.call(method, labels.ReplaceAllString(path, "x"), nil)
		if p.status != http.StatusNotImplemented || !strings.Contains(p.message(), row.Name+" is not offered: ") {
			t.Errorf("%s: %d %s", row.Name, p.status, p.text)
		}
	}
}
