package s3

import (
	"context"

	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
)

// canonicalUser returns the canonical user ID of an account, or of nobody: S3
// has one for whoever wrote an object without signing.
func canonicalUser(account string) string { return ids.CanonicalUser(account) }

// displayName returns the name of an account as answers show it beside the
// canonical user ID: its number when it has none.
func (s *Service) displayName(ctx context.Context, account string) (string, error) {
	name, err := metastore.AccountName(ctx, s.store.Hot(), account)
	if name == "" {
		name = account
	}
	return name, err
}

// writeOwner writes an account as S3 names it.
func (s *Service) writeOwner(ctx context.Context, d *document, element, account string) error {
	name, err := s.displayName(ctx, account)
	if err != nil {
		return err
	}
	d.owner(element, canonicalUser(account), name)
	return nil
}
