package rig

import (
	"encoding/json"
	"fmt"
	"os/exec"

	"inro.dev/inro/internal/sigv4"
)

// Account is an account of a server, with its root access key.
type Account struct {
	AccountID, Name, CanonicalUserID string
	AccessKeyID, SecretAccessKey     string
}

// CreateAccount makes an account with the server's own command. An empty id
// leaves the number to the server.
func (s *Server) CreateAccount(name, id string) (*Account, error) {
	path, err := build()
	if err != nil {
		return nil, err
	}
	args := []string{"account", "create", "--data", s.Dir, "--name", name, "--json"}
	if id != "" {
		args = append(args, "--id", id)
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("inro account create: %w", err)
	}
	a := &Account{}
	if err := json.Unmarshal(out, a); err != nil {
		return nil, fmt.Errorf("inro account create printed %s: %w", out, err)
	}
	return a, nil
}

// Credentials are the account's root access key.
func (a *Account) Credentials() sigv4.Credentials {
	return sigv4.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey}
}
