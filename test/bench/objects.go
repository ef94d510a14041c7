package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"inro.dev/inro/internal/object"
	"inro.dev/inro/test/rig"
)

const bucket = "bench"

var sizes = []struct {
	name  string
	bytes int
}{{"1 KiB", 1 << 10}, {"64 KiB", 64 << 10}, {"1 MiB", 1 << 20}, {"16 MiB", 16 << 20}}

var location = []byte(`<CreateBucketConfiguration><LocationConstraint>ap-northeast-1</LocationConstraint></CreateBucketConfiguration>`)

func (b *bench) makeBucket(ctx context.Context, client *rig.S3) error {
	a, err := client.Do(ctx, http.MethodPut, bucket, "", location)
	if err == nil && a.Status != http.StatusOK && a.Status != http.StatusConflict {
		err = fmt.Errorf("create bucket: %d %s", a.Status, a.Body)
	}
	return err
}

// keysRead is how many objects a GET picks from.
const keysRead = 64

func (b *bench) get(ctx context.Context) error {
	inro, bare := b.s3(true), b.s3(false)
	if err := b.makeBucket(ctx, inro); err != nil {
		return err
	}
	printHead("signed GET, 16 connections", "bare")
	for _, size := range sizes {
		for k := range keysRead {
			if _, err := inro.OK(ctx, http.MethodPut, fmt.Sprintf("%s/get-%d/%d", bucket, k, size.bytes), "", zeros[:size.bytes]); err != nil {
				return err
			}
		}
		read := func(client *rig.S3) operation {
			return func(ctx context.Context, w, n int) error {
				return client.Discard(ctx, http.MethodGet, fmt.Sprintf("%s/get-%d/%d", bucket, (w*31+n)%keysRead, size.bytes), nil)
			}
		}
		a, c, err := compare(ctx, b.round, connections, read(inro), read(bare))
		if err != nil {
			return err
		}
		printRow("GET "+size.name, a, c)
	}
	return nil
}

func (b *bench) put(ctx context.Context) error {
	inro, bare := b.s3(true), b.s3(false)
	if err := b.makeBucket(ctx, inro); err != nil {
		return err
	}
	printHead("durable PUT, 16 connections", "bare")
	for _, size := range sizes {
		write := func(client *rig.S3) operation {
			return func(ctx context.Context, w, n int) error {
				// Keys come again so that large rounds do not fill the disk.
				return client.Discard(ctx, http.MethodPut, fmt.Sprintf("%s/put-%d/%d/%d", bucket, size.bytes, w, n%max(1, (64<<20)/size.bytes)), zeros[:size.bytes])
			}
		}
		a, c, err := compare(ctx, b.round, connections, write(inro), write(bare))
		if err != nil {
			return err
		}
		printRow("PUT "+size.name, a, c)
	}
	return nil
}

const smallList = 100_000

// fillLists writes the buckets to be listed into the data folder before the
// server starts.
func (b *bench) fillLists(ctx context.Context, what []string) error {
	if !slices.Contains(what, "list") && !slices.Contains(what, "versions") {
		return nil
	}
	if err := os.MkdirAll(b.data(), 0o700); err != nil {
		return err
	}
	engine, err := object.Open(object.Config{Dir: filepath.Join(b.data(), "objects")})
	if err != nil {
		return err
	}
	start := time.Now()
	if slices.Contains(what, "list") {
		for _, n := range []int{smallList, b.keys} {
			if err := fillList(ctx, engine, listName(n), n); err != nil {
				return err
			}
		}
		fmt.Printf("wrote %d keys to list in %v\n", smallList+b.keys, time.Since(start).Round(time.Millisecond))
	}
	if slices.Contains(what, "versions") {
		if err := fillVersions(ctx, engine); err != nil {
			return err
		}
	}
	return engine.Close()
}

func listName(n int) string { return fmt.Sprintf("list-%d", n) }

func listKey(i int) string { return fmt.Sprintf("thing-%06d/reading-%09d.json", i/1000, i) }

func fillList(ctx context.Context, engine *object.Engine, name string, n int) error {
	if _, err := engine.CreateBucket(ctx, object.Bucket{Name: name, Account: "999999999999", Region: "ap-northeast-1"}); err != nil {
		return err
	}
	return putAll(ctx, engine, name, n)
}

// putAll writes the first n keys of a list.
func putAll(ctx context.Context, engine *object.Engine, name string, n int) error {
	const writers = 64
	errs := make([]error, writers)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := w; i < n && errs[w] == nil; i += writers {
				_, errs[w] = engine.Put(ctx, name, listKey(i), strings.NewReader("x"), object.PutOptions{SizeBytes: 1})
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

// list compares a page of 1,000 keys of a large bucket with that of a small
// one: its cost must follow what is returned.
func (b *bench) list(ctx context.Context) error {
	client := b.s3(true)
	page := func(n int, query func(start int) string) operation {
		return func(ctx context.Context, w, i int) error {
			start := (w*7919 + i*104729) % (n - 1000)
			return client.Discard(ctx, http.MethodGet, listName(n), nil, query(start))
		}
	}
	fmt.Printf("\n%-34s %12s %12s %8s\n", "LIST, pages /s", fmt.Sprintf("of %d", b.keys), fmt.Sprintf("of %d", smallList), "ratio")
	for _, kind := range []struct {
		name    string
		workers int
		query   func(int) string
	}{
		{"1,000 keys, 1 connection", 1, func(s int) string { return "list-type=2&start-after=" + url.QueryEscape(listKey(s)) }},
		{"1,000 keys, 16 connections", connections, func(s int) string { return "list-type=2&start-after=" + url.QueryEscape(listKey(s)) }},
		{"delimiter, 100 folders", 1, func(int) string { return "list-type=2&delimiter=%2F&max-keys=100" }},
	} {
		large, small, err := compare(ctx, b.round, kind.workers, page(b.keys, kind.query), page(smallList, kind.query))
		if err != nil {
			return err
		}
		fmt.Printf("%-34s %12.0f %12.0f %7.0f%%   p50 %v, %v\n", kind.name, large.perSecond, small.perSecond, 100*large.perSecond/small.perSecond, large.p50, small.p50)
	}
	return nil
}
