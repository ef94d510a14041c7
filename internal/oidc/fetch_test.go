package oidc

import (
	"net/netip"
	"testing"
)

func TestAddressesThatMayBeAsked(t *testing.T) {
	for address, want := range map[string][4]bool{ // elsewhere; own host; with Loopback; over http
		"192.0.2.1":        {true, true, true, false},
		"2001:db8::1":      {true, true, true, false},
		"10.1.2.3":         {false, true, false, false},
		"192.168.0.1":      {false, true, false, false},
		"100.64.0.1":       {false, true, false, false},
		"fd00::1":          {false, true, false, false},
		"127.0.0.1":        {false, false, true, true},
		"127.9.9.9":        {false, false, true, true},
		"::1":              {false, false, true, true},
		"::ffff:127.0.0.1": {false, false, true, true},
		"::ffff:10.0.0.1":  {false, true, false, false},
		"169.254.169.254":  {false, false, false, false},
		"fe80::1":          {false, false, false, false},
		"0.0.0.0":          {false, false, false, false},
		"::":               {false, false, false, false},
		"224.0.0.1":        {false, false, false, false},
		"ff02::1":          {false, false, false, false},
		"255.255.255.255":  {false, false, false, false},
	} {
		for i, rule := range []dialRule{{}, {private: true}, {loopback: true}, {loopback: true, loopbackOnly: true, private: true}} {
			err := rule.control("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 443).String(), nil)
			if (err == nil) != want[i] {
				t.Errorf("%s by rule %+v: %v, want it allowed: %v", address, rule, err, want[i])
			}
		}
	}
	if err := (&dialRule{loopback: true, private: true}).control("unix", "/run/x.sock", nil); err == nil {
		t.Error("a socket of the machine may be asked")
	}
}
