package policy

import "testing"

func TestAnAccessControlListCountsLikeAResourcePolicy(t *testing.T) {
	const owner, other = "111111111111", "222222222222"
	user := func(account string) Principal {
		return Principal{Type: User, Account: account, ARN: "arn:aws:iam::" + account + ":user/a", UserID: "AIDAAAAAAAAAAAAAAAAAA"}
	}
	root := func(account string) Principal { return Principal{Type: Root, Account: account} }
	session := Principal{Type: AssumedRole, Account: owner, ARN: "arn:aws:sts::" + owner + ":assumed-role/r/s", RoleARN: "arn:aws:iam::" + owner + ":role/r"}
	allow := []*Policy{mustCompile(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`, Identity)}
	nothing := []*Policy{mustCompile(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Nothing","Resource":"*"}}`, Identity)}
	deny := mustCompile(t, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"}}`, Resource)
	everyone := mustCompile(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}}`, Resource)
	for _, test := range []struct {
		name   string
		caller Principal
		sets   Sets
		want   Effect
		reason Reason
	}{
		{"nobody without grant", Principal{}, Sets{}, ImplicitDeny, ReasonNoAllow},
		{"everyone: anonymous", Principal{}, Sets{ACL: GrantEveryone}, Allow, ReasonACL},
		{"everyone: anonymous, denied", Principal{}, Sets{ACL: GrantEveryone, Resource: deny}, ExplicitDeny, ReasonStatement},
		{"account: anonymous", Principal{}, Sets{ACL: GrantAccount}, ImplicitDeny, ReasonNoAllow},
		{"everyone: service", Principal{Type: Service, Service: "x.amazonaws.com"}, Sets{ACL: GrantEveryone}, ImplicitDeny, ReasonNoAllow},
		{"everyone: certificate", Principal{Type: Certificate, Account: owner}, Sets{ACL: GrantEveryone}, ImplicitDeny, ReasonNoAllow},
		{"account: root of another", root(other), Sets{ACL: GrantAccount}, Allow, ReasonACL},
		{"root of another without grant", root(other), Sets{}, ImplicitDeny, ReasonNoAllow},
		{"account: user of another", user(other), Sets{ACL: GrantAccount}, ImplicitDeny, ReasonDelegated},
		{"account: user of another, allowed", user(other), Sets{ACL: GrantAccount, Identity: allow}, Allow, ReasonStatement},
		{"everyone: user of another", user(other), Sets{ACL: GrantEveryone, Identity: nothing}, ImplicitDeny, ReasonNoAllow},
		{"everyone: user of another, allowed", user(other), Sets{ACL: GrantEveryone, Identity: allow}, Allow, ReasonStatement},
		{"everyone: user of another, denied", user(other), Sets{ACL: GrantEveryone, Identity: allow, Resource: deny}, ExplicitDeny, ReasonStatement},
		{"everyone: own user", user(owner), Sets{ACL: GrantEveryone}, Allow, ReasonACL},
		{"account: own user", user(owner), Sets{ACL: GrantAccount}, ImplicitDeny, ReasonDelegated},
		{"everyone: own session within its session policy", session, Sets{ACL: GrantEveryone, HasSession: true, Session: allow}, Allow, ReasonACL},
		{"everyone: own session outside its session policy", session, Sets{ACL: GrantEveryone, HasSession: true, Session: nothing}, ImplicitDeny, ReasonNoAllow},
		{"everyone: own session outside its boundary", session, Sets{ACL: GrantEveryone, Boundary: nothing[0]}, ImplicitDeny, ReasonNoAllow},
		{"a policy that only denies: anonymous", Principal{}, Sets{Resource: everyone, ResourceOnlyDenies: true}, ImplicitDeny, ReasonNoAllow},
		{"a policy that only denies: root of another", root(other), Sets{Resource: everyone, ResourceOnlyDenies: true}, ImplicitDeny, ReasonNoAllow},
		{"a policy that only denies: owner", root(owner), Sets{Resource: deny, ResourceOnlyDenies: true}, ExplicitDeny, ReasonStatement},
		{"a policy that only denies, and a list", Principal{}, Sets{Resource: everyone, ResourceOnlyDenies: true, ACL: GrantEveryone}, Allow, ReasonACL},
	} {
		req := &Request{Principal: test.caller, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", ResourceAccount: owner}
		got := Evaluate(req, &test.sets)
		if got.Effect != test.want || got.Reason != test.reason {
			t.Errorf("%s: %v, want %v for reason %d", test.name, got, test.want, test.reason)
		}
		if explained := Explain(req, &test.sets).Decision; explained != got {
			t.Errorf("%s: Explain says %v, Evaluate %v", test.name, explained, got)
		}
	}
}
