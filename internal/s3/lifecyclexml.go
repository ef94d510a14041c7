package s3

import (
	"crypto/rand"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/lifecycle"
	"inro.dev/inro/internal/object"
)

// The elements of a lifecycle configuration as clients write them (API
// Reference, PutBucketLifecycleConfiguration). Members are lists to see what is
// given twice, and an element that is not known is refused: it may be one that
// narrows a rule, and rules delete.

type lifecycleConfiguration struct {
	XMLName xml.Name         `xml:"LifecycleConfiguration"`
	Rules   []lifecycleRule  `xml:"Rule"`
	Unknown []unknownElement `xml:",any"`
}

type unknownElement struct{ XMLName xml.Name }

type lifecycleRule struct {
	ID         []string              `xml:"ID"`
	Prefix     []string              `xml:"Prefix"`
	Filter     []lifecycleFilter     `xml:"Filter"`
	Status     []string              `xml:"Status"`
	Expiration []lifecycleExpiration `xml:"Expiration"`
	Noncurrent []struct {
		NoncurrentDays          []string         `xml:"NoncurrentDays"`
		NewerNoncurrentVersions []string         `xml:"NewerNoncurrentVersions"`
		Unknown                 []unknownElement `xml:",any"`
	} `xml:"NoncurrentVersionExpiration"`
	Abort []struct {
		DaysAfterInitiation []string         `xml:"DaysAfterInitiation"`
		Unknown             []unknownElement `xml:",any"`
	} `xml:"AbortIncompleteMultipartUpload"`
	Transitions           []lifecycleTransition `xml:"Transition"`
	NoncurrentTransitions []lifecycleTransition `xml:"NoncurrentVersionTransition"`
	Unknown               []unknownElement      `xml:",any"`
}

type lifecycleFilter struct {
	And []lifecyclePredicates `xml:"And"`
	lifecyclePredicates
}

// lifecyclePredicates are what a Filter, or the And within one, can ask for.
type lifecyclePredicates struct {
	Prefix                []string         `xml:"Prefix"`
	Tags                  []lifecycleTag   `xml:"Tag"`
	ObjectSizeGreaterThan []string         `xml:"ObjectSizeGreaterThan"`
	ObjectSizeLessThan    []string         `xml:"ObjectSizeLessThan"`
	Unknown               []unknownElement `xml:",any"`
}

type lifecycleTag struct {
	Key   []string `xml:"Key"`
	Value []string `xml:"Value"`
}

type lifecycleExpiration struct {
	Days         []string         `xml:"Days"`
	Date         []string         `xml:"Date"`
	DeleteMarker []string         `xml:"ExpiredObjectDeleteMarker"`
	Unknown      []unknownElement `xml:",any"`
}

type lifecycleTransition struct {
	Days                    []string         `xml:"Days"`
	Date                    []string         `xml:"Date"`
	NoncurrentDays          []string         `xml:"NoncurrentDays"`
	NewerNoncurrentVersions []string         `xml:"NewerNoncurrentVersions"`
	StorageClass            []string         `xml:"StorageClass"`
	Unknown                 []unknownElement `xml:",any"`
}

const (
	statusEnabled  = "Enabled"
	statusDisabled = "Disabled"
)

// Limits (S3 User Guide, "Lifecycle configuration elements").
const (
	maxLifecycleRules   = 1000
	maxLifecycleID      = 255
	maxNewerNoncurrent  = 100
	maxLifecycleDays    = 1<<31 - 1
	maxLifecycleTags    = 100 // of one rule; an object has at most 10
	maxTagKeyLength     = 128
	maxTagValueLength   = 256
	maxObjectSizeFilter = 1 << 50
)

// read checks the configuration as S3 does. Its codes and texts are S3's as far as
// they are known.
func (c *lifecycleConfiguration) read() (*lifecycle.Configuration, error) {
	if c == nil || len(c.Rules) == 0 || len(c.Unknown) > 0 {
		return nil, malformedXML()
	}
	if len(c.Rules) > maxLifecycleRules {
		return nil, invalidRequest("The number of lifecycle rules must not exceed the allowed limit of 1000 rules.")
	}
	out := &lifecycle.Configuration{Rules: make([]lifecycle.Rule, len(c.Rules))}
	ids := make(map[string]bool)
	transitions, prefixes, filters := false, false, false
	for i := range c.Rules {
		r := &c.Rules[i]
		rule, err := r.read()
		if err != nil {
			return nil, err
		}
		if ids[rule.ID] {
			return nil, invalidArgument("ID", rule.ID, "Rule ID must be unique. Found same ID for more than one rule")
		}
		ids[rule.ID] = true
		out.Rules[i] = *rule
		transitions = transitions || len(r.Transitions)+len(r.NoncurrentTransitions) > 0
		prefixes, filters = prefixes || rule.Prefix != nil, filters || rule.Filter != nil
	}
	if prefixes && filters {
		return nil, invalidRequest("Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.")
	}
	if transitions {
		return nil, awserr.NotImplemented("Transitions are not offered: whatever its name, every storage class is kept alike. Rules that expire objects are.")
	}
	return out, nil
}

// read reads one rule. Transitions are checked and left out.
func (r *lifecycleRule) read() (*lifecycle.Rule, error) {
	if len(r.ID) > 1 || len(r.Prefix)+len(r.Filter) != 1 || len(r.Status) != 1 || len(r.Unknown) > 0 ||
		len(r.Expiration) > 1 || len(r.Noncurrent) > 1 || len(r.Abort) > 1 {
		return nil, malformedXML()
	}
	out := new(lifecycle.Rule)
	if len(r.ID) == 1 {
		out.ID = r.ID[0]
	}
	if len([]rune(out.ID)) > maxLifecycleID {
		return nil, invalidArgument("ID", out.ID, "ID length should not exceed allowed limit of 255")
	}
	if out.ID == "" {
		out.ID = rand.Text() // API Reference, LifecycleRule: S3 gives one
	}
	switch r.Status[0] {
	case statusEnabled:
	case statusDisabled:
		out.Disabled = true
	default:
		return nil, malformedXML()
	}
	if err := r.readScope(out); err != nil {
		return nil, err
	}
	if err := r.readActions(out); err != nil {
		return nil, err
	}
	return out, r.combine(out)
}

func (r *lifecycleRule) readScope(out *lifecycle.Rule) (err error) {
	if len(r.Prefix) == 1 {
		out.Prefix = &r.Prefix[0]
		return checkPrefix(out.Prefix)
	}
	out.Filter, err = r.Filter[0].read()
	return err
}

func checkPrefix(prefix *string) error {
	if prefix != nil && len(*prefix) > object.MaxKeyBytes {
		return invalidRequest("The maximum size of a prefix is 1024.")
	}
	return nil
}

// read reads a Filter: nothing, or one predicate, or an And of several.
func (f *lifecycleFilter) read() (*lifecycle.Filter, error) {
	switch {
	case len(f.And)+f.count() > 1:
		return nil, malformedXML()
	case len(f.And) == 0:
		return f.lifecyclePredicates.read()
	case f.And[0].count() < 2:
		return nil, malformedXML()
	}
	out, err := f.And[0].read()
	if err != nil {
		return nil, err
	}
	out.And = true
	return out, nil
}

func (f *lifecyclePredicates) count() int {
	return len(f.Prefix) + len(f.Tags) + len(f.ObjectSizeGreaterThan) + len(f.ObjectSizeLessThan)
}

func (f *lifecyclePredicates) read() (*lifecycle.Filter, error) {
	if len(f.Prefix) > 1 || len(f.Unknown) > 0 {
		return nil, malformedXML()
	}
	out := new(lifecycle.Filter)
	if len(f.Prefix) == 1 {
		out.Prefix = &f.Prefix[0]
	}
	if err := checkPrefix(out.Prefix); err != nil {
		return nil, err
	}
	var err error
	if out.Tags, err = readLifecycleTags(f.Tags); err != nil {
		return nil, err
	}
	if out.SizeGreaterThan, err = sizeFilter("ObjectSizeGreaterThan", f.ObjectSizeGreaterThan, 0); err != nil {
		return nil, err
	}
	if out.SizeLessThan, err = sizeFilter("ObjectSizeLessThan", f.ObjectSizeLessThan, 1); err != nil {
		return nil, err
	}
	if out.SizeGreaterThan != nil && out.SizeLessThan != nil && *out.SizeLessThan <= *out.SizeGreaterThan {
		return nil, invalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")
	}
	return out, nil
}

func readLifecycleTags(in []lifecycleTag) ([]object.Tag, error) {
	if len(in) > maxLifecycleTags {
		return nil, malformedXML()
	}
	var tags []object.Tag
	seen := make(map[string]bool)
	for _, t := range in {
		if len(t.Key) != 1 || len(t.Value) != 1 {
			return nil, malformedXML()
		}
		tag := object.Tag{Key: t.Key[0], Value: t.Value[0]}
		switch {
		case tag.Key == "" || len([]rune(tag.Key)) > maxTagKeyLength:
			return nil, awserr.New(http.StatusBadRequest, "InvalidTag", "The TagKey you have provided is invalid").With("TagKey", clip(tag.Key))
		case len([]rune(tag.Value)) > maxTagValueLength:
			return nil, awserr.New(http.StatusBadRequest, "InvalidTag", "The TagValue you have provided is invalid").With("TagValue", clip(tag.Value))
		case seen[tag.Key]:
			return nil, invalidRequest("Duplicate Tag Keys are not allowed.")
		}
		seen[tag.Key] = true
		tags = append(tags, tag)
	}
	return tags, nil
}

func sizeFilter(name string, values []string, least int64) (*int64, error) {
	if len(values) == 0 {
		return nil, nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || len(values) > 1 {
		return nil, malformedXML()
	}
	if n < least || n > maxObjectSizeFilter {
		return nil, invalidRequest("'" + name + "' should be between " + strconv.FormatInt(least, 10) + " and 1 PB.")
	}
	return &n, nil
}

func (r *lifecycleRule) readActions(out *lifecycle.Rule) (err error) {
	if len(r.Expiration) == 1 {
		if out.Expiration, err = r.Expiration[0].read(); err != nil {
			return err
		}
	}
	if len(r.Noncurrent) == 1 {
		if out.Noncurrent, err = r.readNoncurrent(); err != nil {
			return err
		}
	}
	if len(r.Abort) == 1 {
		a := &r.Abort[0]
		if len(a.Unknown) > 0 || len(a.DaysAfterInitiation) != 1 {
			return malformedXML()
		}
		if out.AbortUploadDays, err = positive("DaysAfterInitiation", "AbortIncompleteMultipartUpload", a.DaysAfterInitiation); err != nil {
			return err
		}
	}
	return checkTransitions(r.Transitions, r.NoncurrentTransitions)
}

// positive reads a number of days.
func positive(name, action string, values []string) (int, error) {
	if len(values) != 1 {
		return 0, malformedXML()
	}
	n, err := strconv.ParseInt(strings.TrimSpace(values[0]), 10, 64)
	if err != nil {
		return 0, malformedXML()
	}
	if n < 1 || n > maxLifecycleDays {
		return 0, invalidArgument(name, values[0], "'"+name+"' for "+action+" action must be a positive integer")
	}
	return int(n), nil
}

// read reads an Expiration, which has one member.
func (e *lifecycleExpiration) read() (*lifecycle.Expiration, error) {
	if len(e.Days)+len(e.Date)+len(e.DeleteMarker) != 1 || len(e.Unknown) > 0 {
		return nil, malformedXML()
	}
	out := new(lifecycle.Expiration)
	var err error
	switch {
	case len(e.Days) == 1:
		out.Days, err = positive("Days", "Expiration", e.Days)
	case len(e.Date) == 1:
		out.Date, err = lifecycleDate(e.Date[0])
	default:
		var is bool
		if is, err = strconv.ParseBool(e.DeleteMarker[0]); err != nil {
			return nil, malformedXML()
		}
		out.DeleteMarker = &is
	}
	return out, err
}

// lifecycleDate reads an ISO 8601 date, which must be a midnight (API Reference,
// LifecycleExpiration: Date).
func lifecycleDate(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t = t.UTC(); !t.Equal(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)) || t.IsZero() {
			return time.Time{}, invalidArgument("Date", text, "'Date' must be at midnight GMT")
		}
		return t, nil
	}
	return time.Time{}, malformedXML()
}

func (r *lifecycleRule) readNoncurrent() (*lifecycle.NoncurrentExpiration, error) {
	const action = "NoncurrentVersionExpiration"
	n := &r.Noncurrent[0]
	if len(n.Unknown) > 0 {
		return nil, malformedXML()
	}
	out := new(lifecycle.NoncurrentExpiration)
	var err error
	if out.Days, err = positive("NoncurrentDays", action, n.NoncurrentDays); err != nil || len(n.NewerNoncurrentVersions) == 0 {
		return out, err
	}
	if out.Newer, err = positive("NewerNoncurrentVersions", action, n.NewerNoncurrentVersions); err != nil {
		return nil, err
	}
	if out.Newer > maxNewerNoncurrent {
		return nil, invalidArgument("NewerNoncurrentVersions", n.NewerNoncurrentVersions[0], "'NewerNoncurrentVersions' for "+action+" action must be between 1 and 100")
	}
	return out, nil
}

// checkTransitions checks the form of what is refused in the end, so that a client
// learns first what is wrong with it.
func checkTransitions(current, noncurrent []lifecycleTransition) error {
	for i, t := range append(current[:len(current):len(current)], noncurrent...) {
		if len(t.StorageClass) != 1 || len(t.Unknown) > 0 || len(t.NewerNoncurrentVersions) > 1 {
			return malformedXML()
		}
		if err := checkStorageClassName(t.StorageClass[0]); err != nil {
			return err
		}
		when := t.NoncurrentDays
		if i < len(current) {
			when = append(t.Days[:len(t.Days):len(t.Days)], t.Date...)
		}
		if len(when) != 1 || len(t.Days)+len(t.Date)+len(t.NoncurrentDays) != 1 {
			return malformedXML()
		}
		if len(t.Date) == 1 {
			if _, err := lifecycleDate(t.Date[0]); err != nil {
				return err
			}
			continue
		}
		if n, err := strconv.ParseInt(when[0], 10, 64); err != nil {
			return malformedXML()
		} else if n < 0 {
			return invalidArgument("Days", when[0], "'Days' in Transition action must be nonnegative")
		}
	}
	return nil
}

// checkStorageClassName takes what an object can be moved to: not to the class
// that it begins in.
func checkStorageClassName(class string) error {
	if class != standard && (slices.Contains(storageClasses, class) || slices.Contains(otherStorageClasses, class)) {
		return nil
	}
	return malformedXML()
}

// combine refuses what does not go together (S3 User Guide, "Lifecycle
// configuration elements").
func (r *lifecycleRule) combine(out *lifecycle.Rule) error {
	if out.Expiration == nil && out.Noncurrent == nil && out.AbortUploadDays == 0 && len(r.Transitions)+len(r.NoncurrentTransitions) == 0 {
		return invalidRequest("At least one action needs to be specified in a rule")
	}
	if out.Noncurrent != nil && out.Noncurrent.Newer > 0 && out.Filter == nil {
		return invalidRequest("NewerNoncurrentVersions element can only be used in Lifecycle V2.")
	}
	if out.Filter == nil {
		return nil
	}
	marker := out.Expiration != nil && out.Expiration.DeleteMarker != nil
	tagged, sized := len(out.Filter.Tags) > 0, out.Filter.SizeGreaterThan != nil || out.Filter.SizeLessThan != nil
	switch {
	case tagged && marker:
		return invalidRequest("ExpiredObjectDeleteMarker cannot be specified with Tags.")
	case tagged && out.AbortUploadDays > 0:
		return invalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags.")
	case sized && out.AbortUploadDays > 0:
		return invalidRequest("AbortIncompleteMultipartUpload cannot be specified with Object Size.")
	}
	return nil
}
