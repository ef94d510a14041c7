package iot

import (
	"context"
	"crypto/x509"
	"slices"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// Authority issues device certificates, as *pki.Authority does.
type Authority interface {
	// IssueKeysAndCertificate makes a key and a certificate for it, in PEM. The
	// private key is kept nowhere.
	IssueKeysAndCertificate() (certPEM, publicPEM, privatePEM []byte, cert *x509.Certificate, err error)
	// IssueFromCSR makes a certificate for a PKCS#10 request. Errors of the
	// request are those of package pki.
	IssueFromCSR(csrPEM []byte) (certPEM []byte, cert *x509.Certificate, err error)
}

// Endpoints knows an account's addresses by endpoint type, such as
// "iot:CredentialProvider". Addresses are stable and have no scheme.
type Endpoints interface {
	// Address reports false for a type that is not served.
	Address(ctx context.Context, account, endpointType string) (string, bool, error)
}

// Config is what a Service is made of.
type Config struct {
	// Store holds the registry. Required.
	Store metastore.Store
	// Authority issues certificates. Required.
	Authority Authority
	// Endpoints answers DescribeEndpoint. Required.
	Endpoints Endpoints
	// Region is the region of ARNs. Required.
	Region string
	// ThingTypeDeletionDelay is how long a thing type must have been deprecated
	// before it can be deleted. 0: five minutes, as in AWS.
	ThingTypeDeletionDelay time.Duration
	// RevocationIsFinal refuses to take a certificate out of the status
	// REVOKED. Default false, as in AWS.
	RevocationIsFinal bool
	// Clock is the time of records. Nil: time.Now.
	Clock func() time.Time
}

// defaultThingTypeDeletionDelay is AWS's (IoT API Reference, DeleteThingType).
const defaultThingTypeDeletionDelay = 5 * time.Minute

// Service is the IoT control plane.
type Service struct{ cfg Config }

// New returns a service. It does not look at the store.
func New(cfg Config) *Service {
	if cfg.ThingTypeDeletionDelay == 0 {
		cfg.ThingTypeDeletionDelay = defaultThingTypeDeletionDelay
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Service{cfg}
}

// API returns the service as package api serves it.
func (s *Service) API() api.Service {
	return api.Service{
		Name: "iot",
		// The signing name of clients before 2023, such as Debian 12's AWS CLI
		// 2.9 (observed 2026-11-23).
		Aliases:  []string{"execute-api"},
		Protocol: api.RestJSON(), Operations: s.Operations(), Translate: translate,
	}
}

// now is the time to write into records: UTC, so that a record does not tell
// where the server stands.
func (s *Service) now() time.Time { return s.cfg.Clock().UTC() }

// Operations returns the operation table: what is offered, then what is not.
func (s *Service) Operations() []api.Operation {
	return slices.Concat(
		s.thingOperations(), s.thingTypeOperations(), s.thingGroupOperations(), s.groupMemberOperations(),
		s.certificateOperations(), s.policyOperations(), s.attachmentOperations(), s.thingPrincipalOperations(),
		s.effectivePolicyOperations(), s.roleAliasOperations(), s.endpointOperations(), s.tagOperations(),
		notOffered(),
	)
}
