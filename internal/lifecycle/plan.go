package lifecycle

import (
	"slices"
	"strings"

	"inro.dev/inro/internal/object"
)

// plan is what of a bucket a pass must look at.
type plan struct {
	bucket  object.Bucket
	source  *Configuration // all rules, as they were read
	rules   Configuration  // those that are enabled
	objects []string       // prefixes of keys, none below another
	uploads []string
	tags    bool // rules ask for tags
}

// planOf plans a pass over a bucket.
func planOf(b object.Bucket, c *Configuration) *plan {
	p := &plan{bucket: b, source: c}
	for i := range c.Rules {
		r := &c.Rules[i]
		if r.Disabled {
			continue
		}
		p.rules.Rules = append(p.rules.Rules, *r)
		if r.deletes(b.Versioning) {
			p.objects = append(p.objects, r.prefix())
			p.tags = p.tags || r.Filter != nil && len(r.Filter.Tags) > 0
		}
		if r.AbortUploadDays > 0 {
			p.uploads = append(p.uploads, r.prefix())
		}
	}
	p.objects, p.uploads = cover(p.objects), cover(p.uploads)
	return p
}

// deletes reports whether the rule can delete anything in a bucket.
func (r *Rule) deletes(v object.Versioning) bool {
	e := r.Expiration
	if e != nil && (e.Days > 0 || !e.Date.IsZero()) {
		return true
	}
	return v != object.Unversioned && (r.Noncurrent != nil || e != nil && e.DeleteMarker != nil && *e.DeleteMarker)
}

// cover sorts prefixes and drops those below another.
func cover(prefixes []string) []string {
	slices.Sort(prefixes)
	kept := prefixes[:0]
	for _, p := range prefixes {
		if len(kept) == 0 || !strings.HasPrefix(p, kept[len(kept)-1]) {
			kept = append(kept, p)
		}
	}
	return kept
}
