package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"inro.dev/inro/test/rig"
)

const (
	account = "999999999999"
	region  = "ap-northeast-1"
)

// shared is the server of all tests that only add to it.
var shared rig.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// clients are SDK clients of one caller.
type clients struct {
	s3  *s3.Client
	iam *iam.Client
	iot *iot.Client
	sts *sts.Client
}

// loopback dials the port of whatever is asked for on this machine, so that
// names below localhost need no resolver.
func loopback(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}

// sdkConfig is the configuration of an SDK client of the server. Nothing is
// retried: a failure of the server must show.
func sdkConfig(endpoint string, provider aws.CredentialsProvider) aws.Config {
	return aws.Config{
		Region:           region,
		Credentials:      provider,
		BaseEndpoint:     aws.String(endpoint),
		HTTPClient:       &http.Client{Transport: &http.Transport{DialContext: loopback, MaxIdleConnsPerHost: 8}},
		RetryMaxAttempts: 1,
		// The defaults that config.LoadDefaultConfig fills in.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
}

func newClients(cfg aws.Config) *clients {
	return &clients{
		s3:  s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
		iam: iam.NewFromConfig(cfg),
		iot: iot.NewFromConfig(cfg),
		sts: sts.NewFromConfig(cfg),
	}
}

// rootProvider gives the root access key of the server.
func rootProvider(server *rig.Server) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(server.Env["AWS_ACCESS_KEY_ID"], server.Env["AWS_SECRET_ACCESS_KEY"], "")
}

// root returns clients with the root access key of the server.
func root(server *rig.Server) *clients {
	return newClients(sdkConfig(server.Env["AWS_ENDPOINT_URL"], rootProvider(server)))
}

// as returns clients of the server with other credentials.
func as(server *rig.Server, c aws.Credentials) *clients {
	return newClients(sdkConfig(server.Env["AWS_ENDPOINT_URL"], provide(c)))
}

func provide(c aws.Credentials) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// uniqueName is a name that is valid for everything, buckets included, and that
// no other test uses.
func uniqueName(t *testing.T) string {
	random := make([]byte, 4)
	rand.Read(random) // never fails
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), "-"), "-")
	if len(name) > 40 {
		name = strings.Trim(name[:40], "-")
	}
	return name + "-" + hex.EncodeToString(random)
}

// newBucket makes a bucket of its own for the test.
func newBucket(t *testing.T, c *clients) string {
	t.Helper()
	name := uniqueName(t)
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// putText stores an object.
func putText(t *testing.T, c *clients, bucket, key, text string) {
	t.Helper()
	_, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)})
	if err != nil {
		t.Fatalf("put %s/%s: %v", bucket, key, err)
	}
}

// refusal is what a client makes of an error answer.
type refusal struct {
	status        int
	code, message string
}

func (r refusal) String() string { return fmt.Sprintf("%d %s %q", r.status, r.code, r.message) }

// refusalOf reads an SDK error. It is zero for nil.
func refusalOf(err error) refusal {
	var r refusal
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		r.status = answer.HTTPStatusCode()
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		r.code, r.message = e.ErrorCode(), e.ErrorMessage()
	}
	if err != nil && r.status == 0 {
		r.message = err.Error()
	}
	return r
}

// wantRefusal fails the test unless err is an answer with the status and code.
func wantRefusal(t *testing.T, doing string, err error, status int, code string) {
	t.Helper()
	if got := refusalOf(err); got.status != status || got.code != code {
		t.Errorf("%s: got %v, want %d %s", doing, got, status, code)
	}
}

// must ends the test on an error of a step that it needs.
func must[T any](out T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// port is the port of a URL's host.
func port(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}
