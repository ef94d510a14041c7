package conformance

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"io"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"inro.dev/inro/test/rig"
)

func minioClient(t *testing.T, server *rig.Server) *minio.Client {
	t.Helper()
	endpoint, err := url.Parse(server.Env["AWS_ENDPOINT_URL"])
	if err != nil {
		t.Fatal(err)
	}
	return must(minio.New(endpoint.Host, &minio.Options{
		Creds: credentials.NewStaticV4(server.Env["AWS_ACCESS_KEY_ID"], server.Env["AWS_SECRET_ACCESS_KEY"], ""), Region: region, MaxRetries: 1,
	}))(t)
}

func TestMinioClientStoresAndLists(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	m, bucket, ctx := minioClient(t, server), newBucket(t, root(server)), t.Context()
	data := randomBytes(5, 300<<10)
	sum := md5.Sum(data)
	for _, key := range []string{"folder/object", "ü+%/日本語 x", "a//b"} {
		put := must(m.PutObject(ctx, bucket, key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{
			ContentType: "text/x-test", UserMetadata: map[string]string{"kind": "first"},
		}))(t)
		if put.ETag != hex.EncodeToString(sum[:]) {
			t.Errorf("%q: ETag %s, want %x", key, put.ETag, sum)
		}
		got := must(io.ReadAll(must(m.GetObject(ctx, bucket, key, minio.GetObjectOptions{}))(t)))(t)
		if !bytes.Equal(got, data) {
			t.Errorf("%q: %d bytes came back, want the %d that were put", key, len(got), len(data))
		}
		stat := must(m.StatObject(ctx, bucket, key, minio.StatObjectOptions{}))(t)
		if stat.Size != int64(len(data)) || stat.ContentType != "text/x-test" || stat.UserMetadata["Kind"] != "first" {
			t.Errorf("%q: %+v", key, stat)
		}
	}
	var keys []string
	for o := range m.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true, MaxKeys: 2}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	if want := []string{"a//b", "folder/object", "ü+%/日本語 x"}; !slices.Equal(keys, want) {
		t.Errorf("listed %q, want %q", keys, want)
	}
	objects := make(chan minio.ObjectInfo, len(keys))
	for _, key := range keys[1:] {
		objects <- minio.ObjectInfo{Key: key}
	}
	close(objects)
	for failed := range m.RemoveObjects(ctx, bucket, objects, minio.RemoveObjectsOptions{}) {
		t.Error(failed)
	}
	if err := m.RemoveObject(ctx, bucket, keys[0], minio.RemoveObjectOptions{}); err != nil {
		t.Error(err)
	}
	_, err := m.StatObject(ctx, bucket, keys[0], minio.StatObjectOptions{})
	if e := minio.ToErrorResponse(err); e.Code != minio.NoSuchKey {
		t.Errorf("after the removal: %v, want NoSuchKey", err)
	}
}

func TestMinioClientStreamsInParts(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	m, bucket, ctx := minioClient(t, server), newBucket(t, root(server)), t.Context()
	data := randomBytes(6, 17<<20)
	put := must(m.PutObject(ctx, bucket, "stream", stream{bytes.NewReader(data)}, -1, minio.PutObjectOptions{PartSize: 5 << 20}))(t)
	if put.Size != int64(len(data)) {
		t.Errorf("uploaded %d bytes, want %d", put.Size, len(data))
	}
	got := must(io.ReadAll(must(m.GetObject(ctx, bucket, "stream", minio.GetObjectOptions{}))(t)))(t)
	if !bytes.Equal(got, data) {
		t.Error("the download differs from the upload")
	}
}

func TestMinioClientComposesAndCopies(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	m, bucket, ctx := minioClient(t, server), newBucket(t, root(server)), t.Context()
	first, second := randomBytes(7, 6<<20), randomBytes(8, 1<<20)
	must(m.PutObject(ctx, bucket, "first", bytes.NewReader(first), int64(len(first)), minio.PutObjectOptions{}))(t)
	must(m.PutObject(ctx, bucket, "second", bytes.NewReader(second), int64(len(second)), minio.PutObjectOptions{}))(t)
	must(m.ComposeObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "both"},
		minio.CopySrcOptions{Bucket: bucket, Object: "first"}, minio.CopySrcOptions{Bucket: bucket, Object: "second", MatchRange: true, Start: 0, End: 99}))(t)
	got := must(io.ReadAll(must(m.GetObject(ctx, bucket, "both", minio.GetObjectOptions{}))(t)))(t)
	if !bytes.Equal(got, slices.Concat(first, second[:100])) {
		t.Errorf("composed %d bytes, want %d of both", len(got), len(first)+100)
	}
	must(m.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "copy"}, minio.CopySrcOptions{Bucket: bucket, Object: "second"}))(t)
	got = must(io.ReadAll(must(m.GetObject(ctx, bucket, "copy", minio.GetObjectOptions{}))(t)))(t)
	if !bytes.Equal(got, second) {
		t.Error("the copy differs")
	}
	address := must(m.PresignedGetObject(ctx, bucket, "second", time.Minute, nil))(t)
	if status, body := plain(t, "GET", address.String(), ""); status != 200 || body != string(second) {
		t.Errorf("presigned: %d, %d bytes, want 200, %d", status, len(body), len(second))
	}
}
