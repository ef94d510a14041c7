package iam_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"inro.dev/inro/internal/iam/iamtest"
	"inro.dev/inro/internal/metastore"
)

// trusting returns a trust policy for the given members of Principal.
func trusting(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`
}

func decoded(t *testing.T, document string) string {
	t.Helper()
	text, err := url.PathUnescape(document)
	if err != nil {
		t.Fatalf("%q: %v", document, err)
	}
	return text
}

func TestRoles(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	missing := "404 NoSuchEntity: The role with name x cannot be found."
	root.Run("iam",
		step{Action: "CreateRole", Params: p("RoleName=Device", "Path=/fleet/", "AssumeRolePolicyDocument="+trustIoT, "Description=d", "MaxSessionDuration=7200",
			"Tags.member.1.Key=k", "Tags.member.1.Value=v"),
			Want: []string{"Role/Arn", localARN + "role/fleet/Device", "Role/MaxSessionDuration", "7200", "Role/Description", "d", "Role/Tags/member/Key", "k",
				"Role/CreateDate", "2026-03-01T12:00:00Z"}},
		step{Action: "CreateRole", Params: p("RoleName=DEVICE", "AssumeRolePolicyDocument="+trustIoT), Refused: "409 EntityAlreadyExists: Role with name DEVICE already exists."},
		step{Action: "GetRole", Params: p("RoleName=x"), Refused: missing},
		step{Action: "GetRole", Params: p("RoleName=device"), Want: []string{"Role/RoleName", "Device", "Role/Description", "d", "Role/RoleLastUsed", "", "Role/Tags/member/Value", "v"}},
		step{Action: "UpdateRole", Params: p("RoleName=device", "MaxSessionDuration=43200")},
		step{Action: "UpdateRole", Params: p("RoleName=x"), Refused: missing},
		step{Action: "GetRole", Params: p("RoleName=device"), Want: []string{"Role/MaxSessionDuration", "43200", "Role/Description", "d"}},
		step{Action: "UpdateRole", Params: p("RoleName=device", "Description=")},
		step{Action: "GetRole", Params: p("RoleName=device"), Want: []string{"Role/Description", ""}},
		step{Action: "UpdateRoleDescription", Params: p("RoleName=device", "Description=again"), Want: []string{"Role/Description", "again", "Role/RoleName", "Device"}},
		step{Action: "ListRoles", Params: p("PathPrefix=/fleet/"), Want: []string{"Roles/member/RoleName", "Device", "Roles/member/Tags", "", "IsTruncated", "false"}},
		step{Action: "ListRoles", Params: p("PathPrefix=/other"), Want: []string{"Roles", ""}},
		step{Action: "PutRolePolicy", Params: p("RoleName=device", "PolicyName=p", "PolicyDocument="+allowGet)},
		step{Action: "AttachRolePolicy", Params: p("RoleName=device", "PolicyArn="+s3Full)},
		step{Action: "DeleteRole", Params: p("RoleName=device"), Refused: "409 DeleteConflict: Cannot delete entity, must detach all policies first."},
		step{Action: "DetachRolePolicy", Params: p("RoleName=device", "PolicyArn="+s3Full)},
		step{Action: "DeleteRole", Params: p("RoleName=device"), Refused: "409 DeleteConflict: Cannot delete entity, must delete policies first."},
		step{Action: "DeleteRolePolicy", Params: p("RoleName=device", "PolicyName=p")},
		step{Action: "DeleteRole", Params: p("RoleName=device")},
		step{Action: "DeleteRole", Params: p("RoleName=x"), Refused: missing},
	)
}

func TestAnUnsetMaximumSessionIsAnHour(t *testing.T) {
	root := newWorld(t).Root()
	a := root.IAM("CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trustIoT).OK()
	if got := a.Get("Role/MaxSessionDuration"); got != "3600" {
		t.Errorf("got %s, want 3600", got)
	}
	if got := decoded(t, a.Get("Role/AssumeRolePolicyDocument")); got != trustIoT {
		t.Errorf("got trust policy %s, want %s", got, trustIoT)
	}
	if a.Has("Role/RoleLastUsed") {
		t.Error("CreateRole answers with RoleLastUsed")
	}
	if got := root.IAM("UpdateRole", "RoleName", "r").OK().Body; !strings.Contains(got, "<UpdateRoleResult></UpdateRoleResult>") {
		t.Errorf("got %s, want an empty result element", got)
	}
	if got := root.IAM("TagRole", "RoleName", "r", "Tags.member.1.Key", "k", "Tags.member.1.Value", "").OK().Body; strings.Contains(got, "TagRoleResult") {
		t.Errorf("got %s, want no result element", got)
	}
}

func TestTrustPoliciesAreChecked(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	user := root.IAM("CreateUser", "UserName", "Ann", "Path", "/staff/").OK().Get("User/UserId")
	root.IAM("CreateGroup", "GroupName", "ops").OK()
	root.IAM("CreateRole", "RoleName", "Base", "AssumeRolePolicyDocument", trustIoT).OK()
	malformed := func(text string) string { return "400 MalformedPolicyDocument: " + text }
	invalid := func(kind, value string) string {
		return malformed(fmt.Sprintf("Invalid principal in policy: %q:%q", kind, value))
	}
	for i, c := range []struct{ principal, refused string }{
		{`{"AWS":"` + localARN + `user/staff/Ann"}`, ""},
		{`{"AWS":"` + localARN + `user/Ann"}`, invalid("AWS", localARN+"user/Ann")},
		{`{"AWS":"` + localARN + `user/staff/ann"}`, invalid("AWS", localARN+"user/staff/ann")},
		{`{"AWS":"` + localARN + `user/bob"}`, invalid("AWS", localARN+"user/bob")},
		{`{"AWS":"` + localARN + `user/b\u0000b"}`, malformed(`Invalid principal in policy: "AWS":"` + localARN + `user/b\x00b"`)},
		{`{"AWS":"` + localARN + `role/Base"}`, ""},
		{`{"AWS":"` + localARN + `role/None"}`, invalid("AWS", localARN+"role/None")},
		{`{"AWS":"` + localARN + `group/ops"}`, invalid("AWS", localARN+"group/ops")},
		{`{"AWS":"` + localARN + `root"}`, ""},
		{`{"AWS":"999999999999"}`, ""},
		{`{"AWS":"*"}`, ""},
		{`"*"`, malformed("Syntax errors in policy.")},
		{`{"AWS":"arn:aws:iam::111111111111:user/anybody"}`, ""},
		{`{"AWS":["arn:aws:iam::111111111111:root","222222222222"]}`, ""},
		{`{"AWS":"` + user + `"}`, ""},
		{`{"AWS":"AIDAAAAAAAAAAAAAAAAAA"}`, invalid("AWS", "AIDAAAAAAAAAAAAAAAAAA")},
		{`{"AWS":"arn:aws:sts::999999999999:assumed-role/Base/s"}`, ""},
		{`{"AWS":"arn:aws:sts::999999999999:assumed-role/None/s"}`, invalid("AWS", "arn:aws:sts::999999999999:assumed-role/None/s")},
		{`{"AWS":"arn:aws:sts::999999999999:federated-user/f"}`, ""},
		{`{"Service":["ec2.amazonaws.com","credentials.iot.amazonaws.com"]}`, ""},
		{`{"Federated":"cognito-identity.amazonaws.com"}`, ""},
		{`{"Federated":"` + localARN + `saml-provider/x"}`, invalid("Federated", localARN+"saml-provider/x")},
	} {
		a := root.IAM("CreateRole", "RoleName", fmt.Sprint("r", i), "AssumeRolePolicyDocument", trusting(c.principal))
		got := ""
		if a.Code() != "" {
			got = fmt.Sprintf("%d %s: %s", a.Status, a.Code(), a.Message())
		}
		if got != c.refused && !(c.principal == `"*"` && strings.HasPrefix(got, "400 MalformedPolicyDocument: ")) {
			t.Errorf("%s:\n got %q\nwant %q", c.principal, got, c.refused)
		}
	}
	root.Run("iam",
		step{Action: "UpdateAssumeRolePolicy", Params: p("RoleName=Base", "PolicyDocument="+strings.Replace(trustIoT, `"Effect"`, `"Resource":"*","Effect"`, 1)),
			Refused: malformed("Has prohibited field Resource.")},
		step{Action: "UpdateAssumeRolePolicy", Params: p("RoleName=Base", "PolicyDocument="+strings.Replace(trustIoT, "sts:AssumeRole", "s3:GetObject", 1)),
			Refused: malformed("AssumeRole policy may only specify STS AssumeRole actions.")},
		step{Action: "UpdateAssumeRolePolicy", Params: p("RoleName=Base", "PolicyDocument="+strings.Replace(trustIoT, `"Effect"`, `"Sid":"`+strings.Repeat("s", 2048)+`","Effect"`, 1)),
			Refused: "409 LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048"},
		step{Action: "UpdateAssumeRolePolicy", Params: p("RoleName=x", "PolicyDocument="+trustIoT), Refused: "404 NoSuchEntity: The role with name x cannot be found."},
	)
}

func TestTrustPoliciesNameTheirPrincipalsByUniqueID(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	id := root.IAM("CreateUser", "UserName", "ann").OK().Get("User/UserId")
	trust := trusting(`{ "AWS" : ["` + localARN + `user/ann", "999999999999"] }`)
	root.IAM("CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust).OK()
	shown := func() string {
		return decoded(t, root.IAM("GetRole", "RoleName", "r").OK().Get("Role/AssumeRolePolicyDocument"))
	}
	wantRoot := strings.Replace(trust, `"999999999999"`, `"`+localARN+`root"`, 1)

	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		role, err := metastore.Roles.Get(ctx, tx, iamtest.Account, "r")
		if want := strings.Replace(wantRoot, localARN+"user/ann", id, 1); err == nil && role.Trust != want {
			t.Errorf("stored: got %s, want %s", role.Trust, want)
		}
		return err
	})
	if got := shown(); got != wantRoot {
		t.Errorf("got %s, want %s", got, wantRoot)
	}
	root.IAM("UpdateUser", "UserName", "ann", "NewUserName", "berta", "NewPath", "/x/").OK()
	if got, want := shown(), strings.Replace(wantRoot, "user/ann", "user/x/berta", 1); got != want {
		t.Errorf("after the renaming: got %s, want %s", got, want)
	}
	root.IAM("DeleteUser", "UserName", "berta").OK()
	root.IAM("CreateUser", "UserName", "ann").OK()
	if got, want := shown(), strings.Replace(wantRoot, localARN+"user/ann", id, 1); got != want {
		t.Errorf("after the user was made again: got %s, want %s", got, want)
	}
	if got := decoded(t, root.IAM("ListRoles").OK().Get("Roles/member/AssumeRolePolicyDocument")); !strings.Contains(got, id) {
		t.Errorf("the list shows %s, want %s in it", got, id)
	}
}

func TestPermissionsBoundaries(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreatePolicy", "PolicyName", "bound", "PolicyDocument", allowGet).OK()
	bound := policyARN + "bound"
	missing := func(arn string) string {
		return "404 NoSuchEntity: Scope ARN: " + arn + " does not exist or is not attachable."
	}
	root.Run("iam",
		step{Action: "CreateUser", Params: p("UserName=e", "PermissionsBoundary="+policyARN+"x"), Refused: missing(policyARN + "x")},
		step{Action: "CreateUser", Params: p("UserName=e", "PermissionsBoundary=arn:aws:s3:::bucket-of-some-name"), Refused: "400 InvalidInput: ARN arn:aws:s3:::bucket-of-some-name is not valid."},
		step{Action: "CreateUser", Params: p("UserName=e", "PermissionsBoundary="+bound),
			Want: []string{"User/PermissionsBoundary/PermissionsBoundaryType", "Policy", "User/PermissionsBoundary/PermissionsBoundaryArn", bound}},
		step{Action: "CreateRole", Params: p("RoleName=e", "AssumeRolePolicyDocument="+trustIoT, "PermissionsBoundary="+s3Full),
			Want: []string{"Role/PermissionsBoundary/PermissionsBoundaryArn", s3Full}},
		step{Action: "PutRolePermissionsBoundary", Params: p("RoleName=e", "PermissionsBoundary="+policyARN+"x"), Refused: missing(policyARN + "x")},
		step{Action: "PutRolePermissionsBoundary", Params: p("RoleName=none", "PermissionsBoundary="+bound), Refused: "404 NoSuchEntity: The role with name none cannot be found."},
		step{Action: "PutRolePermissionsBoundary", Params: p("RoleName=e", "PermissionsBoundary="+bound)},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + bound), Want: []string{"Policy/PermissionsBoundaryUsageCount", "2", "Policy/AttachmentCount", "0"}},
		step{Action: "DeletePolicy", Params: p("PolicyArn=" + bound), Refused: "409 DeleteConflict: Cannot delete a policy attached to entities."},
		step{Action: "DeleteRolePermissionsBoundary", Params: p("RoleName=e")},
		step{Action: "DeleteRolePermissionsBoundary", Params: p("RoleName=e")},
		step{Action: "GetRole", Params: p("RoleName=e"), Want: []string{"Role/PermissionsBoundary/PermissionsBoundaryArn", ""}},
		step{Action: "DeleteUserPermissionsBoundary", Params: p("UserName=e")},
		step{Action: "PutUserPermissionsBoundary", Params: p("UserName=e", "PermissionsBoundary="+s3Full)},
		step{Action: "GetUser", Params: p("UserName=e"), Want: []string{"User/PermissionsBoundary/PermissionsBoundaryArn", s3Full}},
		step{Action: "DeletePolicy", Params: p("PolicyArn=" + bound)},
	)
}

func TestABoundaryLimitsItsUser(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	root.IAM("PutUserPolicy", "UserName", "ann", "PolicyName", "all", "PolicyDocument", allowIAM).OK()
	ann := w.As(root.IAM("CreateAccessKey", "UserName", "ann").Credentials())
	ann.IAM("ListRoles").OK()
	root.IAM("PutUserPermissionsBoundary", "UserName", "ann", "PermissionsBoundary", s3Full).OK()
	ann.IAM("ListRoles").Refused(403, "AccessDenied", "User: "+localARN+"user/ann is not authorized to perform: iam:ListRoles on resource: "+localARN+
		"role/ because no permissions boundary allows the iam:ListRoles action")
}

func TestTags(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "e").OK()
	root.IAM("CreateRole", "RoleName", "e", "AssumeRolePolicyDocument", trustIoT).OK()
	tag := func(key, value string) []string { return p("Tags.member.1.Key="+key, "Tags.member.1.Value="+value) }
	for _, kind := range []string{"User", "Role"} {
		name := p(kind + "Name=e")
		many := append([]string{}, name...)
		for i := range 50 {
			many = append(many, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprintf("t%02d", i), fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
		}
		root.Run("iam",
			step{Action: "Tag" + kind, Params: append(tag("Dept", "a"), name...)},
			step{Action: "Tag" + kind, Params: append(tag("dept", "b"), name...)},
			step{Action: "Tag" + kind, Params: append(tag("Area", ""), name...)},
			step{Action: "List" + kind + "Tags", Params: name, Want: []string{"Tags/member.1/Key", "Area", "Tags/member.1/Value", "",
				"Tags/member.2/Key", "dept", "Tags/member.2/Value", "b", "Tags/member.3/Key", "", "IsTruncated", "false"}},
			step{Action: "List" + kind + "Tags", Params: append(p("MaxItems=1"), name...), Want: []string{"Tags/member.2/Key", "", "IsTruncated", "true", "Marker", "MDA"}},
			step{Action: "List" + kind + "Tags", Params: append(p("Marker=MDA"), name...), Want: []string{"Tags/member.1/Key", "dept", "IsTruncated", "false"}},
			step{Action: "Tag" + kind, Params: append(append(tag("k", "1"), name...), p("Tags.member.2.Key=K", "Tags.member.2.Value=2")...),
				Refused: "400 InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive."},
			step{Action: "Tag" + kind, Params: append(tag("AWS:x", "1"), name...),
				Refused: "400 InvalidInput: The tag key AWS:x cannot be used: keys that begin with aws: are reserved for AWS."},
			step{Action: "Tag" + kind, Params: many, Refused: "409 LimitExceeded: Cannot exceed quota for TagsPer" + kind + ": 50"},
			step{Action: "Untag" + kind, Params: append(p("TagKeys.member.1=DEPT", "TagKeys.member.2=none"), name...)},
			step{Action: "List" + kind + "Tags", Params: name, Want: []string{"Tags/member.1/Key", "Area", "Tags/member.2/Key", ""}},
			step{Action: "Tag" + kind, Params: p(kind+"Name=none", "Tags.member.1.Key=k", "Tags.member.1.Value=v"),
				Refused: "404 NoSuchEntity: The " + strings.ToLower(kind) + " with name none cannot be found."},
			step{Action: "Tag" + kind, Params: append(p("Tags.member.1.Key=k"), name...),
				Refused: "400 ValidationError: 1 validation error detected: Value null at 'tags.1.member.Value' failed to satisfy constraint: Member must not be null"},
		)
	}
	root.IAM("CreateUser", "UserName", "f", "Tags.member.1.Key", "a", "Tags.member.1.Value", "", "Tags.member.2.Key", "A", "Tags.member.2.Value", "").
		Refused(400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
}
