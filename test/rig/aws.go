package rig

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"inro.dev/inro/internal/sigv4"
)

// AWS is a small signed client of IAM and IoT, for what a load needs before it
// begins.
type AWS struct {
	endpoint    string
	credentials sigv4.Credentials
	region      string
}

// NewAWS returns a client.
func NewAWS(endpoint string, credentials sigv4.Credentials, region string) *AWS {
	return &AWS{endpoint, credentials, region}
}

// AWS returns a root client of the server.
func (s *Server) AWS() *AWS {
	return NewAWS(s.Env["AWS_ENDPOINT_URL"], s.rootCredentials(), s.Env["AWS_DEFAULT_REGION"])
}

// IAM calls an IAM operation with name, value pairs.
func (c *AWS) IAM(ctx context.Context, action string, pairs ...string) error {
	_, err := c.iam(ctx, action, pairs...)
	return err
}

// CreateUser makes a user to whom a managed policy is attached, and returns an
// access key.
func (c *AWS) CreateUser(ctx context.Context, name, policyARN string) (sigv4.Credentials, error) {
	if err := c.IAM(ctx, "CreateUser", "UserName", name); err != nil {
		return sigv4.Credentials{}, err
	}
	if err := c.IAM(ctx, "AttachUserPolicy", "UserName", name, "PolicyArn", policyARN); err != nil {
		return sigv4.Credentials{}, err
	}
	return c.CreateAccessKey(ctx, name)
}

// CreateAccessKey makes an access key of a user.
func (c *AWS) CreateAccessKey(ctx context.Context, user string) (sigv4.Credentials, error) {
	text, err := c.iam(ctx, "CreateAccessKey", "UserName", user)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	var answer struct {
		AccessKeyId     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		SecretAccessKey string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := xml.Unmarshal(text, &answer); err != nil {
		return sigv4.Credentials{}, err
	}
	return sigv4.Credentials{AccessKeyID: answer.AccessKeyId, SecretAccessKey: answer.SecretAccessKey}, nil
}

func (c *AWS) iam(ctx context.Context, action string, pairs ...string) ([]byte, error) {
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return c.send(ctx, "iam", http.MethodPost, "/", []byte(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// IoT calls an IoT operation and decodes its answer into out, if not nil.
func (c *AWS) IoT(ctx context.Context, method, path string, in, out any, headers ...string) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	answer, err := c.send(ctx, "iot", method, path, body, h)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

func (c *AWS) send(ctx context.Context, service, method, path string, body []byte, h http.Header) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = h
	sum := sha256.Sum256(body)
	if err := sigv4.Sign(r, c.credentials, sigv4.Scope{Region: c.region, Service: service}, time.Now(), hex.EncodeToString(sum[:])); err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: status %d: %s", method, path, answer.StatusCode, text)
	}
	return text, err
}

// Device is an enrolled device.
type Device struct {
	CertificateARN, CertificatePEM, PrivateKeyPEM string
}

const deviceTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// Enrol makes a thing, a role with the given policy, a role alias and an IoT
// policy, all of the given name, and a certificate attached to them.
func (c *AWS) Enrol(ctx context.Context, name, rolePolicy string) (*Device, error) {
	var keys struct {
		CertificateArn, CertificatePem string
		KeyPair                        struct{ PrivateKey string }
	}
	policy := strings.ReplaceAll(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:AssumeRoleWithCertificate","Resource":"arn:aws:iot:*:*:rolealias/NAME"}]}`, "NAME", name)
	type members = map[string]string
	for _, step := range []func() error{
		func() error {
			return c.IAM(ctx, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", deviceTrust)
		},
		func() error {
			return c.IAM(ctx, "PutRolePolicy", "RoleName", name, "PolicyName", name, "PolicyDocument", rolePolicy)
		},
		func() error {
			return c.IoT(ctx, http.MethodPost, "/role-aliases/"+name, members{"roleArn": "arn:aws:iam::999999999999:role/" + name}, nil)
		},
		func() error { return c.IoT(ctx, http.MethodPost, "/things/"+name, members{}, nil) },
		func() error {
			return c.IoT(ctx, http.MethodPost, "/policies/"+name, members{"policyDocument": policy}, nil)
		},
		func() error {
			return c.IoT(ctx, http.MethodPost, "/keys-and-certificate?setAsActive=true", members{}, &keys)
		},
		func() error {
			return c.IoT(ctx, http.MethodPut, "/target-policies/"+name, members{"target": keys.CertificateArn}, nil)
		},
		func() error {
			return c.IoT(ctx, http.MethodPut, "/things/"+name+"/principals", members{}, nil, "x-amzn-principal", keys.CertificateArn)
		},
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return &Device{keys.CertificateArn, keys.CertificatePem, keys.KeyPair.PrivateKey}, nil
}
