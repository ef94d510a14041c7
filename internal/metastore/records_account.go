package metastore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"inro.dev/inro/internal/ids"
)

// The records of accounts. An account is there when [RegisterAccount] wrote it.
var (
	Accounts = NewTable[Account]("account")
	// AccountRefs find accounts by what names them: NumberRef, CanonicalRef
	// and EndpointRef, in GlobalAccount.
	AccountRefs = NewTable[AccountRef]("account-ref")
	// Installations holds one record, InstallationID in GlobalAccount.
	Installations = NewTable[Installation]("installation")
)

// Account is what an account has beside its entities. Its ID in Accounts is
// the account's number, in the account of that number.
type Account struct {
	// Name is shown beside the account, for example as the owner of objects;
	// it may be "".
	Name string `json:",omitempty"`
	// Alias is the account alias, or "".
	Alias string `json:",omitempty"`
	// EndpointPrefix begins the account's IoT endpoint names: 13 lower-case
	// base-36 characters, made once (spec A.9).
	EndpointPrefix string    `json:",omitempty"`
	Created        time.Time `json:",omitzero"`
}

// AccountRef is whose a reference is.
type AccountRef struct{ Account string }

// InstallationID is the ID of the record in Installations.
const InstallationID = "installation"

// Installation is what every start of a server must agree on, because records
// and the names that devices keep hold it.
type Installation struct{ Account, Region string }

// NumberRef is the reference of an account by its number. Listed by this
// prefix alone, AccountRefs are the accounts in the order of their numbers.
func NumberRef(account string) string { return "number/" + account }

// CanonicalRef is the reference of an account by its canonical user ID.
func CanonicalRef(canonicalUser string) string { return "canonical/" + canonicalUser }

// EndpointRef is the reference of an account by its endpoint prefix.
func EndpointRef(prefix string) string { return "endpoint/" + prefix }

// RegisterAccount writes an account with all references to it. An account that
// is there is replaced; its endpoint prefix must not change. The endpoint
// prefix must not be another account's.
func RegisterAccount(ctx context.Context, w Writer, account string, v *Account) error {
	for _, ref := range []string{NumberRef(account), CanonicalRef(ids.CanonicalUser(account)), EndpointRef(v.EndpointPrefix)} {
		switch owner, err := accountOf(ctx, w, ref); {
		case err != nil:
			return err
		case owner == account:
			continue
		case owner != "":
			return fmt.Errorf("%w: %s is of account %s", ErrExists, ref, owner)
		}
		if err := AccountRefs.Put(ctx, w, GlobalAccount, ref, &AccountRef{account}); err != nil {
			return err
		}
	}
	return Accounts.Put(ctx, w, account, account, v)
}

// AccountName returns the display name of an account, "" if it has none or
// there is no such account.
func AccountName(ctx context.Context, r Reader, account string) (string, error) {
	v, err := Accounts.Get(ctx, r, account, account)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("account %s: %w", account, err)
	}
	return v.Name, nil
}

// AccountExists says whether the installation has an account of this number.
func AccountExists(ctx context.Context, r Reader, account string) (bool, error) {
	owner, err := accountOf(ctx, r, NumberRef(account))
	return owner != "", err
}

// AccountOfCanonicalUser returns the account with a canonical user ID, "" if
// the installation has none.
func AccountOfCanonicalUser(ctx context.Context, r Reader, canonicalUser string) (string, error) {
	return accountOf(ctx, r, CanonicalRef(canonicalUser))
}

// AccountOfEndpoint returns the account with an endpoint prefix, "" if the
// installation has none.
func AccountOfEndpoint(ctx context.Context, r Reader, prefix string) (string, error) {
	return accountOf(ctx, r, EndpointRef(prefix))
}

func accountOf(ctx context.Context, r Reader, ref string) (string, error) {
	v, err := AccountRefs.Get(ctx, r, GlobalAccount, ref)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) {
		return "", nil // a name that the store refuses is nobody's
	}
	if err != nil {
		return "", fmt.Errorf("account of %s: %w", ref, err)
	}
	return v.Account, nil
}

// AccountNumbers returns up to limit numbers of accounts, in ascending order,
// that are greater than after.
func AccountNumbers(ctx context.Context, r Reader, after string, limit int) ([]string, error) {
	q := Query{Prefix: NumberRef(""), Limit: limit}
	if after != "" {
		q.After = NumberRef(after)
	}
	items, err := AccountRefs.List(ctx, r, GlobalAccount, q)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	numbers := make([]string, len(items))
	for i, item := range items {
		numbers[i] = strings.TrimPrefix(item.ID, NumberRef(""))
	}
	return numbers, nil
}
