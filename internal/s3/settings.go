package s3

import (
	"time"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

// The headers of this file ask for features that Inro does not have. Each group
// states its condition keys and whether a permission beside PutObject is
// needed, and refuses what cannot be honoured, which happens after
// authorization.

// settingHeaders are what a new object can be given beside its metadata.
type settingHeaders struct {
	aclHeaders
	GrantWrite string `header:"X-Amz-Grant-Write"` // means nothing for objects, but may stand in their lists
	encryptionHeaders
	customerKeyHeaders
	lockHeaders
	StorageClass            string  `header:"X-Amz-Storage-Class"`
	Tagging                 *string `header:"X-Amz-Tagging"`
	WebsiteRedirectLocation string  `header:"X-Amz-Website-Redirect-Location"`

	sealing sealing // what the encryption headers come to
}

// keys appends the condition keys of the headers (spec E.5).
func (h *settingHeaders) keys(keys []identity.Key, now time.Time) ([]identity.Key, error) {
	keys = given(h.aclHeaders.keys(keys), "s3:x-amz-grant-write", h.GrantWrite)
	keys = h.lockHeaders.keys(keys, now)
	keys = given(keys, "s3:x-amz-storage-class", h.StorageClass)
	keys = given(keys, "s3:x-amz-website-redirect-location", h.WebsiteRedirectLocation)
	tags, err := headerTags(h.Tagging)
	return requestObjectTags(keys, tags), err
}

// actions are the permissions that the headers demand beside the write's own
// (spec E.7).
func (h *settingHeaders) actions() []string {
	var actions []string
	if h.aclHeaders.any() || h.GrantWrite != "" {
		actions = append(actions, "s3:PutObjectAcl")
	}
	if h.Tagging != nil {
		actions = append(actions, "s3:PutObjectTagging")
	}
	if h.ObjectLockMode != "" || h.ObjectLockRetainUntilDate != "" {
		actions = append(actions, "s3:PutObjectRetention")
	}
	if h.ObjectLockLegalHold != "" {
		actions = append(actions, "s3:PutObjectLegalHold")
	}
	return actions
}

// attributes are what the headers give a new object of a bucket, with the list
// that it gets. The bucket's default retention is not among them.
func (h *settingHeaders) attributes(b object.Bucket, list string, now time.Time) (object.Attributes, error) {
	a := object.Attributes{ACL: list}
	var err error
	if a.Tags, err = headerTags(h.Tagging); err != nil || !h.lockHeaders.any() {
		return a, err
	}
	if !b.ObjectLock {
		return a, notLockable()
	}
	a.Retention, a.LegalHold, err = h.lock(now)
	return a, err
}

// refuse refuses everything that would have to be stored and cannot be. Lists
// are newObject's.
func (h *settingHeaders) refuse() error {
	if err := checkRedirectLocation(h.WebsiteRedirectLocation); err != nil {
		return err
	}
	return checkStorageClass(h.StorageClass)
}
