package conformance

//lint:file-ignore SA1019 The deprecated transfer manager is what most programs use today.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"inro.dev/inro/test/rig"
)

// randomBytes are the same for the same seed.
func randomBytes(seed byte, n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(data) // never fails
	return data
}

// stream hides that a reader can seek.
type stream struct{ io.Reader }

// getBytes reads an object. The SDK checks its checksum by default.
func getBytes(t *testing.T, c *clients, bucket, key string) []byte {
	t.Helper()
	out := must(c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: s3types.ChecksumModeEnabled}))(t)
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("get %s/%s: %v", bucket, key, err)
	}
	return data
}

func TestPutsWithDefaultIntegrityComeBackWhole(t *testing.T) {
	t.Parallel()
	putsComeBack(t, root(shared.Server(t)), map[string]func([]byte) io.Reader{
		"seekable": func(data []byte) io.Reader { return bytes.NewReader(data) },
	})
}

// TestChecksumsInTrailersAreChecked puts over TLS, where the SDK sends
// checksums behind the body and streams what it cannot read twice.
func TestChecksumsInTrailersAreChecked(t *testing.T) {
	t.Parallel()
	c := rootTLS(t, startTLS(t))
	putsComeBack(t, c, map[string]func([]byte) io.Reader{
		"seekable": func(data []byte) io.Reader { return bytes.NewReader(data) },
		"stream":   func(data []byte) io.Reader { return stream{bytes.NewReader(data)} },
	})
	checksumsAreKept(t, c)
}

// startTLS starts a server whose API speaks TLS.
func startTLS(t *testing.T) *rig.Server {
	t.Helper()
	config := filepath.Join(t.TempDir(), "inro.toml")
	if err := os.WriteFile(config, []byte("[api_tls]\nenabled = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return rig.Start(t, "--config", config)
}

// rootTLS is root for a server whose API speaks TLS.
func rootTLS(t *testing.T, server *rig.Server) *clients {
	t.Helper()
	cfg := sdkConfig(server.Env["AWS_ENDPOINT_URL"], rootProvider(server))
	cfg.HTTPClient.(*http.Client).Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: serverCAs(t, server)}
	return newClients(cfg)
}

func putsComeBack(t *testing.T, c *clients, readers map[string]func([]byte) io.Reader) {
	bucket := newBucket(t, c)
	for _, size := range []int{0, 1, 1000, 64 << 10, 64<<10 + 1, 3<<20 + 7} {
		data := randomBytes(1, size)
		for name, reader := range readers {
			key := fmt.Sprint(name, "/", size)
			out := must(c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: reader(data), ContentLength: aws.Int64(int64(size))}))(t)
			if aws.ToString(out.ChecksumCRC32) != crc32Text(data) {
				t.Errorf("%s: CRC32 %s, want %s", key, aws.ToString(out.ChecksumCRC32), crc32Text(data))
			}
			if got := getBytes(t, c, bucket, key); !bytes.Equal(got, data) {
				t.Errorf("%s: %d bytes came back, want the %d that were put", key, len(got), size)
			}
		}
	}
}

func crc32Text(data []byte) string {
	sum := crc32.ChecksumIEEE(data)
	return base64.StdEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

func TestManagerUploadsAndDownloadsInParts(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	bucket := newBucket(t, c)
	data := randomBytes(2, 20<<20)
	key := "large"
	up := manager.NewUploader(c.s3, func(u *manager.Uploader) { u.PartSize = 6 << 20 })
	must(up.Upload(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: stream{bytes.NewReader(data)}}))(t)
	head := must(c.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key}))(t)
	if *head.ContentLength != 20<<20 || !strings.HasSuffix(*head.ETag, `-4"`) {
		t.Errorf("length %d, ETag %s, want %d in 4 parts", *head.ContentLength, *head.ETag, 20<<20)
	}
	into := manager.NewWriteAtBuffer(make([]byte, 0, len(data)))
	must(manager.NewDownloader(c.s3).Download(t.Context(), into, &s3.GetObjectInput{Bucket: &bucket, Key: &key}))(t)
	if !bytes.Equal(into.Bytes(), data) {
		t.Error("the download differs from the upload")
	}
	part := must(c.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key, PartNumber: aws.Int32(4)}))(t)
	if *part.ContentLength != 2<<20 || aws.ToInt32(part.PartsCount) != 4 {
		t.Errorf("part 4 has %d bytes of %d parts, want %d of 4", *part.ContentLength, aws.ToInt32(part.PartsCount), 2<<20)
	}
}

func TestPresignedURLsWorkWithPlainHTTP(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	bucket, key := newBucket(t, c), "a folder/ü+%.txt"
	presign := s3.NewPresignClient(c.s3)
	put := must(presign.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}))(t)
	if status, body := plain(t, put.Method, put.URL, "presigned"); status != 200 {
		t.Fatalf("PUT: %d %s", status, body)
	}
	get := must(presign.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, ResponseContentType: aws.String("text/x-test")}, s3.WithPresignExpires(time.Minute)))(t)
	if status, body := plain(t, get.Method, get.URL, ""); status != 200 || body != "presigned" {
		t.Errorf("GET: %d %s", status, body)
	}
	for name, url := range map[string]string{
		"another key":       strings.Replace(get.URL, ".txt", ".txu", 1),
		"another method":    put.URL,
		"a longer life":     strings.Replace(get.URL, "X-Amz-Expires=60", "X-Amz-Expires=600", 1),
		"a further member":  get.URL + "&versionId=null",
		"another signature": strings.Replace(get.URL, "X-Amz-Signature=", "X-Amz-Signature="+strings.Repeat("0", 64)+"&x=", 1),
	} {
		if status, body := plain(t, http.MethodGet, url, ""); status != 403 || !strings.Contains(body, "<Code>SignatureDoesNotMatch</Code>") {
			t.Errorf("%s: %d %s, want 403 SignatureDoesNotMatch", name, status, body)
		}
	}
	if status, body := plain(t, http.MethodGet, strings.Split(get.URL, "?")[0], ""); status != 403 {
		t.Errorf("unsigned: %d %s, want 403", status, body)
	}
}

// plain sends a request without the SDK.
func plain(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(text)
}

func TestRangesReadPartsOfObjects(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	bucket, key := newBucket(t, c), "digits"
	putText(t, c, bucket, key, "0123456789")
	for _, r := range []struct{ header, want, contentRange string }{
		{"bytes=0-0", "0", "bytes 0-0/10"},
		{"bytes=2-4", "234", "bytes 2-4/10"},
		{"bytes=7-", "789", "bytes 7-9/10"},
		{"bytes=-3", "789", "bytes 7-9/10"},
		{"bytes=5-100", "56789", "bytes 5-9/10"},
	} {
		out := must(c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: &r.header}))(t)
		text, err := io.ReadAll(out.Body)
		out.Body.Close()
		if err != nil || string(text) != r.want || *out.ContentRange != r.contentRange {
			t.Errorf("%s: %q, %s (%v), want %q, %s", r.header, text, *out.ContentRange, err, r.want, r.contentRange)
		}
	}
	_, err := c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: aws.String("bytes=10-")})
	wantRefusal(t, "behind the end", err, 416, "InvalidRange")
}

func TestConditionsDecideOverReadsAndWrites(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	ctx := t.Context()
	bucket, key := newBucket(t, c), "object"
	first := must(c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("1"), IfNoneMatch: aws.String("*")}))(t)
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("2"), IfNoneMatch: aws.String("*")})
	wantRefusal(t, "put if absent onto an object", err, 412, "PreconditionFailed")
	second := must(c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("2"), IfMatch: first.ETag}))(t)
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("3"), IfMatch: first.ETag})
	wantRefusal(t, "put onto what has changed", err, 412, "PreconditionFailed")
	must(c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, IfMatch: second.ETag}))(t).Body.Close()
	_, err = c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, IfMatch: first.ETag})
	wantRefusal(t, "get what has changed", err, 412, "PreconditionFailed")
	_, err = c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, IfNoneMatch: second.ETag})
	if got := refusalOf(err); got.status != 304 {
		t.Errorf("get what has not changed: %v, want 304", got)
	}
	head := must(c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key}))(t)
	_, err = c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key, IfModifiedSince: head.LastModified})
	if got := refusalOf(err); got.status != 304 {
		t.Errorf("head if modified since its own time: %v, want 304", got)
	}
	_, err = c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, IfUnmodifiedSince: aws.Time(head.LastModified.Add(-time.Hour))})
	wantRefusal(t, "get if unmodified for an hour", err, 412, "PreconditionFailed")
	_, err = c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key, IfMatch: first.ETag})
	wantRefusal(t, "delete what has changed", err, 412, "PreconditionFailed")
	if text := getBytes(t, c, bucket, key); string(text) != "2" {
		t.Errorf("the object holds %q, want 2", text)
	}
}

// oddKeys are valid and easily spoilt by cleaning, decoding or encoding once
// too often.
var oddKeys = []string{
	"plain", "a//b", "a/../b", "./a", "..", "a/./b", "a/", "/leading", "//", " leading and trailing ", "a+b", "a%20b", "a%2Fb", "100%",
	"a b", "ü/日本語/🙂", "e\u0301 and \u00e9", "?query=1", "#fragment", "a&b=c;d", "quote'\"<>", "back\\slash", "tab\tin it", "~!@$*()_-=:,.", "a/b/c/d/e",
	strings.Repeat("k", 1024),
}

func TestOddKeysAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	bucket := newBucket(t, c)
	for _, key := range oddKeys {
		putText(t, c, bucket, key, "text of "+key)
	}
	want := slices.Sorted(slices.Values(oddKeys))
	var got []string
	pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: aws.Int32(4), EncodingType: s3types.EncodingTypeUrl})
	for pages.HasMorePages() {
		page := must(pages.NextPage(t.Context()))(t)
		if len(page.Contents) > 4 {
			t.Errorf("a page has %d keys, want at most 4", len(page.Contents))
		}
		for _, o := range page.Contents {
			got = append(got, urlDecoded(t, *o.Key))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %q\nwant %q", got, want)
	}
	for _, key := range oddKeys {
		if text := getBytes(t, c, bucket, key); string(text) != "text of "+key {
			t.Errorf("%q holds %q", key, text)
		}
	}
	var all []s3types.ObjectIdentifier
	for _, key := range oddKeys {
		all = append(all, s3types.ObjectIdentifier{Key: &key})
	}
	out := must(c.s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &s3types.Delete{Objects: all}}))(t)
	if len(out.Deleted) != len(oddKeys) || len(out.Errors) != 0 {
		t.Errorf("deleted %d with errors %+v, want %d", len(out.Deleted), out.Errors, len(oddKeys))
	}
	rest := must(c.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}))(t)
	if len(rest.Contents) != 0 {
		t.Errorf("%d keys are left", len(rest.Contents))
	}
	must(c.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}))(t)
}

// urlDecoded decodes a key of a listing with encoding-type=url, which the SDK
// leaves as it is.
func urlDecoded(t *testing.T, text string) string {
	t.Helper()
	decoded, err := url.QueryUnescape(text)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// urlEncoded encodes a key for a copy source.
func urlEncoded(key string) string { return (&url.URL{Path: key}).EscapedPath() }

func TestDelimitersFoldFolders(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	bucket := newBucket(t, c)
	for _, key := range []string{"a/1", "a/2", "a/b/3", "b/1", "c", "d//1", "d//2", "e"} {
		putText(t, c, bucket, key, key)
	}
	for _, x := range []struct {
		prefix, startAfter string
		keys, folders      []string
	}{
		{"", "", []string{"c", "e"}, []string{"a/", "b/", "d/"}},
		{"a/", "", []string{"a/1", "a/2"}, []string{"a/b/"}},
		{"d/", "", nil, []string{"d//"}},
		{"d//", "", []string{"d//1", "d//2"}, nil},
		{"", "b/1", []string{"c", "e"}, []string{"d/"}},
		{"x", "", nil, nil},
	} {
		var keys, folders []string
		pages := s3.NewListObjectsV2Paginator(c.s3, &s3.ListObjectsV2Input{
			Bucket: &bucket, Prefix: &x.prefix, Delimiter: aws.String("/"), StartAfter: &x.startAfter, MaxKeys: aws.Int32(2),
		})
		for pages.HasMorePages() {
			page := must(pages.NextPage(t.Context()))(t)
			for _, o := range page.Contents {
				keys = append(keys, *o.Key)
			}
			for _, p := range page.CommonPrefixes {
				folders = append(folders, *p.Prefix)
			}
		}
		if !slices.Equal(keys, x.keys) || !slices.Equal(folders, x.folders) {
			t.Errorf("prefix %q after %q: keys %q, folders %q, want %q, %q", x.prefix, x.startAfter, keys, folders, x.keys, x.folders)
		}
	}
}

func TestCopiesKeepOrReplaceMetadata(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	ctx := t.Context()
	bucket, other := newBucket(t, c), newBucket(t, c)
	from, data := "from ü+%/x", randomBytes(3, 200<<10)
	must(c.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &from, Body: bytes.NewReader(data), ContentType: aws.String("text/x-kept"), CacheControl: aws.String("no-cache"),
		Metadata: map[string]string{"kind": "first"},
	}))(t)
	source := bucket + "/" + urlEncoded(from)
	for _, x := range []struct {
		directive         s3types.MetadataDirective
		contentType, kind string
	}{{"", "text/x-kept", "first"}, {s3types.MetadataDirectiveReplace, "text/x-new", "second"}} {
		to := "to/" + string(x.directive)
		in := &s3.CopyObjectInput{Bucket: &other, Key: &to, CopySource: &source, MetadataDirective: x.directive}
		if x.directive == s3types.MetadataDirectiveReplace {
			in.ContentType, in.Metadata = &x.contentType, map[string]string{"kind": x.kind}
		}
		out := must(c.s3.CopyObject(ctx, in))(t)
		head := must(c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &other, Key: &to}))(t)
		if *head.ContentType != x.contentType || head.Metadata["kind"] != x.kind || *head.ETag != *out.CopyObjectResult.ETag {
			t.Errorf("%q: content type %s, metadata %v, ETag %s, want %s, %s, %s", x.directive, *head.ContentType, head.Metadata, *head.ETag, x.contentType, x.kind, *out.CopyObjectResult.ETag)
		}
		if !bytes.Equal(getBytes(t, c, other, to), data) {
			t.Errorf("%q: the copy differs", x.directive)
		}
	}
	_, err := c.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: &from, CopySource: &source})
	wantRefusal(t, "copy onto itself without a change", err, 400, "InvalidRequest")
	_, err = c.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: aws.String("x"), CopySource: aws.String(bucket + "/missing")})
	wantRefusal(t, "copy what is not there", err, 404, "NoSuchKey")
}

func TestEveryChecksumAlgorithmIsKeptAndChecked(t *testing.T) {
	t.Parallel()
	checksumsAreKept(t, root(shared.Server(t)))
}

// checksumsAreKept puts with each algorithm: in headers over HTTP, in trailers
// over TLS.
func checksumsAreKept(t *testing.T, c *clients) {
	bucket := newBucket(t, c)
	data := randomBytes(4, 100<<10)
	for _, algorithm := range []s3types.ChecksumAlgorithm{
		s3types.ChecksumAlgorithmCrc32, s3types.ChecksumAlgorithmCrc32c, s3types.ChecksumAlgorithmCrc64nvme, s3types.ChecksumAlgorithmSha1, s3types.ChecksumAlgorithmSha256,
	} {
		key := string(algorithm)
		put := must(c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data), ChecksumAlgorithm: algorithm}))(t)
		get := must(c.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: s3types.ChecksumModeEnabled}))(t)
		got, err := io.ReadAll(get.Body)
		get.Body.Close()
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes came back (%v)", algorithm, len(got), err)
		}
		sent := checksums(put.ChecksumCRC32, put.ChecksumCRC32C, put.ChecksumCRC64NVME, put.ChecksumSHA1, put.ChecksumSHA256)
		kept := checksums(get.ChecksumCRC32, get.ChecksumCRC32C, get.ChecksumCRC64NVME, get.ChecksumSHA1, get.ChecksumSHA256)
		if len(sent) != 1 || !slices.Equal(sent, kept) {
			t.Errorf("%s: put answered %v, get %v, want the same one", algorithm, sent, kept)
		}
	}
	sum := sha256.Sum256([]byte("something else"))
	wrong := base64.StdEncoding.EncodeToString(sum[:])
	_, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("wrong"), Body: bytes.NewReader(data), ChecksumSHA256: &wrong})
	wantRefusal(t, "a wrong checksum", err, 400, "BadDigest")
	_, err = c.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("wrong")})
	wantRefusal(t, "the object with a wrong checksum", err, 404, "NotFound")
}

func checksums(all ...*string) []string {
	var given []string
	for _, c := range all {
		if c != nil {
			given = append(given, *c)
		}
	}
	return given
}

func TestVirtualHostedBucketsAreServed(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	c := root(server)
	bucket := newBucket(t, c)
	cfg := sdkConfig("http://localhost:"+port(t, server.Env["AWS_ENDPOINT_URL"]), rootProvider(server))
	var hosts []string
	hosted := &clients{s3: s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.HTTPClient = hostNoter{o.HTTPClient, &hosts}
	})}
	for _, key := range []string{"key", "a//b", "ü +%", bucket + "/x"} {
		putText(t, hosted, bucket, key, "text of "+key)
		if text := getBytes(t, c, bucket, key); string(text) != "text of "+key {
			t.Errorf("%q holds %q", key, text)
		}
	}
	list := must(hosted.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}))(t)
	if len(list.Contents) != 4 {
		t.Errorf("listed %d keys, want 4", len(list.Contents))
	}
	for _, h := range hosts {
		if !strings.HasPrefix(h, bucket+".localhost:") {
			t.Errorf("a request went to %s, want %s.localhost", h, bucket)
		}
	}
}

type hostNoter struct {
	client s3.HTTPClient
	hosts  *[]string
}

func (n hostNoter) Do(r *http.Request) (*http.Response, error) {
	*n.hosts = append(*n.hosts, r.URL.Host)
	return n.client.Do(r)
}

func TestBucketsAreMadeListedAndRemoved(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	ctx := t.Context()
	bucket := newBucket(t, c)
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}})
	wantRefusal(t, "a bucket of one's own again", err, 409, "BucketAlreadyOwnedByYou")
	_, err = c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("Not_A_Name"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}})
	wantRefusal(t, "a wrong name", err, 400, "InvalidBucketName")
	must(c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket}))(t)
	where := must(c.s3.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &bucket}))(t)
	if where.LocationConstraint != region {
		t.Errorf("location %s, want %s", where.LocationConstraint, region)
	}
	listed := func() bool {
		all := must(c.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: &bucket}))(t)
		return len(all.Buckets) == 1 && *all.Buckets[0].Name == bucket
	}
	if !listed() {
		t.Error("the bucket is not listed")
	}
	putText(t, c, bucket, "x", "x")
	_, err = c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	wantRefusal(t, "a bucket that is not empty", err, 409, "BucketNotEmpty")
	must(c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("x")}))(t)
	must(c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}))(t)
	if listed() {
		t.Error("the bucket is listed after its end")
	}
	_, err = c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
	wantRefusal(t, "a bucket that is gone", err, 404, "NoSuchBucket")
	if _, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("x")}); errors.Is(err, context.Canceled) || err == nil {
		t.Errorf("an object of it: %v", err)
	}
}

func TestUnbuiltSettingsAreRefusedAsNotImplemented(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	ctx := t.Context()
	bucket, key := newBucket(t, c), "object"
	putText(t, c, bucket, key, "text")
	for name, send := range map[string]func() error{
		"PutBucketReplication": func() error {
			_, err := c.s3.PutBucketReplication(ctx, &s3.PutBucketReplicationInput{Bucket: &bucket, ReplicationConfiguration: &s3types.ReplicationConfiguration{
				Role: aws.String("role"), Rules: []s3types.ReplicationRule{}}})
			return err
		},
		"GetBucketInventoryConfiguration": func() error {
			_, err := c.s3.GetBucketInventoryConfiguration(ctx, &s3.GetBucketInventoryConfigurationInput{Bucket: &bucket, Id: aws.String("i")})
			return err
		},
		"PutBucketAccelerateConfiguration": func() error {
			_, err := c.s3.PutBucketAccelerateConfiguration(ctx, &s3.PutBucketAccelerateConfigurationInput{Bucket: &bucket,
				AccelerateConfiguration: &s3types.AccelerateConfiguration{Status: "Enabled"}})
			return err
		},
		"put into an archive": func() error {
			_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, StorageClass: "GLACIER"})
			return err
		},
		"append": func() error {
			_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, WriteOffsetBytes: aws.Int64(4)})
			return err
		},
		"put with an ACL": func() error {
			_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, ACL: "public-read"})
			return err
		},
	} {
		if got := refusalOf(send()); got.code != "NotImplemented" && got.code != "AccessControlListNotSupported" {
			t.Errorf("%s: got %v, want NotImplemented", name, got)
		}
	}
	if text := getBytes(t, c, bucket, key); string(text) != "text" {
		t.Errorf("the object holds %q after refusals, want text", text)
	}
}
