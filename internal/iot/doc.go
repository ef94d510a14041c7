// Package iot is the control plane of the IoT registry: things, thing types,
// static thing groups, certificates, IoT policies, role aliases, what is
// attached to what, and tags (spec B.1 to B.12).
//
// [Service] holds the operation table; [Service.API] gives it to package api.
// A handler stands in the file of its concept (thing.go, certificate.go, …)
// beside its input and output structs, which carry AWS's constraints as tags.
// Every change is one transaction with its checks inside, so that two callers
// cannot both pass a check that only one may.
//
// # Rules worth knowing
//
//   - The account is the caller's, the region the configured one. An ARN of
//     another account or region names nothing here.
//   - A certificate is known by the SHA-256 of its DER form. Private keys that
//     CreateKeysAndCertificate makes are returned once and kept nowhere.
//   - Names are compared with regard to case. Attribute names of one thing that
//     differ in case only are refused: policy variables could not tell them
//     apart.
//   - Deleting a thing, certificate or policy never detaches (except
//     DeleteCertificate with forceDelete, for policies). Deleting a thing group
//     ends its memberships and attachments.
//   - The existence of a role is not checked by CreateRoleAlias; the
//     permission iam:PassRole of the caller is.
//
// # Left out
//
// Registration of CA certificates, dynamic and billing groups, provisioning,
// jobs, the index, the message broker, Device Defender: their operations are
// known and answer NotImplemented, see notoffered.go. Members that belong to
// them are refused where they are given.
//
// A [Service] is safe for concurrent use.
package iot
