package s3

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"inro.dev/inro/internal/object"
)

// encryptionRecord is what is stored with an encrypted version, or an upload, as
// JSON: how it was encrypted, and its data key, sealed (package kms).
//
//	{"v":1,"method":"AES256","sealed":"<base64>"}
//	{"v":1,"method":"aws:kms","key":"arn:aws:kms:…","context":{"aws:s3:arn":"arn:aws:s3:::…"},"sealed":"<base64>"}
//	{"v":1,"method":"customer","sealed":"<base64>"}
//
// With a bucket key there is "bucketKey":true.
type encryptionRecord struct {
	Version   int               `json:"v"`
	Method    string            `json:"method"`
	KeyARN    string            `json:"key,omitempty"`
	Context   map[string]string `json:"context,omitempty"`
	BucketKey bool              `json:"bucketKey,omitempty"`
	Sealed    []byte            `json:"sealed"`
}

const encryptionRecordVersion = 1

func (r *encryptionRecord) encode() string {
	r.Version = encryptionRecordVersion
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a third of the length for some contexts
	if err := e.Encode(r); err != nil {
		panic(err) // strings, bytes and a map of strings
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// parseEncryption reads Version.Encryption, nil for an object that is not
// encrypted.
func parseEncryption(text string) (*encryptionRecord, error) {
	if text == "" {
		return nil, nil
	}
	r := new(encryptionRecord)
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	err := d.Decode(r)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("data after the record")
		}
	}
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return nil, fmt.Errorf("encryption of a version: %w: %w", err, object.ErrCorrupt)
	}
	return r, nil
}

func (r *encryptionRecord) check() error {
	named := r.Method == methodNamed
	switch {
	case r.Version != encryptionRecordVersion:
		return fmt.Errorf("version %d is not known", r.Version)
	case r.Method != methodServer && r.Method != methodNamed && r.Method != methodCustomer:
		return fmt.Errorf("method %q is not known", r.Method)
	case named != (r.KeyARN != "") || named != (r.Context[contextARN] != "") || !named && r.BucketKey:
		return errors.New("members of another method")
	case len(r.Sealed) == 0:
		return errors.New("no sealed key")
	}
	return nil
}

// result tells of r in an answer. Of a client's key only the client knows.
func (r *encryptionRecord) result() encryptionResult {
	if r == nil || r.Method == methodCustomer {
		return encryptionResult{}
	}
	return encryptionResult{ServerSideEncryption: r.Method, SSEKMSKeyID: r.KeyARN, BucketKeyEnabled: r.BucketKey}
}
