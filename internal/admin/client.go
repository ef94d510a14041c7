package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"inro.dev/inro/internal/sigv4"
)

// Client calls the service of a running server.
type Client struct {
	// URL is the server's API endpoint, such as http://127.0.0.1:9000.
	URL string
	// Region is the server's.
	Region string
	// Credentials sign the requests.
	Credentials sigv4.Credentials
	// HTTP sends them. Nil: http.DefaultClient.
	HTTP *http.Client
}

// maxAnswerBytes bounds what a server may answer.
const maxAnswerBytes = 4 << 20

// CreateAccount makes an account.
func (c *Client) CreateAccount(ctx context.Context, in *CreateAccountInput) (*CreateAccountOutput, error) {
	out := new(CreateAccountOutput)
	return out, c.call(ctx, http.MethodPost, "/accounts", in, out)
}

// ListAccounts returns all accounts.
func (c *Client) ListAccounts(ctx context.Context) ([]Account, error) {
	var all []Account
	path := "/accounts"
	for {
		out := new(ListAccountsOutput)
		if err := c.call(ctx, http.MethodGet, path, nil, out); err != nil {
			return nil, err
		}
		all = append(all, out.Accounts...)
		if out.NextToken == "" {
			return all, nil
		}
		path = "/accounts?nextToken=" + url.QueryEscape(out.NextToken)
	}
}

// UpdateAccount changes the name of an account.
func (c *Client) UpdateAccount(ctx context.Context, number, name string) (*Account, error) {
	out := new(DescribeAccountOutput)
	err := c.call(ctx, http.MethodPatch, "/accounts/"+url.PathEscape(number), map[string]string{"name": name}, out)
	return &out.Account, err
}

// GetBucketUsage returns what a bucket holds.
func (c *Client) GetBucketUsage(ctx context.Context, bucket string) (*Usage, error) {
	out := new(GetBucketUsageOutput)
	return &out.Usage, c.call(ctx, http.MethodGet, "/buckets/"+url.PathEscape(bucket)+"/usage", nil, out)
}

// ListFolderUsage returns a page of what the folders of a bucket hold. An empty
// token asks for the first.
func (c *Client) ListFolderUsage(ctx context.Context, bucket, token string) (*ListFolderUsageOutput, error) {
	out := new(ListFolderUsageOutput)
	return out, c.call(ctx, http.MethodGet, "/buckets/"+url.PathEscape(bucket)+"/folders?nextToken="+url.QueryEscape(token), nil, out)
}

// GetBucketQuota returns the quota of a bucket.
func (c *Client) GetBucketQuota(ctx context.Context, bucket string) (*Quota, error) {
	out := new(BucketQuotaOutput)
	return &out.Quota, c.call(ctx, http.MethodGet, "/buckets/"+url.PathEscape(bucket)+"/quota", nil, out)
}

// PutBucketQuota replaces the quota of a bucket.
func (c *Client) PutBucketQuota(ctx context.Context, bucket string, q Quota) error {
	in := map[string]Quota{"quota": q}
	return c.call(ctx, http.MethodPut, "/buckets/"+url.PathEscape(bucket)+"/quota", in, new(BucketQuotaOutput))
}

// call sends one request and reads the answer into out.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	sum := sha256.Sum256(body)
	if err := sigv4.Sign(r, c.Credentials, sigv4.Scope{Region: c.Region, Service: ServiceName}, time.Now(), hex.EncodeToString(sum[:])); err != nil {
		return err
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("call the server: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes+1))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if len(text) > maxAnswerBytes {
		return errors.New("the answer is too long")
	}
	if answer.StatusCode != http.StatusOK {
		return refusal(answer, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// refusal is the error that a server answered. What is not Inro may answer
// anything.
func refusal(answer *http.Response, text []byte) error {
	var members struct {
		Message string `json:"message"`
	}
	code := answer.Header.Get("x-amzn-ErrorType")
	if json.Unmarshal(text, &members) != nil || members.Message == "" || code == "" {
		return fmt.Errorf("the server at %s answered %s and is perhaps not Inro", answer.Request.URL.Host, answer.Status)
	}
	return fmt.Errorf("%s: %s", code, members.Message)
}
