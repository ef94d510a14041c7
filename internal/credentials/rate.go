package credentials

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxLimiters bounds the certificates whose rate is remembered, about 200
// bytes each. The one that asked longest ago is forgotten first, which resets
// its rate: to evade the limit takes more registered certificates than this.
const maxLimiters = 1 << 16

// Bounds of the lines at info about requests that anybody can make, as those of
// the API.
const (
	strangerLinesPerSecond = 20
	strangerLinesBurst     = 200
)

// rates limits requests, and what is logged of them.
type rates struct {
	server         *rate.Limiter                     // nil: no limit
	certificates   *lru.Cache[string, *rate.Limiter] // by certificate id; nil: no limit
	perCertificate rate.Limit
	burst          int
	strangers      *rate.Limiter // of lines in the log
}

func newRates(cfg *Config) *rates {
	r := &rates{
		perCertificate: rate.Limit(cfg.RatePerCertificate), burst: cfg.BurstPerCertificate,
		strangers: rate.NewLimiter(strangerLinesPerSecond, strangerLinesBurst),
	}
	if cfg.RatePerServer > 0 {
		r.server = rate.NewLimiter(rate.Limit(cfg.RatePerServer), cfg.BurstPerServer)
	}
	if cfg.RatePerCertificate > 0 {
		r.certificates, _ = lru.New[string, *rate.Limiter](maxLimiters) // it fails for sizes below 1 only
	}
	return r
}

// allowCertificate counts a request of a registered certificate. Unknown
// certificates must not get here: anybody can make as many as they like.
func (r *rates) allowCertificate(id string, now time.Time) bool {
	if r.certificates == nil {
		return true
	}
	limiter, ok := r.certificates.Get(id)
	if !ok {
		limiter = rate.NewLimiter(r.perCertificate, r.burst)
		if earlier, raced, _ := r.certificates.PeekOrAdd(id, limiter); raced {
			limiter = earlier
		}
	}
	return limiter.AllowN(now, 1)
}

// allowServer counts a request that allowCertificate let pass. Strangers must
// not get here, nor one certificate with more than its rate: they could use up
// what all the others need.
func (r *rates) allowServer(now time.Time) bool {
	return r.server == nil || r.server.AllowN(now, 1)
}
