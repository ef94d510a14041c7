package s3

import (
	"context"

	"inro.dev/inro/internal/metastore"
)

// principals keeps bucket policies as they are written. Package iam tests how
// they are kept.
type principals struct{}

func (principals) Stored(_ context.Context, _ metastore.Reader, _, text string, _ map[string]string) (string, map[string]string, error) {
	return text, nil, nil
}

func (principals) Shown(_ context.Context, _ metastore.Reader, stored string, _ map[string]string) (string, error) {
	return stored, nil
}
