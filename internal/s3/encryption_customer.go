package s3

import (
	"context"
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/kms"
)

// customerKeyHeaders carry an encryption key of the client (SSE-C).
type customerKeyHeaders struct {
	SSECustomerAlgorithm *string `header:"X-Amz-Server-Side-Encryption-Customer-Algorithm"`
	SSECustomerKey       *string `header:"X-Amz-Server-Side-Encryption-Customer-Key"`
	SSECustomerKeyMD5    *string `header:"X-Amz-Server-Side-Encryption-Customer-Key-Md5"`
}

func (h *customerKeyHeaders) given() bool { return *h != customerKeyHeaders{} }

func (h *customerKeyHeaders) keys(keys []identity.Key) []identity.Key {
	return optional(keys, "s3:x-amz-server-side-encryption-customer-algorithm", h.SSECustomerAlgorithm)
}

// customerKey is a key of the client.
type customerKey struct {
	key kms.DataKey
	md5 string
}

func (k *customerKey) result() encryptionResult {
	return encryptionResult{SSECustomerAlgorithm: methodServer, SSECustomerKeyMD5: k.md5}
}

// customerKey reads the headers, which must all be there. Texts, and the argument
// named, are S3's.
func (s *Service) customerKey(ctx context.Context, h *customerKeyHeaders) (customerKey, error) {
	const must = "Requests specifying Server Side Encryption with Customer provided keys must "
	invalid := func(message string) (customerKey, error) {
		return customerKey{}, invalidArgument(encryptionHeader, "null", message)
	}
	switch algorithm := deref(h.SSECustomerAlgorithm); {
	case algorithm == "":
		return invalid(must + "provide a valid encryption algorithm.")
	case algorithm != methodServer:
		return customerKey{}, awserr.New(http.StatusBadRequest, "InvalidEncryptionAlgorithmError",
			"The Encryption request you specified is not valid. Supported value: AES256.").
			With("ArgumentName", encryptionHeader).With("ArgumentValue", clip(algorithm))
	case deref(h.SSECustomerKey) == "":
		return invalid(must + "provide an appropriate secret key.")
	case deref(h.SSECustomerKeyMD5) == "":
		return invalid(must + "provide the client calculated MD5 of the secret key.")
	case !s.customerKeysOverHTTP && !private(api.RequestOf(ctx).HTTP):
		return invalid(must + "be made over a secure connection.")
	}
	secret, err := base64.StdEncoding.DecodeString(*h.SSECustomerKey)
	if err != nil {
		return invalid("The secret key was invalid for the specified algorithm.")
	}
	sum := md5.Sum(secret)
	given, err := base64.StdEncoding.DecodeString(*h.SSECustomerKeyMD5)
	if err != nil || subtle.ConstantTimeCompare(sum[:], given) != 1 {
		return invalid("The calculated MD5 hash of the key did not match the hash that was provided.")
	}
	if len(secret) != len(kms.DataKey{}) {
		return invalid("The secret key was invalid for the specified algorithm.")
	}
	return customerKey{kms.DataKey(secret), base64.StdEncoding.EncodeToString(sum[:])}, nil
}

// private reports whether what the client sends can be read on no network: it
// comes by TLS, or from this machine.
func private(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// customerKeysBlocked is the answer of a bucket that blocks SSE-C (S3 User Guide,
// Troubleshoot access denied errors).
func customerKeysBlocked(ctx context.Context, bucket, key string) error {
	return awserr.New(http.StatusForbidden, "AccessDenied", "User: "+api.RequestOf(ctx).Caller.Principal.ARN+
		" is not authorized to perform: s3:PutObject on resource: \""+arnPrefix+bucket+"/"+key+
		"\" because this bucket has blocked upload requests that specify Server Side Encryption with Customer provided keys (SSE-C). "+
		"Please specify a different server-side encryption type")
}
