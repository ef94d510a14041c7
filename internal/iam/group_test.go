package iam_test

import (
	"fmt"
	"testing"

	"inro.dev/inro/internal/iam/iamtest"
)

func TestGroupsAndTheirMembers(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "Ann").OK()
	noGroup := "404 NoSuchEntity: The group with name x cannot be found."
	root.Run("iam",
		step{Action: "CreateGroup", Params: p("GroupName=Ops", "Path=/eu/"), Want: []string{"Group/GroupName", "Ops", "Group/Arn", localARN + "group/eu/Ops"}},
		step{Action: "CreateGroup", Params: p("GroupName=OPS"), Refused: "409 EntityAlreadyExists: Group with name OPS already exists."},
		step{Action: "AddUserToGroup", Params: p("GroupName=x", "UserName=ann"), Refused: noGroup},
		step{Action: "AddUserToGroup", Params: p("GroupName=ops", "UserName=x"), Refused: "404 NoSuchEntity: The user with name x cannot be found."},
		step{Action: "AddUserToGroup", Params: p("GroupName=ops", "UserName=ann")},
		step{Action: "AddUserToGroup", Params: p("GroupName=ops", "UserName=ann")},
		step{Action: "GetGroup", Params: p("GroupName=ops"), Want: []string{"Group/Path", "/eu/", "Users/member/UserName", "Ann", "IsTruncated", "false"}},
		step{Action: "GetGroup", Params: p("GroupName=x"), Refused: noGroup},
		step{Action: "ListGroupsForUser", Params: p("UserName=ann"), Want: []string{"Groups/member/GroupName", "Ops"}},
		step{Action: "DeleteGroup", Params: p("GroupName=ops"), Refused: "409 DeleteConflict: Cannot delete entity, must remove users from group first."},
		step{Action: "PutGroupPolicy", Params: p("GroupName=ops", "PolicyName=p", "PolicyDocument="+allowGet)},
		step{Action: "AttachGroupPolicy", Params: p("GroupName=ops", "PolicyArn="+s3Full)},
		step{Action: "CreateGroup", Params: p("GroupName=dev")},
		step{Action: "UpdateGroup", Params: p("GroupName=ops", "NewGroupName=DEV"), Refused: "409 EntityAlreadyExists: Group with name DEV already exists."},
		step{Action: "UpdateGroup", Params: p("GroupName=ops", "NewGroupName=Operators", "NewPath=/")},
		step{Action: "UpdateGroup", Params: p("GroupName=x"), Refused: noGroup},
		step{Action: "ListGroupsForUser", Params: p("UserName=ann"), Want: []string{"Groups/member/Arn", localARN + "group/Operators"}},
		step{Action: "ListAttachedGroupPolicies", Params: p("GroupName=operators"), Want: []string{"AttachedPolicies/member/PolicyName", "AmazonS3FullAccess"}},
		step{Action: "GetGroupPolicy", Params: p("GroupName=operators", "PolicyName=p"), Want: []string{"GroupName", "Operators"}},
		step{Action: "ListGroups", Params: p("PathPrefix=/eu"), Want: []string{"Groups", ""}},
		step{Action: "ListGroups", Want: []string{"Groups/member.2/GroupName", "Operators"}},
		step{Action: "RemoveUserFromGroup", Params: p("GroupName=operators", "UserName=ann")},
		step{Action: "RemoveUserFromGroup", Params: p("GroupName=operators", "UserName=ann"), Refused: "404 NoSuchEntity: User ann is not in the group operators."},
		step{Action: "DeleteGroup", Params: p("GroupName=operators"), Refused: "409 DeleteConflict: Cannot delete entity, must detach all policies first."},
		step{Action: "DetachGroupPolicy", Params: p("GroupName=operators", "PolicyArn="+s3Full)},
		step{Action: "DeleteGroup", Params: p("GroupName=operators"), Refused: "409 DeleteConflict: Cannot delete entity, must delete policies first."},
		step{Action: "DeleteGroupPolicy", Params: p("GroupName=operators", "PolicyName=p")},
		step{Action: "DeleteGroup", Params: p("GroupName=operators")},
		step{Action: "DeleteGroup", Params: p("GroupName=operators"), Refused: "404 NoSuchEntity: The group with name operators cannot be found."},
	)
}

func TestAUserIsInTenGroupsAtMost(t *testing.T) {
	root := newWorld(t).Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	for i := range 11 {
		name := fmt.Sprintf("g%02d", i)
		root.IAM("CreateGroup", "GroupName", name).OK()
		a := root.IAM("AddUserToGroup", "GroupName", name, "UserName", "ann")
		if i < 10 {
			a.OK()
		} else {
			a.Refused(409, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
		}
	}
	a := root.IAM("ListGroupsForUser", "UserName", "ann", "MaxItems", "9").OK()
	if a.Count("Groups") != 9 || a.Get("IsTruncated") != "true" {
		t.Errorf("got %d groups, truncated %s, want 9, true", a.Count("Groups"), a.Get("IsTruncated"))
	}
	if a = root.IAM("ListGroupsForUser", "UserName", "ann", "Marker", a.Get("Marker")).OK(); a.Count("Groups") != 1 {
		t.Errorf("second page: got %d groups, want 1", a.Count("Groups"))
	}
}

func TestPoliciesOfAGroupHoldForItsMembers(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	root.IAM("CreateUser", "UserName", "ann").OK()
	root.IAM("CreateGroup", "GroupName", "ops").OK()
	root.IAM("AttachGroupPolicy", "GroupName", "ops", "PolicyArn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess").OK()
	ann := w.As(root.IAM("CreateAccessKey", "UserName", "ann").Credentials())
	refused := iamtest.Step{Action: "ListUsers", Refused: "403 AccessDenied: User: " + localARN + "user/ann is not authorized to perform: iam:ListUsers on resource: " +
		localARN + "user/ because no identity-based policy allows the iam:ListUsers action"}
	ann.Run("iam", refused)
	root.IAM("AddUserToGroup", "GroupName", "ops", "UserName", "ann").OK()
	ann.Run("iam", step{Action: "ListUsers"})
	root.IAM("RemoveUserFromGroup", "GroupName", "ops", "UserName", "ann").OK()
	ann.Run("iam", refused)
}
