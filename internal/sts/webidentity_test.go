package sts_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/iam/iamtest"
	"inro.dev/inro/internal/oidc/oidctest"
)

// webWorld is a world with an issuer, which the account knows as a provider
// with the client ID "client".
type webWorld struct {
	*world
	issuer   *oidctest.Issuer
	name     string // the issuer without http://
	provider string // ARN
	stranger *iamtest.Client
}

func newWebWorld(t *testing.T) *webWorld {
	w := &webWorld{world: newWorld(t), issuer: oidctest.New(t, false)}
	w.name = strings.TrimPrefix(w.issuer.URL, "http://")
	w.stranger = w.Stranger()
	w.provider = w.root.IAM("CreateOpenIDConnectProvider", "Url", w.issuer.URL, "ClientIDList.member.1", "client",
		"ThumbprintList.member.1", strings.Repeat("0", 40)).OK().Get("OpenIDConnectProviderArn")
	return w
}

// token returns a token for alice with some claims changed; nil takes one out.
func (w *webWorld) token(change map[string]any) string {
	c := map[string]any{"iss": w.issuer.URL, "sub": "alice", "aud": "client", "iat": w.Time.Unix(), "exp": w.Time.Add(time.Hour).Unix()}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return w.issuer.Sign(c)
}

// federated returns a trust policy for a provider.
func federated(provider, actions, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":[` + actions + `],"Condition":` + condition + `}]}`
}

const justWeb = `"sts:AssumeRoleWithWebIdentity"`

func (w *webWorld) assume(role, token string, params ...string) *iamtest.Answer {
	w.T.Helper()
	return w.stranger.STS("AssumeRoleWithWebIdentity", append(p("RoleArn="+role, "RoleSessionName=s1", "WebIdentityToken="+token), params...)...)
}

func TestATokenGivesASessionOfARoleThatTrustsItsProvider(t *testing.T) {
	w := newWebWorld(t)
	w.role("web", federated(w.provider, justWeb, `{"StringEquals":{"`+w.name+`:aud":"client","`+w.name+`:sub":"alice"}}`), "Path", "/x/", "MaxSessionDuration", "7200")
	role := local + "role/x/web"
	id := w.root.IAM("GetRole", "RoleName", "web").OK().Get("Role/RoleId")
	a := w.assume(role, w.token(nil), "DurationSeconds", "7200").OK()
	for path, want := range map[string]string{
		"SubjectFromWebIdentityToken": "alice", "Audience": "client", "Provider": w.provider, "AssumedRoleUser/AssumedRoleId": id + ":s1",
		"AssumedRoleUser/Arn": "arn:aws:sts::999999999999:assumed-role/web/s1", "Credentials/Expiration": w.Time.Add(2 * time.Hour).Format(time.RFC3339),
	} {
		if got := a.Get(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	session := w.As(a.Credentials())
	if got := session.STS("GetCallerIdentity").OK().Get("Arn"); got != "arn:aws:sts::999999999999:assumed-role/web/s1" {
		t.Errorf("the session is %s", got)
	}
	// What the session may do is the role's, and can depend on who came.
	if got := session.IAM("ListUsers").Status; got != 403 {
		t.Errorf("without policy: %d", got)
	}
	w.root.IAM("PutRolePolicy", "RoleName", "web", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*",
		"Condition":{"StringEquals":{"aws:FederatedProvider":"`+w.provider+`","`+w.name+`:sub":"alice","`+w.name+`:aud":"client"}}}]}`).OK()
	session.IAM("ListUsers").OK()
	limited := w.As(w.assume(role, w.token(nil), "Policy", allow(`"iam:ListRoles"`, "*")).Credentials())
	if got := limited.IAM("ListUsers").Status; got != 403 {
		t.Errorf("beyond the session policy: %d", got)
	}
	if got := limited.IAM("ListRoles").Status; got != 403 {
		t.Errorf("beyond the role's policy: %d", got)
	}
	w.assume(role, w.token(nil), "DurationSeconds", "7201").Refused(400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	w.Time = w.Time.Add(7200 * time.Second)
	session.STS("GetCallerIdentity").Refused(403, "ExpiredToken", "The security token included in the request is expired")
}

func TestWebIdentitiesThatAreRefused(t *testing.T) {
	w := newWebWorld(t)
	other := oidctest.New(t, false)
	unknown := other.Sign(map[string]any{"iss": other.URL, "sub": "alice", "aud": "client", "iat": w.Time.Unix(), "exp": w.Time.Add(time.Hour).Unix()})
	forged := other.Sign(map[string]any{"iss": w.issuer.URL, "sub": "alice", "aud": "client", "iat": w.Time.Unix(), "exp": w.Time.Add(time.Hour).Unix()})
	const denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	condition := func(key, value string) string {
		return federated(w.provider, justWeb, `{"StringEquals":{"`+w.name+":"+key+`":"`+value+`"}}`)
	}
	open := federated(w.provider, justWeb, "{}")
	role := local + "role/web"
	for i, c := range []struct {
		name, trust, role, token, code, message string
	}{
		{"trusted", open, role, w.token(nil), "", ""},
		{"the role trusts a user", trusting(annARN, `"sts:*"`, "{}"), role, w.token(nil), "AccessDenied", denied},
		{"the role trusts everybody of AWS", trusting("*", `"sts:*"`, "{}"), role, w.token(nil), "AccessDenied", denied},
		{"the role trusts its account", trusting(iamtest.Account, `"sts:*"`, "{}"), role, w.token(nil), "AccessDenied", denied},
		{"the role trusts a service", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:*"}]}`, role, w.token(nil), "AccessDenied", denied},
		{"the role trusts another provider", federated("cognito-identity.amazonaws.com", justWeb, "{}"), role, w.token(nil), "AccessDenied", denied},
		{"the role trusts the provider for another action", federated(w.provider, justAssume, "{}"), role, w.token(nil), "AccessDenied", denied},
		{"another subject", condition("sub", "bob"), role, w.token(nil), "AccessDenied", denied},
		{"a subject in another case", condition("sub", "Alice"), role, w.token(nil), "AccessDenied", denied},
		{"the subject", condition("sub", "alice"), role, w.token(nil), "", ""},
		{"another audience", condition("aud", "other"), role, w.token(nil), "AccessDenied", denied},
		{"an authorized party", condition("azp", "client"), role, w.token(map[string]any{"aud": "account", "azp": "client"}), "", ""},
		{"an authorized party is the audience", condition("aud", "client"), role, w.token(map[string]any{"aud": "account", "azp": "client"}), "", ""},
		{"no authorized party", condition("azp", "client"), role, w.token(nil), "AccessDenied", denied},
		{"a key of another issuer", federated(w.provider, justWeb, `{"StringEquals":{"example.com:sub":"alice"}}`), role, w.token(nil), "AccessDenied", denied},
		{"a statement denies", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + w.provider + `"},"Action":"sts:*"},{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:*"}]}`, role, w.token(nil), "AccessDenied", denied},
		{"no such role", open, local + "role/none", w.token(nil), "AccessDenied", denied},
		{"the role by another path", open, local + "role/x/web", w.token(nil), "AccessDenied", denied},
		{"no role", open, local + "user/webb", w.token(nil), "ValidationError", local + "user/webb is invalid"},
		{"another account's role", open, "arn:aws:iam::111111111111:role/web", w.token(nil), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + w.issuer.URL},
		{"an issuer that the account does not know", open, role, unknown, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + other.URL},
		{"a forged token", open, role, forged, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider, or the token is not signed by it"},
		{"an audience that the provider does not have", open, role, w.token(map[string]any{"aud": "other"}), "InvalidIdentityToken", "Incorrect token audience"},
		{"an authorized party that it does not have", open, role, w.token(map[string]any{"azp": "other"}), "InvalidIdentityToken", "Incorrect token audience"},
		{"an expired token", open, role, w.token(map[string]any{"exp": w.Time.Add(-time.Hour).Unix()}), "ExpiredTokenException", "Token expired"},
		{"a token from the future", open, role, w.token(map[string]any{"nbf": w.Time.Add(time.Hour).Unix()}), "InvalidIdentityToken", "Token is not valid yet"},
		{"no token", open, role, "text", "InvalidIdentityToken", "The token could not be read: it is not a JSON Web Token with an issuer and one of the signatures that are accepted."},
		{"the issuer over https", open, role, w.token(map[string]any{"iss": "https://" + w.name}), "InvalidIdentityToken", "Issuer of the token does not match that of the provider"},
	} {
		w.role("web", c.trust)
		a := w.assume(c.role, c.token)
		if a.Code() != c.code || a.Message() != c.message {
			t.Errorf("%d, %s:\n got %d %s: %s\nwant %s: %s", i+1, c.name, a.Status, a.Code(), a.Message(), c.code, c.message)
		}
		w.root.IAM("DeleteRole", "RoleName", "web").OK()
	}
}

func TestTagsOfATokenBecomeTagsOfTheSession(t *testing.T) {
	w := newWebWorld(t)
	role := local + "role/web"
	tags := func(principal map[string]any, transitive ...string) map[string]any {
		return map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": principal, "transitive_tag_keys": transitive}}
	}
	department := tags(map[string]any{"Department": []string{"Engineering"}}, "Department")
	w.role("web", federated(w.provider, justWeb, "{}"))
	w.assume(role, w.token(department)).Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	w.root.IAM("UpdateAssumeRolePolicy", "RoleName", "web", "PolicyDocument", federated(w.provider, justWeb+`,"sts:TagSession"`,
		`{"StringEquals":{"aws:RequestTag/Department":"Engineering"},"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":["Department"],"aws:TagKeys":["Department"]}}`)).OK()
	w.root.IAM("PutRolePolicy", "RoleName", "web", "PolicyName", "p", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:ListUsers","sts:AssumeRole","sts:TagSession"],"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Department":"Engineering"}}}]}`).OK()
	session := w.As(w.assume(role, w.token(department)).Credentials())
	session.IAM("ListUsers").OK()
	// The tag is transitive: it goes on into the next role.
	w.role("next", trusting(local+"role/web", `"sts:AssumeRole","sts:TagSession"`, "{}"))
	w.root.IAM("PutRolePolicy", "RoleName", "next", "PolicyName", "p", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Department":"Engineering"},"Null":{"aws:FederatedProvider":"true"}}}]}`).OK()
	w.As(session.STS("AssumeRole", "RoleArn", local+"role/next", "RoleSessionName", "s2").Credentials()).IAM("ListUsers").OK()

	w.assume(role, w.token(tags(map[string]any{"Department": []string{"Sales"}}))).Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	w.assume(role, w.token(nil)).Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	const form = "The token has a form or a claim that is not accepted"
	const value = "The token has a tag whose key or value is not one that a session tag can have."
	for name, c := range map[string]struct {
		claims  map[string]any
		message string
	}{
		"two values":         {tags(map[string]any{"Department": []string{"Engineering", "Marketing"}}), form},
		"a key that is none": {tags(map[string]any{"a*": "1"}), value},
		"an empty key":       {tags(map[string]any{"": "1"}), value},
		"a long value":       {tags(map[string]any{"a": strings.Repeat("v", 257)}), value},
		"keys alike":         {tags(map[string]any{"a": "1", "A": "1"}), "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"a reserved key":     {tags(map[string]any{"aws:a": "1"}), "The tag key aws:a cannot be used: keys that begin with aws: are reserved for AWS."},
		"a transitive key that is not there": {tags(map[string]any{"a": "1"}, "b"),
			"The specified transitive tag key must be included in the requested tags."},
		"a source identity that is none": {map[string]any{"https://aws.amazon.com/source_identity": "a b"},
			"The token has a source identity that is not one that a session can have."},
	} {
		if a := w.assume(role, w.token(c.claims)); a.Status != 400 || a.Message() != c.message {
			t.Errorf("%s: %d %s: %s, want %s", name, a.Status, a.Code(), a.Message(), c.message)
		}
	}
}

func TestASourceIdentityNeedsItsPermission(t *testing.T) {
	w := newWebWorld(t)
	role := local + "role/web"
	named := map[string]any{"https://aws.amazon.com/source_identity": "alice@example.com"}
	w.role("web", federated(w.provider, justWeb, "{}"))
	w.assume(role, w.token(named)).Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	w.root.IAM("UpdateAssumeRolePolicy", "RoleName", "web", "PolicyDocument", federated(w.provider, justWeb+`,"sts:SetSourceIdentity"`, `{"StringLike":{"sts:SourceIdentity":"*@example.com"}}`)).OK()
	if got := w.assume(role, w.token(named)).OK().Get("SourceIdentity"); got != "alice@example.com" {
		t.Errorf("SourceIdentity is %q", got)
	}
}

// Providers of one account vouch for nobody in another, not even by the same
// issuer.
func TestProvidersAreOfOneAccount(t *testing.T) {
	w := newWebWorld(t)
	second := w.NewAccount(otherAccount)
	second.IAM("CreateRole", "RoleName", "web", "AssumeRolePolicyDocument", federated(w.provider, justWeb, "{}")).Refused(400, "MalformedPolicyDocument",
		`Invalid principal in policy: "Federated":"`+w.provider+`"`)
	theirs := second.IAM("CreateOpenIDConnectProvider", "Url", w.issuer.URL, "ClientIDList.member.1", "theirs").OK().Get("OpenIDConnectProviderArn")
	second.IAM("CreateRole", "RoleName", "web", "AssumeRolePolicyDocument", federated(theirs, justWeb, "{}")).OK()
	w.role("web", federated(w.provider, justWeb, "{}"))
	for role, audiences := range map[string][2]string{local + "role/web": {"client", "theirs"}, other + "role/web": {"theirs", "client"}} {
		w.assume(role, w.token(map[string]any{"aud": audiences[0]})).OK()
		w.assume(role, w.token(map[string]any{"aud": audiences[1]})).Refused(400, "InvalidIdentityToken", "Incorrect token audience")
	}
	if got := w.As(w.assume(other+"role/web", w.token(map[string]any{"aud": "theirs"})).Credentials()).STS("GetCallerIdentity").OK().Get("Account"); got != otherAccount {
		t.Errorf("a session of account %s", got)
	}
	second.IAM("DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", w.provider).Refused(400, "InvalidInput",
		"Invalid ARN: "+w.provider+" is not an OpenID Connect provider of this account.")
	second.IAM("DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", theirs).OK()
	w.assume(other+"role/web", w.token(map[string]any{"aud": "theirs"})).Refused(400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+w.issuer.URL)
	w.assume(local+"role/web", w.token(nil)).OK()
}

// An unsigned request may call what proves its caller by itself, and nothing
// else.
func TestUnsignedRequestsMayUseOneOperation(t *testing.T) {
	w := newWebWorld(t)
	for action, params := range map[string][]string{
		"AssumeRole":        p("RoleArn="+local+"role/x", "RoleSessionName=s1"),
		"GetCallerIdentity": nil, "GetSessionToken": nil, "GetFederationToken": p("Name=fed"), "AssumeRoleWithSAML": nil,
	} {
		if a := w.stranger.STS(action, params...); a.Status != 403 || a.Code() != "MissingAuthenticationToken" {
			t.Errorf("%s: %d %s", action, a.Status, a.Code())
		}
	}
	w.role("web", federated(w.provider, justWeb, "{}"))
	// A signature does not change who asks.
	signed := w.ann.STS("AssumeRoleWithWebIdentity", "RoleArn", local+"role/web", "RoleSessionName", "s1", "WebIdentityToken", w.token(nil))
	if got := signed.OK().Get("SubjectFromWebIdentityToken"); got != "alice" {
		t.Errorf("the subject is %q", got)
	}
	w.role("ann", trusting(annARN, `"sts:*"`, "{}"))
	w.ann.STS("AssumeRoleWithWebIdentity", "RoleArn", local+"role/ann", "RoleSessionName", "s1", "WebIdentityToken", w.token(nil)).
		Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}
