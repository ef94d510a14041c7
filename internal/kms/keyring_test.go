package kms

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/secretfile"
)

var here = Context{BucketID: "0123456789abcdef0123456789abcdef", Key: "thing-1/a", Client: map[string]string{"b": "2", "a": "1"}}

func newFile(t *testing.T) (*Keyring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master-keys.json")
	k, err := Create(path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	return k, path
}

func TestSealedKeyOpensInItsContextOnly(t *testing.T) {
	k, _ := newFile(t)
	other, _ := newFile(t)
	key := DataKey{1, 2, 3}
	const name = "arn:aws:kms:ap-northeast-1:999999999999:key/one"
	sealed, err := k.Seal(name, &key, &here)
	if err != nil {
		t.Fatal(err)
	}
	same := here
	same.Client = map[string]string{"a": "1", "b": "2"}
	if got, err := k.Open(name, sealed, &same); err != nil || got != key {
		t.Errorf("open: %v, %v", got, err)
	}
	contexts := map[string]func(*Context){
		"bucket":       func(c *Context) { c.BucketID = "fedcba98765432100123456789abcdef" },
		"key":          func(c *Context) { c.Key = "thing-2/a" },
		"no pairs":     func(c *Context) { c.Client = nil },
		"other pairs":  func(c *Context) { c.Client = map[string]string{"a": "2", "b": "1"} },
		"moved length": func(c *Context) { c.BucketID, c.Key = c.BucketID+"t", c.Key[1:] },
	}
	for what, change := range contexts {
		c := here
		change(&c)
		if _, err := k.Open(name, sealed, &c); !errors.Is(err, ErrSealed) {
			t.Errorf("other %s: %v, want ErrSealed", what, err)
		}
	}
	for _, name := range []string{"", "arn:aws:kms:ap-northeast-1:999999999999:key/two"} {
		if _, err := k.Open(name, sealed, &here); !errors.Is(err, ErrSealed) {
			t.Errorf("under the name %q: %v, want ErrSealed", name, err)
		}
	}
	for i := range sealed {
		broken := bytes.Clone(sealed)
		broken[i] ^= 1
		if _, err := k.Open(name, broken, &here); err == nil {
			t.Errorf("opens with byte %d changed", i)
		}
	}
	for _, n := range []int{0, 1, sealedHeaderBytes, sealedBytes - 1} {
		if _, err := k.Open(name, sealed[:n], &here); !errors.Is(err, ErrSealed) {
			t.Errorf("%d bytes: %v, want ErrSealed", n, err)
		}
	}
	var missing *MissingError
	if _, err := other.Open(name, sealed, &here); !errors.As(err, &missing) || missing.ID != k.Generations()[0].ID {
		t.Errorf("another keyring: %v, want a MissingError of %s", err, k.Generations()[0].ID)
	}
}

func TestCustomerKey(t *testing.T) {
	k, _ := newFile(t)
	key, customer := DataKey{1}, DataKey{2}
	sealed, err := k.SealFor(&customer, &key, &here)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenFor(&customer, sealed, &here); err != nil || got != key {
		t.Errorf("open: %v, %v", got, err)
	}
	if _, err := OpenFor(&DataKey{3}, sealed, &here); !errors.Is(err, ErrWrongKey) {
		t.Errorf("another key: %v, want ErrWrongKey", err)
	}
	moved := here
	moved.Key = "elsewhere"
	if _, err := OpenFor(&customer, sealed, &moved); !errors.Is(err, ErrSealed) {
		t.Errorf("another object: %v, want ErrSealed", err)
	}
	broken := bytes.Clone(sealed)
	broken[len(broken)-1] ^= 1
	if _, err := OpenFor(&customer, broken, &here); !errors.Is(err, ErrSealed) {
		t.Errorf("damaged: %v, want ErrSealed", err)
	}
	if _, err := k.Open("", sealed, &here); !errors.Is(err, ErrSealed) {
		t.Errorf("as the server's: %v, want ErrSealed", err)
	}
	again, err := k.SealFor(&customer, &key, &here)
	if err != nil || bytes.Equal(sealed[1:customerHeaderBytes], again[1:customerHeaderBytes]) {
		t.Errorf("the verifier of a customer key is the same twice, so objects of one key show it (%v)", err)
	}
}

func TestRotation(t *testing.T) {
	k, path := newFile(t)
	running, err := Load(path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	key := DataKey{9}
	before, err := running.Seal("", &key, &here)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	after, err := k.Seal("", &key, &here)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(before[1:sealedHeaderBytes], after[1:sealedHeaderBytes]) {
		t.Error("the old generation seals after a rotation")
	}
	if got, err := k.Open("", before, &here); err != nil || got != key {
		t.Errorf("open what the old generation sealed: %v, %v", got, err)
	}
	if _, err := running.Open("", after, &here); !errors.As(err, new(*MissingError)) {
		t.Errorf("before reloading: %v, want a MissingError", err)
	}
	if err := running.Reload(); err != nil {
		t.Fatal(err)
	}
	if got, err := running.Open("", after, &here); err != nil || got != key {
		t.Errorf("after reloading: %v, %v", got, err)
	}
	if n := len(running.Generations()); n != 2 {
		t.Errorf("%d generations, want 2", n)
	}
}

func TestRotationsDoNotOverlap(t *testing.T) {
	k, path := newFile(t)
	unlock, err := lockKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Rotate(); err == nil || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("rotation beside another: %v, want the name of the lock file", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := k.Rotate(); err != nil {
		t.Errorf("rotation afterwards: %v", err)
	}
}

func TestSecretsAsText(t *testing.T) {
	k, path := newFile(t)
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	records, err := readKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(records[0].Secret) + ",\n" + base64.StdEncoding.EncodeToString(records[1].Secret)
	given, err := Parse(text, Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range given.Generations() {
		if g.ID != records[i].ID {
			t.Errorf("generation %d has the ID %s as text and %s in the file", i, g.ID, records[i].ID)
		}
	}
	if err := given.Rotate(); err == nil {
		t.Error("keys without a file were rotated")
	}
	for _, wrong := range []string{"", " , ", "c2hvcnQ=", text[:20], text + "," + text[:44], strings.Repeat("x", 44)} {
		if _, err := Parse(wrong, Config{}); err == nil {
			t.Errorf("%q was taken", wrong)
		} else if wrong != "" && len(wrong) > 10 && strings.Contains(err.Error(), wrong[:10]) {
			t.Errorf("the error quotes a secret: %v", err)
		}
	}
}

func TestKeyFileRefusals(t *testing.T) {
	k, path := newFile(t)
	if _, err := Create(path, Config{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a file: %v, want fs.ErrExist", err)
	}
	if _, err := Load(path+"x", Config{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load without a file: %v, want fs.ErrNotExist", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	id := k.Generations()[0].ID
	for name, wrong := range map[string]string{
		"no JSON":    "x",
		"no key":     `{"version":1,"keys":[]}`,
		"version":    strings.Replace(string(text), `"version": 1`, `"version": 2`, 1),
		"member":     strings.Replace(string(text), `"id"`, `"more": 1, "id"`, 1),
		"trailer":    string(text) + "{}",
		"another id": strings.Replace(string(text), id, "00"+id[2:], 1),
		"short":      strings.Replace(string(text), `=="`, `"`, 1),
	} {
		if err := secretfile.Replace(path, []byte(wrong)); err != nil {
			t.Fatal(err)
		}
		if err := k.Reload(); err == nil && wrong != string(text) {
			t.Errorf("%s: a broken file was taken", name)
		}
	}
	if _, err := k.Seal("", &DataKey{}, &here); err != nil {
		t.Errorf("the keyring does not seal after a reload that failed: %v", err)
	}
	if err := secretfile.Replace(path, text); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := k.Reload(); !errors.Is(err, secretfile.ErrPermissions) {
			t.Errorf("a file open to others: %v, want ErrPermissions", err)
		}
	}
}

func TestClockSetBackKeepsOrder(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "master-keys.json")
	k, err := Create(path, Config{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(-time.Hour)
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := k.Reload(); err != nil {
		t.Errorf("reload: %v", err)
	}
}

// TestFormat pins derivations and layouts: stored objects depend on them.
func TestFormat(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, secretBytes))
	k, err := Parse(secret, Config{Rand: zeros{}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := k.Generations()[0].ID, "ef55e75b34ac1a7b"; got != want {
		t.Errorf("ID %s, want %s", got, want)
	}
	key, customer := DataKey{1}, DataKey{2}
	for _, test := range []struct {
		name string
		seal func() ([]byte, error)
		want string
	}{
		{"own", func() ([]byte, error) { return k.Seal("", &key, &here) }, "Ae9V51s0rBp7AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAFMl9O2g7EBbjQpnveY0rT7CguOcLmE4wmTNAyNWPxXddsR151GF8aiJGowNTe4dq"},
		{"named", func() ([]byte, error) { return k.Seal("arn:aws:kms:r:a:key/k", &key, &here) }, "Ae9V51s0rBp7AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAfAkDKDewCFT2N1Rz1jYs5N0qL+YD6ooFfTnOTXwDaNDiGn9WOcnApzYWc4nD3/Dl"},
		{"customer", func() ([]byte, error) { return k.SealFor(&customer, &key, &here) }, "AgAAAAAAAAAAAAAAAAAAAAApQ/3/ceXYRQyYdS5p4tn3LDDnzfrzkLiMHFoeHiyuhd+L7BCPm7Xji7v9WYAEVPMztn7Lw6v+XdzU03TnT88GGPWlAMOjeLDmLfmC96HLiw=="},
	} {
		got, err := test.seal()
		if text := base64.StdEncoding.EncodeToString(got); err != nil || text != test.want {
			t.Errorf("%s: %s, %v, want %s", test.name, text, err, test.want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzOpen(f *testing.F) {
	k, err := Parse(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, secretBytes)), Config{})
	if err != nil {
		f.Fatal(err)
	}
	key, customer := DataKey{1}, DataKey{2}
	own, err := k.Seal("", &key, &here)
	if err != nil {
		f.Fatal(err)
	}
	client, err := k.SealFor(&customer, &key, &here)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own, here.BucketID, here.Key)
	f.Add(client, here.BucketID, here.Key)
	f.Fuzz(func(t *testing.T, sealed []byte, bucket, object string) {
		c := Context{BucketID: bucket, Key: object, Client: here.Client}
		same := bucket == here.BucketID && object == here.Key
		if got, err := k.Open("", sealed, &c); err == nil && (!same || got != key) {
			t.Errorf("%x opened in %v", sealed, c)
		}
		if got, err := OpenFor(&customer, sealed, &c); err == nil && (!same || got != key) {
			t.Errorf("%x opened for the customer in %v", sealed, c)
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"keys":[{"id":"0d7c2a9e51b8f364","created":"2026-01-02T03:04:05Z","secret":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := parseKeyFile(data)
		if err != nil {
			return
		}
		if _, err := newKeySet(records); err != nil && !strings.Contains(err.Error(), "twice") {
			t.Errorf("a file that was taken has keys that were not: %v", err)
		}
	})
}

func TestReloadKeepsKeysThatTheFileLacks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	k, err := Create(path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, before, 0o600); err != nil { // an older copy is put back
		t.Fatal(err)
	}
	if err := k.Reload(); err == nil || len(k.Generations()) != 2 {
		t.Errorf("Reload: %v; %d generations, want an error and 2", err, len(k.Generations()))
	}
}
