package api

import (
	"net"
	"strings"
)

// choose finds the service a request speaks to: one that claims the host name;
// else by the service in the SigV4 credential scope; for unsigned requests by
// host name, else S3. For S3 it also moves the bucket of a virtual-hosted
// request into the path.
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
	if svc.Name == "s3" {
		if bucket := s.bucketOfHost(host); bucket != "" {
			c.path = bucket + "/" + c.path
		}
	}
	return svc
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
