package iam_test

import (
	"context"
	"strings"
	"testing"

	"inro.dev/inro/internal/metastore"
)

func TestAccountAliases(t *testing.T) {
	w := newWorld(t)
	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.AccountAliases.Put(ctx, tx, metastore.GlobalAccount, "taken", &metastore.AccountAlias{Account: "111111111111"})
	})
	pattern := "failed to satisfy constraint: Member must satisfy regular expression pattern: "
	w.Root().Run("iam",
		step{Action: "ListAccountAliases", Want: []string{"AccountAliases", "", "IsTruncated", "false"}},
		step{Action: "CreateAccountAlias", Params: p("AccountAlias=fleet-1")},
		step{Action: "CreateAccountAlias", Params: p("AccountAlias=fleet-1"), Refused: "409 EntityAlreadyExists: The account alias fleet-1 already exists."},
		step{Action: "CreateAccountAlias", Params: p("AccountAlias=taken"), Refused: "409 EntityAlreadyExists: The account alias taken already exists."},
		step{Action: "CreateAccountAlias", Params: p("AccountAlias=a--b"),
			Refused: "400 ValidationError: 1 validation error detected: Value 'a--b' at 'accountAlias' " + pattern + "^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$"},
		step{Action: "CreateAccountAlias", Params: p("AccountAlias=Upper"),
			Refused: "400 ValidationError: 1 validation error detected: Value 'Upper' at 'accountAlias' " + pattern + "[a-z0-9]([a-z0-9]|-)*[a-z0-9]"},
		step{Action: "GetUser", Want: []string{"User/UserName", "fleet-1", "User/CreateDate", "2026-03-01T12:00:00Z"}},
		step{Action: "CreateAccountAlias", Params: p("AccountAlias=fleet-2")},
		step{Action: "ListAccountAliases", Want: []string{"AccountAliases/member.1", "fleet-2", "AccountAliases/member.2", ""}},
		step{Action: "DeleteAccountAlias", Params: p("AccountAlias=fleet-1"), Refused: "404 NoSuchEntity: The account alias fleet-1 cannot be found."},
		step{Action: "DeleteAccountAlias", Params: p("AccountAlias=fleet-2")},
		step{Action: "ListAccountAliases", Want: []string{"AccountAliases", ""}},
		step{Action: "CreateAccountAlias", Params: p("AccountAlias=fleet-1")},
	)
}

func TestAccountSummaryCounts(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "a").OK()
	root.IAM("CreateUser", "UserName", "b").OK()
	root.IAM("CreateGroup", "GroupName", "g").OK()
	root.IAM("CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trustIoT).OK()
	root.IAM("CreatePolicy", "PolicyName", "p", "PolicyDocument", allowGet).OK()
	root.IAM("CreatePolicyVersion", "PolicyArn", policyARN+"p", "PolicyDocument", allowGet).OK()
	a := root.IAM("GetAccountSummary").OK()
	for key, want := range map[string]string{
		"Users": "2", "Groups": "1", "Roles": "1", "Policies": "1", "PolicyVersionsInUse": "2", "AccountAccessKeysPresent": "1",
		"UsersQuota": "5000", "RolesQuota": "1000", "PolicySizeQuota": "6144", "AssumeRolePolicySizeQuota": "2048", "MFADevices": "0",
	} {
		if !strings.Contains(a.Body, "<entry><key>"+key+"</key><value>"+want+"</value></entry>") {
			t.Errorf("%s is not %s in %s", key, want, a.Body)
		}
	}
	if got := a.Count("SummaryMap"); got != 34 {
		t.Errorf("got %d entries, want the model's 34", got)
	}
}

func TestAuthorizationDetails(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreatePolicy", "PolicyName", "p", "PolicyDocument", allowGet).OK()
	root.IAM("CreateUser", "UserName", "Ann", "PermissionsBoundary", policyARN+"p", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v").OK()
	root.IAM("PutUserPolicy", "UserName", "ann", "PolicyName", "own", "PolicyDocument", allowGet).OK()
	root.IAM("CreateUser", "UserName", "Bob").OK()
	root.IAM("CreateGroup", "GroupName", "Ops").OK()
	root.IAM("AddUserToGroup", "GroupName", "ops", "UserName", "ann").OK()
	root.IAM("AttachGroupPolicy", "GroupName", "ops", "PolicyArn", s3Full).OK()
	root.IAM("CreateRole", "RoleName", "Dev", "AssumeRolePolicyDocument", trusting(`{"AWS":"`+localARN+`user/Ann"}`)).OK()

	a := root.IAM("GetAccountAuthorizationDetails").OK()
	for path, want := range map[string]string{
		"UserDetailList/member.1/UserName":                                   "Ann",
		"UserDetailList/member.1/GroupList/member":                           "Ops",
		"UserDetailList/member.1/UserPolicyList/member/PolicyName":           "own",
		"UserDetailList/member.1/PermissionsBoundary/PermissionsBoundaryArn": policyARN + "p",
		"UserDetailList/member.1/Tags/member/Key":                            "k",
		"UserDetailList/member.2/UserName":                                   "Bob",
		"GroupDetailList/member/AttachedManagedPolicies/member/PolicyArn":    s3Full,
		"RoleDetailList/member/RoleName":                                     "Dev",
		"RoleDetailList/member/InstanceProfileList":                          "",
		"Policies/member.1/PolicyName":                                       "AmazonS3FullAccess",
		"Policies/member.2/PolicyName":                                       "p",
		"Policies/member.2/PolicyVersionList/member/IsDefaultVersion":        "true",
		"Policies/member.2/PermissionsBoundaryUsageCount":                    "1",
		"Policies/member.3/PolicyName":                                       "",
		"IsTruncated":                                                        "false",
	} {
		if got := a.Get(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if got := decoded(t, a.Get("Policies/member.2/PolicyVersionList/member/Document")); got != allowGet {
		t.Errorf("got document %s, want %s", got, allowGet)
	}
	if got := decoded(t, a.Get("RoleDetailList/member/AssumeRolePolicyDocument")); !strings.Contains(got, "user/Ann") {
		t.Errorf("got trust policy %s, want the user by its ARN", got)
	}

	for filter, want := range map[string]string{
		"User": "Ann Bob|||", "Group": "|Ops||", "Role": "||Dev|", "LocalManagedPolicy": "|||p", "AWSManagedPolicy": "|||AmazonS3FullAccess",
	} {
		if got := sections(root.IAM("GetAccountAuthorizationDetails", "Filter.member.1", filter).OK().List); got != want {
			t.Errorf("filter %s: got %s, want %s", filter, got, want)
		}
	}
	var pages []string
	params := []string{"MaxItems", "2"}
	for {
		a := root.IAM("GetAccountAuthorizationDetails", params...).OK()
		pages = append(pages, sections(a.List))
		if a.Get("IsTruncated") == "false" {
			break
		}
		params = []string{"MaxItems", "2", "Marker", a.Get("Marker")}
	}
	if got, want := strings.Join(pages, "; "), "Ann Bob|||; |Ops|Dev|; |||AmazonS3FullAccess p"; got != want {
		t.Errorf("got pages %q, want %q", got, want)
	}
}

// sections shows the names in a report: users|groups|roles|policies.
func sections(list func(path, member string) []string) string {
	return strings.Join([]string{
		strings.Join(list("UserDetailList", "UserName"), " "), strings.Join(list("GroupDetailList", "GroupName"), " "),
		strings.Join(list("RoleDetailList", "RoleName"), " "), strings.Join(list("Policies", "PolicyName"), " "),
	}, "|")
}
