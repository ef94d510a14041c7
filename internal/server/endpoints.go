package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"inro.dev/inro/internal/metastore"
)

// credentialProvider is the endpoint type of the credentials endpoint.
const credentialProvider = "iot:CredentialProvider"

// endpointNames answers DescribeEndpoint. Names have the shape of AWS's (spec
// A.9) under a domain that resolves to this machine without any set-up
// (RFC 6761, section 6.3), with the port when it is not 443: the walkthrough's
// curl works with the answer as it stands.
type endpointNames struct {
	prefix, region string
	configured     map[string]string
	extraHosts     []string
	port           string // of the credentials listener
}

// domain is the two-label domain of names that are not configured.
const domain = "inro.localhost"

func newEndpointNames(cfg *Config, prefix string) *endpointNames {
	return &endpointNames{prefix: prefix, region: cfg.Region, configured: maps.Clone(cfg.IoT.Endpoints), extraHosts: cfg.Endpoint.Hosts}
}

// listen notes the address that the credentials listener is bound to.
func (n *endpointNames) listen(address string) {
	_, n.port, _ = net.SplitHostPort(address)
}

// Address returns the address of an endpoint type. It reports false for a
// type that Inro does not serve and nobody configured.
func (n *endpointNames) Address(endpointType string) (string, bool) {
	if address, ok := n.configured[endpointType]; ok {
		return address, true
	}
	if endpointType != credentialProvider {
		return "", false
	}
	if n.port == "443" {
		return n.defaultHost(), true
	}
	return net.JoinHostPort(n.defaultHost(), n.port), true
}

func (n *endpointNames) defaultHost() string {
	return "c" + n.prefix + ".credentials.iot." + n.region + "." + domain
}

func (n *endpointNames) credentialProvider() string {
	address, _ := n.Address(credentialProvider)
	return address
}

// credentialHosts are the host names that the credentials endpoint answers
// for.
func (n *endpointNames) credentialHosts() []string {
	hosts := []string{n.defaultHost(), "localhost"}
	if address, ok := n.configured[credentialProvider]; ok {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			host = address
		}
		hosts = append(hosts, host)
	}
	for _, h := range n.extraHosts {
		hosts = append(hosts, strings.ToLower(h))
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// prefixLength is how many characters follow the "c" of an endpoint name.
const prefixLength = 13

// endpointPrefix returns the account's endpoint prefix, made at the first
// start and stable from then on.
func endpointPrefix(ctx context.Context, store metastore.Store, account string) (string, error) {
	var prefix string
	err := store.Update(ctx, func(w metastore.Writer) error {
		record, err := metastore.Accounts.Get(ctx, w, account, account)
		if errors.Is(err, metastore.ErrNotFound) {
			record, err = &metastore.Account{Created: time.Now().UTC()}, nil
		}
		if err != nil {
			return err
		}
		if record.EndpointPrefix == "" {
			record.EndpointPrefix = randomBase36(prefixLength)
			if err := metastore.Accounts.Put(ctx, w, account, account, record); err != nil {
				return err
			}
		}
		prefix = record.EndpointPrefix
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("endpoint prefix: %w", err)
	}
	return prefix, nil
}

func randomBase36(n int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	random := make([]byte, n)
	rand.Read(random) // never fails
	for i, b := range random {
		random[i] = digits[int(b)%len(digits)] // the bias does not matter: a name is no secret
	}
	return string(random)
}
