package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"inro.dev/inro/internal/secretfile"
)

const (
	keyFileVersion = 1
	secretBytes    = 32
	idDigits       = 8
	// maxKeys and maxKeyFileBytes bound what is read. A key rotated hourly is
	// kept 37 hours.
	maxKeys         = 256
	maxKeyFileBytes = 64 << 10
)

// keyFile is the content of a keyring's file; see the package comment.
type keyFile struct {
	Version int         `json:"version"`
	Keys    []keyRecord `json:"keys"`
}

type keyRecord struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Secret  []byte    `json:"secret"`
}

func hasID(records []keyRecord, id string) bool {
	for i := range records {
		if records[i].ID == id {
			return true
		}
	}
	return false
}

func createKeyFile(path string, records []keyRecord) error {
	data, err := marshalKeyFile(records)
	if err != nil {
		return err
	}
	return secretfile.Create(path, data)
}

func replaceKeyFile(path string, records []keyRecord) error {
	data, err := marshalKeyFile(records)
	if err != nil {
		return err
	}
	return secretfile.Replace(path, data)
}

func marshalKeyFile(records []keyRecord) ([]byte, error) {
	if len(records) > maxKeys {
		return nil, fmt.Errorf("%d session keys are in use, %d is the most; rotate less often", len(records), maxKeys)
	}
	data, err := json.MarshalIndent(keyFile{Version: keyFileVersion, Keys: records}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

func readKeyFile(path string) ([]keyRecord, error) {
	data, err := secretfile.Read(path, maxKeyFileBytes)
	if err != nil {
		return nil, err
	}
	records, err := parseKeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("session keys %s: %w", path, err)
	}
	return records, nil
}

// parseKeyFile checks the form of the file; expand checks each key. Its errors
// quote nothing of the input, which is secret.
func parseKeyFile(data []byte) ([]keyRecord, error) {
	var file keyFile
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, errors.New("not a keyring in JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the keyring")
	}
	if file.Version != keyFileVersion {
		return nil, fmt.Errorf("version %d is not supported, want %d", file.Version, keyFileVersion)
	}
	if len(file.Keys) == 0 || len(file.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys, want 1 to %d", len(file.Keys), maxKeys)
	}
	for i, record := range file.Keys {
		if len(record.ID) != idDigits {
			return nil, fmt.Errorf("key %d: id is not %d hex digits", i+1, idDigits)
		}
		if i > 0 && record.Created.Before(file.Keys[i-1].Created) {
			return nil, fmt.Errorf("key %s is older than the one before it", record.ID)
		}
	}
	return file.Keys, nil
}
