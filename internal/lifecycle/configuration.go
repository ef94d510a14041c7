package lifecycle

import (
	"strings"
	"time"

	"inro.dev/inro/internal/object"
)

// Configuration is what is set on a bucket. Its JSON form is stored.
type Configuration struct {
	Rules []Rule `json:"rules"`

	// TransitionMinimumSize is the value of the header
	// x-amz-transition-default-minimum-object-size; "" for the default.
	TransitionMinimumSize string `json:"transitionMinimumSize,omitempty"`
}

// Rule is one rule of a configuration.
type Rule struct {
	ID       string `json:"id"`
	Disabled bool   `json:"disabled,omitempty"`

	// Prefix is that of a rule in the old form, without a Filter.
	Prefix *string `json:"prefix,omitempty"`
	Filter *Filter `json:"filter,omitempty"`

	Expiration *Expiration           `json:"expiration,omitempty"`
	Noncurrent *NoncurrentExpiration `json:"noncurrent,omitempty"`

	// AbortUploadDays is how long an upload in parts may take; 0 is no limit.
	AbortUploadDays int `json:"abortUploadDays,omitempty"`
}

// Filter says which objects a rule applies to: those that meet all of it.
type Filter struct {
	// And says that the filter was written with an And element.
	And bool `json:"and,omitempty"`

	Prefix          *string      `json:"prefix,omitempty"`
	Tags            []object.Tag `json:"tags,omitempty"`
	SizeGreaterThan *int64       `json:"sizeGreaterThan,omitempty"`
	SizeLessThan    *int64       `json:"sizeLessThan,omitempty"`
}

// Expiration expires the current version of a key. One of its members is set.
type Expiration struct {
	Days int       `json:"days,omitempty"`
	Date time.Time `json:"date,omitzero"` // a midnight UTC

	// DeleteMarker is ExpiredObjectDeleteMarker.
	DeleteMarker *bool `json:"deleteMarker,omitempty"`
}

// NoncurrentExpiration removes versions that are not current.
type NoncurrentExpiration struct {
	Days int `json:"days"`

	// Newer is how many newer noncurrent versions are kept whatever their age.
	Newer int `json:"newer,omitempty"`
}

// prefix returns what the keys begin with that the rule applies to.
func (r *Rule) prefix() string {
	switch {
	case r.Prefix != nil:
		return *r.Prefix
	case r.Filter != nil && r.Filter.Prefix != nil:
		return *r.Filter.Prefix
	}
	return ""
}

// applies reports whether the rule applies to a version.
func (r *Rule) applies(v *object.Version) bool {
	if !strings.HasPrefix(v.Key, r.prefix()) {
		return false
	}
	f := r.Filter
	if f == nil {
		return true
	}
	if f.SizeGreaterThan != nil && v.SizeBytes <= *f.SizeGreaterThan || f.SizeLessThan != nil && v.SizeBytes >= *f.SizeLessThan {
		return false
	}
	for i := range f.Tags {
		if !hasTag(v.Tags, &f.Tags[i]) {
			return false
		}
	}
	return true
}

func hasTag(tags []object.Tag, want *object.Tag) bool {
	for i := range tags {
		if tags[i] == *want {
			return true
		}
	}
	return false
}
