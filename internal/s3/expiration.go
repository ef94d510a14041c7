package s3

import (
	"context"
	"net/http"

	"inro.dev/inro/internal/lifecycle"
	"inro.dev/inro/internal/object"
)

// expirationHeader tells when a lifecycle rule expires the object, and which.
type expirationHeader struct {
	Expiration string `header:"X-Amz-Expiration"`
}

// expiration is the header for a current version. An answer is not refused for its
// sake: the object was stored, or found, already.
func (s *Service) expiration(ctx context.Context, bucket string, v *object.Version) (h expirationHeader) {
	if c := s.rulesOf(ctx, bucket); c != nil {
		if due, ok := c.Expires(v, 0); ok {
			h.Expiration = `expiry-date="` + due.At.Format(http.TimeFormat) + `", rule-id="` + string(appendURL(nil, due.RuleID)) + `"`
		}
	}
	return h
}

// abortHeaders tell when a lifecycle rule aborts an upload, and which.
type abortHeaders struct {
	AbortDate   string `header:"X-Amz-Abort-Date"`
	AbortRuleID string `header:"X-Amz-Abort-Rule-Id"`
}

func (s *Service) abortion(ctx context.Context, bucket string, u *object.Upload) (h abortHeaders) {
	if c := s.rulesOf(ctx, bucket); c != nil {
		if due, ok := c.UploadExpires(u.Key, u.Initiated, 0); ok {
			h.AbortDate, h.AbortRuleID = due.At.Format(http.TimeFormat), string(appendURL(nil, due.RuleID))
		}
	}
	return h
}

// rulesOf returns the lifecycle rules of a bucket; nil when there are none or they
// cannot be read.
func (s *Service) rulesOf(ctx context.Context, bucket string) *lifecycle.Configuration {
	b, err := s.engine.Bucket(ctx, bucket)
	if err != nil {
		return nil
	}
	c, err := lifecycleRules.get(ctx, s, b)
	if err != nil {
		return nil
	}
	return c
}
