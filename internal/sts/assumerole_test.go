package sts_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/iam/iamtest"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/session"
	"inro.dev/inro/internal/sigv4"
)

const justAssume = `"sts:AssumeRole"`

// denied is the refusal of AssumeRole, the same whether the role exists.
func denied(caller, action, role string) string {
	return "403 AccessDenied: User: " + caller + " is not authorized to perform: sts:" + action + " on resource: " + role
}

func TestWhoMayAssumeARole(t *testing.T) {
	w := newWorld(t)
	w.root.IAM("CreateUser", "UserName", "bob").OK()
	bob := w.As(w.root.IAM("CreateAccessKey", "UserName", "bob").Credentials())
	w.role("base", trusting(annARN, justAssume, "{}"), "Path", "/x/")
	inBase := func() *iamtest.Client {
		return w.As(w.ann.STS("AssumeRole", "RoleArn", local+"role/x/base", "RoleSessionName", "in").Credentials())
	}
	baseARN := "arn:aws:sts::999999999999:assumed-role/base/in"
	allowAssume := allow(justAssume, "*")
	denyAssume := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:*","Resource":"*"}]}`
	target := local + "role/target"
	for i, c := range []struct {
		name      string
		principal string // of the trust policy
		own       string // the caller's own policy
		caller    string // ann, bob or base
		allowed   bool
	}{
		{"the user is named: enough", annARN, "", "ann", true},
		{"another user is named", annARN, "", "bob", false},
		{"another user is named, own policy allows", annARN, allowAssume, "bob", false},
		{"the user is named, own policy denies", annARN, denyAssume, "ann", false},
		{"the account is named, no own policy", local + "root", "", "ann", false},
		{"the account is named, own policy allows", local + "root", allowAssume, "ann", true},
		{"the account by its number, own policy allows", iamtest.Account, allowAssume, "ann", true},
		{"the account by its number, no own policy", iamtest.Account, "", "ann", false},
		{"another account is named, own policy allows", "111111111111", allowAssume, "ann", false},
		{"anybody", "*", "", "ann", true},
		{"anybody, own policy denies", "*", denyAssume, "ann", false},
		{"the role is named", local + "role/x/base", "", "base", true},
		{"the role is named, the role's policy denies", local + "role/x/base", denyAssume, "base", false},
		{"the role session is named", baseARN, "", "base", true},
		{"another session of the role is named", strings.TrimSuffix(baseARN, "in") + "out", "", "base", false},
		{"the role's user is named", annARN, "", "base", false},
	} {
		w.role("target", trusting(c.principal, justAssume, "{}"))
		client, arn, user := w.ann, annARN, "ann"
		switch c.caller {
		case "bob":
			client, arn, user = bob, local+"user/bob", "bob"
		case "base":
			client, arn = inBase(), baseARN
		}
		if c.own != "" && c.caller == "base" {
			w.root.IAM("PutRolePolicy", "RoleName", "base", "PolicyName", "test", "PolicyDocument", c.own).OK()
		} else if c.own != "" {
			w.permit(user, c.own)
		}
		s := step{Action: "AssumeRole", Params: p("RoleArn="+target, "RoleSessionName=s1"), Want: []string{"AssumedRoleUser/Arn", "arn:aws:sts::999999999999:assumed-role/target/s1"}}
		if !c.allowed {
			s.Refused, s.Want = denied(arn, "AssumeRole", target), nil
		}
		t.Logf("%d: %s", i+1, c.name)
		client.Run("sts", s)
		w.root.IAM("DeleteRole", "RoleName", "target").OK()
		if c.own != "" && c.caller == "base" {
			w.root.IAM("DeleteRolePolicy", "RoleName", "base", "PolicyName", "test").OK()
		} else if c.own != "" {
			w.root.IAM("DeleteUserPolicy", "UserName", user, "PolicyName", "test").OK()
		}
	}
}

func TestAMissingRoleIsRefusedAsOneThatDoesNotTrust(t *testing.T) {
	w := newWorld(t)
	w.permit("ann", allow(justAssume, "*"))
	w.role("Closed", noTrust, "Path", "/p/")
	w.role("open", trusting(annARN, justAssume, "{}"), "Path", "/p/")
	for _, role := range []string{
		local + "role/p/Closed", local + "role/none", local + "role/open", local + "role/p/OPEN", local + "role/p/open/",
		"arn:aws:iam::111111111111:role/p/open", "arn:aws-cn:iam::999999999999:role/p/open",
	} {
		w.ann.Run("sts", step{Action: "AssumeRole", Params: p("RoleArn="+role, "RoleSessionName=s1"), Refused: denied(annARN, "AssumeRole", role)})
	}
	w.ann.Run("sts",
		step{Action: "AssumeRole", Params: p("RoleArn="+local+"role/p/open", "RoleSessionName=s1")},
		step{Action: "AssumeRole", Params: p("RoleArn="+local+"user/staff/ann", "RoleSessionName=s1"), Refused: "400 ValidationError: " + local + "user/staff/ann is invalid"},
		step{Action: "AssumeRole", Params: p("RoleArn="+strings.Repeat("x", 20), "RoleSessionName=s1"), Refused: "400 ValidationError: xxxxxxxxxxxxxxxxxxxx is invalid"},
	)
}

func TestRootAssumesNoRoles(t *testing.T) {
	w := newWorld(t)
	w.role("open", trusting("*", justAssume, "{}"))
	refused := step{Action: "AssumeRole", Params: p("RoleArn="+local+"role/open", "RoleSessionName=s1"), Refused: "403 AccessDenied: Roles may not be assumed by root accounts."}
	w.root.Run("sts", refused)
	w.As(w.root.STS("GetSessionToken").Credentials()).Run("sts", refused)
}

func TestAnAnswerOfAssumeRole(t *testing.T) {
	w := newWorld(t)
	w.role("dev", trusting(annARN, justAssume, "{}"), "Path", "/fleet/", "MaxSessionDuration", "7200")
	id := w.root.IAM("GetRole", "RoleName", "dev").OK().Get("Role/RoleId")
	role := "RoleArn=" + local + "role/fleet/dev"
	expires := func(seconds int) string { return w.Time.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339) }
	w.ann.Run("sts",
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s@1"), Want: []string{"AssumedRoleUser/AssumedRoleId", id + ":s@1",
			"AssumedRoleUser/Arn", "arn:aws:sts::999999999999:assumed-role/dev/s@1", "Credentials/Expiration", expires(3600), "PackedPolicySize", "", "SourceIdentity", ""}},
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s1", "DurationSeconds=7200"), Want: []string{"Credentials/Expiration", expires(7200)}},
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s1", "DurationSeconds=7201"), Refused: "400 ValidationError: " +
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s"), Refused: "400 ValidationError: 1 validation error detected: Value 's' at " +
			"'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s1", "TokenCode=123456"), Refused: "403 AccessDenied: " +
			"MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial number is valid and associated with this user."},
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s1", "ProvidedContexts.member.1.ProviderArn=x"), Refused: "400 ValidationError: " +
			"ProvidedContexts are not offered: there are no trusted context providers."},
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s1", "MinimumSessionTokenSize=2000"), Refused: "400 ValidationError: " +
			"MinimumSessionTokenSize is not offered: session tokens are as long as their content."},
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s1", "Policy="+strings.Repeat(" ", 2000)+allowIAM), Refused: "400 ValidationError: " +
			"1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"},
		step{Action: "AssumeRole", Params: p(role, "RoleSessionName=s1", "Policy="+noTrust), Refused: "400 MalformedPolicyDocument: Policy document should not specify a principal."},
	)
}

func TestTrustPoliciesAskAboutTheSession(t *testing.T) {
	w := newWorld(t)
	all := `"sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"`
	for _, c := range []struct {
		name, condition string
		good, bad       []string
	}{
		{"external id", `{"StringEquals":{"sts:ExternalId":"secret"}}`, p("ExternalId=secret"), p("ExternalId=other")},
		{"external id absent", `{"StringEquals":{"sts:ExternalId":"secret"}}`, p("ExternalId=secret"), nil},
		{"session name", `{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}`, p("RoleSessionName=ann"), p("RoleSessionName=bob")},
		{"source identity", `{"StringLike":{"sts:SourceIdentity":"a*"}}`, p("SourceIdentity=ab"), p("SourceIdentity=ba")},
		{"request tag", `{"StringEquals":{"aws:RequestTag/team":"x"}}`, p("Tags.member.1.Key=team", "Tags.member.1.Value=x"), p("Tags.member.1.Key=team", "Tags.member.1.Value=y")},
		{"tag keys", `{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`, p("Tags.member.1.Key=team", "Tags.member.1.Value=x"), p("Tags.member.1.Key=other", "Tags.member.1.Value=x")},
		{"transitive keys", `{"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":["team"]}}`,
			p("Tags.member.1.Key=team", "Tags.member.1.Value=x", "TransitiveTagKeys.member.1=team"), p("Tags.member.1.Key=team", "Tags.member.1.Value=x")},
		{"tag of the role", `{"StringEquals":{"iam:ResourceTag/stage":"dev"}}`, nil, nil},
	} {
		w.role("target", trusting(annARN, all, c.condition), "Tags.member.1.Key", "stage", "Tags.member.1.Value", "dev")
		call := func(params []string) *iamtest.Answer {
			return w.ann.STS("AssumeRole", append(p("RoleArn="+local+"role/target", "RoleSessionName=session"), params...)...)
		}
		if a := call(c.good); a.Status != 200 {
			t.Errorf("%s: got %d %s with %q, want success", c.name, a.Status, a.Message(), c.good)
		}
		if a := call(c.bad); (c.name != "tag of the role") && a.Status != 403 {
			t.Errorf("%s: got %d with %q, want 403", c.name, a.Status, c.bad)
		}
		w.root.IAM("DeleteRole", "RoleName", "target").OK()
	}
}

func TestTagsAndSourceIdentityNeedTheirPermissions(t *testing.T) {
	w := newWorld(t)
	w.role("plain", trusting(annARN, justAssume, "{}"))
	w.role("tags", trusting(annARN, `"sts:AssumeRole","sts:TagSession"`, "{}"))
	w.role("source", trusting(annARN, `"sts:AssumeRole","sts:SetSourceIdentity"`, "{}"))
	call := func(role string, extra ...string) []string {
		return append(p("RoleArn="+local+"role/"+role, "RoleSessionName=s1"), extra...)
	}
	tags := p("Tags.member.1.Key=team", "Tags.member.1.Value=x")
	source := p("SourceIdentity=ann")
	w.ann.Run("sts",
		step{Action: "AssumeRole", Params: call("plain", tags...), Refused: denied(annARN, "TagSession", local+"role/plain")},
		step{Action: "AssumeRole", Params: call("source", tags...), Refused: denied(annARN, "TagSession", local+"role/source")},
		step{Action: "AssumeRole", Params: call("tags", tags...)},
		step{Action: "AssumeRole", Params: call("plain", source...), Refused: denied(annARN, "SetSourceIdentity", local+"role/plain")},
		step{Action: "AssumeRole", Params: call("source", source...), Want: []string{"SourceIdentity", "ann"}},
		step{Action: "AssumeRole", Params: call("tags", append(tags, p("TransitiveTagKeys.member.1=other")...)...),
			Refused: "400 InvalidParameterValue: The specified transitive tag key must be included in the requested tags."},
		step{Action: "AssumeRole", Params: call("tags", p("Tags.member.1.Key=aws:x", "Tags.member.1.Value=x")...),
			Refused: "400 InvalidParameterValue: The tag key aws:x cannot be used: keys that begin with aws: are reserved for AWS."},
	)
}

func TestChainedSessionsInherit(t *testing.T) {
	w := newWorld(t)
	all := `"sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"`
	w.role("first", trusting(annARN, all, "{}"), "MaxSessionDuration", "43200")
	w.role("second", trusting(local+"role/first", all, "{}"), "MaxSessionDuration", "43200")
	w.role("untagged", trusting(local+"role/first", `"sts:AssumeRole","sts:SetSourceIdentity"`, "{}"))
	first := w.ann.STS("AssumeRole", p("RoleArn="+local+"role/first", "RoleSessionName=s1", "SourceIdentity=ann", "TransitiveTagKeys.member.1=TEAM",
		"Tags.member.1.Key=team", "Tags.member.1.Value=x", "Tags.member.2.Key=area", "Tags.member.2.Value=y")...).Credentials()
	client := w.As(first)
	firstARN := "arn:aws:sts::999999999999:assumed-role/first/s1"
	second := func(extra ...string) []string {
		return append(p("RoleArn="+local+"role/second", "RoleSessionName=s2"), p(extra...)...)
	}
	client.Run("sts",
		step{Action: "AssumeRole", Params: second(), Want: []string{"SourceIdentity", "ann"}},
		step{Action: "AssumeRole", Params: second("DurationSeconds=3600")},
		step{Action: "AssumeRole", Params: second("DurationSeconds=3601"), Refused: "400 ValidationError: " +
			"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."},
		step{Action: "AssumeRole", Params: second("SourceIdentity=bob"), Refused: "403 AccessDenied: The source identity of a session cannot be changed by role chaining."},
		step{Action: "AssumeRole", Params: second("Tags.member.1.Key=Team", "Tags.member.1.Value=z"), Refused: "400 InvalidParameterValue: " +
			"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."},
		step{Action: "AssumeRole", Params: p("RoleArn="+local+"role/untagged", "RoleSessionName=s2"), Refused: denied(firstARN, "TagSession", local+"role/untagged")},
	)
	sited := w.ann.STS("AssumeRole", p("RoleArn="+local+"role/first", "RoleSessionName=s1", "TransitiveTagKeys.member.1=site",
		"Tags.member.1.Key=site", "Tags.member.1.Value=x")...).Credentials()
	w.As(sited).STS("AssumeRole", second("Tags.member.1.Key=s\u0130te", "Tags.member.1.Value=z")...).Refused(400, "InvalidParameterValue", // İ in lower case is i
		"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	made := client.STS("AssumeRole", second("Tags.member.1.Key=area", "Tags.member.1.Value=new")...).Credentials()
	s, _, err := w.Sessions.Open(made.AccessKeyID, made.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Tags) != 2 || s.Tags[0] != (session.Tag{Key: "area", Value: "new"}) || s.Tags[1] != (session.Tag{Key: "team", Value: "x"}) ||
		len(s.TransitiveTagKeys) != 1 || !s.ChainedRole || s.SourceIdentity != "ann" {
		t.Errorf("got tags %v, transitive %v, chained %t, source %q", s.Tags, s.TransitiveTagKeys, s.ChainedRole, s.SourceIdentity)
	}
}

func TestAChainRemembersTheDevice(t *testing.T) {
	w := newWorld(t)
	w.role("device", noTrust)
	w.role("next", trusting(local+"role/device", justAssume, "{}"))
	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Certificates.Put(ctx, tx, iamtest.Account, certificate, &metastore.Certificate{
			Status: metastore.CertificateActive, NotBefore: w.Time.AddDate(-1, 0, 0), NotAfter: w.Time.AddDate(1, 0, 0)})
	})
	id := w.root.IAM("GetRole", "RoleName", "device").OK().Get("Role/RoleId")
	c, err := w.Sessions.Mint(session.Session{Kind: session.Device, Account: iamtest.Account, RoleName: "device", RoleID: id, RolePath: "/",
		CertificateID: certificate, Expires: w.Time.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	device := w.As(sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken})
	next := device.STS("AssumeRole", "RoleArn", local+"role/next", "RoleSessionName", "s1").Credentials()
	again, _, err := w.Sessions.Open(next.AccessKeyID, next.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	if again.CertificateID != certificate || again.Kind != session.Role || !again.ChainedRole {
		t.Errorf("got certificate %q, kind %d, chained %t, want the device's, Role, true", again.CertificateID, again.Kind, again.ChainedRole)
	}
	w.As(next).STS("GetCallerIdentity").OK()
	w.Update(func(ctx context.Context, tx metastore.Writer) error {
		return metastore.Certificates.Modify(ctx, tx, iamtest.Account, certificate, func(c *metastore.Certificate) error {
			c.Status = metastore.CertificateInactive
			return nil
		})
	})
	device.STS("GetCallerIdentity").Refused(403, "AccessDenied", "The session has been revoked.")
	w.As(next).STS("GetCallerIdentity").Refused(403, "AccessDenied", "The session has been revoked.")
}

func TestSessionPoliciesLimitASession(t *testing.T) {
	w := newWorld(t)
	w.role("dev", trusting(annARN, justAssume, "{}"))
	w.root.IAM("PutRolePolicy", "RoleName", "dev", "PolicyName", "p", "PolicyDocument", allow(`"iam:List*","iam:Get*"`, "*")).OK()
	w.root.IAM("CreatePolicy", "PolicyName", "roles", "PolicyDocument", allow(`"iam:ListRoles"`, "*")).OK()
	calls := []string{"ListUsers", "ListRoles", "ListGroups", "CreateGroup"}
	for _, c := range []struct {
		name   string
		params []string
		want   string // which of calls are allowed
	}{
		{"none", nil, "ListUsers ListRoles ListGroups"},
		{"inline", p("Policy=" + allow(`"iam:ListUsers"`, "*")), "ListUsers"},
		{"wider than the role", p("Policy=" + allowIAM), "ListUsers ListRoles ListGroups"},
		{"managed", p("PolicyArns.member.1.arn=" + local + "policy/roles"), "ListRoles"},
		{"both", p("PolicyArns.member.1.arn="+local+"policy/roles", "Policy="+allow(`"iam:ListUsers"`, "*")), "ListUsers ListRoles"},
		{"AWS's", p("PolicyArns.member.1.arn=arn:aws:iam::aws:policy/AmazonS3FullAccess"), ""},
		{"deny", p("Policy={\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},{\"Effect\":\"Deny\",\"Action\":\"iam:ListUsers\",\"Resource\":\"*\"}]}"),
			"ListRoles ListGroups"},
	} {
		a := w.ann.STS("AssumeRole", append(p("RoleArn="+local+"role/dev", "RoleSessionName=s1"), c.params...)...)
		client := w.As(a.Credentials())
		if c.params != nil && a.Get("PackedPolicySize") == "" {
			t.Errorf("%s: the answer has no PackedPolicySize", c.name)
		}
		var got []string
		for _, call := range calls {
			var params []string
			if call == "CreateGroup" {
				params = p("GroupName=g")
			}
			if client.IAM(call, params...).Status == 200 {
				got = append(got, call)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q allowed, want %q", c.name, got, c.want)
		}
	}
}

func TestARoleMadeAgainEndsItsSessions(t *testing.T) {
	w := newWorld(t)
	w.role("dev", trusting(annARN, justAssume, "{}"))
	session := w.As(w.ann.STS("AssumeRole", "RoleArn", local+"role/dev", "RoleSessionName", "s1").Credentials())
	session.STS("GetCallerIdentity").OK()
	w.root.IAM("DeleteRole", "RoleName", "dev").OK()
	session.STS("GetCallerIdentity").Refused(403, "AccessDenied", "The session has been revoked.")
	w.role("dev", trusting(annARN, justAssume, "{}"))
	session.STS("GetCallerIdentity").Refused(403, "AccessDenied", "The session has been revoked.")
}

func TestAUserMadeAgainIsNotTrusted(t *testing.T) {
	w := newWorld(t)
	w.root.IAM("CreateUser", "UserName", "bob").OK()
	w.role("dev", trusting(local+"user/bob", justAssume, "{}"))
	assume := step{Action: "AssumeRole", Params: p("RoleArn="+local+"role/dev", "RoleSessionName=s1")}
	bob := w.root.IAM("CreateAccessKey", "UserName", "bob").Credentials()
	w.As(bob).Run("sts", assume)
	w.root.IAM("UpdateUser", "UserName", "bob", "NewUserName", "robert").OK()
	w.As(bob).Run("sts", assume) // renamed, and still the same user
	w.root.IAM("DeleteAccessKey", "UserName", "robert", "AccessKeyId", bob.AccessKeyID).OK()
	w.root.IAM("DeleteUser", "UserName", "robert").OK()
	w.root.IAM("CreateUser", "UserName", "bob").OK()
	assume.Refused = denied(local+"user/bob", "AssumeRole", local+"role/dev")
	w.As(w.root.IAM("CreateAccessKey", "UserName", "bob").Credentials()).Run("sts", assume)
}
