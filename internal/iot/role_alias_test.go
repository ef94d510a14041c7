package iot

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const roleARN = "arn:aws:iam::999999999999:role/path/role"

func TestRoleAliasLifeCycle(t *testing.T) {
	r := newRig(t)
	const name = "a=b,c@d-_9"
	target := "/role-aliases/a%3Db%2Cc%40d-_9"
	made := r.ok("POST", target, object{"roleArn": roleARN})
	if !reflect.DeepEqual(made, object{"roleAlias": name, "roleAliasArn": arnPrefix + "rolealias/" + name}) {
		t.Errorf("CreateRoleAlias = %v", made)
	}
	describe := func() object { return r.ok("GET", target, nil)["roleAliasDescription"].(object) }
	want := object{
		"roleAlias": name, "roleAliasArn": made["roleAliasArn"], "roleArn": roleARN, "owner": testAccount,
		"credentialDurationSeconds": 3600.0, "creationDate": 1785585600.5, "lastModifiedDate": 1785585600.5,
	}
	if got := describe(); !reflect.DeepEqual(got, want) {
		t.Errorf("DescribeRoleAlias = %v, want %v", got, want)
	}
	r.now = r.now.Add(time.Second)
	r.ok("PUT", target, object{"credentialDurationSeconds": 43200})
	r.ok("PUT", target, object{"roleArn": roleARN + "2"})
	want["credentialDurationSeconds"], want["roleArn"], want["lastModifiedDate"] = 43200.0, roleARN+"2", 1785585601.5
	if got := describe(); !reflect.DeepEqual(got, want) {
		t.Errorf("DescribeRoleAlias = %v, want %v", got, want)
	}
	p := r.refused(409, "ResourceAlreadyExistsException", "POST", target, object{"roleArn": roleARN})
	if p.message() != "RoleAlias cannot be created - already exists (name="+name+")" || p.body["resourceArn"] != made["roleAliasArn"] {
		t.Errorf("%v", p.body)
	}
	r.ok("DELETE", target, nil)
	for _, method := range []string{"GET", "DELETE", "PUT"} {
		if p := r.refused(404, "ResourceNotFoundException", method, target, nil); p.message() != "RoleAlias not found (name= "+name+")" {
			t.Error(p.message())
		}
	}
}

func TestRoleAliasInputs(t *testing.T) {
	r := newRig(t)
	for _, body := range []object{
		{}, {"roleArn": ""}, {"roleArn": "role"}, {"roleArn": "arn:aws:iam::999999999999:user/somebody"}, {"roleArn": "arn:aws:iam::99999999999:role/somebody"},
		{"roleArn": roleARN + " "}, {"roleArn": roleARN, "credentialDurationSeconds": 899}, {"roleArn": roleARN, "credentialDurationSeconds": 43201},
		{"roleArn": roleARN + strings.Repeat("x", 2048)},
	} {
		r.refused(400, "InvalidRequestException", "POST", "/role-aliases/a", body)
	}
	r.refused(400, "SerializationException", "POST", "/role-aliases/a", object{"roleArn": roleARN, "credentialDurationSeconds": "3600"})
	r.ok("POST", "/role-aliases/a", object{"roleArn": roleARN, "credentialDurationSeconds": 900})
	r.refused(400, "InvalidRequestException", "PUT", "/role-aliases/a", object{"credentialDurationSeconds": 1})
	r.refused(400, "InvalidRequestException", "PUT", "/role-aliases/a", object{"roleArn": "arn:aws:iam::999999999999:policy/x"})
}

func TestRoleAliasesPerAccount(t *testing.T) {
	r := newRig(t)
	for i := range maxRoleAliases {
		r.ok("POST", fmt.Sprint("/role-aliases/a", i), object{"roleArn": roleARN})
	}
	r.refused(410, "LimitExceededException", "POST", "/role-aliases/one-more", object{"roleArn": roleARN})
	r.refused(404, "ResourceNotFoundException", "GET", "/role-aliases/one-more", nil)
}

func TestDescribeEndpoint(t *testing.T) {
	r := newRig(t)
	for range 2 {
		got := r.ok("GET", "/endpoint?endpointType=iot:CredentialProvider", nil)
		if !reflect.DeepEqual(got, object{"endpointAddress": "c0.credentials.iot.ap-northeast-1.inro.localhost:8443"}) {
			t.Errorf("DescribeEndpoint = %v", got)
		}
	}
	r.refused(400, "InvalidRequestException", "GET", "/endpoint", nil) // iot:Data is not served
	r.refused(400, "InvalidRequestException", "GET", "/endpoint?endpointType=iot:Other", nil)
}
