package server

import (
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inro.dev/inro/internal/kms"
)

// seal seals something with the server's newest master key.
func (s *Server) seal(t *testing.T) []byte {
	t.Helper()
	sealed, err := s.masterKeys.Seal("", &kms.DataKey{1}, &kms.Context{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func restarted(t *testing.T, cfg Config) (*Server, string, error) {
	t.Helper()
	var log bytes.Buffer
	s, err := New(t.Context(), cfg, &log)
	return s, log.String(), err
}

func TestStartWithoutMasterKeys(t *testing.T) {
	cfg := testConfig(t)
	s, log, err := restarted(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	first := s.masterKeys.Generations()[0].ID
	if !strings.Contains(log, first) || !strings.Contains(log, "whoever loses them") {
		t.Errorf("the start does not tell of the master keys:\n%s", log)
	}
	s.close()
	path := filepath.Join(cfg.Data, masterKeyFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v, want mode 0600", path, info, err)
	}

	// Nothing was sealed: a new file is made.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if s, _, err = restarted(t, cfg); err != nil {
		t.Fatal(err)
	}
	used := s.masterKeys.Generations()[0].ID
	if used == first {
		t.Error("the key that was removed is back")
	}
	s.seal(t)
	s.close()
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := restarted(t, cfg); err == nil || !strings.Contains(err.Error(), used) || !strings.Contains(err.Error(), "inro keys create") {
		t.Fatalf("start without the key that sealed: %v, want its ID %s and a way on", err, used)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a key was made in place of the missing one: %v", err)
	}

	// The operator goes on without it: every start tells of it.
	if _, err := CreateMasterKey(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateMasterKey(cfg); err == nil {
		t.Error("a second file was made over the first")
	}
	s, log, err = restarted(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, used) {
		t.Errorf("the start does not tell which key is missing:\n%s", log)
	}
	if err := os.WriteFile(path, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, log, err = restarted(t, cfg); err != nil || strings.Contains(log, "level=ERROR") {
		t.Errorf("with the key back: %v\n%s", err, log)
	}
	s.close()
}

func TestMasterKeyRotation(t *testing.T) {
	cfg := testConfig(t)
	s, err := New(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	before := s.seal(t)
	id, err := RotateMasterKey(cfg) // while it runs
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	if told := reloadAndTell(s.masterKeys, "", logger); told != "" || !strings.Contains(log.String(), id) {
		t.Errorf("reload: %q\n%s", told, log.String())
	}
	if bytes.Equal(before[:9], s.seal(t)[:9]) {
		t.Error("the old key seals after the reload")
	}
	if _, err := s.masterKeys.Open("", before, &kms.Context{Key: "k"}); err != nil {
		t.Errorf("the old key does not open: %v", err)
	}
	list, err := MasterKeys(cfg)
	if err != nil || len(list) != 2 || list[1].ID != id {
		t.Errorf("keys %v, %v", list, err)
	}

	// A file that cannot be read leaves the keys in use, and is told once.
	if err := os.WriteFile(filepath.Join(cfg.Data, masterKeyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	told := reloadAndTell(s.masterKeys, "", logger)
	if again := reloadAndTell(s.masterKeys, told, logger); told == "" || again != told || strings.Count(log.String(), "level=ERROR") != 1 {
		t.Errorf("told %q, then %q:\n%s", told, again, log.String())
	}
	s.seal(t)
}

func TestMasterKeysOfTheEnvironment(t *testing.T) {
	cfg := testConfig(t)
	cfg.Encryption.MasterKeys = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	s, err := New(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	if _, err := os.Stat(filepath.Join(cfg.Data, masterKeyFile)); !os.IsNotExist(err) {
		t.Errorf("a file was made beside the given key: %v", err)
	}
	if _, err := RotateMasterKey(cfg); err == nil {
		t.Error("a given key was rotated")
	}
	cfg.Encryption.MasterKeys = "short"
	if _, err := New(t.Context(), cfg, io.Discard); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a broken key: %v, want an error that does not quote it", err)
	}
}

func TestNamedKeysOfTheConfiguration(t *testing.T) {
	cfg := testConfig(t)
	cfg.Encryption.Keys = []EncryptionKeyConfig{{ID: "one", Aliases: []string{"alias/a"}, Accounts: []string{"*"}}}
	keys, err := cfg.namedKeys()
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Find(cfg.Region, cfg.Account, "alias/a")
	if err != nil || k.ARN() != "arn:aws:kms:"+cfg.Region+":"+cfg.Account+":key/one" {
		t.Errorf("got %+v, %v", k, err)
	}
	for name, wrong := range map[string]EncryptionKeyConfig{
		"id": {ID: "a b"}, "account": {ID: "a", Account: "x"}, "any account": {ID: "a", Account: "*"}, "accounts": {ID: "a", Accounts: []string{"x"}}, "alias": {ID: "a", Aliases: []string{"b"}},
	} {
		cfg.Encryption.Keys = []EncryptionKeyConfig{wrong}
		if _, err := cfg.WithDefaults(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := MasterKeys(cfg); err == nil || !strings.Contains(err.Error(), fs.ErrNotExist.Error()) && !os.IsNotExist(err) {
		t.Errorf("keys of no folder: %v", err)
	}
}
