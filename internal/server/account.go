package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
)

// installAccount makes the installation's own account at the first start. At
// later ones it refuses another account or region: the records of the folder,
// and the ARNs and endpoint names that devices keep, hold those of the first.
func installAccount(ctx context.Context, store metastore.Store, cfg *Config, now time.Time) error {
	return store.Update(ctx, func(w metastore.Writer) error {
		made, err := metastore.Installations.Get(ctx, w, metastore.GlobalAccount, metastore.InstallationID)
		switch {
		case errors.Is(err, metastore.ErrNotFound):
			made = &metastore.Installation{Account: cfg.Account, Region: cfg.Region}
			err = metastore.Installations.Put(ctx, w, metastore.GlobalAccount, metastore.InstallationID, made)
		case err == nil && (made.Account != cfg.Account || made.Region != cfg.Region):
			return fmt.Errorf("the data folder %s is of account %s in region %s, not of %s in %s; start it with --account %s --region %s, or choose another folder with --data",
				cfg.Data, made.Account, made.Region, cfg.Account, cfg.Region, made.Account, made.Region)
		}
		if err != nil {
			return fmt.Errorf("installation: %w", err)
		}
		record, err := metastore.Accounts.Get(ctx, w, cfg.Account, cfg.Account)
		if errors.Is(err, metastore.ErrNotFound) {
			record, err = &metastore.Account{Created: now}, nil
		}
		if err != nil {
			return fmt.Errorf("own account: %w", err)
		}
		if record.EndpointPrefix == "" {
			record.EndpointPrefix = ids.NewEndpointPrefix()
		}
		if err := metastore.RegisterAccount(ctx, w, cfg.Account, record); err != nil {
			return fmt.Errorf("own account: %w", err)
		}
		return nil
	})
}
