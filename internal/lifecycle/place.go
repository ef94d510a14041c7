package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"inro.dev/inro/internal/metastore"
)

// passID is the ID of the only record.
const passID = "pass"

// place returns how far the last pass has come; a zero one before the first.
func (w *Worker) place(ctx context.Context) (*metastore.LifecyclePass, error) {
	var last *metastore.LifecyclePass
	err := w.cfg.Store.View(ctx, func(r metastore.Reader) (err error) {
		last, err = metastore.LifecyclePasses.Get(ctx, r, metastore.GlobalAccount, passID)
		return err
	})
	if errors.Is(err, metastore.ErrNotFound) {
		return new(metastore.LifecyclePass), nil
	}
	if err != nil {
		return nil, fmt.Errorf("place of the lifecycle pass: %w", err)
	}
	return last, nil
}

// keep writes down how far the pass has come.
func (w *Worker) keep(ctx context.Context, at *metastore.LifecyclePass) error {
	err := w.cfg.Store.Update(ctx, func(tx metastore.Writer) error {
		return metastore.LifecyclePasses.Put(ctx, tx, metastore.GlobalAccount, passID, at)
	})
	if err != nil {
		return fmt.Errorf("keep the place of the lifecycle pass: %w", err)
	}
	return nil
}
