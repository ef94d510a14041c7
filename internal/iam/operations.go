package iam

import (
	"slices"

	"inro.dev/inro/internal/api"
)

// Operations returns a row for every operation that AWS's IAM has, in the
// order of spec C.4 to C.12, those that are not offered last.
func (s *Service) Operations() []api.Operation {
	return slices.Concat(
		s.usersTable(),
		s.accessKeysTable(),
		s.groupsTable(),
		s.managedPoliciesTable(),
		s.attachmentsTable(),
		s.inlinePoliciesTable(),
		s.rolesTable(),
		s.oidcProviderOperations(),
		s.dependantsTable(),
		s.reportsTable(),
		notOffered(),
	)
}

func (s *Service) usersTable() []api.Operation {
	return []api.Operation{
		api.Op("CreateUser", "", onNewEntity[createUserInput]("CreateUser", "TagUser"), s.createUser),
		api.Op("GetUser", "", onUserOrCaller[getUserInput](s, "GetUser"), s.getUser),
		api.Op("UpdateUser", "", onMoved[updateUserInput](s, "UpdateUser"), s.updateUser),
		api.Op("DeleteUser", "", onEntity[userInput](s, "DeleteUser"), s.deleteUser),
		api.Op("ListUsers", "", onPath[listInput]("ListUsers", userKind), s.listUsers),
		api.Op("TagUser", "", onEntity[tagUserInput](s, "TagUser"), tagEntity[tagUserInput](s)),
		api.Op("UntagUser", "", onEntity[untagUserInput](s, "UntagUser"), untagEntity[untagUserInput](s)),
		api.Op("ListUserTags", "", onEntity[listUserTagsInput](s, "ListUserTags"), listEntityTags[listUserTagsInput](s)),
	}
}

func (s *Service) accessKeysTable() []api.Operation {
	return []api.Operation{
		api.Op("CreateAccessKey", "", onUserOrCaller[createAccessKeyInput](s, "CreateAccessKey"), s.createAccessKey),
		api.Op("UpdateAccessKey", "", onUserOrCaller[updateAccessKeyInput](s, "UpdateAccessKey"), s.updateAccessKey),
		api.Op("DeleteAccessKey", "", onUserOrCaller[deleteAccessKeyInput](s, "DeleteAccessKey"), s.deleteAccessKey),
		api.Op("ListAccessKeys", "", onUserOrCaller[listAccessKeysInput](s, "ListAccessKeys"), s.listAccessKeys),
		api.Op("GetAccessKeyLastUsed", "", s.onAccessKey("GetAccessKeyLastUsed"), s.getAccessKeyLastUsed),
	}
}

func (s *Service) groupsTable() []api.Operation {
	return []api.Operation{
		api.Op("CreateGroup", "", onNewEntity[createGroupInput]("CreateGroup", ""), s.createGroup),
		api.Op("GetGroup", "", onEntity[getGroupInput](s, "GetGroup"), s.getGroup),
		api.Op("UpdateGroup", "", onMoved[updateGroupInput](s, "UpdateGroup"), s.updateGroup),
		api.Op("DeleteGroup", "", onEntity[groupInput](s, "DeleteGroup"), s.deleteGroup),
		api.Op("ListGroups", "", onPath[listInput]("ListGroups", groupKind), s.listGroups),
		api.Op("AddUserToGroup", "", onEntity[memberInput](s, "AddUserToGroup"), s.addUserToGroup),
		api.Op("RemoveUserFromGroup", "", onEntity[memberInput](s, "RemoveUserFromGroup"), s.removeUserFromGroup),
		api.Op("ListGroupsForUser", "", onEntity[listGroupsForUserInput](s, "ListGroupsForUser"), s.listGroupsForUser),
	}
}

func (s *Service) managedPoliciesTable() []api.Operation {
	return []api.Operation{
		api.Op("CreatePolicy", "", onNewPolicy, s.createPolicy),
		api.Op("GetPolicy", "", onPolicy[policyInput](s, "GetPolicy"), s.getPolicy),
		api.Op("DeletePolicy", "", onPolicy[policyInput](s, "DeletePolicy"), s.deletePolicy),
		api.Op("ListPolicies", "", onAccount[listPoliciesInput]("ListPolicies"), s.listPolicies),
		api.Op("CreatePolicyVersion", "", onPolicy[createPolicyVersionInput](s, "CreatePolicyVersion"), s.createPolicyVersion),
		api.Op("GetPolicyVersion", "", onPolicy[versionInput](s, "GetPolicyVersion"), s.getPolicyVersion),
		api.Op("DeletePolicyVersion", "", onPolicy[versionInput](s, "DeletePolicyVersion"), s.deletePolicyVersion),
		api.Op("SetDefaultPolicyVersion", "", onPolicy[versionInput](s, "SetDefaultPolicyVersion"), s.setDefaultPolicyVersion),
		api.Op("ListPolicyVersions", "", onPolicy[listPolicyVersionsInput](s, "ListPolicyVersions"), s.listPolicyVersions),
		api.Op("ListEntitiesForPolicy", "", onPolicy[listEntitiesForPolicyInput](s, "ListEntitiesForPolicy"), s.listEntitiesForPolicy),
		api.Op("TagPolicy", "", onPolicy[tagPolicyInput](s, "TagPolicy"), s.tagPolicy),
		api.Op("UntagPolicy", "", onPolicy[untagPolicyInput](s, "UntagPolicy"), s.untagPolicy),
		api.Op("ListPolicyTags", "", onPolicy[listPolicyTagsInput](s, "ListPolicyTags"), s.listPolicyTags),
	}
}

func (s *Service) attachmentsTable() []api.Operation {
	return []api.Operation{
		api.Op("AttachUserPolicy", "", onEntity[userAttachmentInput](s, "AttachUserPolicy", entityBoundary), attachPolicy[userAttachmentInput](s)),
		api.Op("AttachGroupPolicy", "", onEntity[groupAttachmentInput](s, "AttachGroupPolicy"), attachPolicy[groupAttachmentInput](s)),
		api.Op("AttachRolePolicy", "", onEntity[roleAttachmentInput](s, "AttachRolePolicy", entityBoundary), attachPolicy[roleAttachmentInput](s)),
		api.Op("DetachUserPolicy", "", onEntity[userAttachmentInput](s, "DetachUserPolicy", entityBoundary), detachPolicy[userAttachmentInput](s)),
		api.Op("DetachGroupPolicy", "", onEntity[groupAttachmentInput](s, "DetachGroupPolicy"), detachPolicy[groupAttachmentInput](s)),
		api.Op("DetachRolePolicy", "", onEntity[roleAttachmentInput](s, "DetachRolePolicy", entityBoundary), detachPolicy[roleAttachmentInput](s)),
		api.Op("ListAttachedUserPolicies", "", onEntity[listUserAttachmentsInput](s, "ListAttachedUserPolicies"), listAttachments[listUserAttachmentsInput](s)),
		api.Op("ListAttachedGroupPolicies", "", onEntity[listGroupAttachmentsInput](s, "ListAttachedGroupPolicies"), listAttachments[listGroupAttachmentsInput](s)),
		api.Op("ListAttachedRolePolicies", "", onEntity[listRoleAttachmentsInput](s, "ListAttachedRolePolicies"), listAttachments[listRoleAttachmentsInput](s)),
	}
}

func (s *Service) inlinePoliciesTable() []api.Operation {
	return []api.Operation{
		api.Op("PutUserPolicy", "", onEntity[putUserPolicyInput](s, "PutUserPolicy", entityBoundary), putInline[putUserPolicyInput](s)),
		api.Op("PutGroupPolicy", "", onEntity[putGroupPolicyInput](s, "PutGroupPolicy"), putInline[putGroupPolicyInput](s)),
		api.Op("PutRolePolicy", "", onEntity[putRolePolicyInput](s, "PutRolePolicy", entityBoundary), putInline[putRolePolicyInput](s)),
		api.Op("GetUserPolicy", "", onEntity[userPolicyInput](s, "GetUserPolicy"), getInline[userPolicyInput](s)),
		api.Op("GetGroupPolicy", "", onEntity[groupPolicyInput](s, "GetGroupPolicy"), getInline[groupPolicyInput](s)),
		api.Op("GetRolePolicy", "", onEntity[rolePolicyInput](s, "GetRolePolicy"), getInline[rolePolicyInput](s)),
		api.Op("DeleteUserPolicy", "", onEntity[userPolicyInput](s, "DeleteUserPolicy", entityBoundary), deleteInline[userPolicyInput](s)),
		api.Op("DeleteGroupPolicy", "", onEntity[groupPolicyInput](s, "DeleteGroupPolicy"), deleteInline[groupPolicyInput](s)),
		api.Op("DeleteRolePolicy", "", onEntity[rolePolicyInput](s, "DeleteRolePolicy", entityBoundary), deleteInline[rolePolicyInput](s)),
		api.Op("ListUserPolicies", "", onEntity[listUserPoliciesInput](s, "ListUserPolicies"), listInline[listUserPoliciesInput](s)),
		api.Op("ListGroupPolicies", "", onEntity[listGroupPoliciesInput](s, "ListGroupPolicies"), listInline[listGroupPoliciesInput](s)),
		api.Op("ListRolePolicies", "", onEntity[listRolePoliciesInput](s, "ListRolePolicies"), listInline[listRolePoliciesInput](s)),
	}
}

func (s *Service) rolesTable() []api.Operation {
	return []api.Operation{
		api.Op("CreateRole", "", onNewEntity[createRoleInput]("CreateRole", "TagRole"), s.createRole),
		api.Op("GetRole", "", onEntity[roleInput](s, "GetRole"), s.getRole),
		api.Op("UpdateRole", "", onEntity[updateRoleInput](s, "UpdateRole"), s.updateRole),
		api.Op("UpdateRoleDescription", "", onEntity[updateRoleDescriptionInput](s, "UpdateRoleDescription"), s.updateRoleDescription),
		api.Op("UpdateAssumeRolePolicy", "", onEntity[updateAssumeRolePolicyInput](s, "UpdateAssumeRolePolicy"), s.updateAssumeRolePolicy),
		api.Op("DeleteRole", "", onEntity[roleInput](s, "DeleteRole"), s.deleteRole),
		api.Op("ListRoles", "", onPath[listInput]("ListRoles", roleKind), s.listRoles),
		api.Op("TagRole", "", onEntity[tagRoleInput](s, "TagRole"), tagEntity[tagRoleInput](s)),
		api.Op("UntagRole", "", onEntity[untagRoleInput](s, "UntagRole"), untagEntity[untagRoleInput](s)),
		api.Op("ListRoleTags", "", onEntity[listRoleTagsInput](s, "ListRoleTags"), listEntityTags[listRoleTagsInput](s)),
		api.Op("PutUserPermissionsBoundary", "", onEntity[putUserBoundaryInput](s, "PutUserPermissionsBoundary"), putBoundary[putUserBoundaryInput](s)),
		api.Op("PutRolePermissionsBoundary", "", onEntity[putRoleBoundaryInput](s, "PutRolePermissionsBoundary"), putBoundary[putRoleBoundaryInput](s)),
		api.Op("DeleteUserPermissionsBoundary", "", onEntity[userInput](s, "DeleteUserPermissionsBoundary", entityBoundary), deleteBoundary[userInput](s)),
		api.Op("DeleteRolePermissionsBoundary", "", onEntity[roleInput](s, "DeleteRolePermissionsBoundary", entityBoundary), deleteBoundary[roleInput](s)),
	}
}

func (s *Service) dependantsTable() []api.Operation {
	return []api.Operation{
		api.Op("ListInstanceProfilesForRole", "", onEntity[listInstanceProfilesForRoleInput](s, "ListInstanceProfilesForRole"), s.listInstanceProfilesForRole),
		api.Op("ListMFADevices", "", onUserOrCaller[listOfUserInput](s, "ListMFADevices"), s.listMFADevices),
		api.Op("ListVirtualMFADevices", "", onAccount[listVirtualMFADevicesInput]("ListVirtualMFADevices"), s.listVirtualMFADevices),
		api.Op("ListSigningCertificates", "", onUserOrCaller[listOfUserInput](s, "ListSigningCertificates"), s.listSigningCertificates),
		api.Op("ListSSHPublicKeys", "", onUserOrCaller[listOfUserInput](s, "ListSSHPublicKeys"), s.listSSHPublicKeys),
		api.Op("ListServiceSpecificCredentials", "", s.onCredentialsOwner, s.listServiceSpecificCredentials),
		api.Op("DeleteLoginProfile", "", onUserOrCaller[deleteLoginProfileInput](s, "DeleteLoginProfile"), s.deleteLoginProfile),
	}
}

func (s *Service) reportsTable() []api.Operation {
	return []api.Operation{
		api.Op("SimulateCustomPolicy", "", onAccount[simulateCustomPolicyInput]("SimulateCustomPolicy"), s.simulateCustomPolicy),
		api.Op("SimulatePrincipalPolicy", "", onSource[simulatePrincipalPolicyInput](s, "SimulatePrincipalPolicy"), s.simulatePrincipalPolicy),
		api.Op("GetContextKeysForCustomPolicy", "", onAccount[contextKeysForCustomPolicyInput]("GetContextKeysForCustomPolicy"), s.getContextKeysForCustomPolicy),
		api.Op("GetContextKeysForPrincipalPolicy", "", onSource[contextKeysForPrincipalPolicyInput](s, "GetContextKeysForPrincipalPolicy"), s.getContextKeysForPrincipalPolicy),
		api.Op("GetAccountAuthorizationDetails", "", onAccount[authorizationDetailsInput]("GetAccountAuthorizationDetails"), s.getAccountAuthorizationDetails),
		api.Op("GetAccountSummary", "", onAccount[api.Empty]("GetAccountSummary"), s.getAccountSummary),
		api.Op("CreateAccountAlias", "", onAccount[aliasInput]("CreateAccountAlias"), s.createAccountAlias),
		api.Op("DeleteAccountAlias", "", onAccount[aliasInput]("DeleteAccountAlias"), s.deleteAccountAlias),
		api.Op("ListAccountAliases", "", onAccount[listAccountAliasesInput]("ListAccountAliases"), s.listAccountAliases),
	}
}
