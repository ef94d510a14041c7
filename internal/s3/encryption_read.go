package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/kms"
	"inro.dev/inro/internal/object"
)

// misplaced refuses headers on an operation that cannot change the encryption
// (API Reference, GetObject: they are answered 400).
func (h *encryptionHeaders) misplaced() error {
	if !h.given() {
		return nil
	}
	return invalidArgument(encryptionHeader, deref(h.ServerSideEncryption), encryptionHeader+" header is not supported for this operation.")
}

// purpose is what an object is opened for.
type purpose uint8

const (
	toDescribe purpose = iota // only what is not secret is told
	toCheck                   // its checksums are told, which only the key's users learn
	toRead
)

// unlock tells in an answer how an object is encrypted, and makes r readable if
// that is the purpose. The client's own key is asked for whatever the purpose is.
func (s *Service) unlock(ctx context.Context, where subject, r *object.Reader, h *customerKeyHeaders, why purpose) (encryptionResult, error) {
	record, err := parseEncryption(r.Version.Encryption)
	if err != nil {
		return encryptionResult{}, err
	}
	if (record == nil || record.Method != methodCustomer) && h.given() {
		return encryptionResult{}, invalidRequest("The encryption parameters are not applicable to this object.")
	}
	result := record.result()
	switch {
	case record == nil, why == toDescribe && record.Method != methodCustomer, why == toCheck && record.Method == methodServer:
		return result, nil
	case why == toCheck && record.Method == methodNamed:
		return result, s.mayDecrypt(ctx, record) // API Reference, HeadObject, x-amz-checksum-mode
	}
	var customer customerKey
	if record.Method == methodCustomer {
		if !h.given() {
			return result, invalidRequest("The object was stored using a form of Server Side Encryption. " +
				"The correct parameters must be provided to retrieve the object.")
		}
		if customer, err = s.customerKey(ctx, h); err != nil {
			return result, err
		}
		result = customer.result()
	}
	key, err := s.openKey(ctx, where.bucket, where.key, record, &customer.key)
	if errors.Is(err, kms.ErrWrongKey) {
		return result, wrongCustomerKey()
	}
	if err != nil || why != toRead {
		return result, err
	}
	return result, r.Unlock(key)
}

func wrongCustomerKey() error {
	return awserr.New(http.StatusForbidden, "AccessDenied",
		"Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.")
}

// openKey opens the data key of an object. A named key needs kms:Decrypt of the
// caller (S3 User Guide, Using server-side encryption with AWS KMS keys).
func (s *Service) openKey(ctx context.Context, bucket, key string, record *encryptionRecord, customer *kms.DataKey) (kms.DataKey, error) {
	b, err := s.engine.Bucket(ctx, bucket)
	if err != nil {
		return kms.DataKey{}, err
	}
	context := kms.Context{BucketID: b.ID, Key: key, Client: record.Context}
	if record.Method == methodCustomer {
		return kms.OpenFor(customer, record.Sealed, &context)
	}
	if record.Method == methodNamed {
		if err := s.mayDecrypt(ctx, record); err != nil {
			return kms.DataKey{}, err
		}
	}
	if s.keyring == nil {
		return kms.DataKey{}, errors.New("there is no master key")
	}
	dataKey, err := s.keyring.Open(record.KeyARN, record.Sealed, &context)
	if err != nil {
		return dataKey, fmt.Errorf("open the data key of %s/%s: %w", bucket, key, err)
	}
	return dataKey, nil
}

// mayDecrypt refuses a caller who may not use the named key of an object.
func (s *Service) mayDecrypt(ctx context.Context, record *encryptionRecord) error {
	key, err := s.findKey("", record.KeyARN)
	if err != nil {
		return err
	}
	d, err := api.Authorize(ctx, s.needKey(ctx, "kms:Decrypt", key, record.Context))
	if err != nil {
		return err
	}
	if !d.Allowed() {
		return accessDenied()
	}
	return nil
}
