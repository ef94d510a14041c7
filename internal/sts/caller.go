package sts

import (
	"context"
	"errors"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
)

type getCallerIdentityOutput struct{ UserId, Account, Arn string }

func (s *Service) getCallerIdentity(ctx context.Context, _ *api.Empty) (*getCallerIdentityOutput, error) {
	p := api.RequestOf(ctx).Caller.Principal
	return &getCallerIdentityOutput{UserId: p.UserID, Account: p.Account, Arn: p.ARN}, nil
}

type getAccessKeyInfoInput struct {
	AccessKeyId string `required:"" length:"16,128" pattern:"\\w*"`
}

type getAccessKeyInfoOutput struct{ Account string }

func onAnyKey(context.Context, *getAccessKeyInfoInput) ([]api.Permission, error) {
	return []api.Permission{{Action: "sts:GetAccessKeyInfo", Resource: "*"}}, nil
}

// getAccessKeyInfo finds the account by the records for a key that is kept
// here, else in the key ID itself (spec D.1), whether that key exists or not.
func (s *Service) getAccessKeyInfo(ctx context.Context, in *getAccessKeyInfoInput) (*getAccessKeyInfoOutput, error) {
	key, err := metastore.AccessKeys.Get(ctx, s.store.Hot(), metastore.GlobalAccount, in.AccessKeyId)
	if err == nil {
		return &getAccessKeyInfoOutput{key.Account}, nil
	}
	if !errors.Is(err, metastore.ErrNotFound) {
		return nil, err
	}
	account, ok := ids.AccountOfKeyID(in.AccessKeyId)
	if !ok {
		return nil, validationError("The access key ID %s does not tell its account.", in.AccessKeyId)
	}
	return &getAccessKeyInfoOutput{account}, nil
}
