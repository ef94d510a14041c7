package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestOpenIDConnectProviders(t *testing.T) {
	w := newWorld(t)
	root := w.Root()
	const name = "oidc-provider/id.example.com:8443/realms/x"
	provider, missing := "OpenIDConnectProviderArn="+localARN+name, "OpenIDConnectProviderArn="+localARN+"oidc-provider/none"
	print1, print2 := strings.Repeat("a", 40), strings.Repeat("B", 40)
	noSuch := "404 NoSuchEntity: OpenIDConnect Provider not found for none"
	root.Run("iam",
		step{Action: "CreateOpenIDConnectProvider", Params: p("Url=https://id.example.com:8443/realms/x", "ClientIDList.member.1=a", "ClientIDList.member.2=b", "ClientIDList.member.3=a",
			"ThumbprintList.member.1="+print1, "Tags.member.1.Key=k", "Tags.member.1.Value=v"), Want: []string{"OpenIDConnectProviderArn", localARN + name, "Tags/member/Key", "k"}},
		step{Action: "CreateOpenIDConnectProvider", Params: p("Url=https://id.example.com:8443/realms/x"),
			Refused: "409 EntityAlreadyExists: Provider with url https://id.example.com:8443/realms/x already exists."},
		step{Action: "CreateOpenIDConnectProvider", Params: p("Url=https://second.example.com")},
		step{Action: "GetOpenIDConnectProvider", Params: p(provider), Want: []string{"Url", "id.example.com:8443/realms/x", "ClientIDList/member.1", "a", "ClientIDList/member.2", "b",
			"ThumbprintList/member.1", print1, "CreateDate", "2026-03-01T12:00:00Z", "Tags/member/Value", "v"}},
		step{Action: "AddClientIDToOpenIDConnectProvider", Params: p(provider, "ClientID=c")},
		step{Action: "AddClientIDToOpenIDConnectProvider", Params: p(provider, "ClientID=c")},
		step{Action: "RemoveClientIDFromOpenIDConnectProvider", Params: p(provider, "ClientID=a")},
		step{Action: "RemoveClientIDFromOpenIDConnectProvider", Params: p(provider, "ClientID=a")},
		step{Action: "UpdateOpenIDConnectProviderThumbprint", Params: p(provider, "ThumbprintList.member.1="+print2)},
		step{Action: "GetOpenIDConnectProvider", Params: p(provider), Want: []string{"ClientIDList/member.1", "b", "ClientIDList/member.2", "c", "ClientIDList/member.3", "",
			"ThumbprintList/member.1", print2, "ThumbprintList/member.2", ""}},
		step{Action: "TagOpenIDConnectProvider", Params: p(provider, "Tags.member.1.Key=l", "Tags.member.1.Value=w")},
		step{Action: "UntagOpenIDConnectProvider", Params: p(provider, "TagKeys.member.1=k")},
		step{Action: "ListOpenIDConnectProviderTags", Params: p(provider), Want: []string{"Tags/member.1/Key", "l", "Tags/member.2", ""}},
		step{Action: "GetAccountSummary", Want: []string{"SummaryMap/entry.1/key", "AccessKeysPerUserQuota"}},
		step{Action: "GetOpenIDConnectProvider", Params: p(missing), Refused: noSuch},
		step{Action: "AddClientIDToOpenIDConnectProvider", Params: p(missing, "ClientID=c"), Refused: noSuch},
		step{Action: "UpdateOpenIDConnectProviderThumbprint", Params: p(missing, "ThumbprintList.member.1="+print1), Refused: noSuch},
		step{Action: "ListOpenIDConnectProviderTags", Params: p(missing), Refused: noSuch},
		step{Action: "DeleteOpenIDConnectProvider", Params: p(missing)}, // no error, as in AWS
	)
	if got := root.IAM("ListOpenIDConnectProviders").OK().List("OpenIDConnectProviderList", "Arn"); !slices.Equal(got, []string{localARN + name, localARN + "oidc-provider/second.example.com"}) {
		t.Errorf("listed %q", got)
	}
	root.Run("iam",
		step{Action: "CreateRole", Params: p("RoleName=r", "AssumeRolePolicyDocument="+trustProvider(localARN+name))},
		step{Action: "CreateRole", Params: p("RoleName=s", "AssumeRolePolicyDocument="+trustProvider(localARN+"oidc-provider/none")),
			Refused: `400 MalformedPolicyDocument: Invalid principal in policy: "Federated":"` + localARN + `oidc-provider/none"`},
		step{Action: "CreateRole", Params: p("RoleName=s", "AssumeRolePolicyDocument="+trustProvider("arn:aws:iam::111111111111:"+name)),
			Refused: `400 MalformedPolicyDocument: Invalid principal in policy: "Federated":"arn:aws:iam::111111111111:` + name + `"`},
		step{Action: "CreateRole", Params: p("RoleName=s", "AssumeRolePolicyDocument="+trustProvider(localARN+"saml-provider/x")),
			Refused: `400 MalformedPolicyDocument: Invalid principal in policy: "Federated":"` + localARN + `saml-provider/x"`},
		step{Action: "DeleteOpenIDConnectProvider", Params: p(provider)},
		step{Action: "GetOpenIDConnectProvider", Params: p(provider), Refused: "404 NoSuchEntity: OpenIDConnect Provider not found for id.example.com:8443/realms/x"},
	)
}

func trustProvider(arn string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + arn + `"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`
}

func TestProvidersThatAreRefused(t *testing.T) {
	root := newWorld(t).Root()
	for _, c := range []struct {
		params []string
		code   string
	}{
		{p("Url=http://id.example.com"), "InvalidInput"},
		{p("Url=id.example.com"), "InvalidInput"},
		{p("Url=https://id.example.com?x"), "InvalidInput"},
		{p("Url=https://user:secret@id.example.com"), "InvalidInput"},
		{p("Url=https://" + strings.Repeat("a", 250)), "ValidationError"},
		{p("Url=https://id.example.com", "ThumbprintList.member.1=abc"), "ValidationError"},
		{p("Url=https://id.example.com", "ClientIDList.member.1="+strings.Repeat("c", 256)), "ValidationError"},
	} {
		if a := root.IAM("CreateOpenIDConnectProvider", c.params...); a.Status != 400 || a.Code() != c.code {
			t.Errorf("%q: %d %s, want %s", c.params, a.Status, a.Code(), c.code)
		}
	}
	for _, arn := range []string{localARN + "role/x", localARN + "oidc-provider/", "arn:aws:iam::111111111111:oidc-provider/id.example.com", "arn:aws-cn:iam::999999999999:oidc-provider/x", strings.Repeat("x", 30)} {
		for _, action := range []string{"GetOpenIDConnectProvider", "DeleteOpenIDConnectProvider"} {
			if a := root.IAM(action, "OpenIDConnectProviderArn", arn); a.Status != 400 || a.Code() != "InvalidInput" {
				t.Errorf("%s %s: %d %s, want 400 InvalidInput", action, arn, a.Status, a.Code())
			}
		}
	}
	for i := range 100 {
		root.IAM("CreateOpenIDConnectProvider", "Url", fmt.Sprintf("https://id%d.example.com", i)).OK()
	}
	root.IAM("CreateOpenIDConnectProvider", "Url", "https://id100.example.com").Refused(409, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100")
}
