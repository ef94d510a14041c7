package iam_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"inro.dev/inro/internal/iam"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/memory"
	"inro.dev/inro/internal/policy"
)

const (
	ownAccount   = "111111111111"
	otherAccount = "222222222222"
	noAccount    = "333333333333"
)

func bucketPolicy(principal string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{` + principal + `},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}`
}

func withTwoAccounts(t *testing.T) metastore.Store {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { store.Close() })
	ctx := t.Context()
	err := store.Update(ctx, func(w metastore.Writer) error {
		for i, account := range []string{ownAccount, otherAccount} {
			err := errors.Join(
				metastore.RegisterAccount(ctx, w, account, &metastore.Account{EndpointPrefix: fmt.Sprint("prefix", i)}),
				metastore.Users.Put(ctx, w, account, "ann", &metastore.User{Name: "Ann", Path: "/", UniqueID: fmt.Sprintf("AIDAANNANNANNANNANN%02d", i)}),
				metastore.Roles.Put(ctx, w, account, "app", &metastore.Role{Name: "app", Path: "/x/", UniqueID: fmt.Sprintf("AROAAPPAPPAPPAPPAPP%02d", i)}),
			)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestPrincipalsOfResourcePolicies(t *testing.T) {
	store, ctx := withTwoAccounts(t), t.Context()
	for principal, want := range map[string]string{
		`"AWS":"*"`:                                                               `"AWS":"*"`,
		`"AWS":"` + ownAccount + `"`:                                              `"AWS":"arn:aws:iam::` + ownAccount + `:root"`,
		`"AWS":"` + otherAccount + `"`:                                            `"AWS":"arn:aws:iam::` + otherAccount + `:root"`,
		`"AWS":"` + noAccount + `"`:                                               "",
		`"AWS":"arn:aws:iam::` + noAccount + `:root"`:                             "",
		`"AWS":"arn:aws:iam::` + noAccount + `:user/Ann"`:                         "",
		`"AWS":"arn:aws:iam::` + ownAccount + `:user/Ann"`:                        `"AWS":"AIDAANNANNANNANNANN00"`,
		`"AWS":"arn:aws:iam::` + otherAccount + `:user/Ann"`:                      `"AWS":"AIDAANNANNANNANNANN01"`,
		`"AWS":"arn:aws:iam::` + otherAccount + `:role/x/app"`:                    `"AWS":"AROAAPPAPPAPPAPPAPP01"`,
		`"AWS":"arn:aws:iam::` + otherAccount + `:role/app"`:                      "",
		`"AWS":"arn:aws:iam::` + ownAccount + `:user/ann"`:                        "",
		`"AWS":"arn:aws:iam::` + ownAccount + `:user/Bob"`:                        "",
		`"AWS":"arn:aws:sts::` + otherAccount + `:assumed-role/app/s"`:            `"AWS":"arn:aws:sts::` + otherAccount + `:assumed-role/app/s"`,
		`"AWS":"arn:aws:sts::` + otherAccount + `:assumed-role/gone/s"`:           "",
		`"AWS":"AIDAANNANNANNANNANN00"`:                                           `"AWS":"AIDAANNANNANNANNANN00"`,
		`"AWS":"AIDAANNANNANNANNANN01"`:                                           "", // whose it is must be said by ARN
		`"AWS":"AIDAGONEGONEGONEGONE0"`:                                           "",
		`"CanonicalUser":"` + ids.CanonicalUser(otherAccount) + `"`:               `"CanonicalUser":"` + ids.CanonicalUser(otherAccount) + `"`,
		`"CanonicalUser":"` + ids.CanonicalUser(noAccount) + `"`:                  "",
		`"Service":"logging.s3.amazonaws.com"`:                                    `"Service":"logging.s3.amazonaws.com"`,
		`"AWS":["` + ownAccount + `","arn:aws:iam::` + ownAccount + `:user/Bob"]`: "",
	} {
		text := bucketPolicy(principal)
		err := store.Update(ctx, func(w metastore.Writer) error {
			stored, owners, err := iam.ResourcePrincipals{}.Stored(ctx, w, ownAccount, text, nil)
			refused, isPolicy := errors.AsType[*policy.Error](err)
			switch {
			case want == "" && (!isPolicy || refused.Problem != policy.ProblemPrincipal):
				t.Errorf("%s: stored as %s, %v, want a refusal", principal, stored, err)
			case want != "" && (err != nil || stored != bucketPolicy(want)):
				t.Errorf("%s: stored as %s, %v, want %s", principal, stored, err, want)
			case want == "":
			default:
				shown, err := iam.ResourcePrincipals{}.Shown(ctx, w, stored, owners)
				if again := bucketPolicy(strings.ReplaceAll(principal, `"AWS":"`+ownAccount+`"`, `"AWS":"arn:aws:iam::`+ownAccount+`:root"`)); err != nil ||
					!strings.Contains(principal, "AIDA") && !strings.Contains(principal, `"`+otherAccount+`"`) && shown != again {
					t.Errorf("%s: shown as %s, %v", principal, shown, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnEntityMadeAgainInheritsNoResourcePolicy(t *testing.T) {
	store, ctx := withTwoAccounts(t), t.Context()
	arn := "arn:aws:iam::" + otherAccount + ":user/Ann"
	var stored string
	var owners map[string]string
	update := func(f func(w metastore.Writer) error) {
		t.Helper()
		if err := store.Update(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	update(func(w metastore.Writer) (err error) {
		stored, owners, err = iam.ResourcePrincipals{}.Stored(ctx, w, ownAccount, bucketPolicy(`"AWS":"`+arn+`"`), nil)
		return err
	})
	shown := func() string {
		t.Helper()
		text, err := iam.ResourcePrincipals{}.Shown(context.Background(), store.Hot(), stored, owners)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if got := shown(); got != bucketPolicy(`"AWS":"`+arn+`"`) {
		t.Errorf("shown as %s", got)
	}
	update(func(w metastore.Writer) error {
		return metastore.Users.Put(ctx, w, otherAccount, "ann", &metastore.User{Name: "Ann", Path: "/", UniqueID: "AIDANEWNEWNEWNEWNEWN1"})
	})
	if got := shown(); got != stored || strings.Contains(got, arn) {
		t.Errorf("made again, shown as %s", got)
	}
	update(func(w metastore.Writer) error { // what was shown can be put again
		again, kept, err := iam.ResourcePrincipals{}.Stored(ctx, w, ownAccount, stored, owners)
		if again != stored || len(kept) != 1 {
			t.Errorf("put again: %s with %v", again, kept)
		}
		return err
	})
}
