package credentials

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
)

// Minter makes sessions, as *session.Keyring does.
type Minter interface {
	Mint(session.Session) (session.Credentials, error)
}

// Observer is told of every answer, for metrics. It must be quick and safe for
// concurrent use.
type Observer interface {
	// Exchanged gets the outcome and the time from the head of the request to
	// the end of the answer, without the TLS handshake.
	Exchanged(outcome Outcome, took time.Duration)
}

// Config is what an Endpoint is made of.
type Config struct {
	// Store holds certificates, things, policies, aliases and roles. Required.
	Store metastore.Store
	// Policies compiles IoT and trust policies. Required.
	Policies *policy.Cache
	// Sessions makes the credentials. Required.
	Sessions Minter
	// Account and Region own what Hosts answer for. Required.
	Account, Region string
	// Hosts are the server names that clients may send by SNI, without ports;
	// at least one. Letter case does not matter.
	Hosts []string
	// Domains are those under which every account has the name "c" and its
	// endpoint prefix.
	Domains []string
	// GetCertificate is the server certificate. It is also asked when the client
	// sends a foreign server name or none, and must answer then too. Required.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// RatePerCertificate is the most requests per second of one certificate.
	// 0: 10; negative: no limit.
	RatePerCertificate float64
	// BurstPerCertificate is how many of them may come at once. 0: 30.
	BurstPerCertificate int
	// RatePerServer is the most requests per second of all certificates
	// together. What is refused for its certificate, or by the rate of one, does
	// not count. 0 or negative: no limit.
	RatePerServer float64
	// BurstPerServer is how many of them may come at once. 0: RatePerServer,
	// at least 1.
	BurstPerServer int

	// Logger gets refusals and internal errors. Nil: slog.Default.
	Logger *slog.Logger
	// Observer is told of every answer. Nil: nobody.
	Observer Observer
	// Clock is the time that certificates, policies and sessions see. Nil:
	// time.Now.
	Clock func() time.Time
}

// Defaults of Config.
const (
	defaultRatePerCertificate  = 10
	defaultBurstPerCertificate = 30
)

// Endpoint answers requests for credentials.
type Endpoint struct {
	cfg      Config
	hot      metastore.Reader
	trust    *identity.Policies
	accounts map[string]string // by server name, in lower case
	domains  []string          // in lower case
	rates    *rates
	keys     *certificateKeys
	contexts sync.Pool // of *policy.Context, between two evaluations
}

// New checks the configuration and returns an endpoint.
func New(cfg Config) (*Endpoint, error) {
	if cfg.Store == nil || cfg.Policies == nil || cfg.Sessions == nil || cfg.GetCertificate == nil {
		return nil, errors.New("credentials: Store, Policies, Sessions and GetCertificate are required")
	}
	if cfg.Account == "" || cfg.Region == "" {
		return nil, errors.New("credentials: Account and Region are required")
	}
	if len(cfg.Hosts) == 0 {
		return nil, errors.New("credentials: no host names to answer for")
	}
	accounts := make(map[string]string, len(cfg.Hosts))
	for _, host := range cfg.Hosts {
		if host == "" || strings.ContainsAny(host, ":/ ") {
			return nil, fmt.Errorf("credentials: %q is not a host name without a port", host)
		}
		accounts[canonicalHost(host)] = cfg.Account
	}
	domains := make([]string, len(cfg.Domains))
	for i, domain := range cfg.Domains {
		domains[i] = canonicalHost(domain)
	}
	cfg = cfg.withDefaults()
	return &Endpoint{
		cfg: cfg, hot: cfg.Store.Hot(), trust: identity.NewPolicies(cfg.Policies),
		accounts: accounts, domains: domains, rates: newRates(&cfg), keys: newCertificateKeys(),
		contexts: sync.Pool{New: func() any { return new(policy.Context) }},
	}, nil
}

func (cfg Config) withDefaults() Config {
	if cfg.RatePerCertificate == 0 {
		cfg.RatePerCertificate = defaultRatePerCertificate
	}
	if cfg.BurstPerCertificate <= 0 {
		cfg.BurstPerCertificate = defaultBurstPerCertificate
	}
	if cfg.BurstPerServer <= 0 {
		cfg.BurstPerServer = max(1, int(cfg.RatePerServer))
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return cfg
}

// accountOf returns the account behind a server name (spec A.2: SNI selects
// the account), "" for a name that is not answered for, and for none.
func (e *Endpoint) accountOf(ctx context.Context, serverName string) (string, error) {
	host := canonicalHost(serverName)
	if account, ok := e.accounts[host]; ok {
		return account, nil
	}
	label, domain, _ := strings.Cut(host, ".")
	prefix, ok := strings.CutPrefix(label, "c")
	if !ok || prefix == "" || !slices.Contains(e.domains, domain) {
		return "", nil
	}
	return metastore.AccountOfEndpoint(ctx, e.hot, prefix)
}

func canonicalHost(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// log writes one refusal, so that it can be explained by its request id.
func (e *Endpoint) log(ctx context.Context, x *exchange, r *refusal) {
	level, message := slog.LevelInfo, "refused"
	if r.outcome == InternalFailure {
		level, message = slog.LevelError, "internal error"
	}
	if r.outcome == RateExceeded || r.outcome.ofStranger() && !e.rates.strangers.AllowN(x.now, 1) {
		level = slog.LevelDebug // what floods the endpoint shall not flood the log
	}
	if !e.cfg.Logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", x.requestID), slog.String("service", "credentials"), slog.String("remote", x.remote),
		slog.String("outcome", r.outcome.String()), slog.String("why", r.why),
	}
	for _, a := range [...]struct{ name, value string }{
		{"certificate", x.certificateID}, {"alias", x.alias}, {"thing", x.thingName},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, clip(a.value)))
		}
	}
	if r.err != nil {
		attrs = append(attrs, slog.String("error", r.err.Error()))
	}
	e.cfg.Logger.LogAttrs(ctx, level, message, attrs...)
}

// clip shortens client text for the log.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
