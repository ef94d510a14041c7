package server

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestEventTargetsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"[events]\nmax_queue_messages = -1": "max_queue_messages",
		"[events]\nunknown = 1":             "unknown keys",
		"[[events.targets]]\nname = 'a'\ntype = 'webhook'\nurl = 'http://h/'\nsecret = 'x'":                                                               "unknown keys",
		"[[events.targets]]\nname = 'a b'\ntype = 'webhook'\nurl = 'http://h/'":                                                                           "name",
		"[[events.targets]]\nname = 'a'\ntype = 'webhook'\nurl = 'http://h/'\naccounts = ['me']":                                                          `account "me"`,
		"[[events.targets]]\nname = 'a'\ntype = 'webhook'\nurl = 'http://h/'\n[[events.targets]]\nname = 'a'\ntype = 'mqtt'\nurl = 'mqtt://h'\ntopic='t'": "two targets",
		"[[events.targets]]\nname = 'a'\ntype = 'mqtt'\nurl = 'mqtt://h'\ntopic='t'\nexchange = 'e'":                                                      "exchange has no meaning",
		"[[events.targets]]\nname = 'a'\ntype = 'webhook'\nurl = 'http://h/'\ntimeout = '1h'":                                                             "timeout",
	} {
		var cfg Config
		err := parseConfig([]byte(text), &cfg)
		if err == nil {
			_, err = cfg.WithDefaults()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want an error with %q", text, err, want)
		}
	}
}

func TestAccountsOfEventTargets(t *testing.T) {
	s := &Server{metrics: &metrics{registry: prometheus.NewRegistry()}}
	s.cfg.Account = "111111111111"
	s.cfg.Events.Targets = []EventTargetConfig{
		{Name: "own"}, {Name: "all", Accounts: []string{"*"}}, {Name: "other", Accounts: []string{"222222222222"}},
	}
	targets := s.newEventTargets()
	for _, c := range []struct {
		name, account string
		want          bool
	}{
		{"own", "111111111111", true}, {"own", "222222222222", false},
		{"all", "111111111111", true}, {"all", "222222222222", true},
		{"other", "111111111111", false}, {"other", "222222222222", true},
		{"none", "111111111111", false},
	} {
		if got := targets.Allows(c.name, c.account); got != c.want {
			t.Errorf("%s for %s: got %t, want %t", c.name, c.account, got, c.want)
		}
	}
}
