package s3

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

// crossOrigin answers browsers on pages of other origins by the bucket's CORS
// rules; it is an [api.CrossOrigin]. What a rule lets through is only what the
// browser shows the page: permissions are those of every request.
func (s *Service) crossOrigin(ctx context.Context, path string, r *http.Request, answer http.Header) error {
	asked, err := readCrossOrigin(path, r)
	if err != nil {
		return err
	}
	b, err := s.engine.Bucket(ctx, asked.bucket)
	if errors.Is(err, object.ErrNoSuchBucket) {
		return asked.forbidden("CORSResponse: Bucket not found")
	}
	if err != nil {
		return subject{bucket: asked.bucket}.translate(err)
	}
	rules, err := corsSetting.get(ctx, s, b)
	if err != nil {
		return err
	}
	if rules == nil {
		return asked.forbidden("CORSResponse: CORS is not enabled for this bucket.")
	}
	// Caches must keep answers for other origins apart.
	answer.Set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
	for i := range rules.Rules {
		if allowed, ok := rules.Rules[i].matches(asked); ok {
			rules.Rules[i].answer(asked, allowed, answer)
			return nil
		}
	}
	return asked.forbidden("CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, " +
		"request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
}

// crossOriginRequest is what a browser asks for.
type crossOriginRequest struct {
	bucket    string
	object    bool // an object, not the bucket
	origin    string
	method    string
	headers   []string // in lower case
	preflight bool
}

// readCrossOrigin reads the headers of a browser (User Guide, How does Amazon S3
// evaluate the CORS configuration on a bucket?). The method that a preflight
// asks for counts in any request.
func readCrossOrigin(path string, r *http.Request) (*crossOriginRequest, error) {
	c := &crossOriginRequest{
		origin: r.Header.Get("Origin"), method: r.Header.Get("Access-Control-Request-Method"), preflight: r.Method == http.MethodOptions,
	}
	bucket, key, _ := strings.Cut(path, "/")
	c.bucket, c.object = bucket, key != ""
	if text, err := url.PathUnescape(bucket); err == nil {
		c.bucket = text
	}
	if c.origin == "" {
		return nil, badPreflight("Insufficient information. Origin request header needed.")
	}
	switch {
	case c.method == "" && c.preflight:
		return nil, badPreflight("Invalid Access-Control-Request-Method: null")
	case c.method == "":
		c.method = r.Method
	case !slices.Contains(corsMethods, c.method):
		return nil, badPreflight("Invalid Access-Control-Request-Method: " + clip(c.method))
	}
	for _, value := range r.Header.Values("Access-Control-Request-Headers") {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && !slices.Contains(c.headers, name) {
				c.headers = append(c.headers, name)
			}
			if len(c.headers) > maxRequestedHeaders {
				return nil, badPreflight("Access-Control-Request-Headers names too many headers.")
			}
		}
	}
	return c, nil
}

// maxRequestedHeaders bounds what a browser asks for: each is compared with every
// pattern of every rule, for anybody.
const maxRequestedHeaders = 100

func badPreflight(message string) error {
	return awserr.New(http.StatusBadRequest, "BadRequest", message)
}

func (c *crossOriginRequest) forbidden(message string) error {
	kind := "BUCKET"
	if c.object {
		kind = "OBJECT"
	}
	return awserr.New(http.StatusForbidden, "AccessForbidden", message).With("Method", c.method).With("ResourceType", kind)
}

// matches reports whether the rule is for the request, and the origin in it
// that is.
func (r *corsRule) matches(c *crossOriginRequest) (allowed string, ok bool) {
	i := slices.IndexFunc(r.AllowedOrigins, func(pattern string) bool { return oneWildcard(pattern, c.origin) })
	if i < 0 || !slices.Contains(r.AllowedMethods, c.method) {
		return "", false
	}
	for _, name := range c.headers {
		if !slices.ContainsFunc(r.AllowedHeaders, func(pattern string) bool { return oneWildcard(strings.ToLower(pattern), name) }) {
			return "", false
		}
	}
	return r.AllowedOrigins[i], true
}

// oneWildcard matches text with a pattern of at most one "*".
func oneWildcard(pattern, text string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	return len(text) >= len(before)+len(after) && strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}

// answer sets the headers for a request that the rule is for. The origin "*"
// stands for everybody, without credentials; any other is named back.
func (r *corsRule) answer(c *crossOriginRequest, allowed string, h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	if allowed != "*" {
		h.Set("Access-Control-Allow-Origin", c.origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(r.AllowedMethods, ", "))
	if len(r.ExposeHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(r.ExposeHeaders, ", "))
	}
	if len(c.headers) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(c.headers, ", "))
	}
	if r.MaxAgeSeconds != nil && c.preflight {
		h.Set("Access-Control-Max-Age", strconv.FormatInt(int64(*r.MaxAgeSeconds), 10))
	}
}
