package admin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"inro.dev/inro/internal/admin"
	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/sqlite"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
	"inro.dev/inro/internal/sigv4"
)

const (
	account = "999999999999"
	rootKey = "AKIAROOTROOTROOTROOT"
	secret  = "a-secret-of-some-length"
)

// world is the service behind the real pipeline.
type world struct {
	t      *testing.T
	store  metastore.Store
	engine *object.Engine
	server *httptest.Server
}

type fakeEndpoints struct{}

func (fakeEndpoints) Address(_ context.Context, account, _ string) (string, bool, error) {
	return "c." + account, true, nil
}

func newWorld(t *testing.T) *world {
	dir := t.TempDir()
	store, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, "records.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	engine, err := object.Open(object.Config{Dir: "objects", FS: vfs.NewMem(), ReserveBytes: -1, CacheSizeBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	sessions, err := session.CreateKeyring(filepath.Join(dir, "sessions.json"), session.Config{})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := api.NewServer(api.Config{
		Services:  []api.Service{admin.New(admin.Config{Store: store, Account: account, Endpoints: fakeEndpoints{}, Buckets: engine}).API()},
		Authority: identity.NewResolver(identity.Config{Store: store, Sessions: sessions, Policies: identity.NewPolicies(policy.NewCache(100))}),
		Logger:    slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: store, engine: engine, server: httptest.NewServer(handler)}
	t.Cleanup(w.server.Close)
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		return errors.Join(
			metastore.RegisterAccount(ctx, tx, account, &metastore.Account{EndpointPrefix: "own", Created: time.Now()}),
			metastore.AccessKeys.Put(ctx, tx, metastore.GlobalAccount, rootKey, &metastore.AccessKey{Account: account, Secret: secret, Active: true}))
	})
	return w
}

func (w *world) update(f func(context.Context, metastore.Writer) error) {
	w.t.Helper()
	if err := w.store.Update(w.t.Context(), func(tx metastore.Writer) error { return f(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) as(keyID, secret string) *admin.Client {
	return &admin.Client{URL: w.server.URL, Region: "us-east-1", Credentials: sigv4.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}}
}

func (w *world) root() *admin.Client { return w.as(rootKey, secret) }

// user makes a user with a key and an inline policy.
func (w *world) user(account, name, document string) *admin.Client {
	w.t.Helper()
	key := "AKIA" + strings.ToUpper(strings.Repeat(name, 16))[:16]
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		u := &metastore.User{Name: name, Path: "/", UniqueID: ids.NewUniqueID(ids.User)}
		if document != "" {
			u.Inline = []metastore.InlinePolicy{{Name: "p", Document: document}}
		}
		return errors.Join(metastore.Users.Put(ctx, tx, account, name, u),
			metastore.AccessKeys.Put(ctx, tx, metastore.GlobalAccount, key, &metastore.AccessKey{Account: account, UserName: name, Secret: secret, Active: true}))
	})
	return w.as(key, secret)
}

// refused checks that an error has the given code.
func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), code+": ") {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestOnlyTheInstallationsAccountMakesAccounts(t *testing.T) {
	w := newWorld(t)
	made, err := w.root().CreateAccount(t.Context(), &admin.CreateAccountInput{AccountID: "111111111111"})
	if err != nil {
		t.Fatal(err)
	}
	everything := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	one := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"inro:CreateAccount","Resource":"arn:aws:inro::999999999999:account/222222222222"}]}`
	for i, c := range []struct {
		name    string
		client  *admin.Client
		account string
		code    string // "": allowed
	}{
		{"another account's root", w.as(made.AccessKeyID, made.SecretAccessKey), "333333333331", "AccessDeniedException"},
		{"another account's administrator", w.user("111111111111", "b", everything), "333333333332", "AccessDeniedException"},
		{"a user without policy", w.user(account, "n", ""), "333333333333", "AccessDeniedException"},
		{"a user for one number, another number", w.user(account, "o", one), "333333333334", "AccessDeniedException"},
		{"a user for one number, any number", w.user(account, "o", one), "", "AccessDeniedException"},
		{"a user for one number", w.user(account, "o", one), "222222222222", ""},
		{"an administrator", w.user(account, "a", everything), "444444444444", ""},
		{"unknown key", w.as("AKIANOBODYNOBODYNOBO", secret), "333333333335", "UnrecognizedClientException"},
		{"wrong secret", w.as(rootKey, secret+"x"), "333333333336", "InvalidSignatureException"},
	} {
		_, err := c.client.CreateAccount(t.Context(), &admin.CreateAccountInput{AccountID: c.account})
		if c.code != "" {
			refused(t, c.name, err, c.code)
		} else if err != nil {
			t.Errorf("%d: %s: %v", i, c.name, err)
		}
		if c.code == "" {
			continue
		}
		if _, err := c.client.ListAccounts(t.Context()); err == nil {
			t.Errorf("%s may list accounts", c.name)
		}
		if _, err := c.client.UpdateAccount(t.Context(), "111111111111", "x"); err == nil {
			t.Errorf("%s may rename accounts", c.name)
		}
	}
	accounts, err := w.root().ListAccounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, a := range accounts {
		numbers = append(numbers, a.AccountID)
	}
	if got, want := fmt.Sprint(numbers), "[111111111111 222222222222 444444444444 999999999999]"; got != want {
		t.Errorf("accounts %s, want %s", got, want)
	}
}

func TestAnAccountIsMadeWhole(t *testing.T) {
	w := newWorld(t)
	out, err := w.root().CreateAccount(t.Context(), &admin.CreateAccountInput{Name: "Second one"})
	if err != nil {
		t.Fatal(err)
	}
	number := out.Account.AccountID
	if out.Account.Name != "Second one" || len(number) != 12 || out.Account.CanonicalUserID != ids.CanonicalUser(number) || out.Account.CredentialsEndpoint != "c."+number {
		t.Errorf("account %+v", out.Account)
	}
	if owner, ok := ids.AccountOfKeyID(out.AccessKeyID); !ok || owner != number {
		t.Errorf("the key %s tells account %q, want %s", out.AccessKeyID, owner, number)
	}
	hot := w.store.Hot()
	if name, err := metastore.AccountName(t.Context(), hot, number); err != nil || name != "Second one" {
		t.Errorf("AccountName = %q, %v", name, err)
	}
	if got, err := metastore.AccountOfCanonicalUser(t.Context(), hot, ids.CanonicalUser(number)); err != nil || got != number {
		t.Errorf("AccountOfCanonicalUser = %q, %v", got, err)
	}
	if _, err := w.root().UpdateAccount(t.Context(), number, "Renamed"); err != nil {
		t.Fatal(err)
	}
	if name, err := metastore.AccountName(t.Context(), hot, number); err != nil || name != "Renamed" {
		t.Errorf("AccountName = %q, %v after renaming", name, err)
	}
	given := &admin.CreateAccountInput{AccountID: "123456789012", AccessKeyID: "my_own_key_id_1234", SecretAccessKey: "my own secret 1234"}
	out, err = w.root().CreateAccount(t.Context(), given)
	if err != nil || out.AccessKeyID != given.AccessKeyID || out.SecretAccessKey != given.SecretAccessKey {
		t.Fatalf("with a given key: %+v, %v", out, err)
	}
}

func TestWhatCannotBeAnAccountIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		in   admin.CreateAccountInput
		code string
	}{
		{admin.CreateAccountInput{AccountID: account}, "ResourceAlreadyExistsException"},
		{admin.CreateAccountInput{AccountID: "12345678901"}, "InvalidRequestException"},
		{admin.CreateAccountInput{AccountID: "１23456789012"}, "InvalidRequestException"},
		{admin.CreateAccountInput{Name: strings.Repeat("n", 51)}, "InvalidRequestException"},
		{admin.CreateAccountInput{Name: "two\nlines"}, "InvalidRequestException"},
		{admin.CreateAccountInput{AccessKeyID: "AKIAONLYTHEIDISGIVEN"}, "InvalidRequestException"},
		{admin.CreateAccountInput{SecretAccessKey: "only the secret is given"}, "InvalidRequestException"},
		{admin.CreateAccountInput{AccessKeyID: "AKIAONLYTHEIDISGIVEN", SecretAccessKey: "short"}, "InvalidRequestException"},
		{admin.CreateAccountInput{AccessKeyID: rootKey, SecretAccessKey: "a key of somebody else"}, "ResourceAlreadyExistsException"},
	} {
		_, err := w.root().CreateAccount(t.Context(), &c.in)
		refused(t, fmt.Sprintf("%+v", c.in), err, c.code)
	}
	if accounts, err := w.root().ListAccounts(t.Context()); err != nil || len(accounts) != 1 {
		t.Errorf("%d accounts after refusals, %v; want 1", len(accounts), err)
	}
	_, err := w.root().UpdateAccount(t.Context(), "111111111111", "x")
	refused(t, "no account", err, "ResourceNotFoundException")
}

func TestAccountsArePaged(t *testing.T) {
	w := newWorld(t)
	w.update(func(ctx context.Context, tx metastore.Writer) error {
		for i := range 250 {
			number := fmt.Sprintf("1%011d", i)
			if err := metastore.RegisterAccount(ctx, tx, number, &metastore.Account{EndpointPrefix: number}); err != nil {
				return err
			}
		}
		return nil
	})
	accounts, err := w.root().ListAccounts(t.Context())
	if err != nil || len(accounts) != 251 || accounts[250].AccountID != account || accounts[249].AccountID != "100000000249" {
		t.Errorf("%d accounts, %v; want 251 in order", len(accounts), err)
	}
}

func TestAnEndpointPrefixHasOneAccount(t *testing.T) {
	w := newWorld(t)
	err := w.store.Update(t.Context(), func(tx metastore.Writer) error {
		return metastore.RegisterAccount(t.Context(), tx, "111111111111", &metastore.Account{EndpointPrefix: "own"})
	})
	if !errors.Is(err, metastore.ErrExists) {
		t.Errorf("a second account with the prefix: %v, want ErrExists", err)
	}
	if owner, err := metastore.AccountOfEndpoint(t.Context(), w.store.Hot(), "own"); err != nil || owner != account {
		t.Errorf("AccountOfEndpoint = %q, %v", owner, err)
	}
}
