package s3

import (
	"context"
	"regexp"

	"inro.dev/inro/internal/object"
)

// versionTarget is the version of an object that a request may name.
type versionTarget struct {
	VersionID *string `query:"versionId"`
}

// versionedTarget is an object, or one of its versions, that a request names.
type versionedTarget struct {
	objectTarget
	versionTarget

	// on is the action on it that was authorized, set by the functions that
	// state permissions.
	on *existing
}

func (t *versionedTarget) subject() subject {
	where := t.objectTarget.subject()
	where.version = t.version()
	return where
}

// takesVersion marks inputs of operations on versions for row.
func (t *versionTarget) takesVersion() {}

// versionPattern is the form of AWS's version IDs.
var versionPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{32}$`)

func isVersionID(id string) bool { return id == object.NullVersionID || versionPattern.MatchString(id) }

// checkVersion refuses what is no version ID; one that merely does not exist
// passes.
func checkVersion(id *string) error {
	switch {
	case id == nil || isVersionID(*id):
		return nil
	case *id == "":
		return invalidArgument("versionId", "", "Version id cannot be the empty string")
	}
	return invalidVersion("versionId", *id)
}

func invalidVersion(argument, id string) error {
	return invalidArgument(argument, id, "Invalid version id specified")
}

// version is the version ID for the engine, "" for the current version.
func (t *versionTarget) version() string {
	if t.VersionID == nil {
		return ""
	}
	return *t.VersionID
}

// versionHeader is x-amz-version-id for a version that was read or made. In a
// bucket that was never versioned there is none, though each object is a null
// version there (API Reference, PutObject and GetObject).
func (s *Service) versionHeader(ctx context.Context, bucket, id string) string {
	if id != object.NullVersionID {
		return id
	}
	if b, err := s.engine.Bucket(ctx, bucket); err != nil || b.Versioning == object.Unversioned {
		return ""
	}
	return id
}
