package managedpolicy

import (
	"slices"
	"strings"
	"testing"

	"inro.dev/inro/internal/policy"
)

func TestEveryPolicyIsComplete(t *testing.T) {
	ids := map[string]string{}
	for _, p := range All() {
		if want := Prefix + strings.TrimPrefix(p.Path, "/") + p.Name; p.ARN != want {
			t.Errorf("%s: got ARN %q, want %q", p.Name, p.ARN, want)
		}
		if len(p.ID) != 21 || !strings.HasPrefix(p.ID, "ANPA") {
			t.Errorf("%s: ID %q is not 21 characters with the prefix ANPA", p.Name, p.ID)
		}
		if other, twice := ids[p.ID]; twice {
			t.Errorf("%s has the ID of %s", p.Name, other)
		}
		ids[p.ID] = p.Name
		if _, err := policy.Parse([]byte(p.Document), policy.Identity); err != nil {
			t.Errorf("%s: %v\n%s", p.Name, err, p.Document)
		}
		if p.Updated.Before(p.Created) || p.Description == "" || p.DefaultVersion == "" {
			t.Errorf("%s: incomplete: %+v", p.Name, p)
		}
	}
}

func TestLookupFindsExactlyTheTable(t *testing.T) {
	all := All()
	if !slices.IsSortedFunc(all, func(a, b Policy) int { return strings.Compare(a.ARN, b.ARN) }) {
		t.Error("the table is not in order of ARN")
	}
	for _, p := range all {
		if got, ok := Lookup(p.ARN); !ok || got != p {
			t.Errorf("Lookup(%q): got %v, %t", p.ARN, got.Name, ok)
		}
	}
	for _, arn := range []string{
		"", Prefix, Prefix + "Nothing", Prefix + "administratoraccess", Prefix + "job-function/AdministratorAccess",
		"arn:aws:iam::999999999999:policy/AdministratorAccess", "arn:aws-cn:iam::aws:policy/AdministratorAccess",
	} {
		if p, ok := Lookup(arn); ok {
			t.Errorf("Lookup(%q): got %s, want nothing", arn, p.Name)
		}
	}
}

func TestAllGivesAwayNoPartOfTheTable(t *testing.T) {
	All()[0] = Policy{}
	if All()[0].ARN == "" {
		t.Error("writing to the slice of All changed the table")
	}
}
