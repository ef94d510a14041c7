package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/iam"
	"inro.dev/inro/internal/iam/iamtest"
)

// permissionText writes permissions as "iam:Action resource key=value,…".
func permissionText(permissions []api.Permission) string {
	var texts []string
	for _, p := range permissions {
		text := p.Action + " " + strings.TrimPrefix(p.Resource, localARN)
		for _, k := range p.Keys {
			if k.List {
				text += fmt.Sprintf(" %s=%v", k.Name, k.Values)
			} else {
				text += fmt.Sprintf(" %s=%s", k.Name, k.Values[0])
			}
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// needs is what each operation asks permission for, in a world with the user
// Ann of path /staff/, tagged team=x and bounded by AmazonS3FullAccess; the
// role Dev of path /fleet/, tagged and bounded alike; the group Ops of path
// /eu/; and the policy p of path /x/, tagged kind=y. The caller is root.
var needs = []struct {
	action string
	params []string
	want   string
}{
	{"CreateUser", p("UserName=N", "Path=/a/"), "iam:CreateUser user/a/N"},
	{"CreateUser", p("UserName=N2", "PermissionsBoundary="+s3Full, "Tags.member.1.Key=k", "Tags.member.1.Value=v"),
		"iam:CreateUser user/N2 iam:PermissionsBoundary=" + s3Full + " aws:RequestTag/k=v aws:TagKeys=[k]; " +
			"iam:TagUser user/N2 iam:PermissionsBoundary=" + s3Full + " aws:RequestTag/k=v aws:TagKeys=[k]"},
	{"GetUser", p("UserName=ann"), "iam:GetUser user/staff/Ann" + team},
	{"GetUser", p("UserName=nobody"), "iam:GetUser user/nobody"},
	{"GetUser", nil, "iam:GetUser root"},
	{"UpdateUser", p("UserName=ann"), "iam:UpdateUser user/staff/Ann" + team},
	{"UpdateUser", p("UserName=nobody", "NewPath=/a/b/"), "iam:UpdateUser user/nobody; iam:UpdateUser user/a/b/nobody"},
	{"UpdateUser", p("UserName=nobody", "NewUserName=other"), "iam:UpdateUser user/nobody; iam:UpdateUser user/other"},
	{"ListUsers", nil, "iam:ListUsers user/"},
	{"ListUsers", p("PathPrefix=/staff/"), "iam:ListUsers user/staff/"},
	{"TagUser", p("UserName=ann", "Tags.member.1.Key=team", "Tags.member.1.Value=x"), "iam:TagUser user/staff/Ann aws:RequestTag/team=x aws:TagKeys=[team]" + team},
	{"UntagUser", p("UserName=ann", "TagKeys.member.1=a", "TagKeys.member.2=b"), "iam:UntagUser user/staff/Ann aws:TagKeys=[a b]" + team},
	{"ListUserTags", p("UserName=ann"), "iam:ListUserTags user/staff/Ann" + team},
	{"CreateAccessKey", p("UserName=ann"), "iam:CreateAccessKey user/staff/Ann" + team},
	{"CreateAccessKey", nil, "iam:CreateAccessKey root"},
	{"UpdateAccessKey", p("UserName=ann", "AccessKeyId=AKIAAAAAAAAAAAAAAAAA", "Status=Active"), "iam:UpdateAccessKey user/staff/Ann" + team},
	{"DeleteAccessKey", p("AccessKeyId=AKIAAAAAAAAAAAAAAAAA"), "iam:DeleteAccessKey root"},
	{"ListAccessKeys", p("UserName=ann"), "iam:ListAccessKeys user/staff/Ann" + team},
	{"GetAccessKeyLastUsed", p("AccessKeyId=" + iamtest.RootKey), "iam:GetAccessKeyLastUsed root"},
	{"GetAccessKeyLastUsed", p("AccessKeyId=AKIAAAAAAAAAAAAAAAAA"), "iam:GetAccessKeyLastUsed *"},
	{"CreateGroup", p("GroupName=N", "Path=/a/"), "iam:CreateGroup group/a/N"},
	{"GetGroup", p("GroupName=ops"), "iam:GetGroup group/eu/Ops"},
	{"UpdateGroup", p("GroupName=nobody", "NewGroupName=x", "NewPath=/y/"), "iam:UpdateGroup group/nobody; iam:UpdateGroup group/y/x"},
	{"ListGroups", p("PathPrefix=/eu"), "iam:ListGroups group/eu"},
	{"AddUserToGroup", p("GroupName=ops", "UserName=ann"), "iam:AddUserToGroup group/eu/Ops"},
	{"RemoveUserFromGroup", p("GroupName=ops", "UserName=ann"), "iam:RemoveUserFromGroup group/eu/Ops"},
	{"ListGroupsForUser", p("UserName=ann"), "iam:ListGroupsForUser user/staff/Ann" + team},
	{"CreatePolicy", p("PolicyName=N", "Path=/a/", "PolicyDocument="+allowGet, "Tags.member.1.Key=k", "Tags.member.1.Value=v"),
		"iam:CreatePolicy policy/a/N aws:RequestTag/k=v aws:TagKeys=[k]; iam:TagPolicy policy/a/N aws:RequestTag/k=v aws:TagKeys=[k]"},
	{"GetPolicy", p("PolicyArn=" + policyARN + "x/p"), "iam:GetPolicy policy/x/p" + kind},
	{"GetPolicy", p("PolicyArn=" + s3Full), "iam:GetPolicy " + s3Full},
	{"ListPolicies", nil, "iam:ListPolicies *"},
	{"CreatePolicyVersion", p("PolicyArn="+policyARN+"x/p", "PolicyDocument="+allowGet), "iam:CreatePolicyVersion policy/x/p" + kind},
	{"GetPolicyVersion", p("PolicyArn="+policyARN+"x/p", "VersionId=v1"), "iam:GetPolicyVersion policy/x/p" + kind},
	{"SetDefaultPolicyVersion", p("PolicyArn="+policyARN+"x/p", "VersionId=v2"), "iam:SetDefaultPolicyVersion policy/x/p" + kind},
	{"DeletePolicyVersion", p("PolicyArn="+policyARN+"x/p", "VersionId=v1"), "iam:DeletePolicyVersion policy/x/p" + kind},
	{"ListPolicyVersions", p("PolicyArn=" + policyARN + "x/p"), "iam:ListPolicyVersions policy/x/p" + kind},
	{"ListEntitiesForPolicy", p("PolicyArn=" + policyARN + "none"), "iam:ListEntitiesForPolicy policy/none"},
	{"TagPolicy", p("PolicyArn="+policyARN+"x/p", "Tags.member.1.Key=kind", "Tags.member.1.Value=y"), "iam:TagPolicy policy/x/p aws:RequestTag/kind=y aws:TagKeys=[kind]" + kind},
	{"UntagPolicy", p("PolicyArn="+policyARN+"x/p", "TagKeys.member.1=a"), "iam:UntagPolicy policy/x/p aws:TagKeys=[a]" + kind},
	{"ListPolicyTags", p("PolicyArn=" + policyARN + "x/p"), "iam:ListPolicyTags policy/x/p" + kind},
	{"DeletePolicy", p("PolicyArn=" + policyARN + "x/p"), "iam:DeletePolicy policy/x/p" + kind},
	{"AttachUserPolicy", p("UserName=ann", "PolicyArn="+s3Full), "iam:AttachUserPolicy user/staff/Ann iam:PolicyARN=" + s3Full + team + bounded},
	{"AttachGroupPolicy", p("GroupName=ops", "PolicyArn="+s3Full), "iam:AttachGroupPolicy group/eu/Ops iam:PolicyARN=" + s3Full},
	{"AttachRolePolicy", p("RoleName=dev", "PolicyArn="+s3Full), "iam:AttachRolePolicy role/fleet/Dev iam:PolicyARN=" + s3Full + team + bounded},
	{"DetachUserPolicy", p("UserName=ann", "PolicyArn="+s3Full), "iam:DetachUserPolicy user/staff/Ann iam:PolicyARN=" + s3Full + team + bounded},
	{"DetachGroupPolicy", p("GroupName=ops", "PolicyArn="+s3Full), "iam:DetachGroupPolicy group/eu/Ops iam:PolicyARN=" + s3Full},
	{"DetachRolePolicy", p("RoleName=dev", "PolicyArn="+s3Full), "iam:DetachRolePolicy role/fleet/Dev iam:PolicyARN=" + s3Full + team + bounded},
	{"ListAttachedUserPolicies", p("UserName=ann"), "iam:ListAttachedUserPolicies user/staff/Ann" + team},
	{"ListAttachedGroupPolicies", p("GroupName=ops"), "iam:ListAttachedGroupPolicies group/eu/Ops"},
	{"ListAttachedRolePolicies", p("RoleName=dev"), "iam:ListAttachedRolePolicies role/fleet/Dev" + team},
	{"PutUserPolicy", p("UserName=ann", "PolicyName=i", "PolicyDocument="+allowGet), "iam:PutUserPolicy user/staff/Ann" + team + bounded},
	{"PutGroupPolicy", p("GroupName=ops", "PolicyName=i", "PolicyDocument="+allowGet), "iam:PutGroupPolicy group/eu/Ops"},
	{"PutRolePolicy", p("RoleName=dev", "PolicyName=i", "PolicyDocument="+allowGet), "iam:PutRolePolicy role/fleet/Dev" + team + bounded},
	{"GetUserPolicy", p("UserName=ann", "PolicyName=i"), "iam:GetUserPolicy user/staff/Ann" + team},
	{"GetGroupPolicy", p("GroupName=ops", "PolicyName=i"), "iam:GetGroupPolicy group/eu/Ops"},
	{"GetRolePolicy", p("RoleName=dev", "PolicyName=i"), "iam:GetRolePolicy role/fleet/Dev" + team},
	{"ListUserPolicies", p("UserName=ann"), "iam:ListUserPolicies user/staff/Ann" + team},
	{"ListGroupPolicies", p("GroupName=ops"), "iam:ListGroupPolicies group/eu/Ops"},
	{"ListRolePolicies", p("RoleName=dev"), "iam:ListRolePolicies role/fleet/Dev" + team},
	{"DeleteUserPolicy", p("UserName=ann", "PolicyName=i"), "iam:DeleteUserPolicy user/staff/Ann" + team + bounded},
	{"DeleteGroupPolicy", p("GroupName=ops", "PolicyName=i"), "iam:DeleteGroupPolicy group/eu/Ops"},
	{"DeleteRolePolicy", p("RoleName=dev", "PolicyName=i"), "iam:DeleteRolePolicy role/fleet/Dev" + team + bounded},
	{"CreateRole", p("RoleName=N", "Path=/a/", "AssumeRolePolicyDocument="+trustIoT, "PermissionsBoundary="+s3Full), "iam:CreateRole role/a/N" + bounded},
	{"CreateRole", p("RoleName=N2", "AssumeRolePolicyDocument="+trustIoT, "Tags.member.1.Key=k", "Tags.member.1.Value=v"),
		"iam:CreateRole role/N2 aws:RequestTag/k=v aws:TagKeys=[k]; iam:TagRole role/N2 aws:RequestTag/k=v aws:TagKeys=[k]"},
	{"GetRole", p("RoleName=dev"), "iam:GetRole role/fleet/Dev" + team},
	{"UpdateRole", p("RoleName=dev"), "iam:UpdateRole role/fleet/Dev" + team},
	{"UpdateRoleDescription", p("RoleName=dev", "Description=d"), "iam:UpdateRoleDescription role/fleet/Dev" + team},
	{"UpdateAssumeRolePolicy", p("RoleName=dev", "PolicyDocument="+trustIoT), "iam:UpdateAssumeRolePolicy role/fleet/Dev" + team},
	{"ListRoles", nil, "iam:ListRoles role/"},
	{"TagRole", p("RoleName=dev", "Tags.member.1.Key=team", "Tags.member.1.Value=x"), "iam:TagRole role/fleet/Dev aws:RequestTag/team=x aws:TagKeys=[team]" + team},
	{"UntagRole", p("RoleName=dev", "TagKeys.member.1=a"), "iam:UntagRole role/fleet/Dev aws:TagKeys=[a]" + team},
	{"ListRoleTags", p("RoleName=dev"), "iam:ListRoleTags role/fleet/Dev" + team},
	{"PutUserPermissionsBoundary", p("UserName=ann", "PermissionsBoundary="+iamFull), "iam:PutUserPermissionsBoundary user/staff/Ann iam:PermissionsBoundary=" + iamFull + team},
	{"PutRolePermissionsBoundary", p("RoleName=dev", "PermissionsBoundary="+iamFull), "iam:PutRolePermissionsBoundary role/fleet/Dev iam:PermissionsBoundary=" + iamFull + team},
	{"DeleteUserPermissionsBoundary", p("UserName=ann"), "iam:DeleteUserPermissionsBoundary user/staff/Ann" + team + " iam:PermissionsBoundary=" + iamFull},
	{"DeleteRolePermissionsBoundary", p("RoleName=dev"), "iam:DeleteRolePermissionsBoundary role/fleet/Dev" + team + " iam:PermissionsBoundary=" + iamFull},
	{"ListInstanceProfilesForRole", p("RoleName=dev"), "iam:ListInstanceProfilesForRole role/fleet/Dev" + team},
	{"ListMFADevices", p("UserName=ann"), "iam:ListMFADevices user/staff/Ann" + team},
	{"ListVirtualMFADevices", nil, "iam:ListVirtualMFADevices *"},
	{"ListSigningCertificates", p("UserName=ann"), "iam:ListSigningCertificates user/staff/Ann" + team},
	{"ListSSHPublicKeys", p("UserName=ann"), "iam:ListSSHPublicKeys user/staff/Ann" + team},
	{"ListServiceSpecificCredentials", p("UserName=ann"), "iam:ListServiceSpecificCredentials user/staff/Ann" + team},
	{"ListServiceSpecificCredentials", p("AllUsers=true"), "iam:ListServiceSpecificCredentials *"},
	{"DeleteLoginProfile", p("UserName=ann"), "iam:DeleteLoginProfile user/staff/Ann" + team},
	{"SimulateCustomPolicy", p("PolicyInputList.member.1="+allowGet, "ActionNames.member.1=s3:GetObject"), "iam:SimulateCustomPolicy *"},
	{"SimulatePrincipalPolicy", p("PolicySourceArn="+localARN+"role/fleet/Dev", "ActionNames.member.1=s3:GetObject"), "iam:SimulatePrincipalPolicy role/fleet/Dev" + team},
	{"GetContextKeysForCustomPolicy", p("PolicyInputList.member.1=" + allowGet), "iam:GetContextKeysForCustomPolicy *"},
	{"GetContextKeysForPrincipalPolicy", p("PolicySourceArn=" + localARN + "user/staff/Ann"), "iam:GetContextKeysForPrincipalPolicy user/staff/Ann" + team},
	{"GetAccountAuthorizationDetails", nil, "iam:GetAccountAuthorizationDetails *"},
	{"GetAccountSummary", nil, "iam:GetAccountSummary *"},
	{"CreateAccountAlias", p("AccountAlias=some"), "iam:CreateAccountAlias *"},
	{"ListAccountAliases", nil, "iam:ListAccountAliases *"},
	{"DeleteAccountAlias", p("AccountAlias=some"), "iam:DeleteAccountAlias *"},
	{"CreateOpenIDConnectProvider", p("Url=https://id.example.com/x", "Tags.member.1.Key=kind", "Tags.member.1.Value=y"),
		"iam:CreateOpenIDConnectProvider " + providerName + " aws:RequestTag/kind=y aws:TagKeys=[kind]; " +
			"iam:TagOpenIDConnectProvider " + providerName + " aws:RequestTag/kind=y aws:TagKeys=[kind]"},
	{"GetOpenIDConnectProvider", p(ofProvider), "iam:GetOpenIDConnectProvider " + providerName + kind},
	{"GetOpenIDConnectProvider", p("OpenIDConnectProviderArn=" + localARN + "oidc-provider/none"), "iam:GetOpenIDConnectProvider oidc-provider/none"},
	{"ListOpenIDConnectProviders", nil, "iam:ListOpenIDConnectProviders *"},
	{"AddClientIDToOpenIDConnectProvider", p(ofProvider, "ClientID=c"), "iam:AddClientIDToOpenIDConnectProvider " + providerName + kind},
	{"RemoveClientIDFromOpenIDConnectProvider", p(ofProvider, "ClientID=c"), "iam:RemoveClientIDFromOpenIDConnectProvider " + providerName + kind},
	{"UpdateOpenIDConnectProviderThumbprint", p(ofProvider, "ThumbprintList.member.1="+strings.Repeat("0", 40)), "iam:UpdateOpenIDConnectProviderThumbprint " + providerName + kind},
	{"TagOpenIDConnectProvider", p(ofProvider, "Tags.member.1.Key=kind", "Tags.member.1.Value=y"), "iam:TagOpenIDConnectProvider " + providerName + " aws:RequestTag/kind=y aws:TagKeys=[kind]" + kind},
	{"UntagOpenIDConnectProvider", p(ofProvider, "TagKeys.member.1=o"), "iam:UntagOpenIDConnectProvider " + providerName + " aws:TagKeys=[o]" + kind},
	{"ListOpenIDConnectProviderTags", p(ofProvider), "iam:ListOpenIDConnectProviderTags " + providerName + kind},
	{"DeleteOpenIDConnectProvider", p(ofProvider), "iam:DeleteOpenIDConnectProvider " + providerName + kind},
	{"DeleteUser", p("UserName=ann"), "iam:DeleteUser user/staff/Ann" + team},
	{"DeleteGroup", p("GroupName=ops"), "iam:DeleteGroup group/eu/Ops"},
	{"DeleteRole", p("RoleName=dev"), "iam:DeleteRole role/fleet/Dev" + team},
}

const (
	team    = " aws:ResourceTag/team=x iam:ResourceTag/team=x"
	kind    = " aws:ResourceTag/kind=y iam:ResourceTag/kind=y"
	bounded = " iam:PermissionsBoundary=" + s3Full
	iamFull = "arn:aws:iam::aws:policy/IAMFullAccess"

	providerName = "oidc-provider/id.example.com/x"
	ofProvider   = "OpenIDConnectProviderArn=" + localARN + providerName
)

func TestEveryOperationNeedsItsPermissions(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "Ann", "Path", "/staff/", "Tags.member.1.Key", "team", "Tags.member.1.Value", "x", "PermissionsBoundary", s3Full).OK()
	root.IAM("CreateRole", "RoleName", "Dev", "Path", "/fleet/", "Tags.member.1.Key", "team", "Tags.member.1.Value", "x", "PermissionsBoundary", s3Full,
		"AssumeRolePolicyDocument", trustIoT).OK()
	root.IAM("CreateGroup", "GroupName", "Ops", "Path", "/eu/").OK()
	root.IAM("CreatePolicy", "PolicyName", "p", "Path", "/x/", "Tags.member.1.Key", "kind", "Tags.member.1.Value", "y", "PolicyDocument", allowGet).OK()
	seen := map[string]bool{}
	for _, c := range needs {
		seen[c.action] = true
		root.IAM(c.action, c.params...)
		if got := permissionText(w.Permissions()); got != c.want {
			t.Errorf("%s %q:\n got %s\nwant %s", c.action, c.params, got, c.want)
		}
	}
	for _, op := range iam.New(iam.Config{}).Operations() {
		if op.Offered() && !seen[op.Name] {
			t.Errorf("%s is not in the table of this test", op.Name)
		}
	}
}

func TestWithoutPermissionNothingIsAnswered(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "nobody").OK()
	nobody := w.As(root.IAM("CreateAccessKey", "UserName", "nobody").Credentials())
	for _, c := range needs {
		if a := nobody.IAM(c.action, c.params...); a.Status != 403 || a.Code() != "AccessDenied" {
			t.Errorf("%s %q: got %d %s %s, want 403 AccessDenied", c.action, c.params, a.Status, a.Code(), a.Message())
		}
	}
	if got := root.IAM("ListUsers").OK().List("Users", "UserName"); !slices.Equal(got, []string{"nobody"}) {
		t.Errorf("after the refusals there are the users %q, want nobody alone", got)
	}
}

func TestConditionsDecide(t *testing.T) {
	statement := func(effect, action, resource, condition string) string {
		return `{"Effect":"` + effect + `","Action":"` + action + `","Resource":"` + resource + `","Condition":` + condition + `}`
	}
	document := `{"Version":"2012-10-17","Statement":[` + strings.Join([]string{
		statement("Allow", "iam:CreateRole", "*", `{"StringEquals":{"iam:PermissionsBoundary":"`+s3Full+`"}}`),
		statement("Allow", "iam:AttachRolePolicy", "*", `{"ArnEquals":{"iam:PolicyARN":"`+s3Full+`"}}`),
		statement("Allow", "iam:PutRolePolicy", "*", `{"StringEquals":{"iam:PermissionsBoundary":"`+s3Full+`"}}`),
		statement("Allow", "iam:TagRole", "*", `{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]},"StringEquals":{"aws:RequestTag/team":"x"}}`),
		statement("Allow", "iam:DeleteRole", "*", `{"StringEquals":{"iam:ResourceTag/team":"x"}}`),
		`{"Effect":"Allow","Action":["iam:GetUser","iam:*AccessKey*"],"Resource":"arn:aws:iam::*:user/${aws:username}"}`,
	}, ",") + `]}`
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	root.IAM("CreateUser", "UserName", "bob").OK()
	root.IAM("CreatePolicy", "PolicyName", "ann", "PolicyDocument", document).OK()
	root.IAM("AttachUserPolicy", "UserName", "ann", "PolicyArn", policyARN+"ann").OK()
	root.IAM("CreateRole", "RoleName", "free", "AssumeRolePolicyDocument", trustIoT).OK()
	ann := w.As(root.IAM("CreateAccessKey", "UserName", "ann").Credentials())
	denied := func(action, resource string) string {
		return "403 AccessDenied: User: " + localARN + "user/ann is not authorized to perform: iam:" + action + " on resource: " + localARN + resource +
			" because no identity-based policy allows the iam:" + action + " action"
	}
	ann.Run("iam",
		step{Action: "CreateRole", Params: p("RoleName=r", "AssumeRolePolicyDocument="+trustIoT), Refused: denied("CreateRole", "role/r")},
		step{Action: "CreateRole", Params: p("RoleName=r", "AssumeRolePolicyDocument="+trustIoT, "PermissionsBoundary="+s3Full)},
		step{Action: "AttachRolePolicy", Params: p("RoleName=r", "PolicyArn="+iamFull), Refused: denied("AttachRolePolicy", "role/r")},
		step{Action: "AttachRolePolicy", Params: p("RoleName=r", "PolicyArn="+s3Full)},
		step{Action: "PutRolePolicy", Params: p("RoleName=free", "PolicyName=p", "PolicyDocument="+allowIAM), Refused: denied("PutRolePolicy", "role/free")},
		step{Action: "PutRolePolicy", Params: p("RoleName=r", "PolicyName=p", "PolicyDocument="+allowIAM)},
		step{Action: "TagRole", Params: p("RoleName=free", "Tags.member.1.Key=team", "Tags.member.1.Value=y"), Refused: denied("TagRole", "role/free")},
		step{Action: "TagRole", Params: p("RoleName=free", "Tags.member.1.Key=team", "Tags.member.1.Value=x", "Tags.member.2.Key=o", "Tags.member.2.Value=x"),
			Refused: denied("TagRole", "role/free")},
		step{Action: "CreateRole", Params: p("RoleName=r2", "AssumeRolePolicyDocument="+trustIoT, "PermissionsBoundary="+s3Full, "Tags.member.1.Key=o", "Tags.member.1.Value=x"),
			Refused: denied("TagRole", "role/r2")},
		step{Action: "DeleteRole", Params: p("RoleName=free"), Refused: denied("DeleteRole", "role/free")},
		step{Action: "TagRole", Params: p("RoleName=free", "Tags.member.1.Key=team", "Tags.member.1.Value=x")},
		step{Action: "DeleteRole", Params: p("RoleName=free")},
		step{Action: "GetUser", Want: []string{"User/UserName", "ann"}},
		step{Action: "GetUser", Params: p("UserName=ann")},
		step{Action: "GetUser", Params: p("UserName=bob"), Refused: denied("GetUser", "user/bob")},
		step{Action: "CreateAccessKey", Want: []string{"AccessKey/UserName", "ann"}},
		step{Action: "CreateAccessKey", Params: p("UserName=bob"), Refused: denied("CreateAccessKey", "user/bob")},
		step{Action: "ListAccessKeys", Want: []string{"AccessKeyMetadata/member/UserName", "ann"}},
		step{Action: "ListUsers", Refused: denied("ListUsers", "user/")},
	)
}
