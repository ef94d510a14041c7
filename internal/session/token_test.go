package session

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/ids"
)

const (
	testAccount     = "999999999999"
	testCertificate = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// clock is a time that tests set by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newTestKeyring(t testing.TB, cacheEntries int) (*Keyring, *clock) {
	t.Helper()
	c := &clock{now: start}
	k, err := CreateKeyring(filepath.Join(t.TempDir(), "keys"), Config{Now: c.Now, CacheEntries: cacheEntries})
	if err != nil {
		t.Fatal(err)
	}
	return k, c
}

func deviceSession() Session {
	return Session{
		Kind: Device, Account: testAccount, Expires: start.Add(time.Hour),
		RoleName: "upload", RoleID: "AROAQNZGKIQY56JQ7WML2", RolePath: "/service/",
		CertificateID: testCertificate,
		ThingName:     "dev-0001", ThingTypeName: "camera", ThingID: "1b7b5e32-9d63-4a86-b7c5-3f5b6a2e9c01",
	}
}

// sessions has one of every kind, with every field used somewhere.
func sessions() map[string]Session {
	role := Session{
		Kind: Role, Account: testAccount, Issued: start.Add(-time.Minute), Expires: start.Add(time.Hour),
		RoleName: "reader", RoleID: "AROAQNZGKIQY56JQ7WML3", RolePath: "/",
		SessionName: "alice@example", SourceIdentity: "alice",
		Policy:     `{"Version":"2012-10-17","Statement":[]}`,
		PolicyARNs: []string{"arn:aws:iam::aws:policy/A", "arn:aws:iam::999999999999:policy/b"},
		Tags:       []Tag{{"team", "blue"}, {"empty", ""}, {"ünï", "çødé"}},
		TransitiveTagKeys: []string{
			"team",
		},
	}
	chained := role
	chained.ChainedRole = true
	chained.CertificateID, chained.ThingName, chained.ThingID = testCertificate, "dev-0001", "id"
	foreign := chained
	foreign.CertificateAccount = "111111111111"
	web := role
	web.Provider, web.Subject, web.Audience = "arn:aws:iam::999999999999:oidc-provider/example.com", "subject", "audience"
	bare := deviceSession()
	bare.ThingName, bare.ThingTypeName, bare.ThingID = "", "", ""
	return map[string]Session{
		"role":             role,
		"chained role":     chained,
		"foreign device":   foreign,
		"web identity":     web,
		"device":           deviceSession(),
		"device, no thing": bare,
		"user": {Kind: User, Account: "000000000001", Expires: start.Add(MaxLifetime),
			UserName: "alice", UserID: "AIDAQNZGKIQY56JQ7WML2"},
		"root": {Kind: Root, Account: testAccount, Expires: start.Add(time.Hour)},
		"federated": {Kind: Federated, Account: testAccount, Expires: start.Add(time.Hour),
			SessionName: "bob", UserName: "alice", UserID: "AIDAQNZGKIQY56JQ7WML2", Policy: "{}"},
		"federated by root": {Kind: Federated, Account: testAccount, Expires: start.Add(time.Hour), SessionName: "bob"},
	}
}

func mint(t testing.TB, k *Keyring, s Session) Credentials {
	t.Helper()
	c, err := k.Mint(s)
	if err != nil {
		t.Fatalf("Mint(%+v): %v", s, err)
	}
	return c
}

func TestOpenReturnsWhatWasMinted(t *testing.T) {
	k, _ := newTestKeyring(t, 0)
	shape := regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`)
	for name, s := range sessions() {
		c := mint(t, k, s)
		if account, ok := ids.AccountOfKeyID(c.AccessKeyID); account != s.Account || !ok || c.AccessKeyID[:4] != "ASIA" {
			t.Errorf("%s: access key id %q encodes account %q, want %q", name, c.AccessKeyID, account, s.Account)
		}
		if !shape.MatchString(c.SecretAccessKey) {
			t.Errorf("%s: secret access key %q is not 40 characters of base64", name, c.SecretAccessKey)
		}
		if !c.Expiration.Equal(s.Expires) {
			t.Errorf("%s: Expiration = %v, want %v", name, c.Expiration, s.Expires)
		}
		want := s
		want.AccessKeyID = c.AccessKeyID
		if want.Issued.IsZero() {
			want.Issued = start
		}
		if want.Kind == Device {
			want.SessionName = want.CertificateID
		}
		for _, pass := range []string{"cold", "cached"} {
			got, secret, err := k.Open(c.AccessKeyID, c.SessionToken)
			if err != nil || secret != c.SecretAccessKey {
				t.Errorf("%s, %s: Open: secret %q, error %v, want %q", name, pass, secret, err, c.SecretAccessKey)
				continue
			}
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("%s, %s: Open\n got %+v\nwant %+v", name, pass, *got, want)
			}
		}
	}
}

// oldTokens were made once by this package with the key of oldKeyFile: one as
// it is, one deflated, which between them use every field of a role. A change
// that does not open them ends every session that lives while a server is
// upgraded.
const oldKeyFile = `{"version":1,"keys":[{"id":"0a1b2c3d","created":"2026-01-02T03:04:05Z",` +
	`"secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`

type oldToken struct {
	accessKeyID, secret, token string
	want                       Session
}

func oldTokens() []oldToken {
	device := deviceSession()
	device.Issued, device.SessionName = start, testCertificate
	role := sessions()["chained role"]
	role.Policy = strings.Repeat("{} ", 680)
	return []oldToken{
		{
			accessKeyID: "ASIA6RVFFB77UDAFB5EN",
			secret:      "cfWgtplPk3Taw1j8jL/1RPoluVrQVGxBRhRfaObO",
			token: "AQAKGyw9u1RZuJJ8L9xq2K6sFHUHo4ARSiOkaI1UjOkGrO44NXVO1rEkAOU8LWmIo957hBhL3RHVKFJ7YyVrCrlsXva1QJRW" +
				"nzTvXvI0/LAfomR2ReOI0/tZjISlYNpkGLe5KmzrXpAGSs6ottq/OvINq9w+/VMFeNaRWWixPzDJ9M+jI1eJg8m1nUwbr3aG" +
				"hxrPjH162cOnm/6tRQjbKR76SA0ffVpNFHoKNBE+wxTmv5Bm+/vix9ZYvueIBrTt",
			want: device,
		},
		{
			accessKeyID: "ASIA6RVFFB77YZV5HXYP",
			secret:      "tGadTeTvnGxEIdsoUdIlDhdcCwXjS8hgv+OoVGKj",
			token: "AQEKGyw9OZ9T288PeqjQjRxP4kGtxrpsFZJbewHXDOavOkbl8IXCK8fDx5OzrRFNe+Vcxx64qJi2w9DHvQ0LYzUsRvMMSyD5" +
				"l1HbvqlZhSsAtiobGhYmnlqZCI0sFkCPSX2of2Ackb9jzy1K5WNoiruD6/8xlHlMrWaZnZ/ML+K31YMIJP33OBkrV4JN1QCp" +
				"32Ykjo8FBsgTibm0b3J186pByZQjCILp4aa5U6lVrTrGHOueQrNt8VLbFV/Apl+Pn8kZGY6WmNEAVbaRmsMwQnLNlh+VAwf4" +
				"yR29ah5bCK0yv8jRpvkyR2rqkATBQhvy",
			want: role,
		},
	}
}

func oldKeyring(t testing.TB) *Keyring {
	t.Helper()
	k, err := LoadKeyring(writeKeyFile(t, oldKeyFile, 0o600), Config{Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestOpenReadsTokensOfVersion1(t *testing.T) {
	k := oldKeyring(t)
	for _, old := range oldTokens() {
		s, secret, err := k.Open(old.accessKeyID, old.token)
		if err != nil || secret != old.secret {
			t.Fatalf("Open(%q): secret %q, error %v, want %q", old.token, secret, err, old.secret)
		}
		old.want.AccessKeyID = old.accessKeyID
		if !reflect.DeepEqual(*s, old.want) {
			t.Errorf("Open\n got %+v\nwant %+v", *s, old.want)
		}
	}
}

func TestCredentialsOfTheLargestDeviceFitTheBody(t *testing.T) {
	k, _ := newTestKeyring(t, 0)
	s := deviceSession()
	s.Expires = start.Add(43200 * time.Second)
	// The longest names that IoT and IAM allow; distinct characters so that
	// nothing deflates.
	s.RoleName = randomName(t, 64)
	s.RolePath = "/" + randomName(t, 510) + "/"
	s.ThingName = randomName(t, 128)
	s.ThingTypeName = randomName(t, 128)
	c := mint(t, k, s)
	if len(c.SessionToken) > 1400 {
		t.Errorf("token is %d characters, want at most 1400", len(c.SessionToken))
	}
	body, err := json.Marshal(map[string]any{"credentials": map[string]string{
		"accessKeyId": c.AccessKeyID, "secretAccessKey": c.SecretAccessKey,
		"sessionToken": c.SessionToken, "expiration": c.Expiration.Format(time.RFC3339),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(body) >= 2048 {
		t.Errorf("body is %d bytes, want less than 2048", len(body))
	}
	t.Logf("largest device: token %d characters, body %d bytes", len(c.SessionToken), len(body))
}

func randomName(t *testing.T, length int) string {
	t.Helper()
	var b strings.Builder
	for b.Len() < length {
		b.WriteString(ids.NewSecretAccessKey())
	}
	return b.String()[:length]
}

func TestMintBoundsTheToken(t *testing.T) {
	k, _ := newTestKeyring(t, 0)
	text := func(n int) string { return strings.Repeat("The quick brown fox. ", n/21+1)[:n] }
	tests := []struct {
		name   string
		change func(*Session)
		err    error
	}{
		{"largest policy", func(s *Session) { s.Policy = text(2048) }, nil},
		{"largest random policy", func(s *Session) { s.Policy = randomName(t, 2048) }, nil},
		{"fifty repetitive tags", func(s *Session) {
			for range 50 {
				s.Tags = append(s.Tags, Tag{text(128), text(256)})
			}
		}, nil},
		{"fifty random tags", func(s *Session) {
			for range 50 {
				s.Tags = append(s.Tags, Tag{randomName(t, 128), randomName(t, 256)})
			}
		}, ErrTooLarge},
		{"more than a payload holds", func(s *Session) { s.Policy = text(maxPayload) }, ErrTooLarge},
		{"device with a random policy", func(s *Session) {
			*s = deviceSession()
			s.Policy = randomName(t, 2048)
		}, ErrTooLarge},
	}
	for _, test := range tests {
		s := sessions()["role"]
		test.change(&s)
		c, err := k.Mint(s)
		if !errors.Is(err, test.err) {
			t.Errorf("%s: Mint: error %v, want %v", test.name, err, test.err)
		}
		if err != nil {
			continue
		}
		if len(c.SessionToken) > maxToken || c.PackedPolicyPercent < 1 || c.PackedPolicyPercent > 100 {
			t.Errorf("%s: token of %d characters, packed policy %d%%", test.name, len(c.SessionToken), c.PackedPolicyPercent)
		}
		got, _, err := k.Open(c.AccessKeyID, c.SessionToken)
		if err != nil || got.Policy != s.Policy || !reflect.DeepEqual(got.Tags, s.Tags) {
			t.Errorf("%s: Open: %+v, %v", test.name, got, err)
		}
	}
	if c := mint(t, k, deviceSession()); c.PackedPolicyPercent != 0 {
		t.Errorf("without policies PackedPolicyPercent = %d, want 0", c.PackedPolicyPercent)
	}
}

func TestMintRefusesWhatIsNoSession(t *testing.T) {
	k, _ := newTestKeyring(t, 0)
	change := func(name string, f func(*Session)) Session {
		s := sessions()[name]
		f(&s)
		return s
	}
	tests := map[string]Session{
		"zero":                        {},
		"unknown kind":                change("role", func(s *Session) { s.Kind = 9 }),
		"no account":                  change("role", func(s *Session) { s.Account = "" }),
		"account of letters":          change("role", func(s *Session) { s.Account = "99999999999x" }),
		"no expiry":                   change("role", func(s *Session) { s.Expires = time.Time{} }),
		"expiry before issue":         change("role", func(s *Session) { s.Expires = s.Issued }),
		"longer than any session":     change("role", func(s *Session) { s.Expires = s.Issued.Add(MaxLifetime + time.Second) }),
		"issued before 1970":          change("role", func(s *Session) { s.Issued = time.Unix(-5, 0); s.Expires = time.Unix(60, 0) }),
		"role without name":           change("role", func(s *Session) { s.RoleName = "" }),
		"role without id":             change("role", func(s *Session) { s.RoleID = "" }),
		"role without session name":   change("role", func(s *Session) { s.SessionName = "" }),
		"role with a user":            change("role", func(s *Session) { s.UserName, s.UserID = "a", "b" }),
		"device without certificate":  change("device", func(s *Session) { s.CertificateID = "" }),
		"device with another name":    change("device", func(s *Session) { s.SessionName = "x" }),
		"device without thing id":     change("device", func(s *Session) { s.ThingID = "" }),
		"thing id without name":       change("device", func(s *Session) { s.ThingName, s.ThingTypeName = "", "" }),
		"thing type without thing":    change("device", func(s *Session) { s.ThingName, s.ThingID = "", "" }),
		"upper-case certificate id":   change("device", func(s *Session) { s.CertificateID = strings.ToUpper(testCertificate) }),
		"short certificate id":        change("device", func(s *Session) { s.CertificateID = "ab" }),
		"thing without certificate":   change("role", func(s *Session) { s.ThingName, s.ThingID = "a", "b" }),
		"user without id":             change("user", func(s *Session) { s.UserID = "" }),
		"user with a role":            change("user", func(s *Session) { s.RoleName, s.RoleID = "a", "b" }),
		"user with a certificate":     change("user", func(s *Session) { s.CertificateID = testCertificate }),
		"root with a user":            change("root", func(s *Session) { s.UserName, s.UserID = "a", "b" }),
		"federated without a name":    change("federated", func(s *Session) { s.SessionName = "" }),
		"federated with half a user":  change("federated", func(s *Session) { s.UserID = "" }),
		"provider without subject":    change("web identity", func(s *Session) { s.Subject = "" }),
		"subject without provider":    change("web identity", func(s *Session) { s.Provider = "" }),
		"device with a provider":      change("device", func(s *Session) { s.Provider, s.Subject, s.Audience = "a", "b", "c" }),
		"device of another account":   change("device", func(s *Session) { s.CertificateAccount = "111111111111" }),
		"an account and no device":    change("role", func(s *Session) { s.CertificateAccount = "111111111111" }),
		"federated that is a chained": change("federated", func(s *Session) { s.ChainedRole = true }),
	}
	for name, s := range tests {
		if c, err := k.Mint(s); err == nil || errors.Is(err, ErrTooLarge) || c != (Credentials{}) {
			t.Errorf("%s: Mint = %+v, %v, want an error that is not ErrTooLarge", name, c, err)
		}
	}
}

func TestOpenRefusesEveryChangedBit(t *testing.T) {
	k, _ := newTestKeyring(t, 0)
	for _, s := range []Session{deviceSession(), {Kind: Role, Account: testAccount, Expires: start.Add(time.Hour),
		RoleName: "r", RoleID: "i", SessionName: "s", Policy: strings.Repeat("deflated ", 200)}} {
		c := mint(t, k, s)
		raw, err := base64.StdEncoding.DecodeString(c.SessionToken)
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			for bit := range 8 {
				raw[i] ^= 1 << bit
				refused(t, k, c.AccessKeyID, base64.StdEncoding.EncodeToString(raw))
				raw[i] ^= 1 << bit
			}
		}
		for n := range raw {
			refused(t, k, c.AccessKeyID, base64.StdEncoding.EncodeToString(raw[:n]))
		}
		refused(t, k, c.AccessKeyID, base64.StdEncoding.EncodeToString(append(raw, 0)))
	}
}

func refused(t *testing.T, k *Keyring, accessKeyID, token string) {
	t.Helper()
	if s, secret, err := k.Open(accessKeyID, token); !errors.Is(err, ErrInvalidToken) || s != nil || secret != "" {
		t.Fatalf("Open(%q, %q) = %+v, %q, %v, want ErrInvalidToken alone", accessKeyID, token, s, secret, err)
	}
}

func TestOpenRefusesOtherSpellingsAndOtherKeyIDs(t *testing.T) {
	for _, cacheEntries := range []int{-1, 16} {
		k, _ := newTestKeyring(t, cacheEntries)
		other, _ := newTestKeyring(t, cacheEntries)
		s := deviceSession()
		for len(mint(t, k, s).SessionToken)%4 != 0 || !strings.HasSuffix(mint(t, k, s).SessionToken, "=") {
			s.ThingName += "x"
		}
		c, c2 := mint(t, k, s), mint(t, k, s)
		if _, _, err := k.Open(c.AccessKeyID, c.SessionToken); err != nil {
			t.Fatal(err)
		}
		token := c.SessionToken
		for name, attempt := range map[string][2]string{
			"another session's key id": {c2.AccessKeyID, token},
			"key id in lower case":     {strings.ToLower(c.AccessKeyID), token},
			"no key id":                {"", token},
			"longer key id":            {c.AccessKeyID + "A", token},
			"no token":                 {c.AccessKeyID, ""},
			"line end after":           {c.AccessKeyID, token + "\n"},
			"line end within":          {c.AccessKeyID, token[:8] + "\r\n" + token[8:]},
			"no padding":               {c.AccessKeyID, strings.TrimRight(token, "=")},
			"other unused bits":        {c.AccessKeyID, otherUnusedBits(token)},
			"space":                    {c.AccessKeyID, " " + token},
			"too long":                 {c.AccessKeyID, strings.Repeat("A", maxToken+4)},
			"not base64":               {c.AccessKeyID, strings.Repeat("-", 400)},
		} {
			if _, _, err := k.Open(attempt[0], attempt[1]); !errors.Is(err, ErrInvalidToken) {
				t.Errorf("cache of %d, %s: error %v, want ErrInvalidToken", cacheEntries, name, err)
			}
		}
		refused(t, other, c.AccessKeyID, token)
	}
}

// otherUnusedBits changes the bits that base64 throws away before the padding.
func otherUnusedBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := len(strings.TrimRight(token, "=")) - 1
	return token[:i] + string(alphabet[strings.IndexByte(alphabet, token[i])^1]) + token[i+1:]
}

func TestOpenRefusesAfterExpiry(t *testing.T) {
	for _, cacheEntries := range []int{-1, 16} {
		k, c := newTestKeyring(t, cacheEntries)
		creds := mint(t, k, deviceSession())
		for _, step := range []struct {
			after time.Duration
			err   error
		}{
			{0, nil},
			{time.Hour - 1, nil},
			{time.Hour, ErrExpired},
			{1000 * time.Hour, ErrExpired},
			{time.Minute, nil}, // the clock was set back
		} {
			c.now = start.Add(step.after)
			s, secret, err := k.Open(creds.AccessKeyID, creds.SessionToken)
			if !errors.Is(err, step.err) {
				t.Errorf("cache of %d, after %v: error %v, want %v", cacheEntries, step.after, err, step.err)
			}
			if s == nil || s.ThingName != "dev-0001" || (secret == "") != (err != nil) {
				t.Errorf("cache of %d, after %v: session %+v, secret %q", cacheEntries, step.after, s, secret)
			}
		}
	}
}

func TestOpenGivesEachCallerItsOwnSession(t *testing.T) {
	k, _ := newTestKeyring(t, 16)
	c := mint(t, k, deviceSession())
	first, _, err := k.Open(c.AccessKeyID, c.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	first.Account, first.ThingName = "000000000000", "stolen"
	second, _, err := k.Open(c.AccessKeyID, c.SessionToken)
	if err != nil || second.ThingName != "dev-0001" || second.Account != testAccount {
		t.Errorf("Open after the first caller wrote to its session: %+v, %v", second, err)
	}
}

func TestOpenBoundsInflation(t *testing.T) {
	k, _ := newTestKeyring(t, 0)
	current := k.keys.Load().current
	var bomb bytes.Buffer
	w, err := flate.NewWriter(&bomb, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := inflate(bomb.Bytes()); !errors.Is(err, errEncoding) {
		t.Errorf("inflate of 4 MiB: error %v, want %v", err, errEncoding)
	}
	// A genuine seal around nonsense is still no session.
	const id = "ASIA7777777777777777"
	for name, payload := range map[string][]byte{"empty": {}, "nonsense": []byte("\x02nonsense")} {
		raw, err := k.sealPayload(current, id, payload)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		refused(t, k, id, base64.StdEncoding.EncodeToString(raw))
	}
}

func TestMintFailsWithoutRandomness(t *testing.T) {
	k, _ := newTestKeyring(t, 0)
	k.rand = strings.NewReader("short")
	if c, err := k.Mint(deviceSession()); err == nil {
		t.Errorf("Mint = %+v, want an error", c)
	}
}

// FuzzOpen uses fixed keys and tokens: its workers are processes of their own,
// and a token of another process's keyring would be refused at the key id.
func FuzzOpen(f *testing.F) {
	k := oldKeyring(f)
	genuine := map[[2]string]bool{}
	for _, old := range oldTokens() {
		genuine[[2]string{old.accessKeyID, old.token}] = true
		f.Add(old.accessKeyID, old.token)
	}
	f.Fuzz(func(t *testing.T, accessKeyID, token string) {
		s, secret, err := k.Open(accessKeyID, token)
		if genuine[[2]string{accessKeyID, token}] {
			if err != nil {
				t.Errorf("a genuine token: %v", err)
			}
			return
		}
		if !errors.Is(err, ErrInvalidToken) || s != nil || secret != "" {
			t.Errorf("Open(%q, %q) = %+v, %q, %v, want ErrInvalidToken", accessKeyID, token, s, secret, err)
		}
	})
}

// FuzzOpenRaw changes the bytes beneath the base64, which reaches the seal.
func FuzzOpenRaw(f *testing.F) {
	k := oldKeyring(f)
	genuine := map[string]string{}
	for _, old := range oldTokens() {
		raw, err := base64.StdEncoding.DecodeString(old.token)
		if err != nil {
			f.Fatal(err)
		}
		genuine[string(raw)] = old.accessKeyID
		f.Add(old.accessKeyID, raw)
	}
	f.Fuzz(func(t *testing.T, accessKeyID string, raw []byte) {
		s, secret, err := k.Open(accessKeyID, base64.StdEncoding.EncodeToString(raw))
		if owner, ok := genuine[string(raw)]; ok && owner == accessKeyID {
			return
		}
		if !errors.Is(err, ErrInvalidToken) || s != nil || secret != "" {
			t.Errorf("Open(%q, %x) = %+v, %q, %v, want ErrInvalidToken", accessKeyID, raw, s, secret, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	k, _ := newTestKeyring(f, 0)
	for _, s := range sessions() {
		if err := k.complete(&s); err != nil {
			f.Fatal(err)
		}
		payload, err := encode(&s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := decode(payload)
		if err != nil {
			return
		}
		again, err := encode(s)
		if err != nil {
			t.Fatalf("encode(%+v): %v", s, err)
		}
		s2, err := decode(again)
		if err != nil || !reflect.DeepEqual(s, s2) {
			t.Errorf("decode(encode(s))\n got %+v, %v\nwant %+v", s2, err, s)
		}
	})
}

func BenchmarkMint(b *testing.B) {
	k, _ := newTestKeyring(b, 0)
	s := deviceSession()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Mint(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, bench := range []struct {
		name         string
		cacheEntries int
	}{{"cold", -1}, {"cached", 16}} {
		b.Run(bench.name, func(b *testing.B) {
			k, _ := newTestKeyring(b, bench.cacheEntries)
			c := mint(b, k, deviceSession())
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := k.Open(c.AccessKeyID, c.SessionToken); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
