package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	iottypes "github.com/aws/aws-sdk-go-v2/service/iot/types"
)

// The tests of this file are points 1 to 11 of the acceptance list (spec H.2),
// in its order.

func TestEndpointAddressIsStableAndShaped(t *testing.T) {
	t.Parallel()
	c := root(shared.Server(t))
	ask := func() string {
		out := must(c.iot.DescribeEndpoint(t.Context(), &iot.DescribeEndpointInput{EndpointType: aws.String("iot:CredentialProvider")}))(t)
		return *out.EndpointAddress
	}
	first, second := ask(), ask()
	if first != second {
		t.Errorf("got %s, then %s, want the same address", first, second)
	}
	shape := regexp.MustCompile(`^c[a-z0-9]{13}\.credentials\.iot\.ap-northeast-1\.[a-z]+\.[a-z]+(:\d+)?$`)
	if !shape.MatchString(first) {
		t.Errorf("address %s has not the shape %s", first, shape)
	}
	_, err := c.iot.DescribeEndpoint(t.Context(), &iot.DescribeEndpointInput{EndpointType: aws.String("iot:Nonsense")})
	wantRefusal(t, "an unknown endpoint type", err, 400, "InvalidRequestException")
}

func TestCurlFetchesCredentialsAsInTheWalkthrough(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	sh := newShell(t, f.server)
	sh.write(t, "cert.pem", []byte(d.certPEM))
	sh.write(t, "private.key", []byte(d.keyPEM))
	out := sh.run(t, "endpoint=`aws iot describe-endpoint --endpoint-type iot:CredentialProvider | jq .endpointAddress | tr -d '\"'`\n"+
		"credentials=`curl --silent --cert ./cert.pem --key ./private.key -H 'x-amzn-iot-thingname: "+d.thing+"' https://${endpoint}/role-aliases/"+f.name+"/credentials`\n"+
		`for member in accessKeyId secretAccessKey sessionToken expiration; do echo $credentials | jq .credentials.$member | tr -d '"'; done
echo $credentials | jq -c 'keys, (.credentials | keys)'`)
	lines := strings.Split(out, "\n")
	if len(lines) != 6 || lines[4] != `["credentials"]` || lines[5] != `["accessKeyId","expiration","secretAccessKey","sessionToken"]` {
		t.Fatalf("got %s, want four members", out)
	}
	if !regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`).MatchString(lines[0]) || len(lines[1]) != 40 || len(lines[2]) > 1400 {
		t.Errorf("got key %s, secret of %d and token of %d characters", lines[0], len(lines[1]), len(lines[2]))
	}
	wantExpiration(t, lines[3], time.Hour)
}

func wantExpiration(t *testing.T, text string, after time.Duration) {
	t.Helper()
	expiration, err := time.Parse("2006-01-02T15:04:05Z", text)
	if left := time.Until(expiration); err != nil || left < after-time.Minute || left > after+time.Second {
		t.Errorf("expiration %s (%v) is in %v, want %v", text, err, left, after)
	}
}

func TestCredentialsWithoutThingReachNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	c := as(f.server, d.credentials(t, ""))
	for _, r := range folderRequests(t, f, d.thing) {
		if got := refusalOf(r.send(t.Context(), c)); got.status != 403 && got.status != 501 {
			t.Errorf("%s: got %v, want a refusal", r.name, got)
		}
	}
	sh := newShell(t, f.server).as(d.credentials(t, ""))
	sh.write(t, "test.txt", []byte("test\n"))
	for _, command := range []string{
		"aws s3 cp test.txt s3://" + f.name + "/" + d.thing + "/test.txt", "aws s3 ls s3://" + f.name + "/" + d.thing + "/",
		"aws s3 ls s3://" + f.name + "/thing-xxxxxxxx/", "aws s3 cp test.txt s3://" + f.name + "/test.txt",
	} {
		if out := sh.try(t, command); out.code == 0 || !strings.Contains(out.stderr, "(AccessDenied)") {
			t.Errorf("%s ended with %d\n%s\nwant AccessDenied", command, out.code, out.stderr)
		}
	}
}

func TestWrongThingNamesAreRefusedAlike(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	other := f.name + "-other"
	f.thing(t, other)
	for _, thing := range []string{other, f.name + "-unknown", strings.ToUpper(d.thing)} {
		got := d.ask(t, thing)
		wantAnswer(t, thing, got, 403, wrongThing)
		if got.header.Get("x-amzn-ErrorType") != "AccessDeniedException" || got.header.Get("x-amzn-RequestId") == "" {
			t.Errorf("%s: headers %v want x-amzn-ErrorType and x-amzn-RequestId", thing, got.header)
		}
	}
}

func TestIoTPolicyMustAllowTheRoleAlias(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	ctx := t.Context()
	must(f.root.iot.DetachPolicy(ctx, &iot.DetachPolicyInput{PolicyName: &f.name, Target: &d.arn}))(t)
	got := d.ask(t, d.thing)
	wantAnswer(t, "without a policy", got, 403, accessDenied)
	if len(got.body) != 27 {
		t.Errorf("the refusal has %d bytes, want 27", len(got.body))
	}
	wantAnswer(t, "without a policy and with a wrong thing", d.ask(t, "no-such-thing"), 403, wrongThing)
	f.addPolicy(t, d, f.name+"-elsewhere", assumePolicy("Allow", f.name+"-elsewhere"))
	wantAnswer(t, "policy for another alias", d.ask(t, d.thing), 403, accessDenied)
	must(f.root.iot.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: &f.name, Target: &d.arn}))(t)
	d.ask(t, d.thing).parse(t)
	f.addPolicy(t, d, f.name+"-deny", assumePolicy("Deny", "*"))
	wantAnswer(t, "explicit deny", d.ask(t, d.thing), 403, accessDenied)
}

func TestMissingRoleAliasIsToldToTheAllowedOnly(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	must(f.root.iot.DeleteRoleAlias(t.Context(), &iot.DeleteRoleAliasInput{RoleAlias: &f.name}))(t)
	got := d.ask(t, d.thing)
	wantAnswer(t, "policy names the alias", got, 404, noRoleAlias)
	if got.header.Get("x-amzn-ErrorType") != "ResourceNotFoundException" {
		t.Errorf("headers %v", got.header)
	}
	d.credentialsAlias = f.name + "-other"
	wantAnswer(t, "policy names another alias", d.ask(t, d.thing), 403, accessDenied)
	f.addPolicy(t, d, f.name+"-all", assumePolicy("Allow", "*"))
	wantAnswer(t, "policy names all aliases", d.ask(t, d.thing), 404, noRoleAlias)
	d.credentialsAlias = "not an alias!"
	wantAnswer(t, "malformed alias", d.ask(t, d.thing), 404, noRoleAlias)
}

func TestRoleMustExistAndTrustTheService(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	ctx := t.Context()
	trust := func(document string) {
		must(f.root.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &f.name, PolicyDocument: &document}))(t)
	}
	trust(strings.Replace(deviceTrust, "credentials.iot", "ec2", 1))
	wantAnswer(t, "another service is trusted", d.ask(t, d.thing), 400, roleRefused)
	trust(deviceTrust)
	d.ask(t, d.thing).parse(t)
	must(f.root.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &f.name, PolicyName: &f.name}))(t)
	must(f.root.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &f.name}))(t)
	got := d.ask(t, d.thing)
	wantAnswer(t, "the role is deleted", got, 400, roleRefused)
	if got.header.Get("x-amzn-ErrorType") != "InvalidRequestException" {
		t.Errorf("headers %v", got.header)
	}
}

func TestDurationIsCheckedAgainstTheRoleAtRequestTime(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	long := f.name + "-long"
	must(f.root.iot.CreateRoleAlias(t.Context(), &iot.CreateRoleAliasInput{RoleAlias: &long, RoleArn: aws.String(f.roleARN()), CredentialDurationSeconds: aws.Int32(7200)}))(t)
	f.addPolicy(t, d, long, assumePolicy("Allow", long))
	d.credentialsAlias = long
	wantAnswer(t, "two hours of a role with one", d.ask(t, d.thing), 400, durationTooLong)
	must(f.root.iam.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: &f.name, MaxSessionDuration: aws.Int32(7200)}))(t)
	c := d.ask(t, d.thing).parse(t)
	wantExpiration(t, c.Credentials.Expiration.Format("2006-01-02T15:04:05Z"), 2*time.Hour)
}

func TestCertificateStatusIsCheckedOnEveryRequest(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	for _, protocol := range []string{"http/1.1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			d := f.device(t)
			cfg := d.tlsConfig(t)
			cfg.NextProtos = []string{protocol}
			client := endpointClient(t, cfg)
			client.Transport.(*http.Transport).ForceAttemptHTTP2 = protocol == "h2"
			set := func(status iottypes.CertificateStatus) {
				must(f.root.iot.UpdateCertificate(t.Context(), &iot.UpdateCertificateInput{CertificateId: &d.id, NewStatus: status}))(t)
			}
			d.askOn(t, client, d.thing).parse(t)
			for _, status := range []iottypes.CertificateStatus{iottypes.CertificateStatusInactive, iottypes.CertificateStatusRevoked} {
				set(status)
				wantAnswer(t, string(status), d.askReusing(t, client), 403, wrongCertificate)
				set(iottypes.CertificateStatusActive)
				d.askReusing(t, client).parse(t)
			}
		})
	}
}

// askReusing is askOn, which must not open a connection.
func (d *device) askReusing(t *testing.T, client *http.Client) answer {
	t.Helper()
	reused := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := send(t, client, r, d.thing)
	if !reused {
		t.Error("a new connection was opened, want the open one")
	}
	return got
}

func TestCertificatesOfEveryOriginAuthenticate(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	ctx := t.Context()
	t.Run("from a signing request", func(t *testing.T) {
		key, keyPEM := newKey(t)
		csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "device"}}, key)
		if err != nil {
			t.Fatal(err)
		}
		out := must(f.root.iot.CreateCertificateFromCsr(ctx, &iot.CreateCertificateFromCsrInput{
			CertificateSigningRequest: aws.String(pemText("CERTIFICATE REQUEST", csr)), SetAsActive: true,
		}))(t)
		d := &device{fleet: f, id: *out.CertificateId, arn: *out.CertificateArn, certPEM: *out.CertificatePem, keyPEM: keyPEM, credentialsAlias: f.name}
		d.attach(t)
		d.ask(t, "").parse(t)
	})
	t.Run("registered without a CA", func(t *testing.T) {
		certPEM, keyPEM := selfSigned(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		d := f.register(t, certPEM, keyPEM)
		d.ask(t, "").parse(t)
	})
	t.Run("not valid yet, or any more", func(t *testing.T) {
		for _, shift := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
			certPEM, keyPEM := selfSigned(t, time.Now().Add(shift-time.Hour), time.Now().Add(shift+time.Hour))
			out, err := f.root.iot.RegisterCertificateWithoutCA(ctx, &iot.RegisterCertificateWithoutCAInput{
				CertificatePem: &certPEM, Status: iottypes.CertificateStatusActive,
			})
			if err != nil {
				wantRefusal(t, "register", err, 400, "CertificateValidationException")
				continue
			}
			d := &device{fleet: f, id: *out.CertificateId, arn: *out.CertificateArn, certPEM: certPEM, keyPEM: keyPEM, credentialsAlias: f.name}
			d.attach(t)
			wantAnswer(t, "out of its time", d.ask(t, ""), 403, wrongCertificate)
		}
	})
	t.Run("not registered", func(t *testing.T) {
		certPEM, keyPEM := selfSigned(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		d := &device{fleet: f, certPEM: certPEM, keyPEM: keyPEM, credentialsAlias: f.name}
		got := d.ask(t, "")
		wantAnswer(t, "self-signed", got, 403, wrongCertificate)
		if got.header.Get("x-amzn-ErrorType") != "AccessDeniedException" || got.header.Get("x-amzn-RequestId") == "" {
			t.Errorf("headers %v want x-amzn-ErrorType and x-amzn-RequestId", got.header)
		}
	})
}

// register registers a certificate without a CA and attaches it to the fleet's
// policy.
func (f *fleet) register(t *testing.T, certPEM, keyPEM string) *device {
	t.Helper()
	out := must(f.root.iot.RegisterCertificateWithoutCA(t.Context(), &iot.RegisterCertificateWithoutCAInput{
		CertificatePem: &certPEM, Status: iottypes.CertificateStatusActive,
	}))(t)
	d := &device{fleet: f, id: *out.CertificateId, arn: *out.CertificateArn, certPEM: certPEM, keyPEM: keyPEM, credentialsAlias: f.name}
	d.attach(t)
	return d
}

func newKey(t *testing.T) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, pemText("PRIVATE KEY", der)
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func selfSigned(t *testing.T, from, until time.Time) (certPEM, keyPEM string) {
	t.Helper()
	key, keyPEM := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "self-signed"}, NotBefore: from, NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("CERTIFICATE", der), keyPEM
}

func TestServerNameAndClientCertificateAreDemanded(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	for _, c := range []struct {
		name   string
		change func(*tls.Config)
	}{
		{"no server name", func(cfg *tls.Config) { cfg.ServerName, cfg.InsecureSkipVerify = "", true }},
		{"foreign server name", func(cfg *tls.Config) { cfg.ServerName, cfg.InsecureSkipVerify = "iot.example.com", true }},
		{"no client certificate", func(cfg *tls.Config) { cfg.Certificates = nil }},
	} {
		cfg := d.tlsConfig(t)
		c.change(cfg)
		got := d.askOn(t, endpointClient(t, cfg), d.thing)
		wantAnswer(t, c.name, got, 403, wrongCertificate)
		if got.header.Get("x-amzn-ErrorType") != "AccessDeniedException" || got.header.Get("x-amzn-RequestId") == "" {
			t.Errorf("%s: headers %v want x-amzn-ErrorType and x-amzn-RequestId", c.name, got.header)
		}
	}
}

func TestOtherMethodsAndPathsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	client := d.http(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		got := askFor(t, client, method, d.url(), d.thing)
		wantAnswer(t, method, got, 405, "Method Not Allowed")
		if got.header.Get("Allow") != "GET" {
			t.Errorf("%s: Allow %q, want GET", method, got.header.Get("Allow"))
		}
	}
	for _, path := range []string{"/", "/role-aliases", "/role-aliases/a/b/credentials", "/topics/x", "/role-aliases//credentials"} {
		got := askFor(t, client, http.MethodGet, "https://"+f.server.Credentials+path, d.thing)
		var body struct{ Message, TraceID string }
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 404 || body.Message != "Not Found" || body.TraceID == "" {
			t.Errorf("%s: got %d %s, want 404 Not Found with a trace id", path, got.status, got.body)
		}
	}
}

func TestEveryKindOfTLSClientIsServed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared.Server(t), folderPolicy)
	d := f.device(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, protocols := range [][]string{nil, {"http/1.1"}, {"h2", "http/1.1"}} {
			cfg := d.tlsConfig(t)
			cfg.MinVersion, cfg.MaxVersion, cfg.NextProtos = version, version, protocols
			client := endpointClient(t, cfg)
			client.Transport.(*http.Transport).ForceAttemptHTTP2 = len(protocols) == 2
			t.Logf("%s %v", tls.VersionName(version), protocols)
			d.askOn(t, client, d.thing).parse(t)
		}
	}
	old := d.tlsConfig(t)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := endpointClient(t, old).Get(d.url()); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}
