package server

import (
	"context"
	"io"
	"strings"
	"testing"

	"inro.dev/inro/internal/metastore"
)

func TestAFolderKeepsItsAccountAndRegion(t *testing.T) {
	cfg := testConfig(t)
	s, err := New(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Account = "111111111111" },
		func(c *Config) { c.Region = "us-east-1" },
	} {
		other := cfg
		change(&other)
		s, err := New(t.Context(), other, io.Discard)
		if err == nil {
			s.close()
		}
		if err == nil || !strings.Contains(err.Error(), "start it with --account 999999999999 --region ap-northeast-1") {
			t.Errorf("account %s in %s: %v, want an error that says what to do", other.Account, other.Region, err)
		}
	}
}

func TestEveryAccountHasAnEndpointOfItsOwn(t *testing.T) {
	const second = "111111111111"
	for _, c := range []struct{ configured, own, others string }{
		{"", "c<own>.credentials.iot.ap-northeast-1.inro.localhost:8443", "csecond.credentials.iot.ap-northeast-1.inro.localhost:8443"},
		{"iot.example.com", "iot.example.com", "csecond.iot.example.com"},
		{"IoT.example.com:444", "IoT.example.com:444", "csecond.IoT.example.com:444"},
		{"192.0.2.1:444", "192.0.2.1:444", "csecond.credentials.iot.ap-northeast-1.inro.localhost:8443"},
	} {
		cfg := testConfig(t)
		if c.configured != "" {
			cfg.IoT.Endpoints = map[string]string{credentialProvider: c.configured, "iot:Data": "mqtt.example.com"}
		}
		s, err := New(t.Context(), cfg, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		err = s.store.Update(t.Context(), func(w metastore.Writer) error {
			return metastore.RegisterAccount(t.Context(), w, second, &metastore.Account{EndpointPrefix: "second"})
		})
		if err != nil {
			t.Fatal(err)
		}
		own, err := metastore.Accounts.Get(t.Context(), s.store.Hot(), cfg.Account, cfg.Account)
		if err != nil {
			t.Fatal(err)
		}
		names := newEndpointNames(&cfg, s.store, own.EndpointPrefix)
		names.listen("127.0.0.1:8443")
		c.own = strings.ReplaceAll(c.own, "<own>", own.EndpointPrefix)
		for account, want := range map[string]string{cfg.Account: c.own, second: c.others} {
			got, ok, err := names.Address(context.Background(), account, credentialProvider)
			if err != nil || !ok || got != want {
				t.Errorf("configured %q: the address of %s is %q, %v, %v; want %q", c.configured, account, got, ok, err, want)
			}
		}
		if got, ok, err := names.Address(context.Background(), second, "iot:Data"); err != nil || ok != (c.configured != "") {
			t.Errorf("configured %q: iot:Data is %q, %v, %v", c.configured, got, ok, err)
		}
		if _, _, err := names.Address(context.Background(), "222222222222", credentialProvider); err == nil {
			t.Error("an account that is not there has an address")
		}
		hosts := strings.Join(names.certificateHosts(), " ")
		if !strings.Contains(hosts, "*.credentials.iot.ap-northeast-1.inro.localhost") || c.configured == "iot.example.com" && !strings.Contains(hosts, "*.iot.example.com") {
			t.Errorf("configured %q: the certificate is for %s", c.configured, hosts)
		}
	}
}
