package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"inro.dev/inro/test/rig"
)

// A large object and how it is uploaded.
const (
	largeBytes  = 1 << 30
	partBytes   = 16 << 20
	partWriters = 4
)

// multipart uploads a GiB in parts, several at a time. The bare server gets the
// same bodies as objects: what parts cost beyond that is in the ratio.
func (b *bench) multipart(ctx context.Context) error {
	inro, bare := b.s3(true), b.s3(false)
	if err := b.makeBucket(ctx, inro); err != nil {
		return err
	}
	path := bucket + "/large"
	var best, bestBare time.Duration
	for range rounds {
		took, err := timed(func() error { return b.uploadParts(ctx, inro, path) })
		if err != nil {
			return err
		}
		tookBare, err := timed(func() error {
			return inParts(func(part int) error {
				return bare.Discard(ctx, http.MethodPut, path+"/"+strconv.Itoa(part), zeros[:partBytes])
			})
		})
		if err != nil {
			return err
		}
		best, bestBare = lesser(best, took), lesser(bestBare, tookBare)
	}
	fmt.Printf("\n%-34s %12s %12s %8s\n", "multipart upload, 4 connections", "inro MiB/s", "bare MiB/s", "ratio")
	fmt.Printf("%-34s %12.0f %12.0f %7.0f%%\n", "1 GiB in parts of 16 MiB",
		mibPerSecond(best), mibPerSecond(bestBare), 100*bestBare.Seconds()/best.Seconds())
	return inro.Discard(ctx, http.MethodDelete, path, nil)
}

func mibPerSecond(d time.Duration) float64 { return largeBytes / (1 << 20) / d.Seconds() }

// lesser is the smaller of two durations, of which the first may not be set.
func lesser(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}

func timed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
}

// inParts calls put for every part's number, a few at a time.
func inParts(put func(part int) error) error {
	errs := make([]error, partWriters)
	var group sync.WaitGroup
	for w := range partWriters {
		group.Go(func() {
			for part := w + 1; part <= largeBytes/partBytes && errs[w] == nil; part += partWriters {
				errs[w] = put(part)
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

func (b *bench) uploadParts(ctx context.Context, client *rig.S3, path string) error {
	a, err := client.OK(ctx, http.MethodPost, path, "uploads=", nil)
	if err != nil {
		return err
	}
	var created struct{ UploadId string }
	if err := xml.Unmarshal(a.Body, &created); err != nil {
		return err
	}
	id := "uploadId=" + url.QueryEscape(created.UploadId)
	etags := make([]string, largeBytes/partBytes)
	err = inParts(func(part int) error {
		a, err := client.OK(ctx, http.MethodPut, path, "partNumber="+strconv.Itoa(part)+"&"+id, zeros[:partBytes])
		if err == nil {
			etags[part-1] = a.Header.Get("ETag")
		}
		return err
	})
	if err != nil {
		return err
	}
	var list strings.Builder
	list.WriteString("<CompleteMultipartUpload>")
	for i, etag := range etags {
		fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, etag)
	}
	list.WriteString("</CompleteMultipartUpload>")
	_, err = client.OK(ctx, http.MethodPost, path, id, []byte(list.String()))
	return err
}
