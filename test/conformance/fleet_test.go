package conformance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iot"

	"inro.dev/inro/test/rig"
)

// deviceTrust is the walkthrough's trust policy.
const deviceTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// folderPolicy is the walkthrough's role policy, for any bucket.
const folderPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::BUCKET",
      "Condition": {"StringLike": {"s3:prefix": "${credentials-iot:ThingName}/*"}}
    },
    {
      "Effect": "Allow",
      "Action": ["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject", "s3:DeleteObjectVersion"],
      "Resource": "arn:aws:s3:::BUCKET/${credentials-iot:ThingName}/*"
    }
  ]
}`

// fleet is what the devices of a test have in common: bucket, role, role alias
// and IoT policy, all of one name.
type fleet struct {
	server *rig.Server
	root   *clients
	name   string
}

// newFleet makes a fleet whose role has the policy, in which BUCKET stands for
// the bucket's name.
func newFleet(t *testing.T, server *rig.Server, rolePolicy string) *fleet {
	t.Helper()
	f := &fleet{server: server, root: root(server)}
	f.name = newBucket(t, f.root)
	ctx := t.Context()
	must(f.root.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &f.name, AssumeRolePolicyDocument: aws.String(deviceTrust)}))(t)
	f.setRolePolicy(t, rolePolicy)
	must(f.root.iot.CreateRoleAlias(ctx, &iot.CreateRoleAliasInput{RoleAlias: &f.name, RoleArn: aws.String(f.roleARN())}))(t)
	must(f.root.iot.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: &f.name, PolicyDocument: aws.String(assumePolicy("Allow", f.name))}))(t)
	return f
}

func (f *fleet) roleARN() string { return "arn:aws:iam::" + account + ":role/" + f.name }

func (f *fleet) bucketPolicy(policy string) string {
	return strings.ReplaceAll(policy, "BUCKET", f.name)
}

// setRolePolicy replaces the role's inline policy.
func (f *fleet) setRolePolicy(t *testing.T, policy string) {
	t.Helper()
	must(f.root.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: &f.name, PolicyName: &f.name, PolicyDocument: aws.String(f.bucketPolicy(policy)),
	}))(t)
}

// assumePolicy is an IoT policy about a role alias, which may be a pattern.
func assumePolicy(effect, alias string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"iot:AssumeRoleWithCertificate","Resource":"arn:aws:iot:` + region + `:` + account + `:rolealias/` + alias + `"}]}`
}

// addPolicy makes an IoT policy beside the fleet's own and attaches it.
func (f *fleet) addPolicy(t *testing.T, d *device, name, document string) {
	t.Helper()
	must(f.root.iot.CreatePolicy(t.Context(), &iot.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}))(t)
	must(f.root.iot.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: &name, Target: &d.arn}))(t)
}

// thing makes a thing.
func (f *fleet) thing(t *testing.T, name string) {
	t.Helper()
	must(f.root.iot.CreateThing(t.Context(), &iot.CreateThingInput{ThingName: &name}))(t)
}

// device holds a certificate and its key, and may be attached to things.
type device struct {
	fleet            *fleet
	thing            string // first thing, or ""
	id, arn          string
	certPEM, keyPEM  string
	credentialsAlias string
}

// device makes a thing and a certificate for it, with the fleet's policy.
func (f *fleet) device(t *testing.T) *device {
	t.Helper()
	keys := must(f.root.iot.CreateKeysAndCertificate(t.Context(), &iot.CreateKeysAndCertificateInput{SetAsActive: true}))(t)
	d := &device{
		fleet: f, thing: "thing-" + (*keys.CertificateId)[:8], id: *keys.CertificateId, arn: *keys.CertificateArn,
		certPEM: *keys.CertificatePem, keyPEM: *keys.KeyPair.PrivateKey, credentialsAlias: f.name,
	}
	f.thing(t, d.thing)
	d.attach(t)
	return d
}

// attach attaches the certificate to the fleet's policy and to its thing.
func (d *device) attach(t *testing.T) {
	t.Helper()
	must(d.fleet.root.iot.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: &d.fleet.name, Target: &d.arn}))(t)
	if d.thing != "" {
		d.attachTo(t, d.thing)
	}
}

func (d *device) attachTo(t *testing.T, thing string) {
	t.Helper()
	must(d.fleet.root.iot.AttachThingPrincipal(t.Context(), &iot.AttachThingPrincipalInput{ThingName: &thing, Principal: &d.arn}))(t)
}

// serverCAs are the roots that `inro env` makes clients trust.
func serverCAs(t *testing.T, server *rig.Server) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(server.Env["CURL_CA_BUNDLE"])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("the CA bundle holds no certificate")
	}
	return pool
}

// tlsConfig is the device's side of mutual TLS: the server is verified by name.
func (d *device) tlsConfig(t *testing.T) *tls.Config {
	t.Helper()
	host, _, err := net.SplitHostPort(d.fleet.server.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{RootCAs: serverCAs(t, d.fleet.server), ServerName: host}
	if d.certPEM != "" {
		pair, err := tls.X509KeyPair([]byte(d.certPEM), []byte(d.keyPEM))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg
}

// http returns a client of the credentials endpoint.
func (d *device) http(t *testing.T) *http.Client {
	t.Helper()
	return endpointClient(t, d.tlsConfig(t))
}

// endpointClient makes connections exactly as cfg says.
func endpointClient(t *testing.T, cfg *tls.Config) *http.Client {
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := loopback(ctx, network, address)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(raw, cfg)
			return conn, conn.HandshakeContext(ctx)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// answer is an answer of the credentials endpoint.
type answer struct {
	status int
	header http.Header
	body   string
}

// url is where the device asks for credentials.
func (d *device) url() string {
	return "https://" + d.fleet.server.Credentials + "/role-aliases/" + url.PathEscape(d.credentialsAlias) + "/credentials"
}

// ask asks for credentials on a connection of its own. thing "" sends no
// header.
func (d *device) ask(t *testing.T, thing string) answer {
	t.Helper()
	return d.askOn(t, d.http(t), thing)
}

// askOn is ask with a client, which may keep connections.
func (d *device) askOn(t *testing.T, client *http.Client, thing string) answer {
	t.Helper()
	return askFor(t, client, http.MethodGet, d.url(), thing)
}

func askFor(t *testing.T, client *http.Client, method, url, thing string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, client, r, thing)
}

func send(t *testing.T, client *http.Client, r *http.Request, thing string) answer {
	t.Helper()
	if thing != "" {
		r.Header.Set("x-amzn-iot-thingname", thing)
	}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(text)}
}

// deviceCredentials are what the endpoint answers.
type deviceCredentials struct {
	Credentials struct {
		AccessKeyID     string    `json:"accessKeyId"`
		SecretAccessKey string    `json:"secretAccessKey"`
		SessionToken    string    `json:"sessionToken"`
		Expiration      time.Time `json:"expiration"`
	} `json:"credentials"`
}

// parse reads a success as strictly as the Greengrass nucleus does.
func (a answer) parse(t *testing.T) deviceCredentials {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("got %d %s, want 200", a.status, a.body)
	}
	var c deviceCredentials
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		t.Fatalf("parse %s: %v", a.body, err)
	}
	return c
}

func (c deviceCredentials) aws() aws.Credentials {
	return aws.Credentials{
		AccessKeyID: c.Credentials.AccessKeyID, SecretAccessKey: c.Credentials.SecretAccessKey, SessionToken: c.Credentials.SessionToken,
	}
}

// credentials fetches credentials as the thing. "" sends no header.
func (d *device) credentials(t *testing.T, thing string) aws.Credentials {
	t.Helper()
	return d.ask(t, thing).parse(t).aws()
}

// clients fetches credentials as the device's thing and returns clients.
func (d *device) clients(t *testing.T) *clients {
	t.Helper()
	return as(d.fleet.server, d.credentials(t, d.thing))
}

// wantAnswer compares an answer's status and message.
func wantAnswer(t *testing.T, doing string, got answer, status int, message string) {
	t.Helper()
	if want := `{"message":"` + message + `"}`; got.status != status || got.body != want {
		t.Errorf("%s: got %d %s, want %d %s", doing, got.status, got.body, status, want)
	}
}

const (
	wrongCertificate = "Certificate is invalid on this endpoint"
	wrongThing       = "Invalid thing name passed"
	accessDenied     = "Access Denied"
	noRoleAlias      = "Role alias does not exist"
	roleRefused      = "Unable to assume the role, or the role to assume does not exist"
	durationTooLong  = "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role"
)
