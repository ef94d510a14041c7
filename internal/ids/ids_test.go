package ids

import (
	"regexp"
	"testing"
)

func TestAccountOfKeyIDReadsPublishedIDs(t *testing.T) {
	// The first three are in public write-ups and in the tests of aws-sdk-go-v2.
	tests := []struct {
		id, account string
		ok          bool
	}{
		{"ASIAQNZGKIQY56JQ7WML", "029608264753", true},
		{"ASIAY34FZKBOKMUTVV7A", "609629065308", true},
		{"ASIAR2TG44V5PDTTBZRR", "125843596666", true},
		{"AKIAIOSFODNN7EXAMPLE", "", false}, // old form: no account
		{"AROAQNZGKIQY56JQ7WML", "", false}, // not an access key
		{"ASIAQNZGKIQY56JQ7WM", "", false},
		{"ASIAQNZGKIQY56JQ7WMLA", "", false},
		{"ASIAQNZGKIQY56JQ7WM1", "", false},
		{"ASIAQNZGKIQY56JQ7WM\n", "", false},
		{"asiaqnzgkiqy56jq7wml", "", false},
		{"ASIA7777777777777777", "", false}, // 1,099,511,627,775 is no account
		{"", "", false},
	}
	for _, test := range tests {
		account, ok := AccountOfKeyID(test.id)
		if account != test.account || ok != test.ok {
			t.Errorf("AccountOfKeyID(%q) = %q, %v, want %q, %v", test.id, account, ok, test.account, test.ok)
		}
	}
}

func TestNewAccessKeyIDEncodesTheAccount(t *testing.T) {
	shape := regexp.MustCompile(`^(AKIA|ASIA)[A-Z2-7]{16}$`)
	for _, prefix := range []Prefix{AccessKey, TemporaryAccessKey} {
		for _, account := range []string{"000000000000", "000000000001", "123456789012", "999999999999"} {
			first, err := NewAccessKeyID(prefix, account)
			if err != nil {
				t.Fatalf("NewAccessKeyID(%s, %s): %v", prefix, account, err)
			}
			second, err := NewAccessKeyID(prefix, account)
			if err != nil {
				t.Fatalf("NewAccessKeyID(%s, %s): %v", prefix, account, err)
			}
			if first == second {
				t.Errorf("NewAccessKeyID(%s, %s) gave %s twice", prefix, account, first)
			}
			if !shape.MatchString(first) || Prefix(first[:4]) != prefix {
				t.Errorf("NewAccessKeyID(%s, %s) = %q, not of the form %v", prefix, account, first, shape)
			}
			if got, ok := AccountOfKeyID(first); got != account || !ok {
				t.Errorf("AccountOfKeyID(%q) = %q, %v, want %q", first, got, ok, account)
			}
		}
	}
}

func TestNewAccessKeyIDRefusesWhatIsNoAccount(t *testing.T) {
	for _, account := range []string{"", "1", "99999999999", "9999999999999", "12345678901a", "-12345678901", "１２３４"} {
		if id, err := NewAccessKeyID(AccessKey, account); err == nil {
			t.Errorf("NewAccessKeyID(%q) = %q, want an error", account, id)
		}
	}
}

func TestNewUniqueIDHasTheShapeOfD1(t *testing.T) {
	shape := regexp.MustCompile(`^[A-Z]{4}[A-Z2-7]{17}$`)
	seen := map[string]bool{}
	for _, prefix := range []Prefix{User, Role, Group, ManagedPolicy, PolicyVersion, InstanceProfile} {
		for range 100 {
			id := NewUniqueID(prefix)
			if !shape.MatchString(id) || Prefix(id[:4]) != prefix || seen[id] {
				t.Fatalf("NewUniqueID(%s) = %q: want %v, unique", prefix, id, shape)
			}
			seen[id] = true
		}
	}
}

func TestNewSecretAccessKeyIs40CharactersOfBase64(t *testing.T) {
	shape := regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`)
	a, b := NewSecretAccessKey(), NewSecretAccessKey()
	if !shape.MatchString(a) || a == b {
		t.Errorf("NewSecretAccessKey() = %q then %q: want two of %v", a, b, shape)
	}
}

func FuzzAccountOfKeyID(f *testing.F) {
	f.Add("ASIAQNZGKIQY56JQ7WML")
	f.Add("AKIAIOSFODNN7EXAMPLE")
	f.Fuzz(func(t *testing.T, id string) {
		account, ok := AccountOfKeyID(id)
		if ok != (account != "") || ok && len(account) != accountDigits {
			t.Errorf("AccountOfKeyID(%q) = %q, %v", id, account, ok)
		}
	})
}
