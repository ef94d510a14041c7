package iot

import (
	"context"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
)

func (s *Service) effectivePolicyOperations() []api.Operation {
	return []api.Operation{
		api.Op("GetEffectivePolicies", "POST /effective-policies", s.effectivePoliciesNeeds, s.getEffectivePolicies),
	}
}

type effectivePoliciesInput struct {
	Principal             string  `json:"principal"`
	CognitoIdentityPoolID *string `json:"cognitoIdentityPoolId"`
	ThingName             string  `query:"thingName" length:"1,128" pattern:"[a-zA-Z0-9:_-]+"`
}

// effectivePoliciesNeeds is the permission on the certificate, or on everything
// when none is named.
func (s *Service) effectivePoliciesNeeds(ctx context.Context, in *effectivePoliciesInput) ([]api.Permission, error) {
	const action = "iot:GetEffectivePolicies"
	if in.Principal == "" {
		return []api.Permission{{Action: action, Resource: "*"}}, nil
	}
	r, err := s.certificate(ctx, "principal", in.Principal)
	if err != nil {
		return nil, err
	}
	return s.permissions(ctx, action, r)
}

type effectivePoliciesOutput struct {
	EffectivePolicies []effectivePolicy `json:"effectivePolicies"`
}

type effectivePolicy struct {
	PolicyName     string `json:"policyName"`
	PolicyArn      string `json:"policyArn"`
	PolicyDocument string `json:"policyDocument"`
}

// getEffectivePolicies returns the policies that the credentials endpoint
// evaluates for the certificate and, when it is named, the thing: those of the
// certificate, of the thing's groups and of their parents (spec A.7).
func (s *Service) getEffectivePolicies(ctx context.Context, in *effectivePoliciesInput) (*effectivePoliciesOutput, error) {
	if in.CognitoIdentityPoolID != nil {
		return nil, notOfferedMember("cognitoIdentityPoolId", "Cognito identities are not part of Inro")
	}
	if in.Principal == "" && in.ThingName == "" {
		return nil, invalidRequest("Either principal or thingName must be given")
	}
	out := &effectivePoliciesOutput{EffectivePolicies: []effectivePolicy{}}
	return out, s.cfg.Store.View(ctx, func(r metastore.Reader) error {
		points, err := s.effectivePoints(ctx, r, in)
		if err != nil {
			return err
		}
		names, err := policiesAt(ctx, r, points)
		if err != nil {
			return err
		}
		for _, name := range names {
			p, err := metastore.IoTPolicies.Get(ctx, r, account(ctx), name)
			if err != nil {
				return err
			}
			out.EffectivePolicies = append(out.EffectivePolicies, effectivePolicy{name, s.arn(ctx, ref{wordPolicy, name}), p.DefaultDocument()})
		}
		return nil
	})
}

// effectivePoints returns where policies for the principal and thing may be
// attached.
func (s *Service) effectivePoints(ctx context.Context, r metastore.Reader, in *effectivePoliciesInput) ([]string, error) {
	var points []string
	if in.Principal != "" {
		principal, err := s.certificate(ctx, "principal", in.Principal)
		if err != nil {
			return nil, err
		}
		if err := exists(ctx, r, principal); err != nil {
			return nil, err
		}
		points = append(points, principal.point())
	}
	if in.ThingName == "" {
		return points, nil
	}
	if _, err := getThing(ctx, r, in.ThingName); err != nil {
		return nil, err
	}
	groups, err := groupsOf(ctx, r, in.ThingName)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		inherited, err := groupPoints(ctx, r, group)
		if err != nil {
			return nil, err
		}
		points = append(points, inherited...)
	}
	return points, nil
}
