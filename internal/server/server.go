// Package server builds every part of Inro from a [Config] and runs the
// listeners. It is the only package that sees them all.
//
// A data folder holds
//
//	inro.db          records of IAM and IoT (package metastore/sqlite)
//	objects/         buckets and objects (package object)
//	pki/             certificate authorities and server certificates (package pki)
//	sessions.json    sealing keys of sessions (package session)
//	master-keys.json master keys of encrypted objects (package kms)
//	root.json        the generated root access key, mode 0600
//	ca-bundle.pem    Inro's CA and the system's, for clients
//	addresses.json   where the last server listened, for `inro env`
//
// One process holds a data folder at a time. New opens everything and binds
// the listeners; Run serves until its context ends, lets requests in flight
// finish and closes everything.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"inro.dev/inro/internal/admin"
	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/console"
	"inro.dev/inro/internal/credentials"
	"inro.dev/inro/internal/iam"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/iot"
	"inro.dev/inro/internal/kms"
	"inro.dev/inro/internal/lifecycle"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/metastore/sqlite"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/oidc"
	"inro.dev/inro/internal/pki"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/s3"
	"inro.dev/inro/internal/session"
	"inro.dev/inro/internal/sts"
)

// compiledPolicies bounds the cache of compiled policies.
const compiledPolicies = 16384

// Server is an assembled server with bound listeners.
type Server struct {
	cfg       Config
	logger    *slog.Logger
	requests  *requestLog
	metrics   *metrics
	store     metastore.Store
	objects   *object.Engine
	buckets   *s3.Service
	authority *pki.Authority
	keyring   *session.Keyring
	lifecycle *lifecycle.Worker
	// masterKeys seal the data keys of encrypted objects.
	masterKeys *kms.Keyring
	listeners  []*listener
	addresses  Addresses
	closers    []io.Closer // closed in reverse order
}

// New opens the data folder and binds the listeners. cfg must come from
// [Config.WithDefaults]. The log goes to logTo. It fails when another process
// holds the data folder.
func New(ctx context.Context, cfg Config, logTo io.Writer) (_ *Server, err error) {
	logger, err := newLogger(&cfg, logTo)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, logger: logger, requests: newRequestLog(logger), metrics: newMetrics()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	warnOfOthers(cfg.Data, logger)
	if err := s.openStores(ctx); err != nil {
		return nil, err
	}
	if err := s.assemble(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// warnOfOthers logs when others can put files of their own into the data
// folder: keys, in place of the server's.
func warnOfOthers(folder string, logger *slog.Logger) {
	info, err := os.Stat(folder)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		logger.Warn("others can write to the data folder and so replace the server's keys; run: chmod go-w "+folder,
			"mode", info.Mode().Perm().String())
	}
}

// openStores opens what the data folder keeps. The metastore comes first: it
// holds the folder's lock.
func (s *Server) openStores(ctx context.Context) error {
	store, err := sqlite.Open(sqlite.Config{Path: s.path("inro.db")})
	if errors.Is(err, sqlite.ErrInUse) {
		return fmt.Errorf("the data folder %s is held by another process; stop that one, or choose another folder with --data", s.cfg.Data)
	}
	if err != nil {
		return fmt.Errorf("open records: %w", err)
	}
	s.store = store
	s.closers = append(s.closers, store)
	s.objects, err = object.Open(object.Config{
		Dir: s.path("objects"), Logger: s.logger,
		CacheSizeBytes: int64(s.cfg.Storage.CacheMiB) << 20, ReserveBytes: int64(s.cfg.Storage.ReserveMiB) << 20,
		MaxQueueMessages: s.cfg.Events.MaxQueueMessages,
	})
	if err != nil {
		return fmt.Errorf("open objects: %w", err)
	}
	s.closers = append(s.closers, s.objects)
	s.metrics.registry.MustRegister(usageCollector{s.objects})
	s.authority, err = pki.LoadOrCreate(s.path("pki"), nil, nil)
	if err != nil {
		return fmt.Errorf("open certificate authorities: %w", err)
	}
	s.closers = append(s.closers, s.authority)
	if err := installAccount(ctx, s.store, &s.cfg, time.Now().UTC()); err != nil {
		return err
	}
	key, err := loadRootKey(&s.cfg)
	if err != nil {
		return err
	}
	if err := installRootKey(ctx, s.store, s.cfg.Account, key, time.Now().UTC()); err != nil {
		return err
	}
	return s.openMasterKeys(ctx)
}

func (s *Server) path(name string) string { return filepath.Join(s.cfg.Data, name) }

// assemble wires the services and binds the listeners.
func (s *Server) assemble(ctx context.Context) error {
	keyring, err := session.LoadOrCreateKeyring(s.path("sessions.json"), session.Config{})
	if err != nil {
		return fmt.Errorf("open session keys: %w", err)
	}
	s.keyring = keyring
	cache := policy.NewCache(compiledPolicies)
	policies := identity.NewPolicies(cache)
	resolver := identity.NewResolver(identity.Config{
		Store: s.store, Sessions: keyring, Policies: policies, KeepSessions: s.cfg.Sessions.KeepAfterRevocation,
	})
	own, err := metastore.Accounts.Get(ctx, s.store.Hot(), s.cfg.Account, s.cfg.Account)
	if err != nil {
		return fmt.Errorf("own account: %w", err)
	}
	named, err := s.cfg.namedKeys()
	if err != nil {
		return err
	}
	names := newEndpointNames(&s.cfg, s.store, own.EndpointPrefix)
	endpoint, err := s.credentialsEndpoint(cache, keyring, names)
	if err != nil {
		return err
	}
	credentialsListener, err := bind("credentials", s.cfg.Credentials, endpoint.Server())
	if err != nil {
		return err
	}
	s.listeners = append(s.listeners, credentialsListener)
	names.listen(credentialsListener.address())

	if err := s.startEvents(); err != nil {
		return err
	}
	s.buckets = s3.New(s.s3Config(cache, named))
	s.lifecycle = s.newLifecycle(s.buckets)
	handler, err := api.NewServer(api.Config{
		Services: []api.Service{
			s.buckets.API(),
			s.buckets.ControlAPI(),
			s.buckets.Website(),
			iam.New(iam.Config{Store: s.store, Policies: policies, PlainIssuers: s.cfg.IAM.LocalIssuers}).API(),
			sts.New(sts.Config{
				Store: s.store, Policies: policies, Sessions: keyring, Tokens: oidc.New(oidc.Config{Loopback: s.cfg.IAM.LocalIssuers}),
			}).API(),
			iot.New(iot.Config{
				Store: s.store, Authority: s.authority, Region: s.cfg.Region, Endpoints: names,
				ThingTypeDeletionDelay: s.cfg.IoT.ThingTypeDeletionDelay.Duration, RevocationIsFinal: s.cfg.IoT.RevocationIsFinal,
			}).API(),
			admin.New(admin.Config{Store: s.store, Account: s.cfg.Account, Endpoints: names, Buckets: s.objects}).API(),
		},
		Authority: resolver, Region: s.cfg.Region, Domains: s.cfg.S3.Domains, Observer: s, Logger: s.logger,
	})
	if err != nil {
		return err
	}
	apiTLS, err := s.apiTLS()
	if err != nil {
		return err
	}
	return s.bindRest(handler, apiTLS, names)
}

// s3Config is what S3 is made of.
func (s *Server) s3Config(cache *policy.Cache, named *kms.Keys) s3.Config {
	return s3.Config{
		Domains: s.cfg.S3.Domains, WebsiteDomains: s.cfg.S3.WebsiteDomains, Logger: s.logger,
		Engine: s.objects, Store: s.store, Region: s.cfg.Region, Policies: cache, Principals: iam.ResourcePrincipals{},
		Targets:    s.newEventTargets(),
		NewBuckets: s3.NewBuckets{Lists: s.cfg.S3.ObjectOwnership == objectWriter, Public: s.cfg.S3.AllowPublicBuckets},
		Keyring:    s.masterKeys, Keys: named,
		EncryptByDefault: s.cfg.S3.EncryptByDefault, CustomerKeysOverHTTP: s.cfg.S3.CustomerKeysOverHTTP,
	}
}

// bindRest binds the API and console listeners and writes down where the
// server can be reached.
func (s *Server) bindRest(handler http.Handler, apiTLS *tls.Config, names *endpointNames) error {
	apiListener, err := bind("api", s.cfg.API, httpServer("api", handler, apiTLS, s.logger))
	if err != nil {
		return err
	}
	s.listeners = append(s.listeners, apiListener)
	page := console.New(console.Config{Ready: s.ready, Metrics: s.metrics.registry})
	consoleListener, err := bind("console", s.cfg.Console, httpServer("console", page, nil, s.logger))
	if err != nil {
		return err
	}
	s.listeners = append(s.listeners, consoleListener)
	bundle, err := writeBundle(s.cfg.Data, s.authority.CAPEM())
	if err != nil {
		return fmt.Errorf("write CA bundle: %w", err)
	}
	s.addresses = Addresses{
		APIURL:      localURL(apiListener.address(), apiTLS != nil),
		Credentials: names.credentialProvider(),
		ConsoleURL:  localURL(consoleListener.address(), false),
		Region:      s.cfg.Region, CABundle: bundle, APITLS: apiTLS != nil,
	}
	if err := writeAddresses(s.cfg.Data, s.addresses); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	return nil
}

func (s *Server) credentialsEndpoint(cache *policy.Cache, keyring *session.Keyring, names *endpointNames) (*credentials.Endpoint, error) {
	cfg := &s.cfg.Endpoint
	certificate, err := s.serverCertificate(cfg.Certificate, cfg.Key, names.certificateHosts())
	if err != nil {
		return nil, err
	}
	return credentials.New(credentials.Config{
		Store: s.store, Policies: cache, Sessions: keyring, Account: s.cfg.Account, Region: s.cfg.Region,
		Hosts: names.credentialHosts(), Domains: names.credentialDomains(), GetCertificate: certificate,
		RatePerCertificate: cfg.RatePerCertificate, BurstPerCertificate: cfg.BurstPerCertificate,
		RatePerServer: cfg.RatePerServer, BurstPerServer: cfg.BurstPerServer,
		Logger: s.logger, Observer: s.metrics,
	})
}

type certificateSource = func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// serverCertificate serves the given PEM files, or a certificate of Inro's own
// CA for hosts.
func (s *Server) serverCertificate(certificate, key string, hosts []string) (certificateSource, error) {
	if certificate == "" {
		return s.authority.GetCertificate(hosts)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("server certificate: %w", err)
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }, nil
}

func (s *Server) apiTLS() (*tls.Config, error) {
	cfg := &s.cfg.APITLS
	if !cfg.Enabled {
		return nil, nil
	}
	source, err := s.serverCertificate(cfg.Certificate, cfg.Key, cfg.Hosts)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: source}, nil
}

// Observe counts and logs a served request; it implements [api.Observer].
func (s *Server) Observe(v *api.Served) {
	s.metrics.served(v)
	s.requests.write(v)
}

// ready reports whether requests can be served.
func (s *Server) ready(ctx context.Context) error {
	if err := s.store.View(ctx, func(metastore.Reader) error { return nil }); err != nil {
		return fmt.Errorf("records: %w", err)
	}
	if _, err := s.objects.Buckets(ctx, s.cfg.Account, "", "", 1); err != nil {
		return fmt.Errorf("objects: %w", err)
	}
	if err := s.objects.Err(); err != nil && !errors.Is(err, object.ErrNoSpace) {
		return fmt.Errorf("objects: %w", err) // with a full disk reads go on
	}
	return nil
}

// Addresses returns where the server can be reached from its own machine.
func (s *Server) Addresses() Addresses { return s.addresses }

// Banner says what the server listens on and where its data is.
func (s *Server) Banner() string {
	data, err := filepath.Abs(s.cfg.Data)
	if err != nil {
		data = s.cfg.Data
	}
	return fmt.Sprintf(`inro: serving account %s in %s
  API          %s   (S3, IAM, STS, IoT)
  credentials  https://%s   (mutual TLS)
  console      %s   (healthz, readyz, metrics)
  data         %s

Point a shell at it:  eval "$(inro env --data %s)"
`, s.cfg.Account, s.cfg.Region, s.addresses.APIURL, s.addresses.Credentials, s.addresses.ConsoleURL, data, s.cfg.Data)
}

// Run serves until ctx ends, then stops accepting, lets requests in flight
// finish and closes everything.
func (s *Server) Run(ctx context.Context) error {
	rotation, stopRotation := context.WithCancel(ctx)
	defer stopRotation()
	go rotateSessionKeys(rotation, s.keyring, s.logger)
	stopLifecycle := s.startLifecycle(ctx)
	stopLogs := s.deliverLogs(ctx)
	go reloadMasterKeys(rotation, s.masterKeys, s.logger)
	var group errgroup.Group
	failed := make(chan struct{}, len(s.listeners))
	for _, l := range s.listeners {
		group.Go(func() error {
			err := l.serve()
			if err != nil {
				failed <- struct{}{}
			}
			return err
		})
	}
	select {
	case <-ctx.Done():
		s.logger.Info("shutting down")
	case <-failed:
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.shutdown(drain))
	}
	stopLifecycle()
	errs = append(errs, group.Wait())
	stopLogs() // after the last request
	return errors.Join(append(errs, s.close())...)
}

// deliverLogs delivers access logs of buckets until the function it returns is
// called, which waits for the last delivery.
func (s *Server) deliverLogs(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.buckets.DeliverLogs(ctx, s.cfg.S3.AccessLogInterval.Duration)
	}()
	return func() {
		cancel()
		<-done
	}
}

// close releases what was opened, in reverse order.
func (s *Server) close() error {
	var errs []error
	for _, l := range s.listeners {
		l.net.Close() // harmless when serve closed it
	}
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i].Close())
	}
	s.closers = nil
	return errors.Join(errs...)
}
