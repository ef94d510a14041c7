package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"inro.dev/inro/test/rig"
)

// keysDeleted is how many keys a round deletes.
const keysDeleted = 20_000

// deletes compares DeleteObjects with 1,000 keys per call, on one connection,
// with single deletions on all connections.
func (b *bench) deletes(ctx context.Context) error {
	client := b.s3(true)
	if err := b.makeBucket(ctx, client); err != nil {
		return err
	}
	const perCall = 1000
	calls := func() error {
		for from := 0; from < keysDeleted; from += perCall {
			keys := make([]string, perCall)
			for i := range keys {
				keys[i] = deleteKey(from + i)
			}
			if err := client.Delete(ctx, bucket, keys); err != nil {
				return err
			}
		}
		return nil
	}
	singles := func() error {
		return onAll(keysDeleted, func(i int) error {
			return client.Discard(ctx, http.MethodDelete, bucket+"/"+deleteKey(i), nil)
		})
	}
	var best, bestSingle time.Duration
	for range rounds {
		for into, do := range map[*time.Duration]func() error{&best: calls, &bestSingle: singles} {
			if err := b.fillDeletes(ctx, client); err != nil {
				return err
			}
			took, err := timed(do)
			if err != nil {
				return err
			}
			*into = lesser(*into, took)
		}
	}
	fmt.Printf("\n%-34s %12s %12s %8s\n", "deletion, keys /s", "1,000 a call", "single, 16 c", "ratio")
	fmt.Printf("%-34s %12.0f %12.0f %7.0f%%\n", "DeleteObjects, 1 connection",
		keysDeleted/best.Seconds(), keysDeleted/bestSingle.Seconds(), 100*bestSingle.Seconds()/best.Seconds())
	return nil
}

func deleteKey(i int) string { return fmt.Sprintf("delete/%06d", i) }

func (b *bench) fillDeletes(ctx context.Context, client *rig.S3) error {
	return onAll(keysDeleted, func(i int) error {
		return client.Discard(ctx, http.MethodPut, bucket+"/"+deleteKey(i), []byte("x"))
	})
}

// onAll calls do with 0 to n-1, on all connections.
func onAll(n int, do func(i int) error) error {
	errs := make([]error, connections)
	var group sync.WaitGroup
	for w := range connections {
		group.Go(func() {
			for i := w; i < n && errs[w] == nil; i += connections {
				errs[w] = do(i)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
