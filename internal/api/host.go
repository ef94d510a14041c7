package api

import (
	"mime"
	"net"
	"net/http"
	"strings"
)

// choose finds the service a request speaks to: one that claims the host name;
// else by the service in the SigV4 credential scope; for unsigned requests by
// host name, else S3. A service that shares another's signatures takes its
// requests from that. For S3 it also moves the bucket of a virtual-hosted request
// into the path.
func (s *Server) choose(c *call) *service {
	host := hostName(c.r.Host)
	for _, svc := range s.claiming {
		if bucket, claimed := svc.Host(host); claimed {
			c.path = bucket + "/" + c.path
			return svc
		}
	}
	name := scopeService(c.r)
	if name == "" {
		name = serviceOfHost(host)
	}
	svc, ok := s.services[name]
	if !ok {
		svc = s.services["s3"]
	}
	if s.forms != nil && (svc == nil || svc.Name == "s3") && isUnsignedForm(c.r) && s.bucketOfHost(host) == "" {
		svc = s.forms
	}
	bucket := ""
	if svc.Name == "s3" {
		bucket = s.bucketOfHost(host)
	}
	for _, other := range s.sharing {
		if other.SignedAs == svc.Name && other.Claims(c.r, bucket) {
			return other
		}
	}
	if bucket != "" {
		c.path = bucket + "/" + c.path
	}
	return svc
}

// isUnsignedForm reports whether an unsigned request calls a service of the
// Query protocol, as clients send AssumeRoleWithWebIdentity. S3 has no such
// request for the path "/".
func isUnsignedForm(r *http.Request) bool {
	if r.URL.Path != "/" || r.Header.Get("Authorization") != "" || scopeService(r) != "" {
		return false
	}
	switch r.Method {
	case http.MethodPost:
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		return err == nil && kind == "application/x-www-form-urlencoded"
	case http.MethodGet:
		return strings.HasPrefix(r.URL.RawQuery, "Action=") || strings.Contains(r.URL.RawQuery, "&Action=")
	}
	return false
}

func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// serviceOfHost understands iam.amazonaws.com, sts.amazonaws.com,
// sts.<region>.amazonaws.com and iot.<region>.amazonaws.com.
func serviceOfHost(host string) string {
	inner, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return "s3"
	}
	first, region, _ := strings.Cut(inner, ".")
	if strings.Contains(region, ".") {
		return "s3"
	}
	switch first {
	case "iam", "sts", "iot":
		return first
	}
	return "s3"
}

// bucketOfHost returns the bucket of <bucket>.<domain>, or "". Amazon's forms
// are <bucket>.s3.amazonaws.com, <bucket>.s3.<region>.amazonaws.com and
// <bucket>.s3-<region>.amazonaws.com (S3 User Guide, Virtual hosting of
// buckets). The bucket may hold dots.
func (s *Server) bucketOfHost(host string) string {
	for _, domain := range s.cfg.Domains {
		if bucket, ok := strings.CutSuffix(host, "."+domain); ok && !isServiceHost(bucket) {
			return bucket
		}
	}
	inner, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return ""
	}
	for _, mark := range []string{".s3.", ".s3-"} {
		if i := strings.LastIndex(inner, mark); i > 0 && !strings.Contains(inner[i+len(mark):], ".") {
			return inner[:i]
		}
	}
	bucket, _ := strings.CutSuffix(inner, ".s3")
	if bucket == inner {
		return ""
	}
	return bucket
}

// isServiceHost reports whether the label in front of a domain names the S3
// service itself, as in s3.localhost.
func isServiceHost(label string) bool { return label == "s3" }
