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

const (
	otherAccount = "111111111111"
	other        = "arn:aws:iam::" + otherAccount + ":"
)

// twoAccounts is a world with a second account, which has the user bob and
// the role base, and in which everybody trusts nobody yet.
type twoAccounts struct {
	*world
	otherRoot, bob *iamtest.Client
}

func newTwoAccounts(t *testing.T) *twoAccounts {
	w := &twoAccounts{world: newWorld(t)}
	w.otherRoot = w.NewAccount(otherAccount)
	w.otherRoot.IAM("CreateUser", "UserName", "bob").OK()
	w.bob = w.As(w.otherRoot.IAM("CreateAccessKey", "UserName", "bob").Credentials())
	w.otherRoot.IAM("CreateRole", "RoleName", "base", "AssumeRolePolicyDocument", trusting(other+"user/bob", justAssume, "{}")).OK()
	return w
}

// Both accounts must allow: the trust policy of the one, the caller's own
// policies in the other.
func TestAcrossAccountsBothSidesMustAllow(t *testing.T) {
	w := newTwoAccounts(t)
	inBase := w.As(w.bob.STS("AssumeRole", "RoleArn", other+"role/base", "RoleSessionName", "in").Credentials())
	target := local + "role/target"
	bobARN, baseARN := other+"user/bob", "arn:aws:sts::111111111111:assumed-role/base/in"
	allowed, denied := allow(justAssume, target), `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:*","Resource":"*"}]}`
	for i, c := range []struct {
		name      string
		principal string // of the trust policy
		own       string // the caller's own policy
		session   bool   // the caller is the role session, else the user
		allowed   bool
	}{
		{"the user is named, no own policy", bobARN, "", false, false},
		{"the user is named, own policy allows", bobARN, allowed, false, true},
		{"the user is named, own policy allows another role", bobARN, allow(justAssume, local+"role/x"), false, false},
		{"the user is named, own policy denies", bobARN, denied, false, false},
		{"the account is named, no own policy", other + "root", "", false, false},
		{"the account is named, own policy allows", other + "root", allowed, false, true},
		{"the account by its number, own policy allows", otherAccount, allowed, false, true},
		{"the role's own account is named, own policy allows", local + "root", allowed, false, false},
		{"a namesake of the user is named, own policy allows", local + "user/bob", allowed, false, false},
		{"anybody, no own policy", "*", "", false, false},
		{"anybody, own policy allows", "*", allowed, false, true},
		{"the role is named, no own policy", other + "role/base", "", true, false},
		{"the role is named, own policy allows", other + "role/base", allowed, true, true},
		{"the session is named, no own policy", baseARN, "", true, false},
		{"the session is named, own policy allows", baseARN, allowed, true, true},
		{"the session's user is named, own policy allows", bobARN, allowed, true, false},
	} {
		t.Logf("%d: %s", i+1, c.name)
		w.root.IAM("CreateUser", "UserName", "bob").OK() // the namesake
		w.role("target", trusting(c.principal, justAssume, "{}"))
		client, arn, kind, name := w.bob, bobARN, "User", "bob"
		if c.session {
			client, arn, kind, name = inBase, baseARN, "Role", "base"
		}
		if c.own != "" {
			w.otherRoot.IAM("Put"+kind+"Policy", kind+"Name", name, "PolicyName", "test", "PolicyDocument", c.own).OK()
		}
		s := step{Action: "AssumeRole", Params: p("RoleArn="+target, "RoleSessionName=s1"), Want: []string{"AssumedRoleUser/Arn", "arn:aws:sts::999999999999:assumed-role/target/s1"}}
		if !c.allowed {
			s.Refused, s.Want = "403 AccessDenied: User: "+arn+" is not authorized to perform: sts:AssumeRole on resource: "+target, nil
		}
		client.Run("sts", s)
		if c.own != "" {
			w.otherRoot.IAM("Delete"+kind+"Policy", kind+"Name", name, "PolicyName", "test").OK()
		}
		w.root.IAM("DeleteRole", "RoleName", "target").OK()
		w.root.IAM("DeleteUser", "UserName", "bob").OK()
	}
	w.role("target", trusting("*", justAssume, "{}"))
	w.otherRoot.STS("AssumeRole", "RoleArn", target, "RoleSessionName", "s1").Refused(403, "AccessDenied", "Roles may not be assumed by root accounts.")
}

// An entity of another account that is made again under its old name is not
// the one that was trusted, and what does not exist there cannot be named.
func TestTrustAcrossAccountsIsOfTheEntityNotItsName(t *testing.T) {
	w := newTwoAccounts(t)
	w.otherRoot.IAM("PutUserPolicy", "UserName", "bob", "PolicyName", "test", "PolicyDocument", allow(justAssume, "*")).OK()
	w.role("target", trusting(other+"user/bob", justAssume, "{}"))
	target := p("RoleArn="+local+"role/target", "RoleSessionName=s1")
	w.bob.STS("AssumeRole", target...).OK()
	if got := w.root.IAM("GetRole", "RoleName", "target").OK().Get("Role/AssumeRolePolicyDocument"); !strings.Contains(got, "111111111111%3Auser%2Fbob") {
		t.Errorf("the trust policy is shown as %s, want it to name the user", got)
	}
	key := w.otherRoot.IAM("ListAccessKeys", "UserName", "bob").OK().Get("AccessKeyMetadata/member/AccessKeyId")
	w.otherRoot.IAM("DeleteUserPolicy", "UserName", "bob", "PolicyName", "test").OK()
	w.otherRoot.IAM("DeleteAccessKey", "UserName", "bob", "AccessKeyId", key).OK()
	w.otherRoot.IAM("DeleteUser", "UserName", "bob").OK()
	w.otherRoot.IAM("CreateUser", "UserName", "bob").OK()
	w.otherRoot.IAM("PutUserPolicy", "UserName", "bob", "PolicyName", "test", "PolicyDocument", allow(justAssume, "*")).OK()
	again := w.As(w.otherRoot.IAM("CreateAccessKey", "UserName", "bob").Credentials())
	again.STS("AssumeRole", target...).Refused(403, "AccessDenied", "User: "+other+"user/bob is not authorized to perform: sts:AssumeRole on resource: "+local+"role/target")
	if got := w.root.IAM("GetRole", "RoleName", "target").OK().Get("Role/AssumeRolePolicyDocument"); strings.Contains(got, "bob") {
		t.Errorf("the trust policy is shown as %s, want the id of the deleted user", got)
	}
	for principal, ok := range map[string]bool{
		other + "user/bob": true, other + "user/Bob": false, other + "user/x/bob": false, other + "user/nobody": false,
		other + "role/base": true, other + "role/none": false, other + "group/g": false, other + "root": true,
		"arn:aws:sts::111111111111:assumed-role/none/s": false, "arn:aws:sts::111111111111:assumed-role/base/s": true,
		"arn:aws:iam::222222222222:user/unknown-account": true, // cannot be looked up
	} {
		a := w.root.IAM("UpdateAssumeRolePolicy", "RoleName", "target", "PolicyDocument", trusting(principal, justAssume, "{}"))
		if (a.Status == 200) != ok || !ok && a.Code() != "MalformedPolicyDocument" {
			t.Errorf("a policy that names %s: %d %s, want it accepted: %v", principal, a.Status, a.Code(), ok)
		}
	}
}

// What one account has cannot be seen or changed from another.
func TestAccountsSeeNothingOfEachOther(t *testing.T) {
	w := newTwoAccounts(t)
	w.role("mine", trusting(annARN, justAssume, "{}"))
	for _, c := range []struct {
		action, code string
		params       []string
	}{
		{"GetUser", "NoSuchEntity", p("UserName=ann")},
		{"DeleteUser", "NoSuchEntity", p("UserName=ann")},
		{"CreateAccessKey", "NoSuchEntity", p("UserName=ann")},
		{"ListAccessKeys", "NoSuchEntity", p("UserName=ann")},
		{"DeleteAccessKey", "NoSuchEntity", p("AccessKeyId=" + w.annKey.AccessKeyID)},
		{"UpdateAccessKey", "NoSuchEntity", p("AccessKeyId="+w.annKey.AccessKeyID, "Status=Inactive")},
		{"DeleteAccessKey", "NoSuchEntity", p("UserName=bob", "AccessKeyId="+w.annKey.AccessKeyID)},
		{"GetRole", "NoSuchEntity", p("RoleName=mine")},
		{"UpdateAssumeRolePolicy", "NoSuchEntity", p("RoleName=mine", "PolicyDocument="+trusting("*", justAssume, "{}"))},
		{"GetAccessKeyLastUsed", "NoSuchEntity", p("AccessKeyId=" + w.annKey.AccessKeyID)},
	} {
		if a := w.otherRoot.IAM(c.action, c.params...); a.Status == 200 || a.Code() != c.code {
			t.Errorf("%s %q by another account: %d %s", c.action, c.params, a.Status, a.Code())
		}
	}
	if users := w.otherRoot.IAM("ListUsers").OK().List("Users", "UserName"); len(users) != 1 || users[0] != "bob" {
		t.Errorf("the other account lists the users %q", users)
	}
	if roles := w.otherRoot.IAM("ListRoles").OK().List("Roles", "RoleName"); len(roles) != 1 || roles[0] != "base" {
		t.Errorf("the other account lists the roles %q", roles)
	}
	// A managed policy of one account cannot be used in another.
	w.root.IAM("CreatePolicy", "PolicyName", "p", "PolicyDocument", allowIAM).OK()
	w.otherRoot.IAM("AttachUserPolicy", "UserName", "bob", "PolicyArn", local+"policy/p")
	if a := w.bob.IAM("ListUsers"); a.Status != 403 {
		t.Errorf("a user with another account's policy may list users: %d", a.Status)
	}
	if a := w.otherRoot.IAM("GetPolicy", "PolicyArn", local+"policy/p"); a.Status == 200 {
		t.Error("another account reads a policy")
	}
	if a := w.bob.STS("GetSessionToken"); a.Status == 200 {
		if id := w.As(a.Credentials()).STS("GetCallerIdentity").OK(); id.Get("Account") != otherAccount {
			t.Errorf("a session of account %s", id.Get("Account"))
		}
	}
}

// A device's session that assumes a role of another account is revoked with
// the certificate in the device's account.
func TestADeviceIsRevokedInItsOwnAccount(t *testing.T) {
	w := newTwoAccounts(t)
	role := w.otherRoot.IAM("GetRole", "RoleName", "base").OK().Get("Role/RoleId")
	put := func(account, status string) {
		w.Update(func(ctx context.Context, tx metastore.Writer) error {
			return metastore.Certificates.Put(ctx, tx, account, certificate, &metastore.Certificate{
				Status: status, NotBefore: w.Time.Add(-time.Hour), NotAfter: w.Time.Add(time.Hour)})
		})
	}
	put(otherAccount, metastore.CertificateActive)
	w.otherRoot.IAM("PutRolePolicy", "RoleName", "base", "PolicyName", "test", "PolicyDocument", allow(justAssume, "*")).OK()
	w.role("target", trusting(other+"role/base", justAssume, "{}"))
	device, err := w.Sessions.Mint(session.Session{Kind: session.Device, Account: otherAccount, RoleName: "base", RoleID: role, RolePath: "/",
		CertificateID: certificate, Expires: w.Time.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	chained := w.As(w.As(sigv4.Credentials{AccessKeyID: device.AccessKeyID, SecretAccessKey: device.SecretAccessKey, SessionToken: device.SessionToken}).
		STS("AssumeRole", "RoleArn", local+"role/target", "RoleSessionName", "s1").Credentials())
	chained.STS("GetCallerIdentity").OK()
	put(iamtest.Account, metastore.CertificateInactive) // a namesake
	chained.STS("GetCallerIdentity").OK()
	put(otherAccount, metastore.CertificateInactive)
	put(iamtest.Account, metastore.CertificateActive)
	if a := chained.STS("GetCallerIdentity"); a.Status != 403 {
		t.Errorf("after the certificate was deactivated: %d %s", a.Status, a.Code())
	}
}
