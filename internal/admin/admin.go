// Package admin serves Inro's own API: what the operator of an installation
// does and AWS has no operation for, above all making accounts.
//
// It is one more service on the API listener, under the name "inro" in the
// SigV4 scope and in the protocol restJson1:
//
//	POST  /accounts                CreateAccount
//	GET   /accounts                ListAccounts
//	GET   /accounts/{accountId}    DescribeAccount
//	PATCH /accounts/{accountId}    UpdateAccount
//	GET   /buckets/{bucket}/usage    GetBucketUsage
//	GET   /buckets/{bucket}/folders  ListFolderUsage
//	GET   /buckets/{bucket}/quota    GetBucketQuota
//	PUT   /buckets/{bucket}/quota    PutBucketQuota
//
// Accounts belong to the installation's own account, so only its callers can be
// allowed anything: root always, others by policies about actions such as
// inro:CreateAccount. Callers of another account, root included, are refused as
// across accounts. A bucket belongs to the account that owns it, whose policies
// decide; root of the installation's account may always.
//
// [Client] calls the service, for the command line.
//
// The package leaves out what happens inside of an account, which its own
// root does over IAM, S3 and IoT. Accounts cannot be deleted.
//
// A Service is safe for concurrent use.
package admin

import (
	"context"
	"slices"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

// ServiceName stands in the SigV4 scope of requests.
const ServiceName = "inro"

// Endpoints knows the addresses that accounts are told to use.
type Endpoints interface {
	// Address returns the address of an endpoint type for an account. It
	// reports false for a type that is not served.
	Address(ctx context.Context, account, endpointType string) (string, bool, error)
}

// Config is what a Service is made of.
type Config struct {
	// Store holds accounts and their root keys. Required.
	Store metastore.Store
	// Account is the installation's own. Required.
	Account string
	// Endpoints tells the address of an account's credentials endpoint.
	// Required.
	Endpoints Endpoints
	// Buckets holds usage and quotas of buckets. Required.
	Buckets Buckets
	// Clock dates what is made. Nil: time.Now.
	Clock func() time.Time
}

// Service answers the operations.
type Service struct{ cfg Config }

// New returns the service.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Service{cfg}
}

// API returns the service for the request pipeline.
func (s *Service) API() api.Service {
	return api.Service{Name: ServiceName, Protocol: api.RestJSON(), Operations: s.Operations()}
}

// Operations returns the rows of every concept.
func (s *Service) Operations() []api.Operation {
	return slices.Concat(
		s.accountOperations(),
		s.bucketOperations(),
	)
}

// permission is an action on a resource of the installation.
func (s *Service) permission(action, resource string) api.Permission {
	return permission(s.cfg.Account, action, resource)
}

// permission is an action on a resource of an account.
func permission(account, action, resource string) api.Permission {
	return api.Permission{
		Action: ServiceName + ":" + action, Resource: "arn:aws:" + ServiceName + "::" + account + ":" + resource,
		ResourceAccount: account,
	}
}

// now is the time that records are dated with.
func (s *Service) now() time.Time { return s.cfg.Clock().UTC().Truncate(time.Second) }
