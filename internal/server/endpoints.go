package server

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"inro.dev/inro/internal/metastore"
)

// credentialProvider is the endpoint type of the credentials endpoint.
const credentialProvider = "iot:CredentialProvider"

// endpointNames answers DescribeEndpoint. Names have the shape of AWS's (spec
// A.9) under a domain that resolves to this machine without any set-up
// (RFC 6761, section 6.3), with the port when it is not 443: the walkthrough's
// curl works with the answer as it stands.
//
// Every account has a name of its own, because the server name alone tells the
// credentials endpoint whose certificate it is shown: "c", the account's prefix
// and one of domains. What is configured as iot:CredentialProvider is the name
// of the installation's own account, and the domain of the others.
type endpointNames struct {
	store           metastore.Store
	account, prefix string // of the installation
	region          string
	configured      map[string]string
	extraHosts      []string
	port            string // of the credentials listener
}

// domain is the two-label domain of names that are not configured.
const domain = "inro.localhost"

func newEndpointNames(cfg *Config, store metastore.Store, prefix string) *endpointNames {
	return &endpointNames{
		store: store, account: cfg.Account, prefix: prefix, region: cfg.Region,
		configured: maps.Clone(cfg.IoT.Endpoints), extraHosts: cfg.Endpoint.Hosts,
	}
}

// listen notes the address that the credentials listener is bound to.
func (n *endpointNames) listen(address string) {
	_, n.port, _ = net.SplitHostPort(address)
}

// Address returns the address of an endpoint type for an account. It reports
// false for a type that Inro does not serve and nobody configured.
func (n *endpointNames) Address(ctx context.Context, account, endpointType string) (string, bool, error) {
	configured, ok := n.configured[endpointType]
	if ok && (account == n.account || endpointType != credentialProvider) {
		return configured, true, nil
	}
	if endpointType != credentialProvider {
		return "", false, nil
	}
	prefix := n.prefix
	if account != n.account {
		record, err := metastore.Accounts.Get(ctx, n.store.Hot(), account, account)
		if err != nil {
			return "", false, fmt.Errorf("endpoint of account %s: %w", account, err)
		}
		prefix = record.EndpointPrefix
	}
	if host, port := splitAddress(configured); ok && net.ParseIP(host) == nil {
		return joinAddress("c"+prefix+"."+host, port), true, nil
	}
	port := n.port
	if port == "443" {
		port = ""
	}
	return joinAddress("c"+prefix+"."+n.defaultDomain(), port), true, nil
}

// splitAddress splits host or host:port.
func splitAddress(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}

func joinAddress(host, port string) string {
	if port == "" {
		return host
	}
	return net.JoinHostPort(host, port)
}

func (n *endpointNames) defaultDomain() string {
	return "credentials.iot." + n.region + "." + domain
}

func (n *endpointNames) defaultHost() string { return "c" + n.prefix + "." + n.defaultDomain() }

// credentialProvider is the address of the installation's own account.
func (n *endpointNames) credentialProvider() string {
	address, _, _ := n.Address(context.Background(), n.account, credentialProvider) // looks nothing up
	return address
}

// credentialHosts are the host names that the credentials endpoint answers
// for in the name of the installation's own account.
func (n *endpointNames) credentialHosts() []string {
	hosts := []string{n.defaultHost(), "localhost"}
	if address, ok := n.configured[credentialProvider]; ok {
		host, _ := splitAddress(address)
		hosts = append(hosts, host)
	}
	for _, h := range n.extraHosts {
		hosts = append(hosts, strings.ToLower(h))
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// credentialDomains are the domains of the names of all accounts.
func (n *endpointNames) credentialDomains() []string {
	domains := []string{n.defaultDomain()}
	if host, _ := splitAddress(n.configured[credentialProvider]); host != "" && net.ParseIP(host) == nil {
		domains = append(domains, strings.ToLower(host))
	}
	return domains
}

// certificateHosts are the names in the certificate that Inro issues for the
// credentials endpoint. An account that is made later needs no new one.
func (n *endpointNames) certificateHosts() []string {
	hosts := n.credentialHosts()
	for _, d := range n.credentialDomains() {
		hosts = append(hosts, "*."+d)
	}
	return hosts
}
