package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/secretfile"
)

// RootKey is the access key of the account's root.
type RootKey struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// rootFile keeps a generated root key in the data folder.
const rootFile = "root.json"

// maxSecretBytes bounds files that hold a key.
const maxSecretBytes = 4 << 10

// loadRootKey returns the configured root key, else the one kept in the data
// folder, else a new one that it keeps there.
func loadRootKey(cfg *Config) (RootKey, error) {
	if cfg.RootAccessKeyID != "" {
		return configuredRootKey(cfg)
	}
	path := filepath.Join(cfg.Data, rootFile)
	text, err := secretfile.Read(path, maxSecretBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return newRootKey(path, cfg.Account)
	}
	if err != nil {
		return RootKey{}, fmt.Errorf("root access key: %w", err)
	}
	var key RootKey
	if err := json.Unmarshal(text, &key); err != nil || key.AccessKeyID == "" || key.SecretAccessKey == "" {
		return RootKey{}, fmt.Errorf("%s does not hold accessKeyId and secretAccessKey; restore it, or remove it to have a new root key made", path)
	}
	return key, nil
}

func configuredRootKey(cfg *Config) (RootKey, error) {
	secret := cfg.RootSecretAccessKey
	if cfg.RootSecretAccessKeyFile != "" {
		text, err := secretfile.Read(cfg.RootSecretAccessKeyFile, maxSecretBytes)
		if err != nil {
			return RootKey{}, fmt.Errorf("root secret access key: %w", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	if len(secret) < 16 || len(secret) > 128 {
		return RootKey{}, errors.New("the root secret access key must have 16 to 128 characters")
	}
	return RootKey{cfg.RootAccessKeyID, secret}, nil
}

func newRootKey(path, account string) (RootKey, error) {
	id, err := ids.NewAccessKeyID(ids.AccessKey, account)
	if err != nil {
		return RootKey{}, fmt.Errorf("make root access key: %w", err)
	}
	key := RootKey{id, ids.NewSecretAccessKey()}
	text, err := json.MarshalIndent(key, "", "  ")
	if err != nil {
		return RootKey{}, fmt.Errorf("make root access key: %w", err)
	}
	if err := secretfile.Create(path, append(text, '\n')); err != nil {
		return RootKey{}, fmt.Errorf("keep root access key: %w", err)
	}
	return key, nil
}

// installRootKey makes key the root key that this configuration provides, in
// place of one that an earlier configuration provided. Root keys made by
// CreateAccessKey stay.
func installRootKey(ctx context.Context, store metastore.Store, account string, key RootKey, now time.Time) error {
	return store.Update(ctx, func(w metastore.Writer) error {
		owned := metastore.Query{Index: "owner", Value: metastore.AccessKeyOwner(account, "")}
		items, err := metastore.AccessKeys.List(ctx, w, metastore.GlobalAccount, owned)
		if err != nil {
			return fmt.Errorf("list root access keys: %w", err)
		}
		for _, item := range items {
			if !item.Value.Provided || item.ID == key.AccessKeyID && item.Value.Secret == key.SecretAccessKey && item.Value.Active {
				continue
			}
			if err := metastore.AccessKeys.Delete(ctx, w, metastore.GlobalAccount, item.ID); err != nil {
				return fmt.Errorf("remove root access key %s: %w", item.ID, err)
			}
		}
		existing, err := metastore.AccessKeys.Get(ctx, w, metastore.GlobalAccount, key.AccessKeyID)
		switch {
		case err == nil && existing.Account == account && existing.UserName == "" && existing.Secret == key.SecretAccessKey:
			return nil
		case err == nil:
			return fmt.Errorf("the access key id %s belongs to somebody else; give root another one", key.AccessKeyID)
		case !errors.Is(err, metastore.ErrNotFound):
			return fmt.Errorf("root access key: %w", err)
		}
		return metastore.AccessKeys.Insert(ctx, w, metastore.GlobalAccount, key.AccessKeyID, &metastore.AccessKey{
			Account: account, Secret: key.SecretAccessKey, Active: true, Created: now, Provided: true,
		})
	})
}
