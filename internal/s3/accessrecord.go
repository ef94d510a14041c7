package s3

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/policy"
)

// appendRecord appends one line of a bucket's access log (User Guide, Amazon S3
// server access log format). operation and key are those of the line: a request
// can have several.
func appendRecord(b []byte, bucket object.Bucket, v *api.Served, operation, key string) []byte {
	b = appendPlain(b, canonicalUser(bucket.Account))
	b = appendPlain(b, bucket.Name)
	b = v.Began.UTC().AppendFormat(b, "[02/Jan/2006:15:04:05 +0000] ")
	b = appendPlain(b, remoteHost(v.Remote))
	b = appendPlain(b, requester(v))
	b = appendPlain(b, v.RequestID)
	b = appendPlain(b, operation)
	b = appendPlain(b, string(appendURL(nil, key)))
	b = appendQuoted(b, v.HTTP.Method+" "+recordedURI(v.HTTP)+" "+v.HTTP.Proto)
	b = appendPlain(b, strconv.Itoa(v.Status))
	b = appendPlain(b, v.Code)
	b = appendNumber(b, v.SentBytes)
	b = appendNumber(b, objectSize(v))
	b = append(strconv.AppendInt(b, v.Duration.Milliseconds(), 10), ' ')
	b = append(strconv.AppendInt(b, v.TurnAround.Milliseconds(), 10), ' ')
	b = appendQuoted(b, v.HTTP.Referer())
	b = appendQuoted(b, v.HTTP.UserAgent())
	b = appendPlain(b, recordedVersion(v))
	b = appendPlain(b, "") // host id
	signature, kind := signatureOf(v)
	b = appendPlain(b, signature)
	cipher, version := connectionOf(v.HTTP)
	b = appendPlain(b, cipher)
	b = appendPlain(b, kind)
	b = appendPlain(b, v.HTTP.Host)
	b = appendPlain(b, version)
	b = appendPlain(b, "")     // access point
	return append(b, "-\n"...) // whether a list had to allow it
}

// recordedURI is the request's target without what signs it: until it expires, a
// presigned URL works for whoever reads it.
func recordedURI(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return r.URL.RequestURI()
	}
	pairs := strings.Split(r.URL.RawQuery, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if text, err := url.QueryUnescape(name); err == nil {
			name = text
		}
		if name == "X-Amz-Signature" || name == "X-Amz-Security-Token" {
			pairs[i] = name + "=REDACTED"
		}
	}
	return r.URL.EscapedPath() + "?" + strings.Join(pairs, "&")
}

// maxRecordedBytes bounds a field that the client chose.
const maxRecordedBytes = 2048

// appendPlain appends a field and a space, "-" for an empty one. What could
// end the field or the line is escaped.
func appendPlain(b []byte, text string) []byte {
	if text == "" {
		return append(b, "- "...)
	}
	return append(appendField(b, text, " \""), ' ')
}

// appendQuoted appends a field in quotes.
func appendQuoted(b []byte, text string) []byte {
	if text == "" {
		return append(b, "\"-\" "...)
	}
	b = append(b, '"')
	return append(appendField(b, text, "\""), "\" "...)
}

func appendField(b []byte, text, special string) []byte {
	for i := range min(len(text), maxRecordedBytes) {
		c := text[i]
		if c < 0x20 || c == 0x7f || strings.IndexByte(special, c) >= 0 {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
			continue
		}
		b = append(b, c)
	}
	return b
}

func appendNumber(b []byte, n int64) []byte {
	if n <= 0 {
		return append(b, "- "...)
	}
	return append(strconv.AppendInt(b, n, 10), ' ')
}

func remoteHost(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

// requester is the canonical user ID of a root, the ARN of another caller.
func requester(v *api.Served) string {
	switch {
	case v.Caller == nil || v.Caller.IsAnonymous():
		return ""
	case v.Caller.Principal.Type == policy.Root:
		return canonicalUser(v.Caller.Principal.Account)
	}
	return v.Caller.Principal.ARN
}

// objectSize is the size of the object that was read or written, as far as
// the heads of request and answer tell.
func objectSize(v *api.Served) int64 {
	if v.Code != "" {
		return 0
	}
	text := ""
	switch v.Operation {
	case "GetObject", "HeadObject", "GetWebsite", "HeadWebsite", "GetWebsiteRoot", "HeadWebsiteRoot":
		text = v.Answer.Get("Content-Length")
		if _, total, ok := strings.Cut(v.Answer.Get("Content-Range"), "/"); ok {
			text = total
		}
	case "PutObject", "UploadPart":
		if text = v.HTTP.Header.Get("X-Amz-Decoded-Content-Length"); text == "" {
			return v.HTTP.ContentLength
		}
	}
	n, _ := strconv.ParseInt(text, 10, 64) // what is no number is not known
	return n
}

// recordedVersion is the version that the request named, or that the answer
// did.
func recordedVersion(v *api.Served) string {
	if id := v.HTTP.URL.Query().Get("versionId"); id != "" {
		return id
	}
	return v.Answer.Get("X-Amz-Version-Id")
}

func signatureOf(v *api.Served) (version, kind string) {
	switch {
	case v.Caller == nil || v.Caller.IsAnonymous():
		return "", ""
	case v.HTTP.Header.Get("Authorization") != "":
		return "SigV4", "AuthHeader"
	case v.Operation == "PostObject":
		return "SigV4", "POST"
	}
	return "SigV4", "QueryString"
}

// recordedOperation names a request as access logs do:
// REST.<method>.<resource type>.
func recordedOperation(v *api.Served) string {
	if v.Service == "s3-website" {
		return "WEBSITE." + v.HTTP.Method + ".OBJECT"
	}
	if known, ok := recordedOperations[v.Operation]; ok {
		return known
	}
	_, key, _ := strings.Cut(v.Path, "/")
	for name := range queryNames(v.HTTP.URL.RawQuery) {
		if !subresources[name] {
			continue
		}
		kind, ok := recordedSubresources[name]
		if !ok {
			kind = strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		}
		if key != "" && (name == "tagging" || name == "attributes") {
			kind = "OBJECT_" + kind
		}
		return "REST." + v.HTTP.Method + "." + kind
	}
	if key != "" {
		return "REST." + v.HTTP.Method + ".OBJECT"
	}
	return "REST." + v.HTTP.Method + ".BUCKET"
}

// recordedOperations are those whose names do not follow from the request's
// method and sub-resource.
var recordedOperations = map[string]string{
	"CopyObject": "REST.COPY.OBJECT", "UploadPartCopy": "REST.COPY.PART", "UploadPart": "REST.PUT.PART",
	"CreateMultipartUpload": "REST.POST.UPLOADS", "CompleteMultipartUpload": "REST.POST.UPLOAD", "AbortMultipartUpload": "REST.DELETE.UPLOAD",
	"ListParts": "REST.GET.UPLOAD", "ListMultipartUploads": "REST.GET.UPLOADS", "DeleteObjects": "REST.POST.MULTI_OBJECT_DELETE",
	"ListObjectVersions": "REST.GET.BUCKETVERSIONS", "Preflight": "REST.OPTIONS.PREFLIGHT",
}

var recordedSubresources = map[string]string{
	"logging": "LOGGING_STATUS", "policy": "BUCKETPOLICY", "policyStatus": "BUCKET_POLICY_STATUS", "publicAccessBlock": "PUBLIC_ACCESS_BLOCK",
	"ownershipControls": "OWNERSHIP_CONTROLS", "requestPayment": "REQUEST_PAYMENT", "object-lock": "OBJECT_LOCK_CONFIGURATION",
	"retention": "OBJECT_LOCK_RETENTION", "legal-hold": "OBJECT_LOCK_LEGALHOLD",
}

// recordedKey is the key that a request is about, decoded.
func recordedKey(path string) string {
	_, key, _ := strings.Cut(path, "/")
	if text, err := url.PathUnescape(key); err == nil {
		return text
	}
	return key
}

// connectionOf names cipher suite and version of a TLS connection.
func connectionOf(r *http.Request) (cipher, version string) {
	if r.TLS == nil {
		return "", ""
	}
	return tls.CipherSuiteName(r.TLS.CipherSuite), strings.ReplaceAll(tls.VersionName(r.TLS.Version), " ", "v")
}

// partition is the folder of a log object whose key is partitioned (API
// Reference, PartitionedPrefix).
func partition(of logSource, day time.Time) string {
	return of.account + "/" + of.region + "/" + of.name + "/" + day.UTC().Format("2006/01/02") + "/"
}
