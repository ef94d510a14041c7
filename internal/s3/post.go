package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
)

func (s *Service) postOperations() []api.Operation {
	return []api.Operation{
		row("PostObject", "POST /{Bucket}", s.needPostObject, s.postObject),
	}
}

// postObjectInput is the form of a browser's upload. Its fields stand for the
// headers of PutObject, which does the rest.
type postObjectInput struct {
	putObjectInput
	Form *api.Form `payload:"form"`
}

type postObjectOutput struct {
	Status int `status:""`
	putObjectOutput
	Location    string       `header:"Location"`
	ContentType string       `header:"Content-Type"`
	Body        *api.Payload `payload:"stream"`
}

// needPostObject makes a PutObject of the form, checks it against its policy,
// and states what that PutObject needs: a signature speaks for its signer, whose
// permissions decide.
func (s *Service) needPostObject(ctx context.Context, in *postObjectInput) ([]api.Permission, error) {
	if err := in.translate(); err != nil {
		return nil, err
	}
	if in.Form.Signed {
		policy, err := parsePostPolicy(in.Form.Fields["policy"])
		if err != nil {
			return nil, err
		}
		if err := policy.check(in.Form.Fields, s.clock()); err != nil {
			return nil, err
		}
		if policy.size != nil {
			in.putObjectInput.Body.Reader = &rangedFile{from: in.putObjectInput.Body.Reader, size: *policy.size}
		}
	}
	return s.needPutObject(ctx, &in.putObjectInput)
}

// translate takes over what fields and headers name differently. It expands
// ${filename} first, as a policy sees the result (POST Policy).
func (in *postObjectInput) translate() error {
	fields := in.Form.Fields
	key, ok := fields["key"]
	if !ok || key == "" {
		return awserr.New(http.StatusBadRequest, "InvalidArgument",
			"Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.").
			With("ArgumentName", "key").With("ArgumentValue", "")
	}
	in.Key = strings.ReplaceAll(key, "${filename}", in.Form.FileName)
	fields["key"] = in.Key
	if bucket, ok := fields["bucket"]; ok && bucket != in.Bucket {
		return againstPolicy("Bucket does not match the one that the form was sent to.")
	}
	fields["bucket"] = in.Bucket
	if acl, ok := fields["acl"]; ok {
		if in.ACL != "" && in.ACL != acl {
			return invalidArgument("acl", acl, "The fields acl and x-amz-acl differ.")
		}
		in.ACL = acl
	}
	if text, ok := fields["tagging"]; ok {
		if in.Tagging != nil {
			return invalidArgument("tagging", text, "The fields tagging and x-amz-tagging cannot both be given.")
		}
		tagging, err := taggingText(text)
		if err != nil {
			return err
		}
		in.Tagging = &tagging
	}
	return nil
}

// taggingText makes the header x-amz-tagging of the XML that a form carries.
func taggingText(text string) (string, error) {
	var tagging struct {
		XMLName xml.Name `xml:"Tagging"`
		Tags    []struct {
			Key   []string `xml:"Key"`
			Value []string `xml:"Value"`
		} `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal([]byte(text), &tagging); err != nil {
		return "", malformedXML().WithCause(err)
	}
	tags := make(url.Values)
	for _, t := range tagging.Tags {
		if len(t.Key) != 1 || len(t.Value) != 1 || tags.Has(t.Key[0]) {
			return "", malformedXML()
		}
		tags.Set(t.Key[0], t.Value[0])
	}
	return tags.Encode(), nil
}

func (s *Service) postObject(ctx context.Context, in *postObjectInput) (*postObjectOutput, error) {
	in.created = objectCreatedPost
	stored, err := s.putObject(ctx, &in.putObjectInput)
	if err != nil {
		return nil, err
	}
	out := &postObjectOutput{putObjectOutput: *stored}
	if target := in.redirect(stored.ETag); target != "" {
		out.Status, out.Location = http.StatusSeeOther, target
		return out, nil
	}
	out.Location = location(api.RequestOf(ctx).HTTP, in.Bucket, in.Key)
	switch in.Form.Fields["success_action_status"] {
	case "200":
		out.Status = http.StatusOK
	case "201":
		out.Status, out.ContentType = http.StatusCreated, "application/xml"
		out.Body = postResponse(out.Location, in.Bucket, in.Key, stored.ETag)
	default: // API Reference, POST Object: what is not valid is as if it were not there
		out.Status = http.StatusNoContent
	}
	return out, nil
}

// postResponse is a document without a namespace, as S3's.
func postResponse(location, bucket, key, etag string) *api.Payload {
	d := &document{b: []byte(xml.Header), root: "PostResponse"}
	d.open(d.root)
	d.text("Location", location)
	d.text("Bucket", bucket)
	d.text("Key", key)
	d.etag(strings.Trim(etag, `"`))
	return d.payload()
}

// redirect is where the browser is sent, "" for nowhere. A URL that cannot be
// read counts as not given (API Reference, POST Object).
func (in *postObjectInput) redirect(etag string) string {
	target := in.Form.Fields["success_action_redirect"]
	if target == "" {
		target = in.Form.Fields["redirect"] // the older name
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "bucket=" + url.QueryEscape(in.Bucket) + "&key=" + url.QueryEscape(in.Key) + "&etag=" + url.QueryEscape(etag)
	return u.String()
}

// rangedFile fails a file whose size is not in its range: at the first byte too
// many, or at an end that comes too early.
type rangedFile struct {
	from io.Reader
	size sizeRange
	n    int64
}

// Read implements io.Reader.
func (f *rangedFile) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	f.n += int64(n)
	switch {
	case f.n > f.size.most:
		return 0, awserr.New(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size").
			With("ProposedSize", strconv.FormatInt(f.n, 10)).With("MaxSizeAllowed", strconv.FormatInt(f.size.most, 10))
	case errors.Is(err, io.EOF) && f.n < f.size.least:
		return 0, awserr.New(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size").
			With("ProposedSize", strconv.FormatInt(f.n, 10)).With("MinSizeAllowed", strconv.FormatInt(f.size.least, 10))
	}
	return n, err
}
