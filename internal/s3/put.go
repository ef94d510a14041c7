package s3

import (
	"context"
	"errors"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

func (s *Service) putOperations() []api.Operation {
	return []api.Operation{
		row("PutObject", "PUT /{Bucket}/{Key+}", s.needPutObject, s.putObject),
	}
}

type putObjectInput struct {
	objectTarget
	metadataHeaders
	settingHeaders
	digestHeaders
	writeConditions
	WriteOffset string `header:"X-Amz-Write-Offset-Bytes"`
	// UploadID and PartNumber are those of UploadPart, whose row needs both.
	UploadID   *string      `query:"uploadId"`
	PartNumber *string      `query:"partNumber"`
	Body       *api.Payload `payload:"stream"`
	// created is objectCreatedPut, unless a form creates the object.
	created event
}

type putObjectOutput struct {
	ETag      string `header:"Etag"`
	VersionID string `header:"X-Amz-Version-Id"`
	checksumValues
	expirationHeader
	sealingResult
}

func (s *Service) needPutObject(ctx context.Context, in *putObjectInput) ([]api.Permission, error) {
	if in.UploadID != nil || in.PartNumber != nil {
		return nil, invalidArgument("uploadId", "", "UploadPart needs both uploadId and partNumber.")
	}
	return s.needNew(ctx, &in.objectTarget, &in.settingHeaders, &in.writeConditions, true)
}

// needWrite states the permissions of a call that creates an object, or of one
// that prepares that (spec E.7). more are condition keys of the call.
func (s *Service) needWrite(ctx context.Context, t *objectTarget, settings *settingHeaders, conditions *writeConditions, creates bool,
	more ...identity.Key) ([]api.Permission, error) {
	p, err := s.locate(ctx, t.Bucket, t.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	t.at = p
	keys := append(make([]identity.Key, 0, 8), more...)
	if creates {
		keys = append(keys, identity.StringKey("s3:ObjectCreationOperation", "true"))
	} else {
		keys = append(keys, identity.StringKey("s3:ObjectCreationOperation", "false"))
	}
	keys = conditions.keys(keys)
	if keys, err = settings.keys(keys, s.clock()); err != nil {
		return nil, err
	}
	needs := []api.Permission{p.onObject("s3:PutObject", t.Key, keys...)}
	for _, action := range settings.actions() {
		need := p.onObject(action, t.Key, keys...)
		if action == "s3:PutObjectAcl" {
			p.ofWriter(&need)
		}
		needs = append(needs, need)
	}
	return conditions.needs(needs, p, t.Key, keys), nil
}

func (s *Service) putObject(ctx context.Context, in *putObjectInput) (*putObjectOutput, error) {
	if err := in.settingHeaders.refuse(); err != nil {
		return nil, err
	}
	if in.WriteOffset != "" {
		return nil, notBuilt("x-amz-write-offset-bytes", "Appending to an object")
	}
	if err := checkLength(api.RequestOf(ctx).HTTP); err != nil {
		return nil, err
	}
	meta, err := in.metadata()
	if err != nil {
		return nil, err
	}
	in.settingHeaders.describe(&meta)
	condition, err := in.condition()
	if err != nil {
		return nil, err
	}
	check, err := in.check(in.Body)
	if err != nil {
		return nil, err
	}
	own, err := s.newObject(ctx, in.at, &in.settingHeaders)
	if err != nil {
		return nil, err
	}
	messages, err := s.messages(ctx, in.Bucket, in.created)
	if err != nil {
		return nil, err
	}
	encryption, err := s.seal(&in.sealing, in.Key)
	if err != nil {
		return nil, err
	}
	attributes, err := s.newAttributes(ctx, in.at.bucket, &in.settingHeaders, own.list)
	if err != nil {
		return nil, err
	}
	if err := check.suffices(attributes); err != nil {
		return nil, err
	}
	v, err := s.engine.Put(ctx, in.Bucket, in.Key, in.Body, object.PutOptions{
		Owner: own.owner, Attributes: attributes,
		SizeBytes: in.Body.Length, Metadata: meta, Checksums: check.stored(), Verify: check.verify, Condition: condition, Messages: messages,
		Encryption: encryption,
	})
	if err != nil {
		return nil, s.writeError(ctx, in.objectTarget.subject(), err)
	}
	out := &putObjectOutput{
		ETag: quote(v.ETag), VersionID: s.versionHeader(ctx, in.Bucket, v.VersionID),
		expirationHeader: s.expiration(ctx, in.Bucket, &v), sealingResult: in.sealing.result(),
	}
	out.checksumValues.set(v.Checksums)
	return out, nil
}

// newAttributes are what an object gets that is made at once: what the headers
// say, else the bucket's default retention.
func (s *Service) newAttributes(ctx context.Context, b object.Bucket, h *settingHeaders, list string) (object.Attributes, error) {
	a, err := h.attributes(b, list, s.clock())
	if err != nil {
		return a, err
	}
	a.Retention, err = s.retentionOf(ctx, b, a.Retention)
	return a, err
}

// suffices refuses the upload of a locked object whose body nothing vouches for:
// it could not be replaced (API Reference, PutObject, Content-MD5).
func (c *digestCheck) suffices(a object.Attributes) error {
	if c.md5 != nil || c.algorithm != 0 || a.Retention == (object.Retention{}) && !a.LegalHold {
		return nil
	}
	return invalidRequest("Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters")
}

// checkLength refuses an upload that says nothing of its body, which HTTP/1.1
// takes for an empty one: bytes that the client meant to send would be lost.
func checkLength(r *http.Request) error {
	if r.ProtoMajor == 1 && r.ContentLength == 0 && r.Header.Get("Content-Length") == "" {
		return awserr.New(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	return nil
}

// writeError hides from those who may not list that a conditional write found
// no object.
func (s *Service) writeError(ctx context.Context, where subject, err error) error {
	if _, ok := awserr.As(err); !ok && errors.Is(err, object.ErrNoSuchKey) {
		return s.missing(ctx, where, err)
	}
	return where.translate(err)
}
