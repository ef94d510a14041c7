package iot

import (
	"context"

	"inro.dev/inro/internal/api"
)

// dataEndpoint is the type of an omitted endpointType (spec A.9).
const dataEndpoint = "iot:Data"

func (s *Service) endpointOperations() []api.Operation {
	return []api.Operation{onAny("DescribeEndpoint", "GET /endpoint", s.describeEndpoint)}
}

type describeEndpointInput struct {
	EndpointType string `query:"endpointType" length:"0,128"`
}

type describeEndpointOutput struct {
	EndpointAddress string `json:"endpointAddress"`
}

func (s *Service) describeEndpoint(ctx context.Context, in *describeEndpointInput) (*describeEndpointOutput, error) {
	kind := in.EndpointType
	if kind == "" {
		kind = dataEndpoint
	}
	address, ok, err := s.cfg.Endpoints.Address(ctx, account(ctx), kind)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, invalidRequest("The endpoint type %q is not served here; iot:CredentialProvider is", kind)
	}
	return &describeEndpointOutput{address}, nil
}
