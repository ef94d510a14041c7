package iam_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"inro.dev/inro/internal/iam/iamtest"
	"inro.dev/inro/internal/metastore"
)

func TestUsersAreMadeShownChangedAndDeleted(t *testing.T) {
	w := newWorld(t)
	w.Root().Run("iam",
		step{Action: "CreateUser", Params: p("UserName=Ann", "Path=/staff/", "Tags.member.1.Key=team", "Tags.member.1.Value="),
			Want: []string{"User/UserName", "Ann", "User/Path", "/staff/", "User/Arn", localARN + "user/staff/Ann",
				"User/CreateDate", "2026-03-01T12:00:00Z", "User/Tags/member/Key", "team"}},
		step{Action: "CreateUser", Params: p("UserName=ann"), Refused: "409 EntityAlreadyExists: User with name ann already exists."},
		step{Action: "GetUser", Params: p("UserName=ANN"), Want: []string{"User/UserName", "Ann", "User/Tags/member/Key", "team"}},
		step{Action: "GetUser", Params: p("UserName=bob"), Refused: "404 NoSuchEntity: The user with name bob cannot be found."},
		step{Action: "GetUser", Want: []string{"User/Arn", localARN + "root", "User/UserId", iamtest.Account, "User/UserName", ""}},
		step{Action: "UpdateUser", Params: p("UserName=bob", "NewPath=/x/"), Refused: "404 NoSuchEntity: The user with name bob cannot be found."},
		step{Action: "CreateUser", Params: p("UserName=Bob")},
		step{Action: "UpdateUser", Params: p("UserName=Ann", "NewUserName=bob"), Refused: "409 EntityAlreadyExists: User with name bob already exists."},
		step{Action: "UpdateUser", Params: p("UserName=Ann", "NewUserName=ANN", "NewPath=/")},
		step{Action: "GetUser", Params: p("UserName=ann"), Want: []string{"User/UserName", "ANN", "User/Arn", localARN + "user/ANN"}},
		step{Action: "DeleteUser", Params: p("UserName=bob")},
		step{Action: "DeleteUser", Params: p("UserName=bob"), Refused: "404 NoSuchEntity: The user with name bob cannot be found."},
	)
}

func TestInputsAreValidated(t *testing.T) {
	long := strings.Repeat("a", 65)
	detected := "400 ValidationError: 1 validation error detected: Value "
	newWorld(t).Root().Run("iam",
		step{Action: "CreateUser", Refused: detected + "null at 'userName' failed to satisfy constraint: Member must not be null"},
		step{Action: "CreateUser", Params: p("UserName=" + long),
			Refused: detected + "'" + long[:64] + "…' at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		step{Action: "CreateUser", Params: p("UserName=a b"),
			Refused: detected + `'a b' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`},
		step{Action: "CreateUser", Params: p("UserName=a", "Path=x"),
			Refused: detected + `'x' at 'path' failed to satisfy constraint: Member must satisfy regular expression pattern: (/)|(/[\x{21}-\x{7E}]+/)`},
		step{Action: "GetUser", Params: p("UserName="),
			Refused: "400 ValidationError: 2 validation errors detected: Value '' at 'userName' failed to satisfy constraint: " +
				"Member must have length greater than or equal to 1; Value '' at 'userName' failed to satisfy constraint: " +
				`Member must satisfy regular expression pattern: [\w+=,.@-]+`},
		step{Action: "CreateRole", Params: p("RoleName=r", "AssumeRolePolicyDocument="+trustIoT, "MaxSessionDuration=3599"),
			Refused: detected + "'3599' at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600"},
		step{Action: "UpdateAccessKey", Params: p("AccessKeyId=AKIAAAAAAAAAAAAAAAAA", "Status=Expired"),
			Refused: detected + "'Expired' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]"},
		step{Action: "ListUsers", Params: p("MaxItems=1001"),
			Refused: detected + "'1001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"},
		step{Action: "ListUsers", Params: p("Marker=!!"), Refused: "400 ValidationError: The value of Marker is none that this operation has returned."},
		step{Action: "ListUsers", Params: p("Marker=AA"), Refused: "400 ValidationError: The value of Marker is none that this operation has returned."},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + policyARN + "a\x00"), Refused: "400 InvalidInput: ARN " + policyARN + "a\uFFFD is not valid."},
		step{Action: "GetPolicy", Params: p("PolicyArn=" + policyARN + "é"), Refused: "400 InvalidInput: ARN " + policyARN + "é is not valid."},
		step{Action: "CreateUser", Params: p("UserName=a", "PermissionsBoundary="+policyARN+"a b"), Refused: "400 InvalidInput: ARN " + policyARN + "a b is not valid."},
		step{Action: "SimulatePrincipalPolicy", Params: p("PolicySourceArn="+localARN+"user/a\x00", "ActionNames.member.1=s3:GetObject"),
			Refused: "400 InvalidInput: ARN " + localARN + "user/a\uFFFD is not valid: it must be that of a user, group or role."},
	)
}

func TestDeletingAUserNeedsNothingToHangOnIt(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	root.IAM("CreateGroup", "GroupName", "ops").OK()
	key := root.IAM("CreateAccessKey", "UserName", "ann").Credentials().AccessKeyID
	delete := step{Action: "DeleteUser", Params: p("UserName=ann")}
	refused := func(text string) step {
		return step{Action: delete.Action, Params: delete.Params, Refused: "409 DeleteConflict: " + text}
	}
	root.Run("iam",
		step{Action: "AddUserToGroup", Params: p("GroupName=ops", "UserName=ann")},
		step{Action: "AttachUserPolicy", Params: p("UserName=ann", "PolicyArn="+s3Full)},
		step{Action: "PutUserPolicy", Params: p("UserName=ann", "PolicyName=own", "PolicyDocument="+allowGet)},
		refused("Cannot delete entity, must remove users from group first."),
		step{Action: "RemoveUserFromGroup", Params: p("GroupName=ops", "UserName=ann")},
		refused("Cannot delete entity, must delete access keys first."),
		step{Action: "DeleteAccessKey", Params: p("UserName=ann", "AccessKeyId="+key)},
		refused("Cannot delete entity, must detach all policies first."),
		step{Action: "DetachUserPolicy", Params: p("UserName=ann", "PolicyArn="+s3Full)},
		refused("Cannot delete entity, must delete policies first."),
		step{Action: "DeleteUserPolicy", Params: p("UserName=ann", "PolicyName=own")},
		delete,
	)
}

func TestARenamedUserKeepsKeysGroupsAndPolicies(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	root.IAM("CreateGroup", "GroupName", "ops").OK()
	root.IAM("AddUserToGroup", "GroupName", "ops", "UserName", "ann").OK()
	root.IAM("PutGroupPolicy", "GroupName", "ops", "PolicyName", "iam", "PolicyDocument", allowIAM).OK()
	root.IAM("AttachUserPolicy", "UserName", "ann", "PolicyArn", s3Full).OK()
	ann := w.As(root.IAM("CreateAccessKey", "UserName", "ann").Credentials())
	before := ann.IAM("GetUser").OK()

	root.IAM("UpdateUser", "UserName", "ann", "NewUserName", "Berta", "NewPath", "/x/").OK()
	after := ann.IAM("GetUser").OK()
	if got, want := after.Get("User/Arn"), localARN+"user/x/Berta"; got != want {
		t.Errorf("got ARN %s, want %s", got, want)
	}
	if got, want := after.Get("User/UserId"), before.Get("User/UserId"); got != want {
		t.Errorf("got id %s, want %s as before", got, want)
	}
	root.Run("iam",
		step{Action: "GetUser", Params: p("UserName=ann"), Refused: "404 NoSuchEntity: The user with name ann cannot be found."},
		step{Action: "ListGroupsForUser", Params: p("UserName=berta"), Want: []string{"Groups/member/GroupName", "ops"}},
		step{Action: "GetGroup", Params: p("GroupName=ops"), Want: []string{"Users/member/UserName", "Berta"}},
		step{Action: "ListAttachedUserPolicies", Params: p("UserName=berta"), Want: []string{"AttachedPolicies/member/PolicyArn", s3Full}},
		step{Action: "ListAccessKeys", Params: p("UserName=berta"), Want: []string{"AccessKeyMetadata/member/UserName", "Berta"}},
		step{Action: "CreateUser", Params: p("UserName=ann")},
		step{Action: "ListAccessKeys", Params: p("UserName=ann"), Want: []string{"AccessKeyMetadata", ""}},
	)
}

func TestListsComeInPages(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	for i := range 5 {
		root.IAM("CreateUser", "UserName", fmt.Sprintf("User%d", i), "Path", fmt.Sprintf("/p%d/", i%2)).OK()
	}
	var got []string
	params := []string{"MaxItems", "2"}
	for range 10 {
		a := root.IAM("ListUsers", params...).OK()
		got = append(got, strings.Join(a.List("Users", "UserName"), " "))
		if a.Get("IsTruncated") != "true" {
			if a.Has("Marker") {
				t.Error("the last page has a Marker")
			}
			break
		}
		params = []string{"MaxItems", "2", "Marker", a.Get("Marker")}
	}
	if want := "User0 User1|User2 User3|User4"; strings.Join(got, "|") != want {
		t.Errorf("got pages %q, want %q", strings.Join(got, "|"), want)
	}
	a := root.IAM("ListUsers", "PathPrefix", "/p1").OK()
	if got := a.List("Users", "UserName"); strings.Join(got, " ") != "User1 User3" {
		t.Errorf("by path: got %q, want User1 User3", got)
	}
	if a.Has("Users/member/Tags") || a.Has("Users/member/PermissionsBoundary") {
		t.Error("a list shows tags or boundary")
	}
}

func TestEntitiesHaveQuotas(t *testing.T) {
	w := newWorld(t)
	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		var err error
		fill := func(n int, put func(name string) error) {
			for i := 0; i < n && err == nil; i++ {
				err = put(fmt.Sprintf("e%04d", i))
			}
		}
		fill(5000, func(n string) error {
			return metastore.Users.Put(ctx, tx, iamtest.Account, n, &metastore.User{Name: n, Path: "/", UniqueID: "AIDA" + n})
		})
		fill(300, func(n string) error {
			return metastore.Groups.Put(ctx, tx, iamtest.Account, n, &metastore.Group{Name: n, Path: "/"})
		})
		fill(1000, func(n string) error {
			return metastore.Roles.Put(ctx, tx, iamtest.Account, n, &metastore.Role{Name: n, Path: "/", UniqueID: "AROA" + n, Trust: trustIoT})
		})
		fill(1500, func(n string) error {
			return metastore.Policies.Put(ctx, tx, iamtest.Account, policyARN+n, &metastore.Policy{Name: n, Path: "/"})
		})
		return err
	})
	w.Root().Run("iam",
		step{Action: "CreateUser", Params: p("UserName=x"), Refused: "409 LimitExceeded: Cannot exceed quota for UsersPerAccount: 5000"},
		step{Action: "CreateGroup", Params: p("GroupName=x"), Refused: "409 LimitExceeded: Cannot exceed quota for GroupsPerAccount: 300"},
		step{Action: "CreateRole", Params: p("RoleName=x", "AssumeRolePolicyDocument="+trustIoT), Refused: "409 LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000"},
		step{Action: "CreatePolicy", Params: p("PolicyName=x", "PolicyDocument="+allowGet), Refused: "409 LimitExceeded: Cannot exceed quota for PoliciesPerAccount: 1500"},
	)
}

func TestAccessKeysBelongToTheirUser(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "Ann").OK()
	root.IAM("CreateUser", "UserName", "Bob").OK()
	root.IAM("PutUserPolicy", "UserName", "ann", "PolicyName", "iam", "PolicyDocument", allowIAM).OK()
	made := root.IAM("CreateAccessKey", "UserName", "ann").OK()
	key := made.Credentials()
	if len(key.AccessKeyID) != 20 || len(key.SecretAccessKey) != 40 || made.Get("AccessKey/UserName") != "Ann" || made.Get("AccessKey/Status") != "Active" {
		t.Errorf("got %s", made.Body)
	}
	ann := w.As(key)
	missing := "404 NoSuchEntity: The Access Key with id " + key.AccessKeyID + " cannot be found."
	root.Run("iam",
		step{Action: "CreateAccessKey", Params: p("UserName=nobody"), Refused: "404 NoSuchEntity: The user with name nobody cannot be found."},
		step{Action: "UpdateAccessKey", Params: p("UserName=Bob", "Status=Inactive", "AccessKeyId="+key.AccessKeyID), Refused: missing},
		step{Action: "DeleteAccessKey", Params: p("UserName=Bob", "AccessKeyId="+key.AccessKeyID), Refused: missing},
		step{Action: "DeleteAccessKey", Params: p("AccessKeyId=" + key.AccessKeyID), Refused: missing}, // root's own are meant
		step{Action: "ListAccessKeys", Params: p("UserName=bob"), Want: []string{"AccessKeyMetadata", "", "IsTruncated", "false"}},
		step{Action: "ListAccessKeys", Want: []string{"AccessKeyMetadata/member/AccessKeyId", iamtest.RootKey, "AccessKeyMetadata/member/UserName", ""}},
		step{Action: "GetAccessKeyLastUsed", Params: p("AccessKeyId=" + key.AccessKeyID),
			Want: []string{"UserName", "Ann", "AccessKeyLastUsed/Region", "N/A", "AccessKeyLastUsed/ServiceName", "N/A"}},
	)
	ann.Run("iam",
		step{Action: "ListAccessKeys", Want: []string{"AccessKeyMetadata/member/AccessKeyId", key.AccessKeyID, "AccessKeyMetadata/member/Status", "Active"}},
		step{Action: "CreateAccessKey"},
		step{Action: "CreateAccessKey", Refused: "409 LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"},
		step{Action: "UpdateAccessKey", Params: p("Status=Inactive", "AccessKeyId="+key.AccessKeyID)},
		step{Action: "ListAccessKeys", Refused: "403 InvalidClientTokenId: The security token included in the request is invalid."},
	)
	root.IAM("UpdateAccessKey", "UserName", "ann", "Status", "Active", "AccessKeyId", key.AccessKeyID).OK()
	ann.IAM("DeleteAccessKey", "AccessKeyId", key.AccessKeyID).OK()
	ann.IAM("GetUser").Refused(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

func TestRootHasTwoAccessKeysAtMost(t *testing.T) {
	w := newWorld(t)
	second := w.As(w.Root().IAM("CreateAccessKey").Credentials())
	second.Run("iam",
		step{Action: "CreateAccessKey", Refused: "409 LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"},
		step{Action: "DeleteAccessKey", Params: p("AccessKeyId=" + iamtest.RootKey)},
		step{Action: "GetUser", Want: []string{"User/Arn", localARN + "root"}},
	)
	w.Root().IAM("GetUser").Refused(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

func TestAKeyOfTheConfigurationCannotBeChanged(t *testing.T) {
	w := newWorld(t)
	const id = "AKIAPROVIDED00000000"
	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.AccessKeys.Put(ctx, tx, metastore.GlobalAccount, id,
			&metastore.AccessKey{Account: iamtest.Account, Secret: "s", Active: true, Provided: true})
	})
	refused := "400 UnmodifiableEntity: The access key " + id + " is given by the server's configuration and is changed there."
	w.Root().Run("iam",
		step{Action: "DeleteAccessKey", Params: p("AccessKeyId=" + id), Refused: refused},
		step{Action: "UpdateAccessKey", Params: p("AccessKeyId="+id, "Status=Inactive"), Refused: refused},
	)
}

func TestThingsThatCannotExistAreAnsweredTruthfully(t *testing.T) {
	w := newWorld(t)
	w.Root().IAM("CreateUser", "UserName", "ann").OK()
	w.Root().IAM("CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trustIoT).OK()
	noAnn := "404 NoSuchEntity: The user with name nobody cannot be found."
	var steps []step
	for action, list := range map[string]string{
		"ListMFADevices": "MFADevices", "ListSigningCertificates": "Certificates", "ListSSHPublicKeys": "SSHPublicKeys",
		"ListServiceSpecificCredentials": "ServiceSpecificCredentials",
	} {
		steps = append(steps,
			step{Action: action, Params: p("UserName=ann"), Want: []string{list, "", "IsTruncated", "false"}},
			step{Action: action, Want: []string{list, ""}},
			step{Action: action, Params: p("UserName=nobody"), Refused: noAnn})
	}
	w.Root().Run("iam", append(steps,
		step{Action: "ListVirtualMFADevices", Params: p("AssignmentStatus=Any"), Want: []string{"VirtualMFADevices", "", "IsTruncated", "false"}},
		step{Action: "ListServiceSpecificCredentials", Params: p("AllUsers=true"), Want: []string{"IsTruncated", "false"}},
		step{Action: "ListServiceSpecificCredentials", Params: p("AllUsers=true", "UserName=ann"),
			Refused: "400 InvalidInput: UserName cannot be given together with AllUsers."},
		step{Action: "DeleteLoginProfile", Params: p("UserName=ann"), Refused: "404 NoSuchEntity: Login Profile for User ann cannot be found."},
		step{Action: "DeleteLoginProfile", Params: p("UserName=nobody"), Refused: noAnn},
		step{Action: "ListInstanceProfilesForRole", Params: p("RoleName=r"), Want: []string{"InstanceProfiles", "", "IsTruncated", "false"}},
		step{Action: "ListInstanceProfilesForRole", Params: p("RoleName=x"), Refused: "404 NoSuchEntity: The role with name x cannot be found."},
	)...)
}

func TestQuotasHoldForRequestsAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	var made atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			a := root.IAM("CreateAccessKey", "UserName", "ann")
			switch {
			case a.Status == 200:
				made.Add(1)
			case a.Code() != "LimitExceeded":
				t.Errorf("got %s: %s", a.Code(), a.Message())
			}
		})
	}
	wait.Wait()
	if made.Load() != 2 {
		t.Errorf("got %d keys made, want 2", made.Load())
	}
}
