package iam

import (
	"context"
	"errors"
	"net/http"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
)

// The states of an access key. The model has Expired too, which nobody can
// set.
const (
	keyActive   = "Active"
	keyInactive = "Inactive"
)

// accessKeysOf returns the access keys of a user, or of root when userName is
// empty. Each item's ID is the access key ID.
func accessKeysOf(ctx context.Context, r metastore.Reader, account, userName string) ([]metastore.Item[metastore.AccessKey], error) {
	return metastore.AccessKeys.List(ctx, r, metastore.GlobalAccount, metastore.Query{
		Index: "owner", Value: metastore.AccessKeyOwner(account, userName)})
}

func keyStatus(k *metastore.AccessKey) string {
	if k.Active {
		return keyActive
	}
	return keyInactive
}

// keyOwner resolves the user that an input means within a transaction. The
// result is "" for root, else the user's name as it was written.
func keyOwner(ctx context.Context, r metastore.Reader, account string, m maybeUser) (string, error) {
	name, err := m.userName(ctx)
	if err != nil || name == "" {
		return "", err
	}
	u, err := findUser(ctx, r, account, name)
	if err != nil {
		return "", err
	}
	return u.Name, nil
}

type createAccessKeyInput struct{ maybeUser }

type createAccessKeyOutput struct {
	AccessKey struct {
		UserName, AccessKeyId, Status, SecretAccessKey string
		CreateDate                                     time.Time
	}
}

func (s *Service) createAccessKey(ctx context.Context, in *createAccessKeyInput) (*createAccessKeyOutput, error) {
	account := account(ctx)
	key := &metastore.AccessKey{Account: account, Secret: ids.NewSecretAccessKey(), Active: true, Created: s.now()}
	var id string
	err := s.store.Update(ctx, func(w metastore.Writer) (err error) {
		if key.UserName, err = keyOwner(ctx, w, account, in.maybeUser); err != nil {
			return err
		}
		existing, err := accessKeysOf(ctx, w, account, key.UserName)
		if err != nil {
			return err
		}
		if len(existing) >= maxAccessKeys {
			return quotaExceeded("AccessKeysPerUser", maxAccessKeys)
		}
		id, err = insertAccessKey(ctx, w, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := new(createAccessKeyOutput)
	out.AccessKey.UserName, out.AccessKey.AccessKeyId, out.AccessKey.Status = key.UserName, id, keyActive
	out.AccessKey.SecretAccessKey, out.AccessKey.CreateDate = key.Secret, key.Created
	return out, nil
}

// insertAccessKey stores a key under a new ID. Only 39 bits of one are random
// (package ids), so an ID that is taken is possible, and another is tried.
func insertAccessKey(ctx context.Context, w metastore.Writer, key *metastore.AccessKey) (string, error) {
	for {
		id, err := ids.NewAccessKeyID(ids.AccessKey, key.Account)
		if err != nil {
			return "", err
		}
		err = metastore.AccessKeys.Insert(ctx, w, metastore.GlobalAccount, id, key)
		if !errors.Is(err, metastore.ErrExists) {
			return id, err
		}
	}
}

// keyInput names one access key.
type keyInput struct {
	maybeUser
	AccessKeyId string `required:"" length:"16,128" pattern:"\\w+"`
}

// changeKey runs change on the access key that in names in one Update. A key
// of another owner is as good as missing, and a root key that the server's
// configuration gave is changed there, or it would be back at the next start.
func (s *Service) changeKey(ctx context.Context, in keyInput, change func(metastore.Writer, *metastore.AccessKey) error) error {
	account := account(ctx)
	return s.store.Update(ctx, func(w metastore.Writer) error {
		owner, err := keyOwner(ctx, w, account, in.maybeUser)
		if err != nil {
			return err
		}
		key, err := metastore.AccessKeys.Get(ctx, w, metastore.GlobalAccount, in.AccessKeyId)
		if errors.Is(err, metastore.ErrNotFound) {
			return noSuchAccessKey(in.AccessKeyId)
		}
		if err != nil {
			return err
		}
		if metastore.AccessKeyOwner(key.Account, key.UserName) != metastore.AccessKeyOwner(account, owner) {
			return noSuchAccessKey(in.AccessKeyId)
		}
		if key.Provided {
			return awserr.Newf(http.StatusBadRequest, "UnmodifiableEntity",
				"The access key %s is given by the server's configuration and is changed there.", in.AccessKeyId)
		}
		return change(w, key)
	})
}

type updateAccessKeyInput struct {
	keyInput
	Status string `required:"" enum:"Active,Inactive"`
}

func (s *Service) updateAccessKey(ctx context.Context, in *updateAccessKeyInput) (*api.Empty, error) {
	return nothing, s.changeKey(ctx, in.keyInput, func(w metastore.Writer, key *metastore.AccessKey) error {
		key.Active = in.Status == keyActive
		return metastore.AccessKeys.Put(ctx, w, metastore.GlobalAccount, in.AccessKeyId, key)
	})
}

type deleteAccessKeyInput struct{ keyInput }

func (s *Service) deleteAccessKey(ctx context.Context, in *deleteAccessKeyInput) (*api.Empty, error) {
	return nothing, s.changeKey(ctx, in.keyInput, func(w metastore.Writer, _ *metastore.AccessKey) error {
		return metastore.AccessKeys.Delete(ctx, w, metastore.GlobalAccount, in.AccessKeyId)
	})
}

type listAccessKeysInput struct {
	maybeUser
	page
}

type accessKeyMetadata struct {
	UserName, AccessKeyId, Status string
	CreateDate                    time.Time
}

type listAccessKeysOutput struct {
	AccessKeyMetadata []accessKeyMetadata
	pageInfo
}

func (s *Service) listAccessKeys(ctx context.Context, in *listAccessKeysInput) (*listAccessKeysOutput, error) {
	account, out := account(ctx), new(listAccessKeysOutput)
	return out, s.store.View(ctx, func(r metastore.Reader) error {
		owner, err := keyOwner(ctx, r, account, in.maybeUser)
		if err != nil {
			return err
		}
		keys, err := accessKeysOf(ctx, r, account, owner)
		if err != nil {
			return err
		}
		out.AccessKeyMetadata, out.pageInfo, err = collectList(in.page, keys, itemID[metastore.AccessKey],
			func(k metastore.Item[metastore.AccessKey]) accessKeyMetadata {
				return accessKeyMetadata{k.Value.UserName, k.ID, keyStatus(k.Value), k.Value.Created}
			})
		return err
	})
}

type getAccessKeyLastUsedInput struct {
	AccessKeyId string `required:"" length:"16,128" pattern:"\\w+"`
}

type getAccessKeyLastUsedOutput struct {
	UserName          string
	AccessKeyLastUsed struct{ ServiceName, Region string }
}

// onAccessKey needs iam:<action> on the user that has the key, or, for a key
// that this account does not have, on all users.
func (s *Service) onAccessKey(action string) api.Needs[getAccessKeyLastUsedInput] {
	return func(ctx context.Context, in *getAccessKeyLastUsedInput) ([]api.Permission, error) {
		key, err := s.ownKey(ctx, in.AccessKeyId)
		if _, missing := awserr.As(err); missing {
			return []api.Permission{{Action: "iam:" + action, Resource: "*"}}, nil
		}
		if err != nil {
			return nil, err
		}
		return onUserOrCaller[maybeUser](s, action)(ctx, &maybeUser{UserName: &key.UserName})
	}
}

// ownKey returns an access key of the caller's account.
func (s *Service) ownKey(ctx context.Context, id string) (*metastore.AccessKey, error) {
	key, err := metastore.AccessKeys.Get(ctx, s.store.Hot(), metastore.GlobalAccount, id)
	if errors.Is(err, metastore.ErrNotFound) || err == nil && key.Account != account(ctx) {
		return nil, noSuchAccessKey(id)
	}
	return key, err
}

// getAccessKeyLastUsed answers as AWS does for a key whose use it has no
// record of: uses are not recorded here.
func (s *Service) getAccessKeyLastUsed(ctx context.Context, in *getAccessKeyLastUsedInput) (*getAccessKeyLastUsedOutput, error) {
	key, err := s.ownKey(ctx, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	out := &getAccessKeyLastUsedOutput{UserName: key.UserName}
	out.AccessKeyLastUsed.ServiceName, out.AccessKeyLastUsed.Region = "N/A", "N/A"
	return out, nil
}
