package s3

import (
	"log/slog"
	"slices"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/kms"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/policy"
)

// Config is what a Service is made of.
type Config struct {
	// Engine holds buckets and objects. Required.
	Engine *object.Engine
	// Store holds the settings of buckets. Required.
	Store metastore.Store
	// Policies keeps compiled bucket policies. Nil: one of its own.
	Policies *policy.Cache
	// Principals knows whom bucket policies name. Required.
	Principals Principals
	// NewBuckets is what CreateBucket gives a bucket that does not ask for
	// another.
	NewBuckets NewBuckets
	// Domains are host names under which website endpoints are: buckets'
	// names with ".s3-website-" and a region, before one of these. Amazon's own
	// is always understood.
	Domains []string
	// WebsiteDomains are host names whose sub-domains are websites of buckets.
	// One is the website of the bucket of its own name, too.
	WebsiteDomains []string
	// Logger is told of access logs that cannot be delivered. Nil:
	// slog.Default.
	Logger *slog.Logger
	// Region is where buckets are when a request does not say otherwise.
	// Required.
	Region string
	// Targets are where events may be sent. Nil: there are none.
	Targets Targets
	// Keyring seals the data keys of encrypted objects. Nil: there is no master
	// key, and encryption is refused.
	Keyring *kms.Keyring
	// Keys are the named keys of SSE-KMS. Nil: none.
	Keys *kms.Keys
	// EncryptByDefault encrypts new objects in buckets without a default of
	// their own, as S3 does.
	EncryptByDefault bool
	// CustomerKeysOverHTTP takes keys of clients (SSE-C) that came over a
	// network without TLS.
	CustomerKeysOverHTTP bool
	// Clock is the time of retention periods in policies. Nil: time.Now.
	Clock func() time.Time
}

// NewBuckets are defaults for new buckets. The zero value is AWS's since April
// 2023: access control lists are disabled and public access is blocked.
type NewBuckets struct {
	// Lists lets access control lists count: the bucket has no ownership
	// controls, which is ObjectWriter.
	Lists bool
	// Public leaves public access unblocked.
	Public bool
}

// Service answers S3 requests.
type Service struct {
	engine *object.Engine
	store  metastore.Store
	region string
	clock  func() time.Time

	policies   *policy.Cache
	principals Principals
	newBuckets NewBuckets

	targets                 Targets
	sequencer               sequencer // of events
	domains, websiteDomains []string

	logger    *slog.Logger
	accessLog *accessLog

	keyring              *kms.Keyring
	keys                 *kms.Keys
	encryptByDefault     bool
	customerKeysOverHTTP bool
}

// compiledPolicies bounds the bucket policies kept compiled.
const compiledPolicies = 1024

// New returns a service over cfg.Engine.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Policies == nil {
		cfg.Policies = policy.NewCache(compiledPolicies)
	}
	if cfg.Targets == nil {
		cfg.Targets = noTargets{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Keys == nil {
		cfg.Keys = new(kms.Keys)
	}
	return &Service{
		engine: cfg.Engine, store: cfg.Store, region: cfg.Region, clock: cfg.Clock,
		policies: cfg.Policies, principals: cfg.Principals, newBuckets: cfg.NewBuckets, targets: cfg.Targets,
		domains: append([]string{"amazonaws.com"}, cfg.Domains...), websiteDomains: cfg.WebsiteDomains,
		logger: cfg.Logger, accessLog: newAccessLog(),
		keyring: cfg.Keyring, keys: cfg.Keys,
		encryptByDefault: cfg.EncryptByDefault, customerKeysOverHTTP: cfg.CustomerKeysOverHTTP,
	}
}

// API returns the table of operations for an api.Server.
func (s *Service) API() api.Service {
	return api.Service{
		Name:        "s3",
		Protocol:    api.RestXML(),
		Anonymous:   true,
		CrossOrigin: s.crossOrigin,
		Observe:     s.observe,
		Operations:  s.operations(),
		Translate:   func(err error) error { return subject{}.translate(err) },
	}
}

// operations are all rows (API Reference; permissions of spec E.7): those of
// each concept, from its file, then those without a handler.
func (s *Service) operations() []api.Operation {
	return slices.Concat(
		s.bucketOperations(),
		s.listBucketsOperations(),
		s.listOperations(),
		s.versioningOperations(),
		s.listVersionsOperations(),
		s.readOperations(),
		s.putOperations(),
		s.postOperations(),
		s.copyOperations(),
		s.deleteOperations(),
		s.multipartOperations(),
		s.lifecycleOperations(),
		s.taggingOperations(),
		s.objectLockOperations(),
		s.retentionOperations(),
		s.bucketPolicyOperations(),
		s.publicAccessOperations(),
		s.ownershipOperations(),
		s.bucketACLOperations(),
		s.objectACLOperations(),
		s.bucketTaggingOperations(),
		s.notificationOperations(),
		s.corsOperations(),
		s.websiteOperations(),
		s.bucketLoggingOperations(),
		s.attributesOperations(),
		s.unusedOperations(),
		s.encryptionOperations(),
		notOffered(),
	)
}
