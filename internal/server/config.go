package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Config is the whole configuration of a server: what a configuration file
// holds, and what flags and environment override. The zero value of a field
// means its default.
type Config struct {
	// Data is the data folder, made at the first start. One process holds it.
	// Default "inro-data".
	Data string `toml:"data"`
	// Account is the number of the installation's own account, twelve digits.
	// It cannot change once the data folder is made. Default "999999999999".
	Account string `toml:"account"`
	// Region is the region that ARNs and endpoint names carry. It cannot change
	// once the data folder is made. Default "ap-northeast-1".
	Region string `toml:"region"`

	// API is the listen address for S3, IAM, STS and IoT, host:port. Default
	// "127.0.0.1:9000".
	API string `toml:"api"`
	// Credentials is the listen address of the mutual-TLS credentials
	// endpoint, host:port. Default "127.0.0.1:8443".
	Credentials string `toml:"credentials"`
	// Console is the listen address for health, readiness and metrics,
	// host:port. Default "127.0.0.1:9001".
	Console string `toml:"console"`
	// RootAccessKeyID is the root access key of the account, 16 to 128
	// letters, digits or underscores. Default: one is made at the first start
	// and kept in root.json of the data folder.
	RootAccessKeyID string `toml:"root_access_key_id"`
	// RootSecretAccessKeyFile holds the root secret access key, 16 to 128
	// characters, and must not be readable by group or others.
	RootSecretAccessKeyFile string `toml:"root_secret_access_key_file"`
	// RootSecretAccessKey comes from the environment only
	// (INRO_ROOT_SECRET_ACCESS_KEY).
	RootSecretAccessKey string `toml:"-"`
	// LogLevel is debug, info, warn or error. Default "info". At debug every
	// request is logged, at info refusals and failures.
	LogLevel string `toml:"log_level"`
	// LogFormat is text or json. Default "text". The log goes to standard
	// error.
	LogFormat string `toml:"log_format"`

	APITLS     APITLSConfig     `toml:"api_tls"`
	Endpoint   EndpointConfig   `toml:"credentials_endpoint"`
	S3         S3Config         `toml:"s3"`
	Encryption EncryptionConfig `toml:"encryption"`
	IAM        IAMConfig        `toml:"iam"`
	IoT        IoTConfig        `toml:"iot"`
	Sessions   SessionsConfig   `toml:"sessions"`
	Storage    StorageConfig    `toml:"storage"`
	Events     EventsConfig     `toml:"events"`
}

// APITLSConfig is TLS on the API listener.
type APITLSConfig struct {
	// Enabled serves HTTPS with a certificate of Inro's own CA, or with
	// Certificate and Key when they are given. Default false.
	Enabled bool `toml:"enabled"`
	// Certificate and Key are PEM files of a server certificate of your own.
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	// Hosts are the host names and IP addresses in the certificate that Inro
	// issues. Default "localhost", "*.localhost", "127.0.0.1", "::1".
	Hosts []string `toml:"hosts"`
}

// EndpointConfig is about the credentials endpoint.
type EndpointConfig struct {
	// Hosts are further host names that the endpoint answers for, beside the
	// one that DescribeEndpoint gives and "localhost". Clients must send one of
	// them by SNI.
	Hosts []string `toml:"hosts"`
	// Certificate and Key are PEM files of a server certificate of your own.
	// Default: one of Inro's CA. Further accounts have names under that of
	// iot:CredentialProvider, which a wildcard covers.
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	// RatePerCertificate is the most requests per second of one certificate.
	// Default 10; negative: no limit.
	RatePerCertificate float64 `toml:"rate_per_certificate"`
	// BurstPerCertificate is how many may come at once. Default 30.
	BurstPerCertificate int `toml:"burst_per_certificate"`
	// RatePerServer is the most requests per second of all certificates
	// together. Default 0: no limit.
	RatePerServer float64 `toml:"rate_per_server"`
	// BurstPerServer is how many may come at once. Default RatePerServer.
	BurstPerServer int `toml:"burst_per_server"`
}

// S3Config is about S3.
type S3Config struct {
	// Domains are host names whose sub-domains are buckets. Default "localhost".
	// Amazon's own names are always understood.
	Domains []string `toml:"domains"`
	// ObjectOwnership is that of new buckets whose CreateBucket names none:
	// "BucketOwnerEnforced" disables access control lists; "ObjectWriter" lets
	// them count, as S3 did before April 2023. Default "BucketOwnerEnforced".
	ObjectOwnership string `toml:"object_ownership"`
	// AllowPublicBuckets makes new buckets without a public access block, as S3
	// did before April 2023. Default false: all four blocks are set, until the
	// bucket's owner lifts them.
	AllowPublicBuckets bool `toml:"allow_public_buckets"`
	// LifecycleInterval is the time from the start of one pass over the
	// lifecycle rules of buckets to that of the next. Default: once a day, in
	// the first hour after midnight UTC.
	LifecycleInterval Duration `toml:"lifecycle_interval"`
	// LifecycleDay is how long a day of a lifecycle rule lasts, to try rules
	// out. Another value than a day deletes objects early, passes are made
	// twice in it, and nothing is rounded to midnight; the header
	// x-amz-expiration goes on telling of whole days. Default "24h".
	LifecycleDay Duration `toml:"lifecycle_day"`
	// LifecycleObjectsPerSecond bounds how many objects a pass looks at in a
	// second. Default 20000; negative: no bound.
	LifecycleObjectsPerSecond int `toml:"lifecycle_objects_per_second"`
	// WebsiteDomains are host names whose sub-domains are websites of buckets:
	// with "web.example.com" the bucket "shop" is read at shop.web.example.com.
	// One is the website of the bucket of its own name, too. Default: none.
	// <bucket>.s3-website-<region>.<domain> is always understood under
	// Domains, and Amazon's own.
	WebsiteDomains []string `toml:"website_domains"`
	// AccessLogInterval is how often access logs of buckets are written into
	// their target buckets. Default "5m", at least "1s".
	AccessLogInterval Duration `toml:"access_log_interval"`
	// EncryptByDefault encrypts new objects in buckets that have no default
	// encryption of their own, as AWS does (SSE-S3). Default false: see
	// encryption in operating.md.
	EncryptByDefault bool `toml:"encrypt_by_default"`
	// CustomerKeysOverHTTP takes keys of clients (SSE-C) that come from another
	// machine without TLS, from a proxy that ends it. Default false.
	CustomerKeysOverHTTP bool `toml:"customer_keys_over_http"`
}

// EncryptionConfig is about the keys that objects are encrypted with.
type EncryptionConfig struct {
	// MasterKeyFile keeps the master keys, and is made at the first start. Whoever
	// loses it loses every encrypted object. Default: master-keys.json in the
	// data folder.
	MasterKeyFile string `toml:"master_key_file"`
	// MasterKeys comes from the environment only (INRO_MASTER_KEY).
	MasterKeys string `toml:"-"`
	// Keys are the named keys of SSE-KMS.
	Keys []EncryptionKeyConfig `toml:"keys"`
}

// EncryptionKeyConfig is a named key of SSE-KMS,
// arn:aws:kms:<region>:<account>:key/<id>. It is made from the master keys: the
// name is all there is to it. Requests that name no key use the one with the
// alias alias/aws/s3.
type EncryptionKeyConfig struct {
	// ID names the key: 1 to 128 letters, digits, "-" or "_". Give no ID twice
	// to different uses: a key that comes back opens what it sealed.
	ID string `toml:"id"`
	// Aliases are further names, each "alias/…".
	Aliases []string `toml:"aliases"`
	// Account owns the key. Default: the installation's own.
	Account string `toml:"account"`
	// Accounts are further accounts whose policies may allow its use; "*" stands
	// for all.
	Accounts []string `toml:"accounts"`
	// Disabled refuses to seal and to open with the key. Default false.
	Disabled bool `toml:"disabled"`
}

// The values of S3Config.ObjectOwnership.
const (
	ownerEnforced = "BucketOwnerEnforced"
	objectWriter  = "ObjectWriter"
)

// IAMConfig is about IAM and STS.
type IAMConfig struct {
	// LocalIssuers lets OpenID Connect providers be on this machine and have
	// http:// URLs; of those only the ones on this machine are ever asked. For
	// tests. Default false: issuers are asked over https and elsewhere.
	LocalIssuers bool `toml:"local_issuers"`
}

// SessionsConfig is about short-lived credentials.
type SessionsConfig struct {
	// KeepAfterRevocation restores AWS's behaviour: a device's session lives
	// to its end when its certificate is deactivated or detached. Default
	// false: it is refused at its next request.
	KeepAfterRevocation bool `toml:"keep_after_revocation"`
}

// IoTConfig is about the registry.
type IoTConfig struct {
	// Endpoints overrides what DescribeEndpoint answers, by endpoint type, such
	// as "iot:CredentialProvider" = "iot.example.com". A host of
	// iot:CredentialProvider is answered for, and so are the names of further
	// accounts under it.
	Endpoints map[string]string `toml:"endpoints"`
	// ThingTypeDeletionDelay is how long a thing type must have been
	// deprecated before it can be deleted. Default "5m".
	ThingTypeDeletionDelay Duration `toml:"thing_type_deletion_delay"`
	// RevocationIsFinal refuses to activate a revoked certificate again.
	// Default false, as in AWS.
	RevocationIsFinal bool `toml:"revocation_is_final"`
}

// StorageConfig is about the object engine.
type StorageConfig struct {
	// CacheMiB bounds the memory that caches the object index. Default 128.
	CacheMiB int `toml:"cache_mib"`
	// ReserveMiB is the free disk space below which writes are refused.
	// Default 256; negative: no reserve.
	ReserveMiB int `toml:"reserve_mib"`
}

// EventsConfig is about the events that buckets tell of.
type EventsConfig struct {
	// MaxQueueMessages bounds the messages that wait for one target. Further
	// ones are dropped, counted and told of in the log. Default 100000.
	MaxQueueMessages int `toml:"max_queue_messages"`

	Targets []EventTargetConfig `toml:"targets"`
}

// EventTargetConfig is one destination of event messages. A bucket names it by an
// ARN of its region and its owner's account: arn:aws:sns:REGION:ACCOUNT:NAME in a
// TopicConfiguration, arn:aws:sqs:REGION:ACCOUNT:NAME in a QueueConfiguration,
// arn:aws:lambda:REGION:ACCOUNT:function:NAME in a CloudFunctionConfiguration.
type EventTargetConfig struct {
	// Name is that of the target, 1 to 80 letters, digits, hyphens or
	// underscores. What waits for a target that is renamed stays behind.
	Name string `toml:"name"`
	// Type is "webhook", "mqtt" (version 5), "nats" or "amqp" (0-9-1, RabbitMQ).
	Type string `toml:"type"`
	// URL says where the target is, without credentials: http, https; mqtt,
	// mqtts; nats, tls; amqp, amqps, whose path is the virtual host.
	URL string `toml:"url"`
	// Accounts may name the target in their buckets; "*" stands for all.
	// Default: the installation's own.
	Accounts []string `toml:"accounts"`
	// Timeout is how long a connection, a request or the confirmation of a
	// batch may take. Default "10s".
	Timeout Duration `toml:"timeout"`
	// GiveUpAfter drops a message that was not delivered for so long, so that
	// those behind it get their turn. Default: never.
	GiveUpAfter Duration `toml:"give_up_after"`
	// CA is a PEM file of the authorities that vouch for the target. Default:
	// the system's.
	CA string `toml:"ca"`
	// Certificate and Key are PEM files of a client certificate. The key must
	// not be readable by group or others.
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	// Username and PasswordFile log in to mqtt, nats and amqp. Files of secrets
	// must not be readable by group or others; they are read again at every
	// connection.
	Username     string `toml:"username"`
	PasswordFile string `toml:"password_file"`
	// TokenFile holds the bearer token of a webhook, or the token of nats.
	TokenFile string `toml:"token_file"`
	// CredentialsFile holds the user credentials of nats (JWT and seed).
	CredentialsFile string `toml:"credentials_file"`
	// SigningKeyFile holds the key that signs requests to a webhook as Standard
	// Webhooks has it: "whsec_" and 24 to 64 random bytes in base64.
	SigningKeyFile string `toml:"signing_key_file"`
	// Batch is the most events in one request to a webhook, 1 to 1000.
	// Default 1, as in AWS.
	Batch int `toml:"batch"`
	// Topic is where mqtt publishes, with QoS 1.
	Topic string `toml:"topic"`
	// ClientID is that of mqtt. Default: the broker chooses.
	ClientID string `toml:"client_id"`
	// Subject is where nats publishes.
	Subject string `toml:"subject"`
	// JetStream waits until a stream of nats has stored a message. Default
	// false: until the server has it, which keeps it for nobody.
	JetStream bool `toml:"jetstream"`
	// Exchange and RoutingKey are where amqp publishes. Without Exchange it is
	// the default exchange, whose routing keys are names of queues.
	Exchange   string `toml:"exchange"`
	RoutingKey string `toml:"routing_key"`
}

// Duration is a time.Duration written as "5m" or "1h30m".
type Duration struct{ time.Duration }

// UnmarshalText reads Go's duration syntax.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	d.Duration = v
	return err
}

// MarshalText writes Go's duration syntax.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// maxConfigBytes bounds a configuration file.
const maxConfigBytes = 1 << 20

// ReadConfig reads a configuration file. Unknown keys are errors that name
// their place.
func ReadConfig(path string) (Config, error) {
	var cfg Config
	f, err := os.Open(path)
	if err != nil {
		return cfg, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return cfg, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxConfigBytes {
		return cfg, fmt.Errorf("%s is longer than %d bytes", path, maxConfigBytes)
	}
	if err := parseConfig(text, &cfg); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

func parseConfig(text []byte, cfg *Config) error {
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(cfg)
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		return fmt.Errorf("unknown keys:\n%s", strict.String())
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		return errors.New(decode.String())
	}
	return err
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	keyIDPattern   = regexp.MustCompile(`^\w{16,128}$`)
)

// WithDefaults returns cfg with defaults filled in, or says all that is wrong
// with it.
func (cfg Config) WithDefaults() (Config, error) {
	fill(&cfg.Data, "inro-data")
	fill(&cfg.Account, "999999999999")
	fill(&cfg.Region, "ap-northeast-1")
	fill(&cfg.API, "127.0.0.1:9000")
	fill(&cfg.Credentials, "127.0.0.1:8443")
	fill(&cfg.Console, "127.0.0.1:9001")
	fill(&cfg.LogLevel, "info")
	fill(&cfg.LogFormat, "text")
	if cfg.APITLS.Hosts == nil {
		cfg.APITLS.Hosts = []string{"localhost", "*.localhost", "127.0.0.1", "::1"}
	}
	if cfg.S3.Domains == nil {
		cfg.S3.Domains = []string{"localhost"}
	}
	fill(&cfg.S3.ObjectOwnership, ownerEnforced)
	if cfg.S3.AccessLogInterval.Duration == 0 {
		cfg.S3.AccessLogInterval.Duration = 5 * time.Minute
	}
	if cfg.Endpoint.RatePerCertificate == 0 {
		cfg.Endpoint.RatePerCertificate = 10
	}
	if cfg.Endpoint.BurstPerCertificate == 0 {
		cfg.Endpoint.BurstPerCertificate = 30
	}
	if cfg.IoT.ThingTypeDeletionDelay.Duration == 0 {
		cfg.IoT.ThingTypeDeletionDelay.Duration = 5 * time.Minute
	}
	return cfg, cfg.check()
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// check says all that is wrong with a filled configuration.
func (cfg *Config) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !accountPattern.MatchString(cfg.Account) {
		wrong("account %q is not twelve digits", cfg.Account)
	}
	if !regionPattern.MatchString(cfg.Region) {
		wrong("region %q does not look like ap-northeast-1", cfg.Region)
	}
	for name, address := range map[string]string{"api": cfg.API, "credentials": cfg.Credentials, "console": cfg.Console} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			wrong("%s %q is not host:port", name, address)
		}
	}
	pair := func(name, certificate, key string) {
		if (certificate == "") != (key == "") {
			wrong("%s.certificate and %s.key must be given together", name, name)
		}
	}
	pair("api_tls", cfg.APITLS.Certificate, cfg.APITLS.Key)
	pair("credentials_endpoint", cfg.Endpoint.Certificate, cfg.Endpoint.Key)
	if cfg.APITLS.Certificate != "" && !cfg.APITLS.Enabled {
		wrong("api_tls.certificate is given and api_tls.enabled is not true")
	}
	if cfg.Endpoint.BurstPerCertificate < 0 || cfg.Endpoint.BurstPerServer < 0 || cfg.Endpoint.RatePerServer < 0 {
		wrong("credentials_endpoint: rates per server and bursts cannot be negative")
	}
	if cfg.S3.AccessLogInterval.Duration < time.Second {
		wrong("s3.access_log_interval must be at least 1s")
	}
	for _, domain := range cfg.S3.WebsiteDomains {
		if domain == "" || strings.ToLower(domain) != domain || strings.ContainsAny(domain, ":/*") {
			wrong("s3.website_domains: %q is not a host name in lower case, without port", domain)
		}
	}
	if o := cfg.S3.ObjectOwnership; o != ownerEnforced && o != objectWriter {
		wrong("s3.object_ownership %q is neither %s nor %s", o, ownerEnforced, objectWriter)
	}
	if d := cfg.S3.LifecycleDay.Duration; d != 0 && d < time.Second {
		wrong("s3.lifecycle_day cannot be less than a second")
	}
	if d := cfg.S3.LifecycleInterval.Duration; d != 0 && d < time.Second {
		wrong("s3.lifecycle_interval cannot be less than a second")
	}
	if cfg.Storage.CacheMiB < 0 {
		wrong("storage.cache_mib cannot be negative")
	}
	if cfg.IoT.ThingTypeDeletionDelay.Duration < 0 {
		wrong("iot.thing_type_deletion_delay cannot be negative")
	}
	errs = append(errs, cfg.checkEvents()...)
	for kind, address := range cfg.IoT.Endpoints {
		if !strings.HasPrefix(kind, "iot:") || address == "" || strings.Contains(address, "/") {
			wrong("iot.endpoints: %q = %q is not an endpoint type with a host name, or host:port, without a scheme", kind, address)
		}
	}
	if _, err := logLevel(cfg.LogLevel); err != nil {
		errs = append(errs, err)
	}
	if cfg.LogFormat != "text" && cfg.LogFormat != "json" {
		wrong("log_format %q is neither text nor json", cfg.LogFormat)
	}
	if _, err := cfg.namedKeys(); err != nil {
		wrong("encryption.keys: %w", err)
	}
	return errors.Join(append(errs, cfg.checkRoot()...)...)
}

func (cfg *Config) checkRoot() []error {
	var errs []error
	given := cfg.RootSecretAccessKeyFile != "" || cfg.RootSecretAccessKey != ""
	if given != (cfg.RootAccessKeyID != "") {
		errs = append(errs, errors.New("the root access key id and secret must be given together"))
	}
	if cfg.RootAccessKeyID != "" && !keyIDPattern.MatchString(cfg.RootAccessKeyID) {
		errs = append(errs, errors.New("root_access_key_id must be 16 to 128 letters, digits or underscores"))
	}
	return errs
}
