package rig

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"inro.dev/inro/internal/sigv4"
)

// S3 is a small signed client for load, where an SDK would hide retries and
// cost more than the server.
type S3 struct {
	Endpoint    string // http://host:port
	Credentials sigv4.Credentials
	Region      string
	HTTP        *http.Client
	// Header goes with every request, signed where S3 demands it.
	Header http.Header
}

// With returns a client that sends headers, given as names and values.
func (c *S3) With(pairs ...string) *S3 {
	with := *c
	with.Header = c.Header.Clone()
	if with.Header == nil {
		with.Header = make(http.Header)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		with.Header.Set(pairs[i], pairs[i+1])
	}
	return &with
}

// S3 returns a root client of the server with up to conns connections.
func (s *Server) S3(conns int) *S3 {
	return NewS3(s.Env["AWS_ENDPOINT_URL"], s.rootCredentials(), s.Env["AWS_DEFAULT_REGION"], conns)
}

func (s *Server) rootCredentials() sigv4.Credentials {
	return sigv4.Credentials{AccessKeyID: s.Env["AWS_ACCESS_KEY_ID"], SecretAccessKey: s.Env["AWS_SECRET_ACCESS_KEY"]}
}

// NewS3 returns a client with up to conns connections.
func NewS3(endpoint string, credentials sigv4.Credentials, region string, conns int) *S3 {
	return &S3{Endpoint: endpoint, Credentials: credentials, Region: region, HTTP: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns, DisableCompression: true,
	}}}
}

// Answer is a complete answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends one request. path is bucket/key, unescaped; the payload is not
// signed.
func (c *S3) Do(ctx context.Context, method, path, query string, body []byte) (*Answer, error) {
	answer, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	return &Answer{answer.StatusCode, answer.Header, text}, nil
}

// Discard is OK for load: the answer's body is read and not kept. query is at
// most one.
func (c *S3) Discard(ctx context.Context, method, path string, body []byte, query ...string) error {
	answer, err := c.send(ctx, method, path, strings.Join(query, "&"), body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		text, _ := io.ReadAll(answer.Body) // for the error only
		return fmt.Errorf("%s %s: status %d: %s", method, path, answer.StatusCode, text)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func (c *S3) send(ctx context.Context, method, path, query string, body []byte, headers ...string) (*http.Response, error) {
	u := c.Endpoint + (&url.URL{Path: "/" + path}).EscapedPath()
	if query != "" {
		u += "?" + query
	}
	r, err := http.NewRequestWithContext(ctx, method, u, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range c.Header {
		r.Header[name] = values
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	scope := sigv4.Scope{Region: c.Region, Service: "s3"}
	if err := sigv4.Sign(r, c.Credentials, scope, time.Now(), sigv4.UnsignedPayload); err != nil {
		return nil, err
	}
	return c.HTTP.Do(r)
}

// OK is Do for requests that must succeed.
func (c *S3) OK(ctx context.Context, method, path, query string, body []byte) (*Answer, error) {
	a, err := c.Do(ctx, method, path, query, body)
	if err == nil && a.Status >= 300 {
		err = fmt.Errorf("%s %s?%s: status %d: %s", method, path, query, a.Status, a.Body)
	}
	return a, err
}

// Multipart uploads parts and completes the upload.
func (c *S3) Multipart(ctx context.Context, path string, parts [][]byte) (*Answer, error) {
	a, err := c.OK(ctx, http.MethodPost, path, "uploads=", nil)
	if err != nil {
		return nil, err
	}
	var created struct{ UploadId string }
	if err := xml.Unmarshal(a.Body, &created); err != nil {
		return nil, err
	}
	id := "uploadId=" + url.QueryEscape(created.UploadId)
	var list strings.Builder
	list.WriteString("<CompleteMultipartUpload>")
	for i, part := range parts {
		a, err := c.OK(ctx, http.MethodPut, path, "partNumber="+strconv.Itoa(i+1)+"&"+id, part)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, a.Header.Get("ETag"))
	}
	list.WriteString("</CompleteMultipartUpload>")
	return c.OK(ctx, http.MethodPost, path, id, []byte(list.String()))
}

// Delete deletes keys of a bucket with one DeleteObjects. Keys need no escaping
// in XML.
func (c *S3) Delete(ctx context.Context, bucket string, keys []string) error {
	var body strings.Builder
	body.WriteString("<Delete><Quiet>true</Quiet>")
	for _, key := range keys {
		fmt.Fprintf(&body, "<Object><Key>%s</Key></Object>", key)
	}
	body.WriteString("</Delete>")
	sum := md5.Sum([]byte(body.String())) // what DeleteObjects asks for
	answer, err := c.send(ctx, http.MethodPost, bucket, "delete=", []byte(body.String()), "Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || bytes.Contains(text, []byte("<Error>"))) {
		err = fmt.Errorf("DeleteObjects: status %d: %s", answer.StatusCode, text)
	}
	return err
}

// Keys lists all keys of a bucket.
func (c *S3) Keys(ctx context.Context, bucket string) ([]string, error) {
	var keys []string
	after := ""
	for {
		a, err := c.OK(ctx, http.MethodGet, bucket, "list-type=2&start-after="+url.QueryEscape(after), nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Contents    []struct{ Key string }
			IsTruncated bool
		}
		if err := xml.Unmarshal(a.Body, &page); err != nil {
			return nil, err
		}
		for _, item := range page.Contents {
			keys = append(keys, item.Key)
		}
		if !page.IsTruncated {
			return keys, nil
		}
		after = keys[len(keys)-1]
	}
}
