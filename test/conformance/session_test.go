package conformance

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"inro.dev/inro/internal/session"
)

// The tests of this file are points 13, 14, 16 and 19 of the acceptance list
// (spec H.2), and what revocation ends.

func TestThingHeaderSelectsTheFolder(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	second := d.thing + "-second"
	f.thing(t, second)
	d.attachTo(t, second)
	w := requestWriter{f.name}
	for _, thing := range []string{d.thing, second} {
		c := as(f.server, d.credentials(t, thing))
		for _, folder := range []string{d.thing, second} {
			got := refusalOf(w.put(folder+"/x", nil)(t.Context(), c))
			if allowed := got.status == 0; allowed != (folder == thing) {
				t.Errorf("as %s, put into %s/: %v", thing, folder, got)
			}
		}
	}
}

func TestThingTypeIsAVariable(t *testing.T) {
	t.Parallel()
	policy := `{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::BUCKET/type/${credentials-iot:ThingTypeName}/*"},
{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::BUCKET/default/${credentials-iot:ThingTypeName, 'none'}/*"}]}`
	f := newFleet(t, shared.Server(t), policy)
	d := f.device(t)
	typed := d.thing + "-typed"
	must(f.root.iot.CreateThingType(t.Context(), &iot.CreateThingTypeInput{ThingTypeName: &f.name}))(t)
	must(f.root.iot.CreateThing(t.Context(), &iot.CreateThingInput{ThingName: &typed, ThingTypeName: &f.name}))(t)
	d.attachTo(t, typed)
	w := requestWriter{f.name}
	for _, c := range []struct {
		thing, key string
		allowed    bool
	}{
		{typed, "type/" + f.name + "/x", true},
		{typed, "type/none/x", false},
		{typed, "default/" + f.name + "/x", true},
		{typed, "default/none/x", false},
		{d.thing, "type/" + f.name + "/x", false},
		{d.thing, "type//x", false},
		{d.thing, "type/${credentials-iot:ThingTypeName}/x", false},
		{d.thing, "default/none/x", true},
		{d.thing, "default/" + f.name + "/x", false},
	} {
		got := refusalOf(w.put(c.key, nil)(t.Context(), as(f.server, d.credentials(t, c.thing))))
		if allowed := got.status == 0; allowed != c.allowed {
			t.Errorf("as %s, put %s: %v, want allowed %v", c.thing, c.key, got, c.allowed)
		}
	}
}

func TestExplicitDenyOverridesTheFolder(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	c := d.clients(t)
	put := func() refusal { return refusalOf(requestWriter{f.name}.put(d.thing+"/x", nil)(t.Context(), c)) }
	if got := put(); got.status != 0 {
		t.Fatalf("without a deny: %v", got)
	}
	name := "deny"
	for _, x := range []struct {
		condition string
		denied    bool
	}{
		{`"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}`, true},
		{`"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`, false},
		{`"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}`, true},
		{`"StringEquals":{"credentials-iot:ThingName":"` + d.thing + `"}`, true},
		{`"StringEquals":{"credentials-iot:ThingName":"another"}`, false},
		{`"StringEquals":{"credentials-iot:AwsCertificateId":"` + d.id + `"}`, true},
		{`"Bool":{"aws:SecureTransport":"false"}`, true},
	} {
		document := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{` + x.condition + `}}]}`
		must(f.root.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &f.name, PolicyName: &name, PolicyDocument: &document}))(t)
		got := put()
		if denied := got.status == 403 && got.code == "AccessDenied"; denied != x.denied || !denied && got.status != 0 {
			t.Errorf("deny on %s: got %v, want denied %v", x.condition, got, x.denied)
		}
	}
}

func TestExpiredCredentialsAreToldApart(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	c := as(server, expired(t, filepath.Join(server.Dir, "sessions.json")))
	ctx := t.Context()
	_, err := c.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
	wantRefusal(t, "S3", err, 400, "ExpiredToken")
	_, err = c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	wantRefusal(t, "STS", err, 403, "ExpiredToken")
	_, err = c.iam.ListUsers(ctx, &iam.ListUsersInput{})
	wantRefusal(t, "IAM", err, 403, "ExpiredToken")
	_, err = c.iot.ListThings(ctx, &iot.ListThingsInput{})
	wantRefusal(t, "IoT", err, 403, "ExpiredTokenException")
}

// expired mints credentials with the server's own keys that ended an hour ago.
func expired(t *testing.T, keys string) aws.Credentials {
	t.Helper()
	then := time.Now().Add(-2 * time.Hour)
	ring, err := session.LoadKeyring(keys, session.Config{Now: func() time.Time { return then }})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ring.Mint(session.Session{Kind: session.Root, Account: account, Issued: then, Expires: then.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

func TestForgedCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	good, other := d.credentials(t, d.thing), d.credentials(t, "")
	flip := func(s string, at int) string {
		b := []byte(s)
		if b[at] = b[at] ^ 1; !strings.ContainsRune("+/=", rune(b[at])) && (b[at] < '0' || b[at] > 'z') {
			b[at] = 'A'
		}
		return string(b)
	}
	for name, c := range map[string]struct {
		credentials aws.Credentials
		code        string
		status      int
	}{
		"token of another session":  {aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: good.SecretAccessKey, SessionToken: other.SessionToken}, "InvalidToken", 400},
		"secret of another session": {aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: other.SecretAccessKey, SessionToken: good.SessionToken}, "SignatureDoesNotMatch", 403},
		"changed token":             {aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: good.SecretAccessKey, SessionToken: flip(good.SessionToken, 100)}, "InvalidToken", 400},
		"no token":                  {aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: good.SecretAccessKey}, "InvalidAccessKeyId", 403},
		"changed secret":            {aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: flip(good.SecretAccessKey, 3), SessionToken: good.SessionToken}, "SignatureDoesNotMatch", 403},
	} {
		err := requestWriter{f.name}.put(d.thing+"/x", nil)(t.Context(), as(f.server, c.credentials))
		wantRefusal(t, name, err, c.status, c.code)
	}
}

func TestRevocationEndsRunningSessions(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	ctx := t.Context()
	put := func(d *device, c *clients) refusal {
		return refusalOf(requestWriter{f.name}.put(d.thing+"/x", nil)(ctx, c))
	}
	for name, revoke := range map[string]func(*device){
		"certificate deactivated": func(d *device) {
			must(f.root.iot.UpdateCertificate(ctx, &iot.UpdateCertificateInput{CertificateId: &d.id, NewStatus: "INACTIVE"}))(t)
		},
		"certificate detached from the thing": func(d *device) {
			must(f.root.iot.DetachThingPrincipal(ctx, &iot.DetachThingPrincipalInput{ThingName: &d.thing, Principal: &d.arn}))(t)
		},
	} {
		d := f.device(t)
		c := d.clients(t)
		if got := put(d, c); got.status != 0 {
			t.Fatalf("before %s: %v", name, got)
		}
		revoke(d)
		if got := put(d, c); got.status != 403 {
			t.Errorf("after %s: got %v, want 403", name, got)
		}
	}
}

func TestUsersAssumeRolesThatTrustTheAccount(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	c, name, ctx := root(server), uniqueName(t), t.Context()
	role := "arn:aws:iam::" + account + ":role/" + name
	must(c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"sts:AssumeRole"}]}`)}))(t)
	must(c.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: &name, PolicyDocument: aws.String(allow("iam:ListRoles", "*"))}))(t)
	must(c.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}))(t)
	key := must(c.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name}))(t).AccessKey
	user := as(server, aws.Credentials{AccessKeyID: *key.AccessKeyId, SecretAccessKey: *key.SecretAccessKey})
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("session")}
	_, err := user.sts.AssumeRole(ctx, in)
	wantRefusal(t, "without a policy of the user's", err, 403, "AccessDenied")
	must(c.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: &name, PolicyDocument: aws.String(allow("sts:AssumeRole", role))}))(t)
	assumed := must(user.sts.AssumeRole(ctx, in))(t)
	session := as(server, aws.Credentials{
		AccessKeyID: *assumed.Credentials.AccessKeyId, SecretAccessKey: *assumed.Credentials.SecretAccessKey, SessionToken: *assumed.Credentials.SessionToken,
	})
	who := must(session.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))(t)
	if want := "arn:aws:sts::" + account + ":assumed-role/" + name + "/session"; *who.Arn != want || *assumed.AssumedRoleUser.Arn != want {
		t.Errorf("the session is %s, assumed as %s, want %s", *who.Arn, *assumed.AssumedRoleUser.Arn, want)
	}
	must(session.iam.ListRoles(ctx, &iam.ListRolesInput{PathPrefix: aws.String("/none/")}))(t)
	_, err = session.iam.ListUsers(ctx, &iam.ListUsersInput{})
	if got, want := refusalOf(err), "User: "+*who.Arn+" is not authorized to perform: iam:ListUsers on resource: "; got.status != 403 || got.code != "AccessDenied" || !strings.HasPrefix(got.message, want) {
		t.Errorf("beyond the role: got %v, want 403 AccessDenied %s…", got, want)
	}
	must(c.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: &name, AccessKeyId: key.AccessKeyId, Status: "Inactive"}))(t)
	_, err = user.sts.AssumeRole(ctx, in)
	wantRefusal(t, "with an inactive key", err, 403, "InvalidClientTokenId")
}

// allow is a policy of one action on one resource.
func allow(action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}]}`
}
