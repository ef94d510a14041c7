package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"inro.dev/inro/internal/object"
)

// The bucket with versions: every key has as many.
const (
	versionedBucket = "versions"
	versionedKeys   = 10_000
	versionsOfKey   = 20
)

// fillVersions writes the versioned bucket, and a bucket with the same keys once.
func fillVersions(ctx context.Context, engine *object.Engine) error {
	if err := fillList(ctx, engine, listName(versionedKeys), versionedKeys); err != nil {
		return err
	}
	if err := fillList(ctx, engine, versionedBucket, 0); err != nil {
		return err
	}
	if err := engine.SetVersioning(ctx, versionedBucket, object.VersioningEnabled); err != nil {
		return err
	}
	for range versionsOfKey {
		if err := putAll(ctx, engine, versionedBucket, versionedKeys); err != nil {
			return err
		}
	}
	return nil
}

// versions compares pages of a bucket where every key has many versions with
// pages of one where it has a single one.
func (b *bench) versions(ctx context.Context) error {
	client := b.s3(true)
	page := func(bucket, query string) operation {
		return func(ctx context.Context, w, i int) error {
			start := (w*7919 + i*104729) % (versionedKeys - 1000)
			return client.Discard(ctx, http.MethodGet, bucket, nil, query+url.QueryEscape(listKey(start)))
		}
	}
	fmt.Printf("\n%-34s %12s %12s %8s\n", "LIST, pages of 1,000 /s", fmt.Sprintf("%d versions", versionsOfKey), "1 version", "ratio")
	for _, kind := range []struct{ name, query string }{
		{"ListObjectVersions", "versions=&key-marker="},
		{"ListObjectsV2", "list-type=2&start-after="},
	} {
		many, one, err := compare(ctx, b.round, connections, page(versionedBucket, kind.query), page(listName(versionedKeys), kind.query))
		if err != nil {
			return err
		}
		fmt.Printf("%-34s %12.0f %12.0f %7.0f%%   p50 %v, %v\n", kind.name, many.perSecond, one.perSecond, 100*many.perSecond/one.perSecond, many.p50, one.p50)
	}
	return nil
}
