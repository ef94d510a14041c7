package kms

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"inro.dev/inro/internal/secretfile"
)

const (
	keyFileVersion = 1
	// maxKeys and maxKeyFileBytes bound what is read.
	maxKeys         = 1024
	maxKeyFileBytes = 256 << 10
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
		return nil, fmt.Errorf("%d master keys, %d is the most", len(records), maxKeys)
	}
	data, err := json.MarshalIndent(keyFile{Version: keyFileVersion, Keys: records}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// lockKeyFile keeps other processes from rotating. A key that another process
// seals with and that is then not in the file would lose what it sealed.
func lockKeyFile(path string) (unlock func() error, err error) {
	lock := path + ".lock"
	err = secretfile.Create(lock, nil)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("another process is rotating the master keys; if none is, remove %s", lock)
	}
	if err != nil {
		return nil, err
	}
	return func() error { return os.Remove(lock) }, nil
}

func readKeyFile(path string) ([]keyRecord, error) {
	data, err := secretfile.Read(path, maxKeyFileBytes)
	if err != nil {
		return nil, err
	}
	records, err := parseKeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("master keys %s: %w", path, err)
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
	for i := range file.Keys {
		if i > 0 && file.Keys[i].Created.Before(file.Keys[i-1].Created) {
			return nil, fmt.Errorf("key %d is older than the one before it", i+1)
		}
		if _, err := file.Keys[i].expand(); err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
	}
	return file.Keys, nil
}

// parseSecrets reads secrets that are given as text. Its errors quote nothing
// of them.
func parseSecrets(text string) ([]keyRecord, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	if len(words) == 0 || len(words) > maxKeys {
		return nil, fmt.Errorf("%d master keys, want 1 to %d", len(words), maxKeys)
	}
	records := make([]keyRecord, len(words))
	for i, word := range words {
		secret, err := base64.StdEncoding.Strict().DecodeString(word)
		if err != nil || len(secret) != secretBytes {
			return nil, fmt.Errorf("master key %d is not base64 of %d bytes", i+1, secretBytes)
		}
		id, err := identify(secret)
		if err != nil {
			return nil, err
		}
		records[i] = keyRecord{ID: hex.EncodeToString(id[:]), Secret: secret}
	}
	return records, nil
}
