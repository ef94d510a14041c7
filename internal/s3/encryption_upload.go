package s3

import (
	"context"
	"errors"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/kms"
	"inro.dev/inro/internal/object"
)

// uploadEncryption is how the object of an upload is to be encrypted.
type uploadEncryption struct {
	found    bool // there is such an upload
	record   *encryptionRecord
	info     string // record as it is stored
	checksum object.Algorithm
}

// readUpload reads how the object of an upload is encrypted, and appends the
// condition keys of that: every call of the upload writes the object, so a policy
// that demands encryption holds for each of them.
func (s *Service) readUpload(ctx context.Context, t *uploadTarget, keys []identity.Key) ([]identity.Key, error) {
	u, err := s.engine.Upload(ctx, t.Bucket, t.Key, t.UploadID)
	if errors.Is(err, object.ErrNoSuchUpload) || errors.Is(err, object.ErrNoSuchBucket) {
		return keys, nil // which the answer will be
	}
	if err != nil {
		return nil, t.subject().translate(err)
	}
	record, err := parseEncryption(u.Encryption)
	if err != nil {
		return nil, err
	}
	t.encryption = uploadEncryption{true, record, u.Encryption, u.Checksum}
	result := record.result()
	keys = given(keys, "s3:x-amz-server-side-encryption", result.ServerSideEncryption)
	return given(keys, "s3:x-amz-server-side-encryption-aws-kms-key-id", result.SSEKMSKeyID), nil
}

// uploadEncryptionHeaders are those of the calls within an upload, which say
// again how it was created.
type uploadEncryptionHeaders struct {
	encryptionHeaders
	customerKeyHeaders
}

// match compares the headers with the upload. S3 knows those of keys of the server
// in CreateMultipartUpload only; what says the same as there is let pass.
func (s *Service) match(ctx context.Context, e *uploadEncryption, h *uploadEncryptionHeaders) error {
	said := e.record.result()
	same := h.ServerSideEncryption == nil || *h.ServerSideEncryption == said.ServerSideEncryption
	same = same && (h.BucketKeyEnabled == nil || strings.EqualFold(*h.BucketKeyEnabled, "true") == said.BucketKeyEnabled)
	if h.SSEKMSKeyID != nil {
		key, err := s.findKey(api.RequestOf(ctx).Caller.Principal.Account, *h.SSEKMSKeyID)
		same = same && err == nil && key.ARN() == said.SSEKMSKeyID
	}
	if !same || h.SSEKMSContext != nil {
		return h.misplaced()
	}
	if h.customerKeyHeaders.given() && (e.record == nil || e.record.Method != methodCustomer) {
		return partsNeedKey()
	}
	return nil
}

func partsNeedKey() error {
	return invalidRequest("The multipart upload initiate requested encryption. " +
		"Subsequent part requests must include the appropriate encryption parameters.")
}

// partEncryption returns how a part is stored, nil for as it is, and what the
// answer tells of it.
func (s *Service) partEncryption(ctx context.Context, t *uploadTarget, h *uploadEncryptionHeaders) (*object.Encryption, encryptionResult, error) {
	e := &t.encryption
	if !e.found {
		return nil, encryptionResult{}, nil // which the engine says
	}
	if err := s.match(ctx, e, h); err != nil || e.record == nil {
		return nil, encryptionResult{}, err
	}
	result := e.record.result()
	var customer customerKey
	if e.record.Method == methodCustomer {
		if !h.customerKeyHeaders.given() {
			return nil, result, partsNeedKey()
		}
		var err error
		if customer, err = s.customerKey(ctx, &h.customerKeyHeaders); err != nil {
			return nil, result, err
		}
		if err := s.checkBlocked(ctx, t.Bucket, t.Key); err != nil {
			return nil, result, err
		}
		result = customer.result()
	}
	key, err := s.openKey(ctx, t.Bucket, t.Key, e.record, &customer.key)
	if err != nil {
		return nil, result, sameKey(err)
	}
	return &object.Encryption{Key: key, Info: e.info, OpaqueETag: e.record.Method != methodServer}, result, nil
}

// sameKey words that a call of an upload has another key than its creation.
func sameKey(err error) error {
	if errors.Is(err, kms.ErrWrongKey) {
		return invalidRequest("The provided encryption parameters did not match the ones used originally.")
	}
	return err
}

// uploadKey checks the key of a call that writes no part. A client's key is
// needed when the upload has a checksum of the client's choice (API Reference,
// CompleteMultipartUpload, ListParts); the default one counts as none.
func (s *Service) uploadKey(ctx context.Context, t *uploadTarget, h *uploadEncryptionHeaders) (encryptionResult, error) {
	e := &t.encryption
	if !e.found {
		return encryptionResult{}, nil
	}
	if err := s.match(ctx, e, h); err != nil || e.record == nil {
		return encryptionResult{}, err
	}
	result := e.record.result()
	switch {
	case e.record.Method == methodNamed:
		return result, s.mayDecrypt(ctx, e.record)
	case e.record.Method != methodCustomer, !h.customerKeyHeaders.given() && e.checksum == object.CRC64NVME:
		return result, nil
	}
	customer, err := s.customerKey(ctx, &h.customerKeyHeaders)
	if err != nil {
		return result, err
	}
	_, err = s.openKey(ctx, t.Bucket, t.Key, e.record, &customer.key)
	return customer.result(), sameKey(err)
}
