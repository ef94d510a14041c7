package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/session"
)

// testConfig listens on free ports with a data folder of its own.
func testConfig(t *testing.T) Config {
	t.Helper()
	cfg, err := Config{Data: filepath.Join(t.TempDir(), "data"), API: "127.0.0.1:0", Credentials: "127.0.0.1:0", Console: "127.0.0.1:0"}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestConfigurationFilesAreReadStrictly(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"data = \"d\"\nregion = \"eu-west-1\"\n[credentials_endpoint]\nrate_per_certificate = 5.5\n[iot]\nthing_type_deletion_delay = \"1s\"\n", ""},
		{"dta = \"d\"", "dta"},
		{"[api]\nlisten = \"x\"", "api"},
		{"account = \"12\"", "account \"12\" is not twelve digits"},
		{"region = \"Tokyo\"", "region \"Tokyo\""},
		{"api = \"localhost\"", "api \"localhost\" is not host:port"},
		{"[api_tls]\ncertificate = \"c\"", "must be given together"},
		{"root_access_key_id = \"AKIAEXAMPLEEXAMPLE00\"", "must be given together"},
		{"log_level = \"loud\"", "log_level \"loud\""},
		{"[iot.endpoints]\n\"iot:Data\" = \"https://x/\"", "iot.endpoints"},
		{"[iot]\nthing_type_deletion_delay = \"soon\"", "soon"},
	} {
		path := filepath.Join(t.TempDir(), "inro.toml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := ReadConfig(path)
		if err == nil {
			_, err = cfg.WithDefaults()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzConfiguration(f *testing.F) {
	f.Add("data = \"d\"\n[iot.endpoints]\n\"iot:Data\" = \"x\"")
	f.Fuzz(func(t *testing.T, text string) {
		var cfg Config
		if parseConfig([]byte(text), &cfg) == nil {
			cfg.WithDefaults() // must not panic
		}
	})
}

func TestASecondServerOnTheFolderIsRefused(t *testing.T) {
	cfg := testConfig(t)
	first, err := New(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	_, err = New(t.Context(), cfg, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "held by another process") {
		t.Fatalf("second server: %v, want that the folder is held", err)
	}
}

func TestServerEndsCleanlyAndKeepsItsNames(t *testing.T) {
	cfg := testConfig(t)
	var endpoints []string
	var keys []RootKey
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := New(ctx, cfg, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		answer, err := http.Get(s.Addresses().ConsoleURL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("readyz answered %s", answer.Status)
		}
		host, _, err := net.SplitHostPort(s.Addresses().Credentials)
		if err != nil {
			t.Fatal(err)
		}
		key, err := loadRootKey(&cfg)
		if err != nil {
			t.Fatal(err)
		}
		endpoints, keys = append(endpoints, host), append(keys, key)
		cancel()
		if err := <-done; err != nil {
			t.Fatalf("Run = %v, want a clean end", err)
		}
	}
	if endpoints[0] != endpoints[1] || keys[0] != keys[1] {
		t.Errorf("after a restart endpoint %q and key %q, before %q and %q", endpoints[1], keys[1].AccessKeyID, endpoints[0], keys[0].AccessKeyID)
	}
	if labels := strings.Split(endpoints[0], "."); len(labels) != 6 || labels[1] != "credentials" || labels[3] != cfg.Region || len(labels[0]) != 14 {
		t.Errorf("endpoint %q has not the six labels of spec A.9", endpoints[0])
	}
}

func TestSecretsInTheDataFolderAreTheOwnersAlone(t *testing.T) {
	cfg := testConfig(t)
	s, err := New(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, name := range []string{"root.json", "sessions.json", "inro.db"} {
		info, err := os.Stat(filepath.Join(cfg.Data, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if info, err := os.Stat(cfg.Data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data folder: %v, %v, want mode 0700", info.Mode(), err)
	}
}

func TestAConfiguredRootKeyReplacesTheEarlierOne(t *testing.T) {
	cfg := testConfig(t)
	keysOf := func(cfg Config) []string {
		s, err := New(t.Context(), cfg, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		var ids []string
		for item, err := range metastore.AccessKeys.All(t.Context(), s.store.Hot(), metastore.GlobalAccount, metastore.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, item.ID)
		}
		return ids
	}
	generated := keysOf(cfg)
	cfg.RootAccessKeyID, cfg.RootSecretAccessKey = "AKIAEXAMPLEEXAMPLE00", "secret-secret-secret"
	if got := keysOf(cfg); !slices.Equal(got, []string{"AKIAEXAMPLEEXAMPLE00"}) {
		t.Errorf("keys %v after configuring one, want it alone (before: %v)", got, generated)
	}
	cfg.RootAccessKeyID, cfg.RootSecretAccessKey = "", ""
	if got := keysOf(cfg); !slices.Equal(got, generated) {
		t.Errorf("keys %v after taking it out, want %v", got, generated)
	}
}

func TestEnvPointsShellsAtTheServer(t *testing.T) {
	cfg := testConfig(t)
	if _, err := Env(cfg); err == nil || !strings.Contains(err.Error(), "inro serve") {
		t.Errorf("Env before a start: %v, want an error that says what to run", err)
	}
	s, err := New(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	env, err := Env(cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "CURL_CA_BUNDLE"}
	if got := slices.Sorted(maps.Keys(env)); !slices.Equal(got, want) {
		t.Errorf("variables %v, want %v", got, want)
	}
	for shell, line := range map[string]string{
		"bash": "export X='it'\\''s'\n", "fish": "set -gx X 'it\\'s'\n", "powershell": "$env:X = 'it''s'\n",
	} {
		var out bytes.Buffer
		if err := WriteEnv(&out, map[string]string{"X": "it's"}, shell); err != nil || !strings.HasPrefix(out.String(), line) {
			t.Errorf("%s: %q, %v; want it to begin with %q", shell, out.String(), err, line)
		}
	}
	if err := WriteEnv(io.Discard, env, "csh"); err == nil {
		t.Error("the shell csh was accepted")
	}
}

func TestSessionKeysRotateWhenDue(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	keyring, err := session.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "sessions.json"), session.Config{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	first := keyring.Created()
	now = now.Add(sessionKeyAge - time.Second)
	rotateIfDue(keyring, now, logger)
	if got := keyring.Created(); !got.Equal(first) {
		t.Errorf("rotated early, at %v", got)
	}
	now = now.Add(time.Second)
	rotateIfDue(keyring, now, logger)
	if got := keyring.Created(); !got.Equal(now) {
		t.Errorf("newest key is of %v, want %v", got, now)
	}
}

func TestALongRefusalIsClippedInTheLog(t *testing.T) {
	var log bytes.Buffer
	long := strings.Repeat("k", 64<<10)
	newRequestLog(slog.New(slog.NewTextHandler(&log, nil))).write(&api.Served{
		Status: http.StatusInternalServerError, Err: errors.New(long),
		Refusals: []api.Refusal{{Permission: api.Permission{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/" + long}}},
	})
	if log.Len() < 2000 || log.Len() > 12_000 {
		t.Errorf("a refusal and a failure put %d bytes into the log, want about 10,000", log.Len())
	}
}

func TestAFolderThatOthersCanWriteToIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		mode os.FileMode
		want bool
	}{{0o700, false}, {0o755, false}, {0o770, true}, {0o702, true}} {
		folder := t.TempDir()
		if err := os.Chmod(folder, c.mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		warnOfOthers(folder, slog.New(slog.NewTextHandler(&log, nil)))
		if got := strings.Contains(log.String(), "level=WARN"); got != c.want {
			t.Errorf("mode %v: log %q, want a warning %v", c.mode, log.String(), c.want)
		}
	}
}

func TestRefusalsBeforeADecisionAreLoggedWithinBounds(t *testing.T) {
	var log bytes.Buffer
	requests := newRequestLog(slog.New(slog.NewTextHandler(&log, nil)))
	for range 10 * unknownBurst {
		requests.write(&api.Served{RequestID: "id", Status: http.StatusForbidden, Code: "InvalidAccessKeyId", Err: errors.New("unknown access key")})
	}
	lines := strings.Count(log.String(), "msg=refused request_id=id")
	if lines < unknownBurst || lines > 2*unknownBurst {
		t.Errorf("%d refusals made %d lines, want about %d", 10*unknownBurst, lines, unknownBurst)
	}
	if !strings.Contains(log.String(), "code=InvalidAccessKeyId") || !strings.Contains(log.String(), "unknown access key") {
		t.Errorf("the line does not say why: %.300s", log.String())
	}
	log.Reset()
	newRequestLog(slog.New(slog.NewTextHandler(&log, nil))).write(&api.Served{
		RequestID: "id", Service: "sts", Authenticated: true, Status: http.StatusBadRequest, Code: "IDPCommunicationError", Err: errors.New("no route to host"),
	})
	if !strings.Contains(log.String(), "no route to host") {
		t.Errorf("the refusal of a web identity does not say why: %.300s", log.String())
	}
	log.Reset()
	requests.write(&api.Served{RequestID: "id", Authenticated: true, Status: http.StatusNotFound, Code: "NoSuchKey"})
	if log.Len() > 0 {
		t.Errorf("a missing key was logged at info: %s", log.String())
	}
}
