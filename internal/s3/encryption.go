package s3

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/kms"
	"inro.dev/inro/internal/object"
)

// Methods of encryption: the values of x-amz-server-side-encryption, and our
// word for keys of the client, which has none.
const (
	methodServer   = "AES256"
	methodNamed    = "aws:kms"
	methodCustomer = "customer"
)

// encryptionHeaders ask for encryption with keys of the server.
type encryptionHeaders struct {
	ServerSideEncryption *string `header:"X-Amz-Server-Side-Encryption"`
	SSEKMSKeyID          *string `header:"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"`
	SSEKMSContext        *string `header:"X-Amz-Server-Side-Encryption-Context"`
	BucketKeyEnabled     *string `header:"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"`
}

func (h *encryptionHeaders) given() bool { return *h != encryptionHeaders{} }

// sealing is how a new object is to be encrypted. It is settled before the
// request is authorized, and what was settled is done: a bucket's default that
// changes meanwhile cannot bring in a key that nobody asked about.
type sealing struct {
	method    string // "": not at all
	bucketID  string
	key       *kms.Key          // of methodNamed
	context   map[string]string // of methodNamed: the client's pairs and aws:s3:arn
	client    string            // the header that gave the client's pairs
	bucketKey bool
	customer  customerKey // of methodCustomer
	// byBucket says that the bucket has a default of its own.
	byBucket bool
	// refusal is why it cannot be; it is told after authorization.
	refusal error
}

// encryptionResult tells in an answer how an object is encrypted.
type encryptionResult struct {
	ServerSideEncryption string `header:"X-Amz-Server-Side-Encryption"`
	SSEKMSKeyID          string `header:"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"`
	BucketKeyEnabled     bool   `header:"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"`
	SSECustomerAlgorithm string `header:"X-Amz-Server-Side-Encryption-Customer-Algorithm"`
	SSECustomerKeyMD5    string `header:"X-Amz-Server-Side-Encryption-Customer-Key-Md5"`
}

// sealingResult is that of the calls that say how an object is to be encrypted.
type sealingResult struct {
	encryptionResult
	SSEKMSContext string `header:"X-Amz-Server-Side-Encryption-Context"`
}

func (g *sealing) result() sealingResult {
	var r sealingResult
	switch g.method {
	case methodServer:
		r.ServerSideEncryption = methodServer
	case methodNamed:
		r.ServerSideEncryption, r.SSEKMSKeyID, r.BucketKeyEnabled = methodNamed, g.key.ARN(), g.bucketKey
		r.SSEKMSContext = g.client
	case methodCustomer:
		r.encryptionResult = g.customer.result()
	}
	return r
}

// needNew is needWrite for the calls that say how an object is to be encrypted.
// It demands the key too: SSE-KMS needs kms:GenerateDataKey of whoever writes (S3
// User Guide, Using server-side encryption with AWS KMS keys).
func (s *Service) needNew(ctx context.Context, t *objectTarget, settings *settingHeaders, conditions *writeConditions, creates bool,
	more ...identity.Key) ([]api.Permission, error) {
	if err := s.settleEncryption(ctx, t, settings); err != nil {
		return nil, err
	}
	g := &settings.sealing
	needs, err := s.needWrite(ctx, t, settings, conditions, creates, settings.encryptionKeys(more)...)
	if err == nil && g.refusal == nil && g.method == methodNamed {
		needs = append(needs, s.needKey(ctx, "kms:GenerateDataKey", g.key, g.context))
	}
	return needs, err
}

// reseals reports whether a copy of an object to itself encrypts it anew: the
// request says how, or the bucket does (seen on S3).
func (h *settingHeaders) reseals() bool {
	return h.encryptionHeaders.given() || h.customerKeyHeaders.given() || h.sealing.byBucket
}

// encryptionKeys appends the condition keys of the headers. They tell what the
// request says, not what the bucket's default makes of it (S3 User Guide,
// Protecting data with server-side encryption). A key is named by its ARN,
// however the client spelt it, so that a policy cannot be dodged.
func (h *settingHeaders) encryptionKeys(keys []identity.Key) []identity.Key {
	keys = optional(keys, "s3:x-amz-server-side-encryption", h.ServerSideEncryption)
	if h.SSEKMSKeyID != nil {
		name := *h.SSEKMSKeyID
		if h.sealing.key != nil {
			name = h.sealing.key.ARN()
		}
		keys = append(keys, identity.StringKey("s3:x-amz-server-side-encryption-aws-kms-key-id", name))
	}
	return h.customerKeyHeaders.keys(keys)
}

// settleEncryption decides how the object is to be encrypted: as the request says, else by
// the bucket's default, else by the server's.
func (s *Service) settleEncryption(ctx context.Context, t *objectTarget, h *settingHeaders) error {
	b, err := s.engine.Bucket(ctx, t.Bucket)
	if errors.Is(err, object.ErrNoSuchBucket) {
		return nil // which the answer will be
	}
	if err != nil {
		return err
	}
	defaults, err := encryptionSetting.get(ctx, s, b)
	if err != nil {
		return err
	}
	if defaults == nil {
		defaults = new(bucketEncryption)
	}
	h.sealing = s.sealingOf(ctx, b, t.Key, &h.encryptionHeaders, &h.customerKeyHeaders, defaults)
	return nil
}

func (s *Service) sealingOf(ctx context.Context, b object.Bucket, key string, h *encryptionHeaders, c *customerKeyHeaders, d *bucketEncryption) sealing {
	g := sealing{bucketID: b.ID, byBucket: d.Algorithm != ""}
	method := deref(h.ServerSideEncryption)
	switch {
	case c.given() && h.ServerSideEncryption != nil:
		g.refusal = invalidArgument(encryptionHeader, method, "Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
	case c.given():
		g.method = methodCustomer
		if g.customer, g.refusal = s.customerKey(ctx, c); g.refusal == nil && d.BlocksCustomerKeys {
			g.refusal = customerKeysBlocked(ctx, b.Name, key)
		}
	case h.ServerSideEncryption == nil:
		g.byDefault(s, d)
	default:
		g.method, g.refusal = method, checkMethod(method)
	}
	if g.refusal == nil {
		g.refusal = h.checkNamed(g.method, h.ServerSideEncryption != nil)
	}
	if g.refusal == nil && g.method == methodNamed {
		g.refusal = s.nameKey(ctx, &g, b, key, h, d)
	}
	return g
}

const encryptionHeader = "x-amz-server-side-encryption"

// byDefault takes the bucket's default, or the server's where it has none.
func (g *sealing) byDefault(s *Service, d *bucketEncryption) {
	if g.method = d.Algorithm; g.method == "" && s.encryptByDefault {
		g.method = methodServer
	}
}

// checkMethod refuses what is not a method (API Reference, PutObject).
func checkMethod(method string) error {
	switch method {
	case methodServer, methodNamed:
		return nil
	case "aws:kms:dsse":
		return notBuilt(encryptionHeader, "Dual-layer encryption (aws:kms:dsse)")
	}
	return invalidArgument(encryptionHeader, method, "The encryption method specified is not supported")
}

// checkNamed refuses what goes with aws:kms only, unless the request asks for
// that.
func (h *encryptionHeaders) checkNamed(method string, asked bool) error {
	named := method == methodNamed && asked
	if !named && (h.SSEKMSKeyID != nil || h.SSEKMSContext != nil) {
		return invalidArgument(encryptionHeader, deref(h.ServerSideEncryption),
			"Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
	}
	switch enabled := deref(h.BucketKeyEnabled); {
	case h.BucketKeyEnabled == nil, strings.EqualFold(enabled, "false"):
		return nil
	case !strings.EqualFold(enabled, "true"):
		return invalidArgument("x-amz-server-side-encryption-bucket-key-enabled", enabled, "The value must be true or false.")
	case method != methodNamed:
		return invalidArgument("x-amz-server-side-encryption-bucket-key-enabled", enabled, "A bucket key goes with x-amz-server-side-encryption : aws:kms")
	}
	return nil
}

// awsManagedKey is the alias of the key for requests that name none.
const awsManagedKey = "alias/aws/s3"

// nameKey finds the named key of g and its encryption context. A key ID in the
// request is one of the caller's account, one in the bucket's default of the
// bucket's; an alias is always the caller's (API Reference, PutObject and
// ServerSideEncryptionByDefault).
func (s *Service) nameKey(ctx context.Context, g *sealing, b object.Bucket, key string, h *encryptionHeaders, d *bucketEncryption) error {
	account := api.RequestOf(ctx).Caller.Principal.Account
	name := deref(h.SSEKMSKeyID)
	if h.SSEKMSKeyID == nil && (h.ServerSideEncryption == nil || d.Algorithm == methodNamed) {
		if name = d.KeyID; !strings.HasPrefix(name, "alias/") {
			account = b.Account
		}
	}
	if name == "" && h.SSEKMSKeyID == nil {
		name = awsManagedKey
	}
	var err error
	if g.key, err = s.findKey(account, name); err != nil {
		return err
	}
	g.bucketKey = d.BucketKey
	if h.BucketKeyEnabled != nil {
		g.bucketKey = strings.EqualFold(*h.BucketKeyEnabled, "true")
	}
	pairs, err := parseContext(h.SSEKMSContext)
	if err != nil {
		return err
	}
	g.client = deref(h.SSEKMSContext)
	g.context = withARN(pairs, b.Name, key, g.bucketKey)
	return nil
}

// contextARN is the pair that S3 adds to an encryption context: the ARN of the
// object, or with a bucket key that of the bucket (S3 User Guide, Encryption
// context).
const contextARN = "aws:s3:arn"

func withARN(pairs map[string]string, bucket, key string, bucketKey bool) map[string]string {
	if pairs == nil {
		pairs = make(map[string]string, 1)
	}
	pairs[contextARN] = arnPrefix + bucket + "/" + key
	if bucketKey {
		pairs[contextARN] = arnPrefix + bucket
	}
	return pairs
}

// maxContextBytes bounds the client's encryption context, which is stored with
// the object.
const maxContextBytes = 2 << 10

// parseContext reads the header with the client's encryption context.
func parseContext(header *string) (map[string]string, error) {
	if header == nil {
		return nil, nil
	}
	const name = "x-amz-server-side-encryption-context"
	text, err := base64.StdEncoding.DecodeString(*header)
	if err == nil && len(text) > maxContextBytes {
		return nil, invalidArgument(name, *header, "The encryption context is longer than 2048 bytes.")
	}
	var pairs map[string]string
	if err == nil {
		err = json.Unmarshal(text, &pairs)
	}
	if err != nil || pairs == nil {
		return nil, invalidArgument(name, *header,
			"The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map")
	}
	folded := make(map[string]bool, len(pairs))
	for pair := range pairs {
		lower := strings.ToLower(pair)
		if folded[lower] {
			return nil, invalidArgument(name, *header, "Names in an encryption context must differ in more than case: policies cannot tell them apart.")
		}
		folded[lower] = true
		if strings.HasPrefix(lower, "aws:") {
			return nil, invalidArgument(name, *header, "Names in an encryption context cannot begin with aws:")
		}
	}
	return pairs, nil
}

// findKey returns a named key, or why S3 would not use it (API Reference, Error
// responses: KMS errors).
func (s *Service) findKey(account, name string) (*kms.Key, error) {
	key, err := s.keys.Find(s.region, account, name)
	switch {
	case errors.Is(err, kms.ErrKeyDisabled):
		return nil, awserr.New(http.StatusBadRequest, "KMS.DisabledException", key.ARN()+" is disabled.")
	case errors.Is(err, kms.ErrKeyNotFound) && strings.HasPrefix(name, "arn:"):
		return nil, awserr.New(http.StatusBadRequest, "KMS.NotFoundException", "Key '"+clip(name)+"' does not exist")
	case errors.Is(err, kms.ErrKeyNotFound):
		return nil, awserr.New(http.StatusBadRequest, "KMS.NotFoundException", "Invalid keyId '"+clip(name)+"'")
	}
	return key, err
}

// needKey states the permission to use a named key. Its own account and those
// that it delegates to decide by their policies; for everybody else it is a key
// of another account, which nothing allows.
func (s *Service) needKey(ctx context.Context, action string, key *kms.Key, context map[string]string) api.Permission {
	caller := api.RequestOf(ctx).Caller.Principal.Account
	owner := []string{key.Account}
	keys := []identity.Key{
		{Name: "aws:ResourceAccount", Values: owner},
		identity.StringKey("kms:ViaService", "s3."+s.region+".amazonaws.com"),
		identity.StringKey("kms:CallerAccount", caller),
	}
	names := identity.ListKey("kms:EncryptionContextKeys")
	for name, value := range context {
		keys = append(keys, identity.StringKey("kms:EncryptionContext:"+name, value))
		names.Values = append(names.Values, name)
	}
	p := api.Permission{Action: action, Resource: key.ARN(), ResourceAccount: key.Account, Keys: append(keys, names)}
	if key.Delegates(caller) {
		p.ResourceAccount = caller
	}
	return p
}

// seal makes what the engine needs to encrypt a new object, nil for one that is
// not to be.
func (s *Service) seal(g *sealing, key string) (*object.Encryption, error) {
	if g.refusal != nil {
		return nil, g.refusal
	}
	if g.method == "" {
		return nil, nil
	}
	if s.keyring == nil {
		return nil, errors.New("there is no master key")
	}
	dataKey, err := s.keyring.NewDataKey()
	if err != nil {
		return nil, err
	}
	record := encryptionRecord{Method: g.method, Context: g.context, BucketKey: g.bucketKey}
	context := kms.Context{BucketID: g.bucketID, Key: key, Client: g.context}
	switch g.method {
	case methodNamed:
		record.KeyARN = g.key.ARN()
		fallthrough
	case methodServer:
		record.Sealed, err = s.keyring.Seal(record.KeyARN, &dataKey, &context)
	case methodCustomer:
		record.Sealed, err = s.keyring.SealFor(&g.customer.key, &dataKey, &context)
	}
	if err != nil {
		return nil, err
	}
	// API Reference, type Object: the ETag under SSE-C and SSE-KMS is no MD5.
	return &object.Encryption{Key: dataKey, Info: record.encode(), BucketID: g.bucketID, OpaqueETag: g.method != methodServer}, nil
}

// errNamedByDefault says that nobody asked for an object whose key only a caller
// may use.
var errNamedByDefault = errors.New("the default encryption of the target bucket is SSE-KMS, under which logs are not delivered")

// sealByDefault is seal for an object that the server itself writes. There is no
// caller, so there are no named keys (S3 User Guide, Logging requests with server
// access logging: the target bucket's default encryption is SSE-S3 only).
func (s *Service) sealByDefault(ctx context.Context, b object.Bucket, key string) (*object.Encryption, error) {
	defaults, err := encryptionSetting.get(ctx, s, b)
	if err != nil {
		return nil, err
	}
	if defaults == nil {
		defaults = new(bucketEncryption)
	}
	g := sealing{bucketID: b.ID}
	if g.byDefault(s, defaults); g.method == methodNamed {
		return nil, errNamedByDefault
	}
	return s.seal(&g, key)
}
