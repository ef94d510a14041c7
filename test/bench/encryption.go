package main

import (
	"context"
	"fmt"
	"net/http"

	"inro.dev/inro/test/rig"
)

const (
	sealedBucket = "bench-sealed"
	sealByS3     = `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`
)

// sealed compares PUT into a bucket that encrypts (SSE-S3) with PUT into one
// that does not.
func (b *bench) sealed(ctx context.Context) error {
	client := b.s3(true)
	if err := b.makeBucket(ctx, client); err != nil {
		return err
	}
	if _, err := client.OK(ctx, http.MethodPut, sealedBucket, "", location); err != nil {
		return err
	}
	if _, err := client.OK(ctx, http.MethodPut, sealedBucket, "encryption=", []byte(sealByS3)); err != nil {
		return err
	}
	if a, err := client.OK(ctx, http.MethodPut, sealedBucket+"/probe", "", []byte("x")); err != nil {
		return err
	} else if got := a.Header.Get("X-Amz-Server-Side-Encryption"); got != "AES256" {
		return fmt.Errorf("a PUT was answered with encryption %q, want AES256", got)
	}
	fmt.Printf("\n%-34s %12s %12s %8s   %s\n", "PUT with SSE-S3, 16 connections", "sealed /s", "plain /s", "ratio", "sealed p50, p99")
	for _, size := range sizes {
		write := func(client *rig.S3, bucket string) operation {
			return func(ctx context.Context, w, n int) error {
				return client.Discard(ctx, http.MethodPut, fmt.Sprintf("%s/sse-%d/%d/%d", bucket, size.bytes, w, n%max(1, (64<<20)/size.bytes)), zeros[:size.bytes])
			}
		}
		sealed, plain, err := compare(ctx, b.round, connections, write(client, sealedBucket), write(client, bucket))
		if err != nil {
			return err
		}
		printRow("PUT "+size.name, sealed, plain)
	}
	return nil
}
