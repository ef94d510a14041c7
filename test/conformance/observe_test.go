package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"inro.dev/inro/test/rig"
)

// logBuffer takes the log of a server, which writes it while tests read.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// metricsOf reads the samples of /metrics by name and labels.
func metricsOf(t *testing.T, server *rig.Server) map[string]string {
	t.Helper()
	status, body := plain(t, http.MethodGet, server.ConsoleURL+"/metrics", "")
	if status != http.StatusOK {
		t.Fatalf("metrics: %d %s", status, body)
	}
	samples := make(map[string]string)
	for line := range strings.Lines(body) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && !strings.HasPrefix(line, "#") {
			samples[name+"}"] = value
		}
	}
	return samples
}

func TestMetricsCountWithoutNames(t *testing.T) {
	t.Parallel()
	server := rig.Start(t)
	f := newFleet(t, server, folderPolicy)
	d := f.device(t)
	w, c, ctx := requestWriter{f.name}, d.clients(t), t.Context()
	for range 3 {
		if err := w.put(d.thing+"/x", nil)(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	wantRefusal(t, "a foreign folder", w.put("x", nil)(ctx, c), 403, "AccessDenied")
	d.ask(t, "no-such-thing")
	(&device{fleet: f, credentialsAlias: f.name}).ask(t, "")
	got := metricsOf(t, server)
	for name, want := range map[string]string{
		`inro_requests_total{operation="PutObject",service="s3",status="200"}`:      "3",
		`inro_requests_total{operation="PutObject",service="s3",status="403"}`:      "1",
		`inro_requests_total{operation="CreateRole",service="iam",status="200"}`:    "1",
		`inro_requests_total{operation="CreateThing",service="iot",status="200"}`:   "1",
		`inro_decisions_total{decision="denied",service="s3"}`:                      "1",
		`inro_credentials_total{outcome="issued"}`:                                  "1",
		`inro_credentials_total{outcome="thing"}`:                                   "1",
		`inro_credentials_total{outcome="certificate"}`:                             "1",
		`inro_credentials_total{outcome="policy"}`:                                  "0",
		`inro_request_seconds_count{operation="PutObject",service="s3"}`:            "4",
		`inro_request_seconds_bucket{operation="PutObject",service="s3",le="+Inf"}`: "4",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
	for name := range got {
		for _, secret := range []string{f.name, d.thing, d.id, account, "no-such-thing", "127.0.0.1"} {
			if strings.Contains(name, secret) {
				t.Errorf("a label holds %s: %s", secret, name)
			}
		}
	}
}

func TestHealthIsTold(t *testing.T) {
	t.Parallel()
	server := shared.Server(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := plain(t, http.MethodGet, server.ConsoleURL+path, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// logLine is a line of the log in JSON, as far as these tests read it.
type logLine struct {
	Level     string `json:"level"`
	Msg       string `json:"msg"`
	RequestID string `json:"request_id"`
	Operation string `json:"operation"`
	Status    int    `json:"status"`
	Action    string `json:"action"`
	Resource  string `json:"resource"`
	Decision  string `json:"decision"`
}

// linesOf returns the log's lines about a request.
func linesOf(t *testing.T, log, requestID string) []logLine {
	t.Helper()
	var all []logLine
	for text := range strings.Lines(log) {
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("the log holds %q, which is no JSON: %v", text, err)
		}
		if line.RequestID == requestID {
			all = append(all, line)
		}
	}
	return all
}

// TestLogExplainsRefusalsAndKeepsSecrets takes a server at its most talkative
// through the whole chain.
func TestLogExplainsRefusalsAndKeepsSecrets(t *testing.T) {
	t.Parallel()
	var log logBuffer
	server := rig.StartLogged(t, &log, "--log-level", "debug", "--log-format", "json")
	f := newFleet(t, server, folderPolicy)
	d := f.device(t)
	ctx := t.Context()
	device := d.credentials(t, d.thing)
	c, w := as(server, device), requestWriter{f.name}
	out := must(c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &f.name, Key: aws.String(d.thing + "/x"), Body: strings.NewReader("text")}))(t)
	served, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	refused := w.put("x", nil)(ctx, c)
	answer, ok := errors.AsType[*awshttp.ResponseError](refused)
	if !ok {
		t.Fatalf("put beside all folders: %v", refused)
	}
	wrong := device
	wrong.SecretAccessKey = strings.Repeat("x", 40)
	wantRefusal(t, "a wrong secret", w.put("x", nil)(ctx, as(server, wrong)), 403, "SignatureDoesNotMatch")
	user := must(f.root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &f.name}))(t).User
	key := must(f.root.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: user.UserName}))(t).AccessKey
	session := must(f.root.sts.GetSessionToken(ctx, &sts.GetSessionTokenInput{}))(t).Credentials
	presigned := must(s3.NewPresignClient(c.s3).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &f.name, Key: aws.String(d.thing + "/x")}))(t)
	plain(t, http.MethodGet, presigned.URL, "")
	plain(t, http.MethodGet, presigned.URL+"x", "")
	refusedAnswer := d.ask(t, "no-such-thing")
	server.Stop(t)

	wantLine(t, log.String(), served, func(l logLine) bool { return l.Operation == "PutObject" && l.Status == 200 })
	wantLine(t, log.String(), answer.ServiceRequestID(), func(l logLine) bool { return l.Operation == "PutObject" && l.Status == 403 })
	wantLine(t, log.String(), answer.ServiceRequestID(), func(l logLine) bool {
		return l.Action == "s3:PutObject" && l.Resource == "arn:aws:s3:::"+f.name+"/x" && l.Decision != ""
	})
	wantLine(t, log.String(), refusedAnswer.header.Get("x-amzn-RequestId"), func(logLine) bool { return true })
	signature := regexp.MustCompile(`X-Amz-Signature=([0-9a-f]{64})`).FindStringSubmatch(presigned.URL)[1]
	keyLine := strings.Split(d.keyPEM, "\n")[1]
	for name, secret := range map[string]string{
		"the root secret": server.Env["AWS_SECRET_ACCESS_KEY"], "a user's secret": *key.SecretAccessKey,
		"a device's secret": device.SecretAccessKey, "a device's token": device.SessionToken, "the middle of a token": device.SessionToken[40:80],
		"a session's secret": *session.SecretAccessKey, "a session's token": *session.SessionToken,
		"a private key": keyLine, "a private key in JSON": "BEGIN RSA PRIVATE KEY", "a private key of PKCS#8": "BEGIN PRIVATE KEY",
		"a presigned URL's signature": signature, "a sealing key": sealingKey(t, server),
	} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %s", name)
		}
	}
	if n := strings.Count(log.String(), "\n"); n < 10 {
		t.Errorf("the log has %d lines, want at least one for each request", n)
	}
}

func wantLine(t *testing.T, log, requestID string, is func(logLine) bool) {
	t.Helper()
	lines := linesOf(t, log, requestID)
	for _, l := range lines {
		if is(l) {
			return
		}
	}
	t.Errorf("the log has about request %q only %+v", requestID, lines)
}

// sealingKey is the secret of the server's session keys.
func sealingKey(t *testing.T, server *rig.Server) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(server.Dir, "sessions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Keys []struct{ Secret string } }
	if err := json.Unmarshal(text, &file); err != nil || len(file.Keys) == 0 {
		t.Fatalf("session keys: %v", err)
	}
	return file.Keys[0].Secret
}
