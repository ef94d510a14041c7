package s3

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

func (s *Service) objectLockOperations() []api.Operation {
	return []api.Operation{
		row("GetObjectLockConfiguration", "GET /{Bucket}?object-lock", needBucket[getObjectLockConfigurationInput](s, "s3:GetBucketObjectLockConfiguration"), s.getObjectLockConfiguration),
		row("PutObjectLockConfiguration", "PUT /{Bucket}?object-lock", needBucket[putObjectLockConfigurationInput](s, "s3:PutBucketObjectLockConfiguration"), s.putObjectLockConfiguration),
	}
}

// defaultRetention is what a new version gets that asks for no retention. Of
// Days and Years one is set.
type defaultRetention struct {
	Mode  object.RetentionMode
	Days  int `json:",omitempty"`
	Years int `json:",omitempty"`
}

// retentionSetting holds the default retention of a bucket. That the bucket has
// object lock at all is the engine's to keep.
var retentionSetting = setting[defaultRetention]{"object-lock", func(document string) (*defaultRetention, error) {
	d := new(defaultRetention)
	return d, json.Unmarshal([]byte(document), d)
}}

// from returns the retention of a version made at a time.
func (d *defaultRetention) from(now time.Time) object.Retention {
	return object.Retention{Mode: d.Mode, Until: now.UTC().AddDate(d.Years, 0, d.Days)}
}

// The names of the retention modes.
var retentionModes = map[string]object.RetentionMode{"GOVERNANCE": object.Governance, "COMPLIANCE": object.Compliance}

func retentionModeName(m object.RetentionMode) string {
	for name, mode := range retentionModes {
		if mode == m {
			return name
		}
	}
	return ""
}

type getObjectLockConfigurationInput struct{ bucketTarget }

// lockEnabled is the only value of ObjectLockEnabled.
const lockEnabled = "Enabled"

func (s *Service) getObjectLockConfiguration(ctx context.Context, in *getObjectLockConfigurationInput) (*xmlOutput, error) {
	if !in.at.bucket.ObjectLock {
		return nil, awserr.New(http.StatusNotFound, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket").
			With("BucketName", in.Bucket)
	}
	rule, err := retentionSetting.get(ctx, s, in.at.bucket)
	if err != nil {
		return nil, err
	}
	d := newDocument("ObjectLockConfiguration", 256)
	d.text("ObjectLockEnabled", lockEnabled)
	if rule != nil {
		d.open("Rule")
		d.open("DefaultRetention")
		d.text("Mode", retentionModeName(rule.Mode))
		if rule.Days > 0 {
			d.int("Days", int64(rule.Days))
		} else {
			d.int("Years", int64(rule.Years))
		}
		d.close("DefaultRetention")
		d.close("Rule")
	}
	return d.output(), nil
}

type putObjectLockConfigurationInput struct {
	bucketTarget
	digestHeaders
	ObjectLockConfiguration *objectLockConfiguration `payload:"xml"`
}

// objectLockConfiguration has lists as members to see what is given twice.
type objectLockConfiguration struct {
	XMLName           xml.Name   `xml:"ObjectLockConfiguration"`
	ObjectLockEnabled []string   `xml:"ObjectLockEnabled"`
	Rule              []lockRule `xml:"Rule"`
}

type lockRule struct {
	DefaultRetention []lockPeriod `xml:"DefaultRetention"`
}

type lockPeriod struct {
	Mode  []string `xml:"Mode"`
	Days  []int    `xml:"Days"`
	Years []int    `xml:"Years"`
}

// The longest default retention (S3 User Guide, Object Lock considerations).
const (
	maxRetentionDays  = 36500
	maxRetentionYears = 100
)

// rule reads the default retention, nil for none.
func (c *objectLockConfiguration) rule() (*defaultRetention, error) {
	if c == nil || len(c.ObjectLockEnabled) != 1 || c.ObjectLockEnabled[0] != lockEnabled || len(c.Rule) > 1 {
		return nil, malformedXML()
	}
	if len(c.Rule) == 0 {
		return nil, nil
	}
	if len(c.Rule[0].DefaultRetention) != 1 {
		return nil, malformedXML()
	}
	p := c.Rule[0].DefaultRetention[0]
	if len(p.Mode) != 1 || len(p.Days)+len(p.Years) != 1 {
		return nil, malformedXML()
	}
	mode, ok := retentionModes[p.Mode[0]]
	if !ok {
		return nil, malformedXML()
	}
	d := &defaultRetention{Mode: mode}
	most, period := maxRetentionDays, &d.Days
	if len(p.Years) > 0 {
		most, period = maxRetentionYears, &d.Years
	}
	switch *period = append(p.Days, p.Years...)[0]; {
	case *period < 1:
		return nil, invalidPeriod("Default retention period must be a positive integer value.")
	case *period > most:
		return nil, invalidPeriod("Default retention period too large")
	}
	return d, nil
}

func invalidPeriod(message string) error {
	return awserr.New(http.StatusBadRequest, "InvalidRetentionPeriod", message)
}

func (s *Service) putObjectLockConfiguration(ctx context.Context, in *putObjectLockConfigurationInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	rule, err := in.ObjectLockConfiguration.rule()
	if err != nil {
		return nil, err
	}
	document := ""
	if rule != nil {
		text, err := json.Marshal(rule)
		if err != nil {
			return nil, err
		}
		document = string(text)
	}
	switch err := s.engine.EnableObjectLock(ctx, in.Bucket); {
	case errors.Is(err, object.ErrVersioningLocked):
		return nil, awserr.New(http.StatusConflict, "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration").
			With("BucketName", in.Bucket).WithCause(err)
	case err != nil:
		return nil, in.subject().translate(err)
	}
	return nothing, in.subject().translate(retentionSetting.put(ctx, s, in.at.bucket, document))
}

// retentionOf returns what a new version of a bucket is retained by: what was
// asked for, else the bucket's default.
func (s *Service) retentionOf(ctx context.Context, b object.Bucket, asked object.Retention) (object.Retention, error) {
	if asked != (object.Retention{}) || !b.ObjectLock {
		return asked, nil
	}
	rule, err := retentionSetting.get(ctx, s, b)
	if err != nil || rule == nil {
		return asked, err
	}
	return rule.from(s.clock()), nil
}
