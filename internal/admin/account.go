package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
)

// maxAccounts bounds the accounts of an installation.
const maxAccounts = 10_000

// maxAccountsPage bounds one page of ListAccounts.
const maxAccountsPage = 100

func (s *Service) accountOperations() []api.Operation {
	return []api.Operation{
		api.Op("CreateAccount", "POST /accounts", s.needCreateAccount, s.createAccount),
		api.Op("ListAccounts", "GET /accounts", s.needListAccounts, s.listAccounts),
		api.Op("DescribeAccount", "GET /accounts/{accountId}", needAccount[describeAccountInput](s, "DescribeAccount"), s.describeAccount),
		api.Op("UpdateAccount", "PATCH /accounts/{accountId}", needAccount[updateAccountInput](s, "UpdateAccount"), s.updateAccount),
	}
}

// Account is an account as answers show it.
type Account struct {
	AccountID string `json:"accountId"`
	Name      string `json:"name,omitempty"`
	// CanonicalUserID is how S3 names the account.
	CanonicalUserID string `json:"canonicalUserId"`
	// CredentialsEndpoint is the address that its devices get credentials at,
	// as DescribeEndpoint answers it.
	CredentialsEndpoint string        `json:"credentialsEndpoint"`
	CreatedAt           api.Timestamp `json:"createdAt"`
}

// accountTarget is the account that a request names.
type accountTarget struct {
	AccountID string `label:"accountId" required:"" pattern:"[0-9]{12}"`
}

func (t accountTarget) account() string { return t.AccountID }

// needAccount states an action on the account that the input names.
func needAccount[In interface{ account() string }](s *Service, action string) api.Needs[In] {
	return func(_ context.Context, in *In) ([]api.Permission, error) {
		return []api.Permission{s.permission(action, "account/"+(*in).account())}, nil
	}
}

// CreateAccountInput asks for an account.
type CreateAccountInput struct {
	// AccountID is its number. Default: a random one.
	AccountID string `json:"accountId,omitempty" pattern:"[0-9]{12}"`
	// Name is its display name (characters of AWS Organizations, CreateAccount:
	// AccountName).
	Name string `json:"name,omitempty" length:"1,50" pattern:"[ -~]+"`
	// AccessKeyID and SecretAccessKey are the root access key. Default: one is
	// made.
	AccessKeyID     string `json:"accessKeyId,omitempty" length:"16,128" pattern:"\\w+"`
	SecretAccessKey string `json:"secretAccessKey,omitempty" length:"16,128"`
}

// CreateAccountOutput is a new account with its root access key, whose secret
// is told this once.
type CreateAccountOutput struct {
	Account         Account `json:"account"`
	AccessKeyID     string  `json:"accessKeyId"`
	SecretAccessKey string  `json:"secretAccessKey"`
}

// needCreateAccount names the account to be made, or any when the number is
// left to the server.
func (s *Service) needCreateAccount(_ context.Context, in *CreateAccountInput) ([]api.Permission, error) {
	number := in.AccountID
	if number == "" {
		number = "*"
	}
	return []api.Permission{s.permission("CreateAccount", "account/"+number)}, nil
}

func (s *Service) createAccount(ctx context.Context, in *CreateAccountInput) (*CreateAccountOutput, error) {
	if (in.AccessKeyID == "") != (in.SecretAccessKey == "") {
		return nil, invalidRequest("The members accessKeyId and secretAccessKey must be given together.")
	}
	number := in.AccountID
	record := &metastore.Account{Name: in.Name, EndpointPrefix: ids.NewEndpointPrefix(), Created: s.now()}
	key := &metastore.AccessKey{Secret: in.SecretAccessKey, Active: true, Created: s.now()}
	keyID := in.AccessKeyID
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		if err := checkRoom(ctx, w); err != nil {
			return err
		}
		var err error
		if number, err = freeNumber(ctx, w, in.AccountID); err != nil {
			return err
		}
		if keyID == "" {
			key.Secret = ids.NewSecretAccessKey()
			if keyID, err = ids.NewAccessKeyID(ids.AccessKey, number); err != nil {
				return err
			}
		}
		key.Account = number
		err = metastore.AccessKeys.Insert(ctx, w, metastore.GlobalAccount, keyID, key)
		if errors.Is(err, metastore.ErrExists) {
			return alreadyExists("The access key ID %s is in use.", keyID)
		}
		if err != nil {
			return err
		}
		return metastore.RegisterAccount(ctx, w, number, record)
	})
	if err != nil {
		return nil, err
	}
	shown, err := s.shown(ctx, number, record)
	if err != nil {
		return nil, err
	}
	return &CreateAccountOutput{Account: shown, AccessKeyID: keyID, SecretAccessKey: key.Secret}, nil
}

func checkRoom(ctx context.Context, w metastore.Writer) error {
	n, err := metastore.AccountRefs.Count(ctx, w, metastore.GlobalAccount, metastore.Query{Prefix: metastore.NumberRef("")})
	if err == nil && n >= maxAccounts {
		err = limitExceeded("An installation has at most %d accounts.", maxAccounts)
	}
	return err
}

// freeNumber returns the number that is asked for, or a random one, which is no
// account's yet.
func freeNumber(ctx context.Context, w metastore.Writer, asked string) (string, error) {
	for {
		number := asked
		if number == "" {
			n, err := rand.Int(rand.Reader, big.NewInt(9e11))
			if err != nil {
				return "", err
			}
			number = fmt.Sprint(n.Int64() + 1e11) // twelve digits, the first of which is not 0
		}
		taken, err := metastore.AccountExists(ctx, w, number)
		switch {
		case err != nil:
			return "", err
		case !taken:
			return number, nil
		case asked != "":
			return "", alreadyExists("The account %s exists already.", number)
		}
	}
}

// shown returns an account as answers show it.
func (s *Service) shown(ctx context.Context, number string, v *metastore.Account) (Account, error) {
	endpoint, _, err := s.cfg.Endpoints.Address(ctx, number, "iot:CredentialProvider")
	return Account{
		AccountID: number, Name: v.Name, CanonicalUserID: ids.CanonicalUser(number),
		CredentialsEndpoint: endpoint, CreatedAt: api.Timestamp{Time: v.Created},
	}, err
}

// ListAccountsInput asks for a page of accounts.
type ListAccountsInput struct {
	NextToken  string `query:"nextToken" pattern:"[0-9]{12}"`
	MaxResults int    `query:"maxResults"`
}

// ListAccountsOutput is a page of accounts, by number.
type ListAccountsOutput struct {
	Accounts []Account `json:"accounts"`
	// NextToken asks for the next page; it is empty on the last.
	NextToken string `json:"nextToken,omitempty"`
}

func (s *Service) needListAccounts(context.Context, *ListAccountsInput) ([]api.Permission, error) {
	return []api.Permission{s.permission("ListAccounts", "account/*")}, nil
}

func (s *Service) listAccounts(ctx context.Context, in *ListAccountsInput) (*ListAccountsOutput, error) {
	limit := in.MaxResults
	if limit == 0 {
		limit = maxAccountsPage
	}
	if limit < 0 || limit > maxAccountsPage {
		return nil, invalidRequest("The member maxResults must be between 1 and %d.", maxAccountsPage)
	}
	out := &ListAccountsOutput{Accounts: []Account{}}
	var numbers []string
	var records []*metastore.Account
	err := s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		var err error
		if numbers, err = metastore.AccountNumbers(ctx, r, in.NextToken, limit+1); err != nil {
			return err
		}
		if len(numbers) > limit {
			numbers = numbers[:limit]
			out.NextToken = numbers[limit-1]
		}
		for _, number := range numbers {
			record, err := metastore.Accounts.Get(ctx, r, number, number)
			if err != nil {
				return fmt.Errorf("account %s: %w", number, err)
			}
			records = append(records, record)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, number := range numbers {
		account, err := s.shown(ctx, number, records[i])
		if err != nil {
			return nil, err
		}
		out.Accounts = append(out.Accounts, account)
	}
	return out, nil
}

type describeAccountInput struct{ accountTarget }

// DescribeAccountOutput is one account.
type DescribeAccountOutput struct {
	Account Account `json:"account"`
}

func (s *Service) describeAccount(ctx context.Context, in *describeAccountInput) (*DescribeAccountOutput, error) {
	record, err := metastore.Accounts.Get(ctx, s.cfg.Store.Hot(), in.AccountID, in.AccountID)
	if errors.Is(err, metastore.ErrNotFound) {
		return nil, noSuchAccount(in.AccountID)
	}
	if err != nil {
		return nil, err
	}
	account, err := s.shown(ctx, in.AccountID, record)
	return &DescribeAccountOutput{account}, err
}

type updateAccountInput struct {
	accountTarget
	Name *string `json:"name" required:"" length:"0,50" pattern:"[ -~]*"`
}

func (s *Service) updateAccount(ctx context.Context, in *updateAccountInput) (*DescribeAccountOutput, error) {
	var after *metastore.Account
	err := s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		err := metastore.Accounts.Modify(ctx, w, in.AccountID, in.AccountID, func(v *metastore.Account) error {
			v.Name = *in.Name
			after = v
			return nil
		})
		if errors.Is(err, metastore.ErrNotFound) {
			return noSuchAccount(in.AccountID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	account, err := s.shown(ctx, in.AccountID, after)
	return &DescribeAccountOutput{account}, err
}

func noSuchAccount(number string) error {
	return notFound("There is no account %s in this installation.", number)
}
