package session

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"inro.dev/inro/internal/secretfile"
)

func writeKeyFile(t testing.TB, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeyringOpensItsTokensAfterARestart(t *testing.T) {
	k, c := newTestKeyring(t, 0)
	creds := mint(t, k, deviceSession())
	info, err := os.Stat(k.path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("key file has mode %v, error %v, want 0600", info.Mode(), err)
	}
	again, err := LoadKeyring(k.path, Config{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, secret, err := again.Open(creds.AccessKeyID, creds.SessionToken); err != nil || secret != creds.SecretAccessKey {
		t.Errorf("Open: secret %q, error %v, want %q", secret, err, creds.SecretAccessKey)
	}
	if !again.Created().Equal(start) {
		t.Errorf("Created() = %v, want %v", again.Created(), start)
	}
}

func TestCreateKeyringKeepsAnExistingFile(t *testing.T) {
	k, c := newTestKeyring(t, 0)
	if _, err := CreateKeyring(k.path, Config{Now: c.Now}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CreateKeyring over a keyring: error %v, want fs.ErrExist", err)
	}
	creds := mint(t, k, deviceSession())
	if err := k.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.Open(creds.AccessKeyID, creds.SessionToken); err != nil {
		t.Errorf("the first keyring was changed: %v", err)
	}
}

func TestLoadKeyringRefusesBadFiles(t *testing.T) {
	const (
		secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
		one    = `{"id":"0a1b2c3d","created":"2026-01-02T03:04:05Z","secret":"` + secret + `"}`
		older  = `{"id":"0a1b2c3e","created":"2025-01-02T03:04:05Z","secret":"` + secret + `"}`
	)
	file := func(keys string) string { return `{"version":1,"keys":[` + keys + `]}` }
	if _, err := LoadKeyring(writeKeyFile(t, file(one), 0o600), Config{}); err != nil {
		t.Fatalf("a good file: %v", err)
	}
	tests := map[string]struct {
		content string
		mode    fs.FileMode
		want    string
	}{
		"group may read":   {file(one), 0o640, "run: chmod 600"},
		"others may read":  {file(one), 0o604, "run: chmod 600"},
		"group may write":  {file(one), 0o620, "run: chmod 600"},
		"empty":            {"", 0o600, "not a keyring"},
		"not JSON":         {"keys", 0o600, "not a keyring"},
		"unknown member":   {`{"version":1,"keys":[` + one + `],"more":1}`, 0o600, "not a keyring"},
		"data after":       {file(one) + "{}", 0o600, "data after"},
		"other version":    {`{"version":2,"keys":[` + one + `]}`, 0o600, "version 2"},
		"no version":       {`{"keys":[` + one + `]}`, 0o600, "version 0"},
		"no keys":          {file(""), 0o600, "0 keys"},
		"a key twice":      {file(one + "," + one), 0o600, "twice"},
		"wrong order":      {file(one + "," + older), 0o600, "older"},
		"short secret":     {file(strings.Replace(one, secret, "AAEC", 1)), 0o600, "32 bytes"},
		"id not hex":       {file(strings.Replace(one, "0a1b2c3d", "0a1b2c3x", 1)), 0o600, "hex"},
		"id too short":     {file(strings.Replace(one, "0a1b2c3d", "0a1b", 1)), 0o600, "hex"},
		"larger than read": {file(one) + strings.Repeat(" ", maxKeyFileBytes), 0o600, "longer"},
	}
	for name, test := range tests {
		path := writeKeyFile(t, test.content, test.mode)
		_, err := LoadKeyring(path, Config{})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q and the path", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("%s: error %v shows the secret", name, err)
		}
		if open := test.mode&0o077 != 0; errors.Is(err, secretfile.ErrPermissions) != open {
			t.Errorf("%s: errors.Is(%v, ErrPermissions) = %v, want %v", name, err, !open, open)
		}
	}
	if _, err := LoadKeyring(t.TempDir(), Config{}); err == nil {
		t.Error("a folder was read as a keyring")
	}
}

func TestLoadOrCreateKeyringAgreesAcrossProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	rings := make([]*Keyring, 8)
	var wait sync.WaitGroup
	for i := range rings {
		wait.Go(func() {
			k, err := LoadOrCreateKeyring(path, Config{Now: func() time.Time { return start }})
			if err != nil {
				t.Error(err)
			}
			rings[i] = k
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	creds := mint(t, rings[0], deviceSession())
	for i, k := range rings {
		if _, _, err := k.Open(creds.AccessKeyID, creds.SessionToken); err != nil {
			t.Errorf("keyring %d: %v", i, err)
		}
	}
}

func TestRotateKeepsLivingSessions(t *testing.T) {
	k, c := newTestKeyring(t, 0)
	node, err := LoadKeyring(k.path, Config{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	long := sessions()["user"] // lives for MaxLifetime
	old := mint(t, k, long)
	c.now = start.Add(time.Hour)
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	fresh := mint(t, k, deviceSessionAt(c.now))
	if keyOf(t, old) == keyOf(t, fresh) {
		t.Error("Rotate did not change the key that seals")
	}
	if _, _, err := k.Open(old.AccessKeyID, old.SessionToken); err != nil {
		t.Errorf("a token of the former key: %v", err)
	}
	// Another node knows the new key once it reads the file again.
	refused(t, node, fresh.AccessKeyID, fresh.SessionToken)
	if err := node.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := node.Open(fresh.AccessKeyID, fresh.SessionToken); err != nil {
		t.Errorf("after Reload: %v", err)
	}

	c.now = start.Add(time.Hour + retention)
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	if n := keysInFile(t, k.path); n != 3 {
		t.Errorf("at the end of the retention there are %d keys, want 3", n)
	}
	c.now = c.now.Add(time.Second)
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	if n := keysInFile(t, k.path); n != 3 {
		t.Errorf("after the retention there are %d keys, want 3: the oldest dropped, one added", n)
	}
	refused(t, k, old.AccessKeyID, old.SessionToken)
}

func deviceSessionAt(now time.Time) Session {
	s := deviceSession()
	s.Expires = now.Add(time.Hour)
	return s
}

func keyOf(t *testing.T, c Credentials) string {
	t.Helper()
	// Version and flags take 16 bits, the key id the next 32; 8 characters
	// hold 48.
	return c.SessionToken[:8]
}

func keysInFile(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return len(file.Keys)
}

func TestRotateStandsAClockSetBack(t *testing.T) {
	k, c := newTestKeyring(t, 0)
	c.now = start.Add(-1000 * time.Hour)
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeyring(k.path, Config{Now: c.Now}); err != nil {
		t.Errorf("after Rotate with a clock set back: %v", err)
	}
}

func TestReloadForgetsCachedTokensOfRemovedKeys(t *testing.T) {
	k, c := newTestKeyring(t, 16)
	creds := mint(t, k, deviceSession())
	if _, _, err := k.Open(creds.AccessKeyID, creds.SessionToken); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(k.path); err != nil {
		t.Fatal(err)
	}
	if err := k.Reload(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reload without a file: error %v, want fs.ErrNotExist", err)
	}
	if _, _, err := k.Open(creds.AccessKeyID, creds.SessionToken); err != nil {
		t.Errorf("after a Reload that went wrong: %v", err)
	}
	if _, err := CreateKeyring(k.path, Config{Now: c.Now}); err != nil {
		t.Fatal(err)
	}
	if err := k.Reload(); err != nil {
		t.Fatal(err)
	}
	refused(t, k, creds.AccessKeyID, creds.SessionToken)
}

func TestKeyringIsSafeForConcurrentUse(t *testing.T) {
	k, _ := newTestKeyring(t, 4)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 50 {
				c, err := k.Mint(deviceSession())
				if err != nil {
					t.Error(err)
					return
				}
				for range 3 {
					if _, secret, err := k.Open(c.AccessKeyID, c.SessionToken); err != nil || secret != c.SecretAccessKey {
						t.Errorf("Open: %v", err)
						return
					}
				}
			}
		})
	}
	for range 3 {
		if err := k.Rotate(); err != nil {
			t.Error(err)
		}
	}
	wait.Wait()
}

func FuzzParseKeyFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"keys":[{"id":"0a1b2c3d","created":"2026-01-02T03:04:05Z","secret":"AAEC"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := parseKeyFile(data)
		if err == nil && (len(records) == 0 || len(records) > maxKeys) {
			t.Errorf("parseKeyFile(%q) = %d keys", data, len(records))
		}
	})
}
