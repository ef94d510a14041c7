package lifecycle

import (
	"time"

	"inro.dev/inro/internal/object"
)

// Due is when something is to happen, and by which rule.
type Due struct {
	At     time.Time
	RuleID string
}

// earlier takes the earlier of two; the zero Due is never.
func (d *Due) earlier(at time.Time, rule string) {
	if d.At.IsZero() || at.Before(d.At) {
		*d = Due{at, rule}
	}
}

// Expires returns when a current version expires; ok is false if no rule says so.
func (c *Configuration) Expires(v *object.Version, day Day) (due Due, ok bool) {
	if v.DeleteMarker {
		return due, false
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		if e := r.Expiration; !r.Disabled && e != nil && r.applies(v) {
			due.earliest(e, v.Modified, r.ID, day)
		}
	}
	return due, !due.At.IsZero()
}

// earliest takes what an Expiration says of a version.
func (d *Due) earliest(e *Expiration, modified time.Time, rule string, day Day) {
	if e.Days > 0 {
		d.earlier(day.after(modified, e.Days), rule)
	}
	if !e.Date.IsZero() {
		d.earlier(e.Date, rule)
	}
}

// MarkerExpires returns when a delete marker that is the only version of its key
// is to be removed (S3 API Reference, LifecycleExpiration; S3 User Guide: with
// Days the marker must have that age).
func (c *Configuration) MarkerExpires(v *object.Version, day Day) (due Due, ok bool) {
	for i := range c.Rules {
		r := &c.Rules[i]
		e := r.Expiration
		if r.Disabled || e == nil || !r.applies(v) {
			continue
		}
		if e.DeleteMarker != nil && *e.DeleteMarker {
			due.earlier(v.Modified, r.ID)
		}
		due.earliest(e, v.Modified, r.ID, day)
	}
	return due, !due.At.IsZero()
}

// NoncurrentExpires returns when a version expires that is noncurrent since a
// time and has this many newer noncurrent versions, delete markers not counted.
func (c *Configuration) NoncurrentExpires(v *object.Version, since time.Time, newer int, day Day) (due Due, ok bool) {
	for i := range c.Rules {
		r := &c.Rules[i]
		if n := r.Noncurrent; !r.Disabled && n != nil && newer >= n.Newer && r.applies(v) {
			due.earlier(day.after(since, n.Days), r.ID)
		}
	}
	return due, !due.At.IsZero()
}

// UploadExpires returns when an upload in progress is to be aborted.
func (c *Configuration) UploadExpires(key string, initiated time.Time, day Day) (due Due, ok bool) {
	v := object.Version{Key: key}
	for i := range c.Rules {
		r := &c.Rules[i]
		if !r.Disabled && r.AbortUploadDays > 0 && r.applies(&v) {
			due.earlier(day.after(initiated, r.AbortUploadDays), r.ID)
		}
	}
	return due, !due.At.IsZero()
}
