package sts_test

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/iam"
	"inro.dev/inro/internal/iam/iamtest"
	"inro.dev/inro/internal/oidc"
	"inro.dev/inro/internal/session"
	"inro.dev/inro/internal/sigv4"
	"inro.dev/inro/internal/sts"
)

const (
	local = "arn:aws:iam::999999999999:"
	// certificate is the ID of a device's certificate.
	certificate = "5c3453ecc18e5e6b8f3cf89a6c1d68f62a5b08855d13c61b37c987e3442f70f5"

	allowIAM = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`
	// noTrust lets nobody in.
	noTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"none.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

type step = iamtest.Step

func p(pairs ...string) []string {
	var params []string
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		params = append(params, name, value)
	}
	return params
}

// allow returns an identity policy.
func allow(actions, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"` + resource + `"}]}`
}

// trusting returns a trust policy for an AWS principal, the given actions and
// condition.
func trusting(principal, actions, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":[` + actions + `],"Condition":` + condition + `}]}`
}

// world is a world with STS and IAM, and the user ann of path /staff/ with no
// permissions.
type world struct {
	*iamtest.World
	root, ann *iamtest.Client
	annKey    sigv4.Credentials
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: iamtest.New(t, func(w *iamtest.World) []api.Service {
		return []api.Service{
			iam.New(iam.Config{Store: w.Store, Policies: w.Policies, Clock: w.Clock, PlainIssuers: true}).API(),
			sts.New(sts.Config{
				Store: w.Store, Policies: w.Policies, Sessions: w.Sessions, Clock: w.Clock,
				Tokens: oidc.New(oidc.Config{Loopback: true, Clock: w.Clock}),
			}).API(),
		}
	})}
	w.root = w.Root()
	w.root.IAM("CreateUser", "UserName", "ann", "Path", "/staff/").OK()
	w.annKey = w.root.IAM("CreateAccessKey", "UserName", "ann").Credentials()
	w.ann = w.As(w.annKey)
	return w
}

const annARN = local + "user/staff/ann"

func (w *world) role(name, trust string, params ...string) {
	w.T.Helper()
	w.root.IAM("CreateRole", append(params, "RoleName", name, "AssumeRolePolicyDocument", trust)...).OK()
}

func (w *world) permit(user, document string) {
	w.T.Helper()
	w.root.IAM("PutUserPolicy", "UserName", user, "PolicyName", "test", "PolicyDocument", document).OK()
}

func TestTableHasEveryOperationOfTheModel(t *testing.T) {
	text, err := os.ReadFile("testdata/operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	members := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		members[words[0]] = words[1:]
	}
	var got []string
	for _, op := range sts.New(sts.Config{}).Operations() {
		got = append(got, op.Name)
		if !op.Offered() {
			continue
		}
		input := reflect.TypeOf(op.NewInput()).Elem()
		for _, member := range members[op.Name] {
			if _, ok := input.FieldByName(member); !ok {
				t.Errorf("%s ignores the member %s without a word", op.Name, member)
			}
		}
	}
	slices.Sort(got)
	if want := slices.Sorted(maps.Keys(members)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCallersLearnWhoTheyAre(t *testing.T) {
	w := newWorld(t)
	w.role("dev", trusting(annARN, `"sts:AssumeRole"`, "{}"), "Path", "/fleet/")
	w.permit("ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:GetCallerIdentity","Resource":"*"},{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`)
	annID := w.root.IAM("GetUser", "UserName", "ann").OK().Get("User/UserId")
	roleID := w.root.IAM("GetRole", "RoleName", "dev").OK().Get("Role/RoleId")
	role := w.As(w.ann.STS("AssumeRole", "RoleArn", local+"role/fleet/dev", "RoleSessionName", "s1").Credentials())
	device, err := w.Sessions.Mint(session.Session{Kind: session.Role, Account: iamtest.Account, RoleName: "dev", RoleID: roleID, RolePath: "/fleet/",
		SessionName: "d", Expires: w.Time.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		client       *iamtest.Client
		arn, id, acc string
	}{
		{"root", w.root, local + "root", iamtest.Account, iamtest.Account},
		{"user", w.ann, annARN, annID, iamtest.Account},
		{"user's session", w.As(w.ann.STS("GetSessionToken").Credentials()), annARN, annID, iamtest.Account},
		{"root's session", w.As(w.root.STS("GetSessionToken").Credentials()), local + "root", iamtest.Account, iamtest.Account},
		{"role session", role, "arn:aws:sts::999999999999:assumed-role/dev/s1", roleID + ":s1", iamtest.Account},
		{"minted elsewhere", w.As(sigv4.Credentials{AccessKeyID: device.AccessKeyID, SecretAccessKey: device.SecretAccessKey, SessionToken: device.SessionToken}),
			"arn:aws:sts::999999999999:assumed-role/dev/d", roleID + ":d", iamtest.Account},
		{"federated user", w.As(w.ann.STS("GetFederationToken", "Name", "fed").Credentials()),
			"arn:aws:sts::999999999999:federated-user/fed", iamtest.Account + ":fed", iamtest.Account},
	} {
		a := c.client.STS("GetCallerIdentity").OK()
		if got := []string{a.Get("Arn"), a.Get("UserId"), a.Get("Account")}; !slices.Equal(got, []string{c.arn, c.id, c.acc}) {
			t.Errorf("%s: got %q, want %q", c.name, got, []string{c.arn, c.id, c.acc})
		}
	}
}

func TestAccessKeysTellTheirAccount(t *testing.T) {
	w := newWorld(t)
	w.root.Run("sts",
		step{Action: "GetAccessKeyInfo", Params: p("AccessKeyId=" + iamtest.RootKey), Want: []string{"Account", iamtest.Account}},
		step{Action: "GetAccessKeyInfo", Params: p("AccessKeyId=" + w.annKey.AccessKeyID), Want: []string{"Account", iamtest.Account}},
		step{Action: "GetAccessKeyInfo", Params: p("AccessKeyId=ASIAY34FZKBOKMUTVV7A"), Want: []string{"Account", "609629065308"}},
		step{Action: "GetAccessKeyInfo", Params: p("AccessKeyId=AKIAIOSFODNN7EXAMPLE"),
			Refused: "400 ValidationError: The access key ID AKIAIOSFODNN7EXAMPLE does not tell its account."},
	)
	w.ann.STS("GetAccessKeyInfo", "AccessKeyId", iamtest.RootKey).Refused(403, "AccessDenied", "User: "+annARN+
		" is not authorized to perform: sts:GetAccessKeyInfo on resource: * because no identity-based policy allows the sts:GetAccessKeyInfo action")
}

func TestWhatIsNotOfferedSaysWhy(t *testing.T) {
	newWorld(t).root.Run("sts",
		step{Action: "AssumeRoleWithSAML", Refused: "501 NotImplemented: AssumeRoleWithSAML is not offered: There are no SAML identity providers."},
		step{Action: "DecodeAuthorizationMessage", Refused: "501 NotImplemented: DecodeAuthorizationMessage is not offered: No service here encodes its refusals."},
	)
}

func TestSessionTokens(t *testing.T) {
	w := newWorld(t)
	w.permit("ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	w.role("dev", trusting(local+"root", `"sts:AssumeRole","sts:TagSession"`, "{}"))
	expires := func(seconds int) string { return w.Time.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339) }
	w.ann.Run("sts",
		step{Action: "GetSessionToken", Want: []string{"Credentials/Expiration", expires(43200)}},
		step{Action: "GetSessionToken", Params: p("DurationSeconds=129600"), Want: []string{"Credentials/Expiration", expires(129600)}},
		step{Action: "GetSessionToken", Params: p("DurationSeconds=899"), Refused: "400 ValidationError: 1 validation error detected: Value '899' at " +
			"'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		step{Action: "GetSessionToken", Params: p("SerialNumber=arn:aws:iam::999999999999:mfa/x", "TokenCode=123456"), Refused: "403 AccessDenied: " +
			"MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial number is valid and associated with this user."},
	)
	w.root.Run("sts",
		step{Action: "GetSessionToken", Want: []string{"Credentials/Expiration", expires(3600)}},
		step{Action: "GetSessionToken", Params: p("DurationSeconds=900"), Want: []string{"Credentials/Expiration", expires(900)}},
		step{Action: "GetFederationToken", Params: p("Name=f"), Refused: "400 ValidationError: 1 validation error detected: Value 'f' at 'name' failed to satisfy constraint: " +
			"Member must have length greater than or equal to 2"},
		step{Action: "GetFederationToken", Params: p("Name=fed", "DurationSeconds=7200"), Want: []string{"Credentials/Expiration", expires(3600)}},
	)
	// What a session may call (spec C.14).
	ann := w.As(w.ann.STS("GetSessionToken").Credentials())
	ann.STS("AssumeRole", "RoleArn", local+"role/dev", "RoleSessionName", "s1").OK()
	ann.STS("GetSessionToken").Refused(403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	ann.STS("GetFederationToken", "Name", "fed").Refused(403, "AccessDenied", "Cannot call GetFederationToken with session credentials")
	if a := ann.IAM("ListUsers"); a.Status != 403 {
		t.Errorf("a session calls IAM: got %d, want 403", a.Status)
	}
	fed := w.As(w.ann.STS("GetFederationToken", "Name", "fed", "Policy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`).Credentials())
	if a := fed.IAM("ListUsers"); a.Status != 403 {
		t.Errorf("a federated user calls IAM: got %d, want 403", a.Status)
	}
	fed.STS("AssumeRole", "RoleArn", local+"role/dev", "RoleSessionName", "s1").Refused(403, "AccessDenied",
		"User: arn:aws:sts::999999999999:federated-user/fed is not authorized to perform: sts:AssumeRole on resource: "+local+"role/dev")
}

func TestFederationTokens(t *testing.T) {
	w := newWorld(t)
	fedARN := "arn:aws:sts::999999999999:federated-user/"
	denied := func(action string) string {
		return "403 AccessDenied: User: " + annARN + " is not authorized to perform: sts:" + action + " on resource: " + fedARN +
			"fed because no identity-based policy allows the sts:" + action + " action"
	}
	w.ann.Run("sts", step{Action: "GetFederationToken", Params: p("Name=fed"), Refused: denied("GetFederationToken")})
	w.permit("ann", allow(`"sts:GetFederationToken"`, fedARN+"f*"))
	tagged := p("Name=fed", "Tags.member.1.Key=k", "Tags.member.1.Value=v")
	w.ann.Run("sts",
		step{Action: "GetFederationToken", Params: p("Name=fed"), Want: []string{"FederatedUser/FederatedUserId", iamtest.Account + ":fed",
			"FederatedUser/Arn", fedARN + "fed", "PackedPolicySize", ""}},
		step{Action: "GetFederationToken", Params: tagged, Refused: denied("TagSession")},
		step{Action: "GetFederationToken", Params: p("Name=fed", "Policy={"), Refused: "400 MalformedPolicyDocument: Syntax errors in policy."},
		step{Action: "GetFederationToken", Params: p("Name=fed", "PolicyArns.member.1.arn=arn:aws:iam::999999999999:policy/none"),
			Refused: "400 ValidationError: The policy arn:aws:iam::999999999999:policy/none does not exist in the account of the session."},
	)
	w.permit("ann", allow(`"sts:GetFederationToken","sts:TagSession"`, "*"))
	if got := w.ann.STS("GetFederationToken", tagged...).OK().Get("PackedPolicySize"); got == "" || got == "0" {
		t.Errorf("with tags: got PackedPolicySize %q", got)
	}
	w.ann.Run("sts", step{Action: "GetFederationToken", Params: append(tagged, "Tags.member.2.Key", "K", "Tags.member.2.Value", "v"),
		Refused: "400 InvalidParameterValue: Duplicate tag keys found. Please note that Tag keys are case insensitive."})
}

func TestSessionsEndInTime(t *testing.T) {
	w := newWorld(t)
	ann := w.As(w.ann.STS("GetSessionToken", "DurationSeconds", "900").Credentials())
	w.Time = w.Time.Add(899 * time.Second)
	ann.STS("GetCallerIdentity").OK()
	w.Time = w.Time.Add(time.Second)
	ann.STS("GetCallerIdentity").Refused(403, "ExpiredToken", "The security token included in the request is expired")
}

func TestPoliciesAndTagsMustFitIntoAToken(t *testing.T) {
	w := newWorld(t)
	w.role("dev", trusting(annARN, `"sts:AssumeRole","sts:TagSession"`, "{}"))
	params := p("RoleArn="+local+"role/dev", "RoleSessionName=s1")
	for i := range 50 {
		value := ""
		for j := range 256 {
			value += string(rune('一' + (i*257+j*7919)%20000))
		}
		params = append(params, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprintf("k%d", i), fmt.Sprintf("Tags.member.%d.Value", i+1), value)
	}
	w.ann.STS("AssumeRole", params...).Refused(400, "PackedPolicyTooLarge", "The packed size of session policies and tags is larger than 100% of the allotted space.")
}
