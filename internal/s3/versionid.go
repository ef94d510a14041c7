package s3

import (
	"regexp"

	"inro.dev/inro/internal/object"
)

// versionTarget is the version of an object that a request may name. Buckets
// have no versioning yet, so the only version is the null version.
type versionTarget struct {
	VersionID *string `query:"versionId"`
}

// versionPattern is the form of AWS's version IDs.
var versionPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{32}$`)

// checkVersion refuses what is no version ID; one that merely does not exist
// passes.
func checkVersion(id *string) error {
	switch {
	case id == nil || *id == object.NullVersionID:
		return nil
	case *id == "":
		return invalidArgument("versionId", "", "Version id cannot be the empty string")
	case !versionPattern.MatchString(*id):
		return invalidArgument("versionId", *id, "Invalid version id specified")
	}
	return nil
}

// version is the version ID for the engine, "" for the current version.
func (t *versionTarget) version() string {
	if t.VersionID == nil {
		return ""
	}
	return *t.VersionID
}
