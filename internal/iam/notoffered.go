package iam

import "inro.dev/inro/internal/api"

// notOffered returns the operations that AWS's IAM has and Inro refuses, by
// reason.
func notOffered() []api.Operation {
	var rows []api.Operation
	for _, group := range [...]struct {
		reason string
		names  []string
	}{
		{"Instance profiles serve EC2, which is not here.", []string{
			"AddRoleToInstanceProfile", "CreateInstanceProfile", "DeleteInstanceProfile", "GetInstanceProfile",
			"ListInstanceProfileTags", "ListInstanceProfiles", "RemoveRoleFromInstanceProfile", "TagInstanceProfile",
			"UntagInstanceProfile",
		}},
		{"There are no MFA devices.", []string{
			"CreateVirtualMFADevice", "DeactivateMFADevice", "DeleteVirtualMFADevice", "EnableMFADevice", "GetMFADevice",
			"ListMFADeviceTags", "ResyncMFADevice", "TagMFADevice", "UntagMFADevice",
		}},
		{"There is no sign-in with a password.", []string{
			"ChangePassword", "CreateLoginProfile", "DeleteAccountPasswordPolicy", "GetAccountPasswordPolicy",
			"GetLoginProfile", "UpdateAccountPasswordPolicy", "UpdateLoginProfile",
		}},
		{"There are no SAML identity providers.", []string{
			"CreateSAMLProvider", "DeleteSAMLProvider", "GetSAMLProvider", "ListSAMLProviderTags", "ListSAMLProviders",
			"TagSAMLProvider", "UntagSAMLProvider", "UpdateSAMLProvider",
		}},
		{"Server and signing certificates, SSH keys and service-specific credentials serve services that are not here.", []string{
			"CreateServiceSpecificCredential", "DeleteSSHPublicKey", "DeleteServerCertificate",
			"DeleteServiceSpecificCredential", "DeleteSigningCertificate", "GetSSHPublicKey", "GetServerCertificate",
			"ListServerCertificateTags", "ListServerCertificates", "ResetServiceSpecificCredential", "TagServerCertificate",
			"UntagServerCertificate", "UpdateSSHPublicKey", "UpdateServerCertificate", "UpdateServiceSpecificCredential",
			"UpdateSigningCertificate", "UploadSSHPublicKey", "UploadServerCertificate", "UploadSigningCertificate",
		}},
		{"There are no service-linked roles.", []string{
			"CreateServiceLinkedRole", "DeleteServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus",
		}},
		{"The use of permissions and credentials is not recorded.", []string{
			"GenerateCredentialReport", "GenerateOrganizationsAccessReport", "GenerateServiceLastAccessedDetails",
			"GetCredentialReport", "GetOrganizationsAccessReport", "GetServiceLastAccessedDetails",
			"GetServiceLastAccessedDetailsWithEntities", "ListPoliciesGrantingServiceAccess",
		}},
		{"There are no organizations.", []string{
			"DisableOrganizationsRootCredentialsManagement", "DisableOrganizationsRootSessions",
			"EnableOrganizationsRootCredentialsManagement", "EnableOrganizationsRootSessions", "ListOrganizationsFeatures",
		}},
		{"Delegation requests serve AWS partners, who are not here.", []string{
			"AcceptDelegationRequest", "AssociateDelegationRequest", "CreateDelegationRequest", "GetDelegationRequest",
			"GetHumanReadableSummary", "ListDelegationRequests", "RejectDelegationRequest", "SendDelegationToken",
			"UpdateDelegationRequest",
		}},
		{"There are no role templates.", []string{"AcquireRole", "GetRoleTemplateVersion"}},
		{"The account has no properties that could be set.", []string{"GetAccountProperties", "PutAccountProperties"}},
		{"Sessions are not federated to other identity providers.", []string{
			"DisableOutboundWebIdentityFederation", "EnableOutboundWebIdentityFederation",
			"GetOutboundWebIdentityFederationInfo",
		}},
		{"Session tokens are of one version, valid everywhere.", []string{
			"SetSecurityTokenServicePreferences",
		}},
	} {
		for _, name := range group.names {
			rows = append(rows, api.NotOffered(name, "", group.reason))
		}
	}
	return rows
}
