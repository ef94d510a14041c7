package s3

import (
	"context"
	"encoding/xml"
	"net/http"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

func (s *Service) retentionOperations() []api.Operation {
	return []api.Operation{
		row("GetObjectRetention", "GET /{Bucket}/{Key+}?retention", s.needGetObjectRetention, s.getObjectRetention),
		row("PutObjectRetention", "PUT /{Bucket}/{Key+}?retention", s.needPutObjectRetention, s.putObjectRetention),
		row("GetObjectLegalHold", "GET /{Bucket}/{Key+}?legal-hold", s.needGetObjectLegalHold, s.getObjectLegalHold),
		row("PutObjectLegalHold", "PUT /{Bucket}/{Key+}?legal-hold", s.needPutObjectLegalHold, s.putObjectLegalHold),
	}
}

// The actions on locks have no form for versions (Service Authorization
// Reference, Actions defined by Amazon S3).
const (
	actGetRetention = "s3:GetObjectRetention"
	actPutRetention = "s3:PutObjectRetention"
	actGetLegalHold = "s3:GetObjectLegalHold"
	actPutLegalHold = "s3:PutObjectLegalHold"
)

// onLocks reports whether an action is one of those.
func onLocks(action string) bool {
	return action == actGetRetention || action == actPutRetention || action == actGetLegalHold || action == actPutLegalHold
}

// lockable refuses a request about locks in a bucket without object lock.
func (t *bucketTarget) lockable() error {
	if t.at.bucket.ObjectLock {
		return nil
	}
	return notLockable()
}

func notLockable() *awserr.Error {
	return invalidRequest("Bucket is missing Object Lock Configuration")
}

// notLocked is the answer for a version that was never locked.
func notLocked(where subject) error {
	return awserr.New(http.StatusNotFound, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration").With("Key", where.key)
}

type objectLockInput struct{ versionedTarget }

func (s *Service) needGetObjectRetention(ctx context.Context, in *objectLockInput) ([]api.Permission, error) {
	return s.needExisting(ctx, &in.versionedTarget, actGetRetention)
}

// lockedVersion returns the version whose locks the caller may know.
func (s *Service) lockedVersion(ctx context.Context, in *objectLockInput) (*object.Version, error) {
	if err := in.lockable(); err != nil {
		return nil, err
	}
	v, err := s.engine.Head(ctx, in.Bucket, in.Key, object.GetOptions{VersionID: in.version()})
	if err != nil {
		return nil, s.readError(ctx, in.subject(), err)
	}
	return &v, s.mayUse(ctx, in.on, &v)
}

func (s *Service) getObjectRetention(ctx context.Context, in *objectLockInput) (*xmlOutput, error) {
	v, err := s.lockedVersion(ctx, in)
	if err != nil {
		return nil, err
	}
	if v.Retention.Mode == object.NoRetention {
		return nil, notLocked(in.subject())
	}
	d := newDocument("Retention", 128)
	d.text("Mode", retentionModeName(v.Retention.Mode))
	d.time("RetainUntilDate", v.Retention.Until)
	return d.output(), nil
}

type putObjectRetentionInput struct {
	versionedTarget
	digestHeaders
	bypassHeaders
	Retention *retentionXML `payload:"xml"`
}

// retentionXML has lists as members to see what is given twice.
type retentionXML struct {
	XMLName         xml.Name `xml:"Retention"`
	Mode            []string `xml:"Mode"`
	RetainUntilDate []string `xml:"RetainUntilDate"`
}

func (r *retentionXML) keys(now time.Time) []identity.Key {
	if r == nil || len(r.Mode) != 1 || len(r.RetainUntilDate) != 1 {
		return nil
	}
	return retentionKeys(nil, r.Mode[0], r.RetainUntilDate[0], now)
}

// retention reads what is asked for; without mode and date, none.
func (r *retentionXML) retention(now time.Time) (object.Retention, error) {
	if r == nil || len(r.Mode) > 1 || len(r.RetainUntilDate) != len(r.Mode) {
		return object.Retention{}, malformedXML()
	}
	if len(r.Mode) == 0 {
		return object.Retention{}, nil
	}
	mode, ok := retentionModes[r.Mode[0]]
	until, err := parseRetainUntil(r.RetainUntilDate[0])
	if !ok || err != nil {
		return object.Retention{}, malformedXML()
	}
	return object.Retention{Mode: mode, Until: until}, checkRetainUntil("RetainUntilDate", r.RetainUntilDate[0], until, now)
}

func (s *Service) needPutObjectRetention(ctx context.Context, in *putObjectRetentionInput) ([]api.Permission, error) {
	bypasses, err := in.bypasses()
	if err != nil {
		return nil, err
	}
	keys := in.Retention.keys(s.clock())
	needs, err := s.needExisting(ctx, &in.versionedTarget, actPutRetention, keys...)
	if err == nil && bypasses {
		needs = append(needs, in.at.onObject(actBypassGovernance, in.Key, keys...))
	}
	return needs, err
}

// actBypassGovernance is the permission that the bypass header takes.
const actBypassGovernance = "s3:BypassGovernanceRetention"

func (s *Service) putObjectRetention(ctx context.Context, in *putObjectRetentionInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if err := in.lockable(); err != nil {
		return nil, err
	}
	now := s.clock()
	to, err := in.Retention.retention(now)
	if err != nil {
		return nil, err
	}
	bypasses, err := in.bypasses()
	if err != nil {
		return nil, err
	}
	_, err = s.changeExisting(ctx, &in.versionedTarget, nil, func(v *object.Version) error {
		if !mayBecome(v.Retention, to, now, bypasses) {
			return object.ErrObjectLocked
		}
		v.Retention = to
		return nil
	})
	return nothing, err
}

// mayBecome reports whether one retention may take the place of another (S3 User
// Guide, "Retention modes"): one in force may be extended by anybody who may set
// it, in governance mode be changed in any way by who may bypass it, and in
// compliance mode not be shortened or lifted by anybody.
func mayBecome(old, to object.Retention, now time.Time, bypasses bool) bool {
	switch {
	case old.Mode == object.NoRetention || !now.Before(old.Until):
		return true
	case to.Mode == old.Mode && !to.Until.Before(old.Until):
		return true
	}
	return old.Mode == object.Governance && bypasses
}

func (s *Service) needGetObjectLegalHold(ctx context.Context, in *objectLockInput) ([]api.Permission, error) {
	return s.needExisting(ctx, &in.versionedTarget, actGetLegalHold)
}

// getObjectLegalHold answers OFF for a version that never had a legal hold too.
func (s *Service) getObjectLegalHold(ctx context.Context, in *objectLockInput) (*xmlOutput, error) {
	v, err := s.lockedVersion(ctx, in)
	if err != nil {
		return nil, err
	}
	d := newDocument("LegalHold", 32)
	d.text("Status", legalHoldStatus(v.LegalHold))
	return d.output(), nil
}

func legalHoldStatus(on bool) string {
	if on {
		return legalHoldOn
	}
	return legalHoldOff
}

type putObjectLegalHoldInput struct {
	versionedTarget
	digestHeaders
	LegalHold *legalHoldXML `payload:"xml"`
}

type legalHoldXML struct {
	XMLName xml.Name `xml:"LegalHold"`
	Status  []string `xml:"Status"`
}

func (h *legalHoldXML) status() (string, error) {
	if h == nil || len(h.Status) != 1 || h.Status[0] != legalHoldOn && h.Status[0] != legalHoldOff {
		return "", malformedXML()
	}
	return h.Status[0], nil
}

func (s *Service) needPutObjectLegalHold(ctx context.Context, in *putObjectLegalHoldInput) ([]api.Permission, error) {
	var keys []identity.Key
	if status, err := in.LegalHold.status(); err == nil {
		keys = given(nil, "s3:object-lock-legal-hold", status)
	}
	return s.needExisting(ctx, &in.versionedTarget, actPutLegalHold, keys...)
}

func (s *Service) putObjectLegalHold(ctx context.Context, in *putObjectLegalHoldInput) (*api.Empty, error) {
	if err := in.verifyGiven(ctx); err != nil {
		return nil, err
	}
	if err := in.lockable(); err != nil {
		return nil, err
	}
	status, err := in.LegalHold.status()
	if err != nil {
		return nil, err
	}
	_, err = s.changeExisting(ctx, &in.versionedTarget, nil, func(v *object.Version) error {
		v.LegalHold = status == legalHoldOn
		return nil
	})
	return nothing, err
}

// tellLock sets the headers that tell how a version is locked, to callers who may
// read that (API Reference, GetObject).
func (h *lockValues) tellLock(ctx context.Context, t *versionedTarget, v *object.Version) error {
	if v.Retention.Mode != object.NoRetention {
		may, err := t.mayTell(ctx, actGetRetention, v)
		if err != nil {
			return err
		}
		if may {
			h.ObjectLockMode = retentionModeName(v.Retention.Mode)
			h.ObjectLockRetainUntilDate = string(appendTime(nil, v.Retention.Until))
		}
	}
	if v.LegalHold {
		may, err := t.mayTell(ctx, actGetLegalHold, v)
		if err != nil {
			return err
		}
		if may {
			h.ObjectLockLegalHold = legalHoldOn
		}
	}
	return nil
}
