package pki

import (
	"bytes"
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

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// clock is a time that tests set by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newTestAuthority(t testing.TB) (*Authority, *clock) {
	t.Helper()
	c := &clock{now: start}
	a, err := LoadOrCreate(filepath.Join(t.TempDir(), "pki"), c.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, c
}

func TestAuthorityIsTheSameAfterARestart(t *testing.T) {
	a, c := newTestAuthority(t)
	b, err := LoadOrCreate(a.dir, c.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.CAPEM(), b.CAPEM()) || !bytes.Equal(a.DeviceCAPEM(), b.DeviceCAPEM()) {
		t.Error("a CA differs after a restart")
	}
	if bytes.Equal(a.CAPEM(), a.DeviceCAPEM()) {
		t.Error("server CA and device CA are the same")
	}
	for name, mode := range map[string]fs.FileMode{
		"server-ca.key": 0o600, "device-ca.key": 0o600, "server-ca.pem": 0o644, "device-ca.pem": 0o644,
	} {
		info, err := os.Stat(filepath.Join(a.dir, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("mode of %s = %v, %v, want %v", name, info.Mode(), err, mode)
		}
	}
}

func TestCAPathHoldsTheCAAndNoKey(t *testing.T) {
	a, c := newTestAuthority(t)
	for _, damage := range []func() error{
		func() error { return nil },
		func() error { return os.Remove(a.CAPath()) },
		func() error { return os.WriteFile(a.CAPath(), []byte("damaged"), 0o644) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreate(a.dir, c.Now, nil); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(a.CAPath())
		if err != nil || !bytes.Equal(got, a.CAPEM()) || bytes.Contains(got, []byte("KEY")) {
			t.Errorf("%s holds %q, %v, want %q", a.CAPath(), got, err, a.CAPEM())
		}
	}
	if _, err := ParseCAPEM(a.CAPEM()); err != nil {
		t.Errorf("ParseCAPEM of the server CA: %v", err)
	}
}

func TestLoadOrCreateRefusesDamagedKeyFiles(t *testing.T) {
	a, c := newTestAuthority(t)
	server, device := filepath.Join(a.dir, "server-ca.key"), filepath.Join(a.dir, "device-ca.key")
	good, err := os.ReadFile(server)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(device)
	if err != nil {
		t.Fatal(err)
	}
	end := strings.Index(string(good), "-----BEGIN CERTIFICATE")
	tests := map[string]struct {
		content []byte
		mode    fs.FileMode
		want    string
	}{
		"group may read":      {good, 0o640, "chmod 600"},
		"empty":               {nil, 0o600, "not a PRIVATE KEY"},
		"key alone":           {good[:end], 0o600, "not a PRIVATE KEY"},
		"certificate alone":   {good[end:], 0o600, "not a PRIVATE KEY"},
		"torn":                {good[:len(good)-40], 0o600, "not a PRIVATE KEY"},
		"more":                {append(bytes.Clone(good), good...), 0o600, "not a PRIVATE KEY"},
		"another certificate": {append(bytes.Clone(good[:end]), a.DeviceCAPEM()...), 0o600, "belong together"},
		"the device CA":       {other, 0o600, "server-ca"},
		"too long":            {append(bytes.Clone(good), make([]byte, maxKeyFileBytes)...), 0o600, "longer"},
	}
	for name, test := range tests {
		if err := os.WriteFile(server, test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(server, test.mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadOrCreate(a.dir, c.Now, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), server) {
			t.Errorf("%s: error %v, want one with %q and the path", name, err, test.want)
		}
		if open := test.mode != 0o600; errors.Is(err, secretfile.ErrPermissions) != open {
			t.Errorf("%s: errors.Is(%v, ErrPermissions) = %v", name, err, !open)
		}
		now, readErr := os.ReadFile(server)
		if readErr != nil || !bytes.Equal(now, test.content) {
			t.Errorf("%s: the refused file was changed", name)
		}
	}
}

func TestLoadOrCreateAgreesAcrossProcesses(t *testing.T) {
	dir := t.TempDir()
	authorities := make([]*Authority, 4)
	var wait sync.WaitGroup
	for i := range authorities {
		wait.Go(func() {
			a, err := LoadOrCreate(dir, nil, nil)
			if err != nil {
				t.Error(err)
			}
			authorities[i] = a
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	for _, a := range authorities {
		if !bytes.Equal(a.CAPEM(), authorities[0].CAPEM()) || !bytes.Equal(a.DeviceCAPEM(), authorities[0].DeviceCAPEM()) {
			t.Error("two authorities of one folder differ")
		}
	}
}

func TestLoadOrCreateRefusesAClockPastTheEnd(t *testing.T) {
	_, err := LoadOrCreate(t.TempDir(), func() time.Time { return endOfTime().Add(2 * time.Hour) }, nil)
	if err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("error %v, want one about the clock", err)
	}
}
