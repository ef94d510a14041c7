package iam

import (
	"context"

	"inro.dev/inro/internal/api"
)

// The operations of this file are about things that users and roles may have
// in AWS and cannot have here. Tools ask for them before they delete somebody;
// the answer, that there are none, is the truth (spec C.11).

// none is a list of things that cannot exist.
type none []struct{}

// checkUserExists answers NoSuchEntity unless the user that the input means
// exists. Root does.
func (s *Service) checkUserExists(ctx context.Context, m maybeUser) error {
	_, err := keyOwner(ctx, s.store.Hot(), account(ctx), m)
	return err
}

type listOfUserInput struct {
	maybeUser
	page
}

type listMFADevicesOutput struct {
	MFADevices none
	pageInfo
}

func (s *Service) listMFADevices(ctx context.Context, in *listOfUserInput) (*listMFADevicesOutput, error) {
	return &listMFADevicesOutput{MFADevices: none{}}, s.checkUserExists(ctx, in.maybeUser)
}

type listVirtualMFADevicesInput struct {
	AssignmentStatus string `enum:"Assigned,Unassigned,Any"`
	page
}

type listVirtualMFADevicesOutput struct {
	VirtualMFADevices none
	pageInfo
}

func (s *Service) listVirtualMFADevices(context.Context, *listVirtualMFADevicesInput) (*listVirtualMFADevicesOutput, error) {
	return &listVirtualMFADevicesOutput{VirtualMFADevices: none{}}, nil
}

type listSigningCertificatesOutput struct {
	Certificates none
	pageInfo
}

func (s *Service) listSigningCertificates(ctx context.Context, in *listOfUserInput) (*listSigningCertificatesOutput, error) {
	return &listSigningCertificatesOutput{Certificates: none{}}, s.checkUserExists(ctx, in.maybeUser)
}

type listSSHPublicKeysOutput struct {
	SSHPublicKeys none
	pageInfo
}

func (s *Service) listSSHPublicKeys(ctx context.Context, in *listOfUserInput) (*listSSHPublicKeysOutput, error) {
	return &listSSHPublicKeysOutput{SSHPublicKeys: none{}}, s.checkUserExists(ctx, in.maybeUser)
}

type listServiceSpecificCredentialsInput struct {
	maybeUser
	ServiceName string
	AllUsers    bool
	page
}

type listServiceSpecificCredentialsOutput struct {
	ServiceSpecificCredentials none
	pageInfo
}

// onCredentialsOwner needs iam:ListServiceSpecificCredentials on one user, or
// on all.
func (s *Service) onCredentialsOwner(ctx context.Context, in *listServiceSpecificCredentialsInput) ([]api.Permission, error) {
	const action = "ListServiceSpecificCredentials"
	if in.AllUsers {
		return onAccount[listServiceSpecificCredentialsInput](action)(ctx, in)
	}
	return onUserOrCaller[listServiceSpecificCredentialsInput](s, action)(ctx, in)
}

func (s *Service) listServiceSpecificCredentials(ctx context.Context, in *listServiceSpecificCredentialsInput) (*listServiceSpecificCredentialsOutput, error) {
	out := &listServiceSpecificCredentialsOutput{ServiceSpecificCredentials: none{}}
	if in.AllUsers {
		if in.UserName != nil {
			return nil, invalidInput("UserName cannot be given together with AllUsers.")
		}
		return out, nil
	}
	return out, s.checkUserExists(ctx, in.maybeUser)
}

type deleteLoginProfileInput struct{ maybeUser }

func (s *Service) deleteLoginProfile(ctx context.Context, in *deleteLoginProfileInput) (*api.Empty, error) {
	name, err := keyOwner(ctx, s.store.Hot(), account(ctx), in.maybeUser)
	if err != nil {
		return nil, err
	}
	return nil, noLoginProfile(name)
}

type listInstanceProfilesForRoleInput struct {
	namedRole
	page
}

type listInstanceProfilesForRoleOutput struct {
	InstanceProfiles none
	pageInfo
}

func (s *Service) listInstanceProfilesForRole(ctx context.Context, in *listInstanceProfilesForRoleInput) (*listInstanceProfilesForRoleOutput, error) {
	_, err := findRole(ctx, s.store.Hot(), account(ctx), in.RoleName)
	return &listInstanceProfilesForRoleOutput{InstanceProfiles: none{}}, err
}
