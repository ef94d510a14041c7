package iam_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/iam/iamtest"
	"inro.dev/inro/internal/metastore"
)

// documentOf returns an identity policy of the given number of characters
// without white space.
func documentOf(chars int) string {
	const frame = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":  "*"}]}`
	const action = `,"s3:Put*"`
	left := chars - (len(frame) - 2)
	actions := strings.Repeat(action, left/len(action)-1)
	last := `,"s3:` + strings.Repeat("a", left-len(actions)-len(`,"s3:"`)) + `"`
	return strings.Replace(frame, "]", actions+last+"]", 1)
}

func TestManagedPolicies(t *testing.T) {
	root := newWorld(t).Root()
	arn := policyARN + "a/b/Get"
	missing := "404 NoSuchEntity: Policy " + policyARN + "x was not found."
	root.Run("iam",
		step{Action: "CreatePolicy", Params: p("PolicyName=Get", "Path=/a/b/", "PolicyDocument="+allowGet, "Description=read", "Tags.member.1.Key=k", "Tags.member.1.Value=v"),
			Want: []string{"Policy/Arn", arn, "Policy/DefaultVersionId", "v1", "Policy/AttachmentCount", "0", "Policy/PermissionsBoundaryUsageCount", "0",
				"Policy/IsAttachable", "true", "Policy/Description", "read", "Policy/Tags/member/Value", "v", "Policy/UpdateDate", "2026-03-01T12:00:00Z"}},
		step{Action: "CreatePolicy", Params: p("PolicyName=GET", "PolicyDocument="+allowGet),
			Refused: "409 EntityAlreadyExists: A policy called GET already exists. Duplicate names are not allowed."},
		step{Action: "CreatePolicy", Params: p("PolicyName=x", "PolicyDocument={"), Refused: "400 MalformedPolicyDocument: Syntax errors in policy."},
		step{Action: "CreatePolicy", Params: p("PolicyName=x", "PolicyDocument="+trustIoT), Refused: "400 MalformedPolicyDocument: Policy document should not specify a principal."},
		step{Action: "CreatePolicy", Params: p("PolicyName=x", "PolicyDocument="+documentOf(6145)), Refused: "409 LimitExceeded: Cannot exceed quota for PolicySize: 6144"},
		step{Action: "CreatePolicy", Params: p("PolicyName=big", "PolicyDocument="+documentOf(6144))},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + arn), Want: []string{"Policy/PolicyName", "Get", "Policy/Description", "read"}},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + policyARN + "x"), Refused: missing},
		step{Action: "GetPolicy", Params: p("PolicyArn=arn:aws:iam::999999999999:user/x"), Refused: "400 InvalidInput: ARN arn:aws:iam::999999999999:user/x is not valid."},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + strings.Repeat("x", 20)), Refused: "400 InvalidInput: ARN xxxxxxxxxxxxxxxxxxxx is not valid."},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + s3Full), Want: []string{"Policy/PolicyName", "AmazonS3FullAccess", "Policy/DefaultVersionId", "v2"}},
		step{Action: "TagPolicy", Params: p("PolicyArn="+arn, "Tags.member.1.Key=K", "Tags.member.1.Value=w")},
		step{Action: "ListPolicyTags", Params: p("PolicyArn=" + arn), Want: []string{"Tags/member/Key", "K", "Tags/member/Value", "w", "Tags/member.2/Key", ""}},
		step{Action: "UntagPolicy", Params: p("PolicyArn="+arn, "TagKeys.member.1=k")},
		step{Action: "ListPolicyTags", Params: p("PolicyArn=" + arn), Want: []string{"Tags", "", "IsTruncated", "false"}},
		step{Action: "ListPolicyTags", Params: p("PolicyArn=" + s3Full), Want: []string{"Tags", ""}},
		step{Action: "DeletePolicy", Params: p("PolicyArn=" + policyARN + "x"), Refused: missing},
		step{Action: "DeletePolicy", Params: p("PolicyArn=" + arn)},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + arn), Refused: "404 NoSuchEntity: Policy " + arn + " was not found."},
	)
}

func TestPoliciesOfAWSCannotBeChanged(t *testing.T) {
	root := newWorld(t).Root()
	for action, params := range map[string][]string{
		"DeletePolicy":            {},
		"CreatePolicyVersion":     {"PolicyDocument", allowGet},
		"DeletePolicyVersion":     {"VersionId", "v1"},
		"SetDefaultPolicyVersion": {"VersionId", "v1"},
		"TagPolicy":               {"Tags.member.1.Key", "k", "Tags.member.1.Value", "v"},
		"UntagPolicy":             {"TagKeys.member.1", "k"},
	} {
		root.IAM(action, append(params, "PolicyArn", s3Full)...).Refused(403, "AccessDenied",
			"User: "+localARN+"root is not authorized to perform: iam:"+action+" on resource: policy "+s3Full)
	}
}

func TestPolicyVersionsAreNumberedOnceAndForAll(t *testing.T) {
	root := newWorld(t).Root()
	arn := policyARN + "p"
	root.IAM("CreatePolicy", "PolicyName", "p", "PolicyDocument", allowGet).OK()
	var steps []step
	for i := 2; i <= 5; i++ {
		steps = append(steps, step{Action: "CreatePolicyVersion", Params: p("PolicyArn="+arn, "PolicyDocument="+allowIAM),
			Want: []string{"PolicyVersion/VersionId", fmt.Sprint("v", i), "PolicyVersion/IsDefaultVersion", "false"}})
	}
	noSuch := func(v string) string {
		return "404 NoSuchEntity: Policy " + arn + " version " + v + " does not exist or is not attachable."
	}
	root.Run("iam", append(steps,
		step{Action: "CreatePolicyVersion", Params: p("PolicyArn="+arn, "PolicyDocument="+allowIAM),
			Refused: "409 LimitExceeded: A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."},
		step{Action: "DeletePolicyVersion", Params: p("PolicyArn="+arn, "VersionId=v1"), Refused: "409 DeleteConflict: Cannot delete the default version of a policy."},
		step{Action: "DeletePolicyVersion", Params: p("PolicyArn="+arn, "VersionId=v5")},
		step{Action: "DeletePolicyVersion", Params: p("PolicyArn="+arn, "VersionId=v5"), Refused: noSuch("v5")},
		step{Action: "CreatePolicyVersion", Params: p("PolicyArn="+arn, "PolicyDocument="+allowIAM, "SetAsDefault=true"),
			Want: []string{"PolicyVersion/VersionId", "v6", "PolicyVersion/IsDefaultVersion", "true"}},
		step{Action: "ListPolicyVersions", Params: p("PolicyArn=" + arn),
			Want: []string{"Versions/member.1/VersionId", "v6", "Versions/member.1/IsDefaultVersion", "true", "Versions/member.1/Document", "", "Versions/member.5/VersionId", "v1"}},
		step{Action: "SetDefaultPolicyVersion", Params: p("PolicyArn="+arn, "VersionId=v2")},
		step{Action: "SetDefaultPolicyVersion", Params: p("PolicyArn="+arn, "VersionId=v9"), Refused: noSuch("v9")},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + arn), Want: []string{"Policy/DefaultVersionId", "v2"}},
		step{Action: "GetPolicyVersion", Params: p("PolicyArn="+arn, "VersionId=v9"), Refused: noSuch("v9")},
		step{Action: "GetPolicyVersion", Params: p("PolicyArn="+s3Full, "VersionId=v1"),
			Refused: "404 NoSuchEntity: Policy " + s3Full + " version v1 does not exist or is not attachable."},
		step{Action: "CreatePolicyVersion", Params: p("PolicyArn="+arn, "PolicyDocument=[]"), Refused: "400 MalformedPolicyDocument: Syntax errors in policy."},
		step{Action: "DeletePolicy", Params: p("PolicyArn=" + arn), Refused: "409 DeleteConflict: This policy has more than one version. " +
			"Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy."},
	)...)
	a := root.IAM("ListPolicyVersions", "PolicyArn", arn, "MaxItems", "3").OK()
	rest := root.IAM("ListPolicyVersions", "PolicyArn", arn, "Marker", a.Get("Marker")).OK()
	if got := append(a.List("Versions", "VersionId"), rest.List("Versions", "VersionId")...); strings.Join(got, " ") != "v6 v4 v3 v2 v1" {
		t.Errorf("got %q in pages, want v6 v4 v3 v2 v1", got)
	}
}

func TestDocumentsAreKeptAsTheyCameAndPercentEncoded(t *testing.T) {
	root := newWorld(t).Root()
	document := "{ \"Version\": \"2012-10-17\",\n\t\"Statement\": {\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b~-_.é/${aws:username}/*+ %\"} }"
	root.IAM("CreatePolicy", "PolicyName", "p", "PolicyDocument", document).OK()
	got := root.IAM("GetPolicyVersion", "PolicyArn", policyARN+"p", "VersionId", "v1").OK().Get("PolicyVersion/Document")
	if strings.Contains(got, "+") || !strings.Contains(got, "~-_.%C3%A9%2F%24%7Baws%3Ausername%7D%2F%2A%2B%20%25") {
		t.Errorf("got %s, want RFC 3986", got)
	}
	if decoded, err := url.PathUnescape(got); err != nil || decoded != document {
		t.Errorf("got %q, %v\nwant %q", decoded, err, document)
	}
}

func TestListPoliciesSelects(t *testing.T) {
	root := newWorld(t).Root()
	for _, name := range []string{"Alpha", "beta", "Gamma"} {
		root.IAM("CreatePolicy", "PolicyName", name, "Path", "/"+strings.ToLower(name)+"/", "PolicyDocument", allowGet, "Description", "d").OK()
	}
	root.IAM("CreateUser", "UserName", "ann", "PermissionsBoundary", policyARN+"gamma/Gamma").OK()
	root.IAM("AttachUserPolicy", "UserName", "ann", "PolicyArn", policyARN+"beta/beta").OK()
	root.IAM("AttachUserPolicy", "UserName", "ann", "PolicyArn", s3Full).OK()
	for _, c := range []struct {
		params []string
		want   string
	}{
		{p("Scope=Local"), "Alpha beta Gamma"},
		{p("Scope=Local", "OnlyAttached=true"), "beta"},
		{p("OnlyAttached=true"), "AmazonS3FullAccess beta"},
		{p("Scope=AWS", "OnlyAttached=true"), "AmazonS3FullAccess"},
		{p("PolicyUsageFilter=PermissionsBoundary"), "Gamma"},
		{p("PolicyUsageFilter=PermissionsPolicy"), "AmazonS3FullAccess beta"},
		{p("PathPrefix=/alpha/"), "Alpha"},
		{p("PathPrefix=/service-role/"), "AWSIoTLogging AWSIoTRuleActions AWSIoTThingsRegistration"},
	} {
		a := root.IAM("ListPolicies", c.params...).OK()
		if got := strings.Join(a.List("Policies", "PolicyName"), " "); got != c.want {
			t.Errorf("%q: got %s, want %s", c.params, got, c.want)
		}
		if a.Has("Policies/member/Description") || a.Has("Policies/member/Tags") {
			t.Errorf("%q: the list shows descriptions or tags", c.params)
		}
	}
	all := root.IAM("ListPolicies").OK().List("Policies", "Arn")
	var paged []string
	params := []string{"MaxItems", "4"}
	for {
		a := root.IAM("ListPolicies", params...).OK()
		paged = append(paged, a.List("Policies", "Arn")...)
		if a.Get("IsTruncated") == "false" {
			break
		}
		params = []string{"MaxItems", "4", "Marker", a.Get("Marker")}
	}
	if len(all) < 20 || !slices.Equal(all, paged) {
		t.Errorf("pages differ from the whole:\n got %q\nwant %q", paged, all)
	}
}

func TestAttachments(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateRole", "RoleName", "Device", "AssumeRolePolicyDocument", trustIoT).OK()
	root.IAM("CreatePolicy", "PolicyName", "own", "Path", "/x/", "PolicyDocument", allowGet).OK()
	own := policyARN + "x/own"
	root.Run("iam",
		step{Action: "AttachRolePolicy", Params: p("RoleName=device", "PolicyArn="+own)},
		step{Action: "AttachRolePolicy", Params: p("RoleName=device", "PolicyArn="+own)},
		step{Action: "AttachRolePolicy", Params: p("RoleName=device", "PolicyArn="+s3Full)},
		step{Action: "AttachRolePolicy", Params: p("RoleName=x", "PolicyArn="+own), Refused: "404 NoSuchEntity: The role with name x cannot be found."},
		step{Action: "AttachRolePolicy", Params: p("RoleName=device", "PolicyArn="+policyARN+"none"), Refused: "404 NoSuchEntity: Policy " + policyARN + "none was not found."},
		step{Action: "AttachRolePolicy", Params: p("RoleName=device", "PolicyArn=arn:aws:s3:::bucket/policy/x"), Refused: "400 InvalidInput: ARN arn:aws:s3:::bucket/policy/x is not valid."},
		step{Action: "AttachRolePolicy", Params: p("RoleName=device", "PolicyArn=arn:aws:iam::111111111111:policy/own"),
			Refused: "404 NoSuchEntity: Policy arn:aws:iam::111111111111:policy/own was not found."},
		step{Action: "ListAttachedRolePolicies", Params: p("RoleName=device"),
			Want: []string{"AttachedPolicies/member.1/PolicyArn", s3Full, "AttachedPolicies/member.2/PolicyArn", own, "IsTruncated", "false"}},
		step{Action: "ListAttachedRolePolicies", Params: p("RoleName=device", "PathPrefix=/x/"), Want: []string{"AttachedPolicies/member.1/PolicyName", "own"}},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + own), Want: []string{"Policy/AttachmentCount", "1"}},
		step{Action: "DeletePolicy", Params: p("PolicyArn=" + own), Refused: "409 DeleteConflict: Cannot delete a policy attached to entities."},
		step{Action: "DetachRolePolicy", Params: p("RoleName=device", "PolicyArn="+own)},
		step{Action: "DetachRolePolicy", Params: p("RoleName=device", "PolicyArn="+own), Refused: "404 NoSuchEntity: Policy " + own + " was not found."},
		step{Action: "DeletePolicy", Params: p("PolicyArn=" + own)},
	)
}

func TestTenManagedPoliciesAtMost(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "e").OK()
	root.IAM("CreateGroup", "GroupName", "e").OK()
	root.IAM("CreateRole", "RoleName", "e", "AssumeRolePolicyDocument", trustIoT).OK()
	for i := range 11 {
		name := fmt.Sprintf("p%02d", i)
		root.IAM("CreatePolicy", "PolicyName", name, "PolicyDocument", allowGet).OK()
		for _, kind := range []string{"User", "Group", "Role"} {
			a := root.IAM("Attach"+kind+"Policy", kind+"Name", "e", "PolicyArn", policyARN+name)
			if i < 10 {
				a.OK()
			} else {
				a.Refused(409, "LimitExceeded", "Cannot exceed quota for PoliciesPer"+kind+": 10")
			}
		}
	}
}

func TestListEntitiesForPolicy(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreatePolicy", "PolicyName", "p", "PolicyDocument", allowGet).OK()
	arn := policyARN + "p"
	root.IAM("CreateUser", "UserName", "Ann", "Path", "/staff/", "PermissionsBoundary", arn).OK()
	root.IAM("CreateUser", "UserName", "Bob").OK()
	root.IAM("CreateGroup", "GroupName", "Ops").OK()
	root.IAM("CreateRole", "RoleName", "Dev", "AssumeRolePolicyDocument", trustIoT).OK()
	root.IAM("AttachUserPolicy", "UserName", "ann", "PolicyArn", arn).OK()
	root.IAM("AttachUserPolicy", "UserName", "bob", "PolicyArn", arn).OK()
	root.IAM("AttachGroupPolicy", "GroupName", "ops", "PolicyArn", arn).OK()
	root.IAM("PutRolePermissionsBoundary", "RoleName", "dev", "PermissionsBoundary", arn).OK()
	for _, c := range []struct {
		params []string
		want   string
	}{
		{nil, "Ops|Ann Bob|Dev"},
		{p("EntityFilter=User"), "|Ann Bob|"},
		{p("EntityFilter=Group"), "Ops||"},
		{p("EntityFilter=LocalManagedPolicy"), "||"},
		{p("PathPrefix=/staff/"), "|Ann|"},
		{p("PolicyUsageFilter=PermissionsBoundary"), "|Ann|Dev"},
		{p("PolicyUsageFilter=PermissionsPolicy"), "Ops|Ann Bob|"},
		{p("MaxItems=2"), "Ops||Dev"},
	} {
		a := root.IAM("ListEntitiesForPolicy", append(c.params, "PolicyArn", arn)...).OK()
		got := strings.Join(a.List("PolicyGroups", "GroupName"), " ") + "|" + strings.Join(a.List("PolicyUsers", "UserName"), " ") + "|" +
			strings.Join(a.List("PolicyRoles", "RoleName"), " ")
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.params, got, c.want)
		}
	}
	a := root.IAM("ListEntitiesForPolicy", "PolicyArn", arn, "MaxItems", "2").OK()
	if a = root.IAM("ListEntitiesForPolicy", "PolicyArn", arn, "Marker", a.Get("Marker")).OK(); strings.Join(a.List("PolicyUsers", "UserName"), " ") != "Ann Bob" {
		t.Errorf("second page: got %s, want Ann Bob", a.Body)
	}
	root.IAM("ListEntitiesForPolicy", "PolicyArn", policyARN+"x").Refused(404, "NoSuchEntity", "Policy "+policyARN+"x was not found.")
}

func TestInlinePolicies(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "Ann").OK()
	root.IAM("CreateGroup", "GroupName", "Ann").OK()
	root.IAM("CreateRole", "RoleName", "Ann", "AssumeRolePolicyDocument", trustIoT).OK()
	for kind, most := range map[string]int{"User": 2048, "Group": 5120, "Role": 10240} {
		name := kind + "Name=ann"
		word := strings.ToLower(kind)
		missing := "404 NoSuchEntity: The " + word + " policy with name x cannot be found."
		root.Run("iam",
			step{Action: "Put" + kind + "Policy", Params: p(name, "PolicyName=b", "PolicyDocument="+allowGet)},
			step{Action: "Put" + kind + "Policy", Params: p(name, "PolicyName=a", "PolicyDocument="+allowGet)},
			step{Action: "Put" + kind + "Policy", Params: p(name, "PolicyName=b", "PolicyDocument="+allowIAM)},
			step{Action: "Put" + kind + "Policy", Params: p(kind+"Name=none", "PolicyName=b", "PolicyDocument="+allowIAM),
				Refused: "404 NoSuchEntity: The " + word + " with name none cannot be found."},
			step{Action: "Put" + kind + "Policy", Params: p(name, "PolicyName=b", "PolicyDocument=x"), Refused: "400 MalformedPolicyDocument: Syntax errors in policy."},
			step{Action: "Get" + kind + "Policy", Params: p(name, "PolicyName=b"),
				Want: []string{kind + "Name", "Ann", "PolicyName", "b", "PolicyDocument", strings.ReplaceAll(url.QueryEscape(allowIAM), "+", "%20")}},
			step{Action: "Get" + kind + "Policy", Params: p(name, "PolicyName=x"), Refused: missing},
			step{Action: "List" + kind + "Policies", Params: p(name), Want: []string{"PolicyNames/member.1", "a", "PolicyNames/member.2", "b", "IsTruncated", "false"}},
			step{Action: "List" + kind + "Policies", Params: p(name, "MaxItems=1"), Want: []string{"PolicyNames/member.1", "a", "PolicyNames/member.2", "", "IsTruncated", "true"}},
			step{Action: "Delete" + kind + "Policy", Params: p(name, "PolicyName=x"), Refused: missing},
			step{Action: "Delete" + kind + "Policy", Params: p(name, "PolicyName=b")},
			step{Action: "Put" + kind + "Policy", Params: p(name, "PolicyName=c", "PolicyDocument="+documentOf(most-len(allowGet)+1)),
				Refused: fmt.Sprintf("409 LimitExceeded: Maximum policy size of %d bytes exceeded for %s Ann", most, word)},
			step{Action: "Put" + kind + "Policy", Params: p(name, "PolicyName=c", "PolicyDocument="+documentOf(most-len(allowGet)))},
			step{Action: "Put" + kind + "Policy", Params: p(name, "PolicyName=c", "PolicyDocument="+allowGet)},
			step{Action: "List" + kind + "Policies", Params: p(name), Want: []string{"PolicyNames/member.2", "c"}},
		)
	}
}

func TestWhiteSpaceIsFreeUpToTheSizeOfARecord(t *testing.T) {
	root := newWorld(t).Root()
	padded := allowGet + strings.Repeat(" ", 100_000)
	root.IAM("CreatePolicy", "PolicyName", "p", "PolicyDocument", padded).OK()
	root.IAM("CreatePolicyVersion", "PolicyArn", policyARN+"p", "PolicyDocument", padded).OK()
	root.IAM("CreatePolicyVersion", "PolicyArn", policyARN+"p", "PolicyDocument", padded).Refused(409, "LimitExceeded",
		"The entity with its documents, white space included, is larger than 262144 bytes.")
	if got := root.IAM("ListPolicyVersions", "PolicyArn", policyARN+"p").OK().Count("Versions"); got != 2 {
		t.Errorf("got %d versions, want 2", got)
	}
}

func TestLongDocumentsEndAPage(t *testing.T) {
	w := newWorld(t)
	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		for i := range 40 {
			name := fmt.Sprintf("r%02d", i)
			role := &metastore.Role{Name: name, Path: "/", UniqueID: "ROLE" + name, Trust: trustIoT + strings.Repeat(" ", 120_000)}
			if err := metastore.Roles.Put(ctx, tx, iamtest.Account, name, role); err != nil {
				return err
			}
		}
		return nil
	})
	for action, list := range map[string]string{"ListRoles": "Roles", "GetAccountAuthorizationDetails": "RoleDetailList"} {
		seen, params := map[string]bool{}, []string{"MaxItems", "1000"}
		pages := 0
		for more := true; more; pages++ {
			a := w.Root().IAM(action, params...).OK()
			names := a.List(list, "RoleName")
			if len(names) == 0 || len(names) > 12 {
				t.Fatalf("%s: a page of %d roles, want 1 to 12 (4 MiB)", action, len(names))
			}
			for _, name := range names {
				seen[name] = true
			}
			more = a.Get("IsTruncated") == "true"
			params = []string{"MaxItems", "1000", "Marker", a.Get("Marker")}
		}
		if len(seen) != 40 {
			t.Errorf("%s: %d roles in %d pages, want 40", action, len(seen), pages)
		}
	}
}
