package sts

import "inro.dev/inro/internal/api"

// notOffered returns the operations that AWS's STS has and Inro refuses.
func notOffered() []api.Operation {
	return []api.Operation{
		api.NotOffered("AssumeRoleWithSAML", "", "There are no SAML identity providers."),
		api.NotOffered("AssumeRoot", "", "There are no organizations."),
		api.NotOffered("DecodeAuthorizationMessage", "", "No service here encodes its refusals."),
		api.NotOffered("GetDelegatedAccessToken", "", "Delegation serves AWS partners, who are not here."),
		api.NotOffered("GetWebIdentityToken", "", "Sessions are not federated to other identity providers."),
	}
}
