package credentials

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/pki"
	"inro.dev/inro/internal/session"
)

const (
	rowCertificate = `{"message":"Certificate is invalid on this endpoint"}`
	rowThing       = `{"message":"Invalid thing name passed"}`
	rowDenied      = `{"message":"Access Denied"}`
	rowAlias       = `{"message":"Role alias does not exist"}`
	rowRole        = `{"message":"Unable to assume the role, or the role to assume does not exist"}`
	rowDuration    = `{"message":"The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role"}`
)

func TestIssuedBodyHasTheFourMembersInOrder(t *testing.T) {
	r := newRig(t)
	r.serve()
	a := r.do(r.client(), path, "device-1")
	shape := regexp.MustCompile(`^\{"credentials":\{"accessKeyId":"ASIA[A-Z2-7]{16}","secretAccessKey":"[A-Za-z0-9+/]{40}","sessionToken":"[A-Za-z0-9+/=]+","expiration":"2026-08-01T13:00:00Z"\}\}$`)
	if a.status != http.StatusOK || !shape.MatchString(a.body) {
		t.Fatalf("status %d, body %s", a.status, a.body)
	}
	for name, want := range map[string]string{
		"Content-Type": `^application/json$`, "Date": `GMT$`, "Content-Length": fmt.Sprint("^", len(a.body), "$"),
		"X-Amzn-Requestid": `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`,
	} {
		if got := a.header.Get(name); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("header %s = %q, want %s", name, got, want)
		}
		a.header.Del(name)
	}
	if len(a.header) != 0 {
		t.Errorf("further headers %v, want none", a.header)
	}
	s := r.session(a)
	want := session.Session{
		Kind: session.Device, Account: account, Issued: r.clock.now, Expires: r.clock.now.Add(time.Hour),
		RoleName: "role", RoleID: "AROAEXAMPLEEXAMPLE234", RolePath: "/",
		SessionName: r.deviceID, CertificateID: r.deviceID,
		ThingName: "device-1", ThingTypeName: "sensor", ThingID: "id-of-device-1", AccessKeyID: s.AccessKeyID,
	}
	if got, want := fmt.Sprintf("%+v", *s), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("session\n%s, want\n%s", got, want)
	}
	if n := r.outcomes.of(Issued); n != 1 {
		t.Errorf("observer saw %d issued, want 1", n)
	}
}

// Each step repairs what the row before it tests, so that the rows must come in
// this order and no later one can hide an earlier one.
func TestRefusalsComeInTheOrderOfTheSpecification(t *testing.T) {
	r := newRig(t)
	r.serve()
	r.detachPolicy("policy", metastore.CertificatePoint(r.deviceID))
	r.setStatus(metastore.CertificateInactive)
	var alias *metastore.RoleAlias
	var role *metastore.Role
	r.update(func(ctx context.Context, w metastore.Writer) error {
		var err error
		if alias, err = metastore.RoleAliases.Get(ctx, w, account, "alias"); err != nil {
			return err
		}
		if role, err = metastore.Roles.Get(ctx, w, account, "role"); err != nil {
			return err
		}
		return firstError(metastore.RoleAliases.Delete(ctx, w, account, "alias"), metastore.Roles.Delete(ctx, w, account, "role"))
	})
	alias.CredentialDurationSeconds = 7200
	role.Trust = strings.Replace(trustIoT, "credentials.iot", "ec2", 1)
	put := func(f func(context.Context, metastore.Writer) error) func() { return func() { r.update(f) } }
	putRole := put(func(ctx context.Context, w metastore.Writer) error {
		return metastore.Roles.Put(ctx, w, account, "role", role)
	})
	steps := []struct {
		name      string
		thing     string
		repair    func()
		status    int
		body, typ string
		outcome   Outcome
	}{
		{"inactive certificate", "other", func() {}, 403, rowCertificate, "AccessDeniedException", CertificateWrong},
		{"unattached thing", "other", func() { r.setStatus(metastore.CertificateActive) }, 403, rowThing, "AccessDeniedException", ThingWrong},
		{"no policy", "device-1", func() {}, 403, rowDenied, "AccessDeniedException", PolicyDenied},
		{"no alias", "device-1", func() { r.attachPolicy("policy", metastore.CertificatePoint(r.deviceID)) }, 404, rowAlias, "ResourceNotFoundException", NoRoleAlias},
		{"no role", "device-1", put(func(ctx context.Context, w metastore.Writer) error {
			return metastore.RoleAliases.Put(ctx, w, account, "alias", alias)
		}), 400, rowRole, "InvalidRequestException", RoleRefused},
		{"trust of another service", "device-1", putRole, 400, rowRole, "InvalidRequestException", RoleRefused},
		{"too long", "device-1", func() { role.Trust = trustIoT; putRole() }, 400, rowDuration, "InvalidRequestException", DurationTooLong},
	}
	for i, step := range steps {
		step.repair()
		before := r.outcomes.of(step.outcome)
		a := r.do(r.client(), path, step.thing)
		if a.status != step.status || a.body != step.body || a.header.Get("x-amzn-ErrorType") != step.typ ||
			a.header.Get("x-amzn-RequestId") == "" || a.header.Get("Content-Type") != "application/json" {
			t.Fatalf("step %d, %s: %d %s %v, want %d %s %s", i, step.name, a.status, a.body, a.header, step.status, step.body, step.typ)
		}
		if after := r.outcomes.of(step.outcome); after != before+1 {
			t.Errorf("step %d, %s: observer was not told %s", i, step.name, step.outcome)
		}
		if !strings.Contains(r.log.String(), a.header.Get("x-amzn-RequestId")) {
			t.Errorf("step %d, %s: the request id is not in the log", i, step.name)
		}
	}
	r.changeRole(func(v *metastore.Role) { v.MaxSessionSeconds = 7200 })
	if s := r.session(r.do(r.client(), path, "device-1")); s.Expires.Sub(s.Issued) != 2*time.Hour {
		t.Errorf("lifetime %v, want 2h", s.Expires.Sub(s.Issued))
	}
}

func TestAccessDeniedIs27Bytes(t *testing.T) {
	if n := len(rowDenied); n != 27 {
		t.Fatalf("%d bytes, want 27 as seen by a client of AWS", n)
	}
}

func TestCertificateStatesThatAreRefused(t *testing.T) {
	r := newRig(t)
	r.serve()
	for _, status := range []string{
		metastore.CertificateInactive, metastore.CertificateRevoked, metastore.CertificatePendingActivation, metastore.CertificatePendingTransfer, "",
	} {
		r.setStatus(status)
		if a := r.do(r.client(), path, "device-1"); a.status != 403 || a.body != rowCertificate {
			t.Errorf("status %q: %d %s, want 403 %s", status, a.status, a.body, rowCertificate)
		}
	}
	r.setStatus(metastore.CertificateActive)
	for _, tc := range []struct {
		now  time.Time
		want int
	}{
		{time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC), 403},
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 200},
		{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), 200},
		{time.Date(2027, 1, 1, 0, 0, 1, 0, time.UTC), 403},
	} {
		r.clock.now = tc.now
		if a := r.do(r.client(), path, "device-1"); a.status != tc.want {
			t.Errorf("at %v: %d %s, want %d", tc.now, a.status, a.body, tc.want)
		}
	}
}

func TestClientsThatDoNotMatchTheEndpointAreAnswered(t *testing.T) {
	r := newRig(t)
	r.serve()
	unknown := selfSigned(t, "device")
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ed := selfSignedBy(t, private, &x509.Certificate{Subject: pkix.Name{CommonName: "ed"}})
	for name, change := range map[string]func(*tls.Config, *http.Transport){
		"no certificate":      func(c *tls.Config, _ *http.Transport) { c.Certificates = nil },
		"unknown certificate": func(c *tls.Config, _ *http.Transport) { c.Certificates = []tls.Certificate{unknown} },
		"Ed25519 certificate": func(c *tls.Config, _ *http.Transport) { c.Certificates = []tls.Certificate{ed} },
		"foreign server name": func(c *tls.Config, _ *http.Transport) { c.ServerName = "c.credentials.iot.example.com" },
		"no server name":      func(c *tls.Config, _ *http.Transport) { c.ServerName = "127.0.0.1" }, // an address is not sent
		"suffix of the name":  func(c *tls.Config, _ *http.Transport) { c.ServerName = "x." + host },
	} {
		a := r.do(r.client(change), path, "device-1")
		if a.status != 403 || a.body != rowCertificate || a.header.Get("x-amzn-ErrorType") != "AccessDeniedException" || a.header.Get("x-amzn-RequestId") == "" {
			t.Errorf("%s: %d %s %v, want 403 %s", name, a.status, a.body, a.header, rowCertificate)
		}
	}
	for _, name := range []string{strings.ToUpper(host), host + ".", "localhost"} {
		client := r.client(func(c *tls.Config, _ *http.Transport) { c.ServerName = name })
		if a := r.do(client, path, "device-1"); a.status != 200 {
			t.Errorf("server name %q: %d %s, want 200", name, a.status, a.body)
		}
	}
}

func TestRequestWithoutTLSIsRefused(t *testing.T) {
	r := newRig(t)
	if rec := r.direct(path, nil, "device-1"); rec.Code != 403 || rec.Body.String() != rowCertificate {
		t.Errorf("%d %s, want 403", rec.Code, rec.Body)
	}
}

func TestThingHeader(t *testing.T) {
	r := newRig(t)
	r.serve()
	r.putThing("device-2", "", nil)
	r.putThing("unattached", "sensor", nil)
	r.attachThing("device-2", r.deviceID)
	r.attachThing("ghost", r.deviceID) // an edge without a thing
	client := r.client()
	for _, tc := range []struct {
		name   string
		things []string
		want   string // "name|type" of the session, or the refusal
	}{
		{"first thing", []string{"device-1"}, "device-1|sensor"},
		{"second thing, without a type", []string{"device-2"}, "device-2|"},
		{"no header", nil, "|"},
		{"empty header", []string{""}, "|"},
		{"unknown", []string{"nobody"}, rowThing},
		{"unattached", []string{"unattached"}, rowThing},
		{"another case", []string{"Device-1"}, rowThing},
		{"edge without a thing", []string{"ghost"}, rowThing},
		{"two headers", []string{"device-1", "device-2"}, rowThing},
		{"the same header twice", []string{"device-1", "device-1"}, rowThing},
		{"empty and another", []string{"", "device-1"}, rowThing},
		{"list", []string{"device-1,device-2"}, rowThing},
		{"wildcard", []string{"*"}, rowThing},
		{"traversal", []string{"../device-1"}, rowThing},
		{"128 characters", []string{strings.Repeat("x", 128)}, rowThing},
		{"long", []string{strings.Repeat("x", 8000)}, rowThing},
		{"not ASCII", []string{"温度計"}, rowThing},
	} {
		a := r.do(client, path, tc.things...)
		if strings.HasPrefix(tc.want, "{") {
			if a.status != 403 || a.body != tc.want {
				t.Errorf("%s: %d %s, want 403 %s", tc.name, a.status, a.body, tc.want)
			}
			continue
		}
		s := r.session(a)
		if got := s.ThingName + "|" + s.ThingTypeName; got != tc.want || (s.ThingID != "") != (s.ThingName != "") {
			t.Errorf("%s: session of %q with id %q, want %q", tc.name, got, s.ThingID, tc.want)
		}
	}
}

func TestThingHeaderIsOfAnyCaseAndOfOneSpelling(t *testing.T) {
	r := newRig(t)
	r.serve()
	for header, want := range map[string]string{
		"x-amzn-iot-thingname": "device-1",
		"X-AMZN-IOT-THINGNAME": "device-1",
		"X-Amzn-IoT-ThingName": "device-1",
		"x-amz-iot-thingname":  "", // the misspelling of old material is no alias
	} {
		conn, err := tls.Dial("tcp", r.address, &tls.Config{Certificates: []tls.Certificate{r.device}, ServerName: host, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s: device-1\r\nConnection: close\r\n\r\n", path, host, header)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		var b body
		if err := json.NewDecoder(resp.Body).Decode(&b); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		s, _, err := r.keyring.Open(b.Credentials.AccessKeyID, b.Credentials.SessionToken)
		if err != nil || s.ThingName != want {
			t.Errorf("%s: thing %v, %v, want %q", header, s, err, want)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	r := newRig(t)
	r.serve()
	client := r.client()
	for path, want := range map[string]int{
		"/role-aliases/alias/credentials":            200,
		"/role-aliases/ali%61s/credentials":          200,
		"/role-aliases/alias/credentials?x=1":        200,
		"/":                                          404,
		"/role-aliases/alias":                        404,
		"/role-aliases/alias/credentials/":           404,
		"/role-aliases//credentials":                 404,
		"/role-aliases/credentials":                  404,
		"//role-aliases/alias/credentials":           404,
		"/role-aliases/alias/x/credentials":          404,
		"/Role-aliases/alias/credentials":            404,
		"/role-aliases/alias%2Fcredentials":          404,
		"/role%2Daliases/alias/credentials":          404,
		"/role-aliases/x/../alias/credentials":       404,
		"/role-aliases/alias/credentials/credential": 404,
	} {
		a := r.do(client, path, "device-1")
		if a.status != want {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.body, want)
		}
		if want == 404 && !regexp.MustCompile(`^\{"message":"Not Found","traceId":"[0-9a-f-]{36}"\}$`).MatchString(a.body) {
			t.Errorf("%s: body %s", path, a.body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "PROPFIND"} {
		req, err := http.NewRequest(method, "https://"+host+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		a := r.send(client, req)
		if a.status != 405 || a.header.Get("Allow") != "GET" || method != "HEAD" && a.body != `{"message":"Method Not Allowed"}` {
			t.Errorf("%s: %d %s, Allow %q, want 405", method, a.status, a.body, a.header.Get("Allow"))
		}
	}
}

func TestOptionsOfTheServerIsAnUnknownPath(t *testing.T) {
	r := newRig(t)
	r.serve()
	req, err := http.NewRequest("OPTIONS", "https://"+host, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = "*"
	if a := r.send(r.client(), req); a.status != 404 || a.header.Get("x-amzn-RequestId") == "" {
		t.Errorf("OPTIONS *: %d %s, request id %q, want 404 with one", a.status, a.body, a.header.Get("x-amzn-RequestId"))
	}
}

func TestAliasNames(t *testing.T) {
	r := newRig(t)
	r.serve()
	r.putPolicy("policy", strings.Replace(allowAlias, "rolealias/alias", "rolealias/*", 1))
	const odd = "a=b,c@d-_9"
	r.update(func(ctx context.Context, w metastore.Writer) error {
		alias, err := metastore.RoleAliases.Get(ctx, w, account, "alias")
		if err != nil {
			return err
		}
		return metastore.RoleAliases.Put(ctx, w, account, odd, alias)
	})
	client := r.client()
	long := strings.Repeat("x", 129)
	for _, tc := range []struct {
		segment string
		status  int
		body    string
	}{
		{"a=b,c@d-_9", 200, ""},
		{"a%3Db%2Cc%40d-_9", 200, ""},
		{"a%3db%2cc%40d%2d_9", 200, ""},
		{"none", 404, rowAlias},
		{"Alias", 404, rowAlias},
		{"alias%2Fx", 404, rowAlias}, // malformed: the policy allows, there is no such alias
		{"alias%00", 404, rowAlias},
		{"%FF%FE", 404, rowAlias},
		{"alias%20", 404, rowAlias},
		{"alias+", 404, rowAlias},
		{long, 404, rowAlias},
		{"%2A", 404, rowAlias},
	} {
		a := r.do(client, "/role-aliases/"+tc.segment+"/credentials", "device-1")
		if a.status != tc.status || tc.body != "" && a.body != tc.body {
			t.Errorf("%s: %d %s, want %d %s", tc.segment, a.status, a.body, tc.status, tc.body)
		}
	}
	r.putPolicy("policy", allowAlias)
	for _, segment := range []string{"none", "alias%2Fx", "%2A", "%FF", long, "ALIAS"} {
		if a := r.do(client, "/role-aliases/"+segment+"/credentials", "device-1"); a.status != 403 || a.body != rowDenied {
			t.Errorf("%s without permission: %d %s, want 403 %s", segment, a.status, a.body, rowDenied)
		}
	}
}

func TestDeactivationReachesOpenConnections(t *testing.T) {
	r := newRig(t)
	r.serve()
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		client := r.client(func(_ *tls.Config, tr *http.Transport) { tr.ForceAttemptHTTP2 = proto == "HTTP/2.0" })
		for _, step := range []struct {
			status string
			want   int
		}{
			{metastore.CertificateActive, 200}, {metastore.CertificateInactive, 403}, {metastore.CertificateActive, 200}, {metastore.CertificateRevoked, 403}, {metastore.CertificateActive, 200},
		} {
			r.setStatus(step.status)
			a := r.do(client, path, "device-1")
			if a.status != step.want || a.proto != proto {
				t.Errorf("%s, %s: %d by %s, want %d", proto, step.status, a.status, a.proto, step.want)
			}
		}
	}
}

func TestTLSVersionsAndALPN(t *testing.T) {
	r := newRig(t)
	r.serve()
	for _, tc := range []struct {
		name    string
		version uint16
		protos  []string
		h2      bool
		proto   string
	}{
		{"TLS 1.2, no ALPN", tls.VersionTLS12, nil, false, "HTTP/1.1"},
		{"TLS 1.3, no ALPN", tls.VersionTLS13, nil, false, "HTTP/1.1"},
		{"TLS 1.2, http/1.1", tls.VersionTLS12, []string{"http/1.1"}, false, "HTTP/1.1"},
		{"TLS 1.2, h2", tls.VersionTLS12, nil, true, "HTTP/2.0"},
		{"TLS 1.3, h2", tls.VersionTLS13, nil, true, "HTTP/2.0"},
	} {
		client := r.client(func(c *tls.Config, tr *http.Transport) {
			c.MinVersion, c.MaxVersion, c.NextProtos = tc.version, tc.version, tc.protos
			c.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			tr.ForceAttemptHTTP2 = tc.h2
		})
		for range 2 {
			a := r.do(client, path, "device-1")
			if a.status != 200 || a.proto != tc.proto || a.tls.Version != tc.version || a.tls.DidResume {
				t.Errorf("%s: %d by %s, TLS %x, resumed %v", tc.name, a.status, a.proto, a.tls.Version, a.tls.DidResume)
			}
			client.CloseIdleConnections()
		}
	}
	client := r.client(func(c *tls.Config, _ *http.Transport) {
		c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	})
	if _, err := client.Get("https://" + host + path); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestCertificateRequestNamesNoAuthorities(t *testing.T) {
	r := newRig(t)
	r.serve()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		asked := false
		client := r.client(func(c *tls.Config, _ *http.Transport) {
			c.MaxVersion = version
			c.Certificates = nil
			c.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = true
				if len(info.AcceptableCAs) != 0 {
					t.Errorf("TLS %x: acceptable CAs %q, want none", version, info.AcceptableCAs)
				}
				return &r.device, nil
			}
		})
		if a := r.do(client, path, "device-1"); a.status != 200 || !asked {
			t.Errorf("TLS %x: %d, asked for a certificate: %v", version, a.status, asked)
		}
	}
}

func TestIssuedAndRegisteredCertificatesAuthenticate(t *testing.T) {
	r := newRig(t)
	r.serve()
	authority, err := pki.LoadOrCreate(filepath.Join(t.TempDir(), "pki"), r.clock.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer authority.Close()
	certPEM, _, keyPEM, _, err := authority.IssueKeysAndCertificate()
	if err != nil {
		t.Fatal(err)
	}
	rsaDevice, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	id := r.registerCertificate(rsaDevice, metastore.CertificateActive)
	r.attachPolicy("policy", metastore.CertificatePoint(id))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client := r.client(func(c *tls.Config, _ *http.Transport) {
			c.MaxVersion, c.Certificates = version, []tls.Certificate{rsaDevice}
		})
		if s := r.session(r.do(client, path)); s.CertificateID != id {
			t.Errorf("TLS %x: session of %s, want %s", version, s.CertificateID, id)
		}
	}
}

func TestConcurrentRequestsAndChanges(t *testing.T) {
	r := newRig(t)
	r.serve()
	var wait sync.WaitGroup
	for i := range 4 {
		client := r.client(func(_ *tls.Config, tr *http.Transport) { tr.ForceAttemptHTTP2 = i%2 == 0 })
		wait.Go(func() {
			for range 50 {
				resp, err := client.Get("https://" + host + path)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != 200 && resp.StatusCode != 403 {
					t.Errorf("status %d, want 200 or 403", resp.StatusCode)
				}
			}
		})
	}
	for range 10 {
		r.setStatus(metastore.CertificateInactive)
		r.setStatus(metastore.CertificateActive)
	}
	wait.Wait()
	if a := r.do(r.client(), path); a.status != 200 {
		t.Errorf("at the end %d %s, want 200", a.status, a.body)
	}
}
