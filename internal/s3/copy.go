package s3

import (
	"context"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

func (s *Service) copyOperations() []api.Operation {
	return []api.Operation{
		row("CopyObject", "PUT /{Bucket}/{Key+} X-Amz-Copy-Source", s.needCopyObject, s.copyObject),
	}
}

type copyObjectInput struct {
	objectTarget
	copyHeaders
	metadataHeaders
	settingHeaders
	writeConditions
	ChecksumAlgorithm string  `header:"X-Amz-Checksum-Algorithm"`
	MetadataDirective *string `header:"X-Amz-Metadata-Directive"`
	TaggingDirective  *string `header:"X-Amz-Tagging-Directive"`
}

// copyOutput is the answer of both copies.
type copyOutput struct {
	ContentType         string       `header:"Content-Type"`
	VersionID           string       `header:"X-Amz-Version-Id"` // not of a part
	CopySourceVersionID string       `header:"X-Amz-Copy-Source-Version-Id"`
	Body                *api.Payload `payload:"stream"`
	expirationHeader
	sealingResult
}

func (s *Service) needCopyObject(ctx context.Context, in *copyObjectInput) ([]api.Permission, error) {
	read, sourceKey, err := s.needSource(ctx, &in.copyHeaders)
	if err != nil {
		return nil, err
	}
	if in.retags() && in.Tagging == nil {
		in.Tagging = new(string) // new tags, none: the permission is the same
	}
	keys := optional([]identity.Key{sourceKey}, "s3:x-amz-metadata-directive", in.MetadataDirective)
	write, err := s.needNew(ctx, &in.objectTarget, &in.settingHeaders, &in.writeConditions, true, keys...)
	return append([]api.Permission{read}, write...), err
}

// Directives say whether something is copied or given anew.
const (
	directiveCopy    = "COPY"
	directiveReplace = "REPLACE"
)

func (in *copyObjectInput) retags() bool {
	return in.TaggingDirective != nil && strings.EqualFold(*in.TaggingDirective, directiveReplace)
}

func directive(name string, value *string) (replace bool, err error) {
	switch {
	case value == nil, strings.EqualFold(*value, directiveCopy):
		return false, nil
	case strings.EqualFold(*value, directiveReplace):
		return true, nil
	}
	return false, invalidArgument(name, *value, "Unknown metadata directive.")
}

func (s *Service) copyObject(ctx context.Context, in *copyObjectInput) (*copyOutput, error) {
	if err := in.settingHeaders.refuse(); err != nil {
		return nil, err
	}
	replace, err := directive("x-amz-metadata-directive", in.MetadataDirective)
	if err != nil {
		return nil, err
	}
	if _, err := directive("x-amz-tagging-directive", in.TaggingDirective); err != nil {
		return nil, err
	}
	options, err := in.putOptions(replace)
	if err != nil {
		return nil, err
	}
	own, err := s.newObject(ctx, in.at, &in.settingHeaders)
	if err != nil {
		return nil, err
	}
	options.Owner = own.owner
	if options.Attributes, err = s.newAttributes(ctx, in.at.bucket, &in.settingHeaders, own.list); err != nil {
		return nil, err
	}
	r, source, err := s.openSource(ctx, &in.copyHeaders)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	api.RequestOf(ctx).Note(copiedFrom{source.bucket, source.key})
	if !replace {
		if source.bucket == in.Bucket && source.key == in.Key && source.version == nil && in.StorageClass == "" && in.WebsiteRedirectLocation == "" && !in.reseals() {
			return nil, invalidRequest("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
		}
		options.Metadata = r.Version.Metadata
	}
	in.settingHeaders.describe(&options.Metadata)
	if len(options.Checksums) == 0 {
		options.Checksums = sameAlgorithm(&r.Version)
	}
	if options.Encryption, err = s.seal(&in.sealing, in.Key); err != nil {
		return nil, err
	}
	if options.Attributes.Tags, err = copyTags(ctx, in, &source, &r.Version); err != nil {
		return nil, err
	}
	v, err := s.putRange(ctx, in, r, options)
	if err != nil {
		return nil, err
	}
	d := newDocument("CopyObjectResult", 256)
	d.copied(v.ETag, v)
	return &copyOutput{
		ContentType: "application/xml", VersionID: s.versionHeader(ctx, in.Bucket, v.VersionID),
		CopySourceVersionID: s.versionHeader(ctx, source.bucket, r.Version.VersionID), Body: d.payload(),
		expirationHeader: s.expiration(ctx, in.Bucket, v), sealingResult: in.sealing.result(),
	}, nil
}

// putOptions reads what the request says of the new object.
func (in *copyObjectInput) putOptions(replace bool) (object.PutOptions, error) {
	var o object.PutOptions
	var err error
	if replace {
		if o.Metadata, err = in.metadata(); err != nil {
			return o, err
		}
	}
	if in.ChecksumAlgorithm != "" {
		a, err := algorithmOf(strings.ToLower(in.ChecksumAlgorithm))
		if err != nil {
			return o, err
		}
		o.Checksums = []object.Algorithm{a}
	}
	o.Condition, err = in.condition()
	return o, err
}

// sameAlgorithm is that of the source's checksum. The copy has it over the whole
// object, even when the source's is composite.
func sameAlgorithm(v *object.Version) []object.Algorithm {
	if len(v.Checksums) == 0 {
		return defaultAlgorithm
	}
	return []object.Algorithm{v.Checksums[0].Algorithm}
}

// putRange stores the whole source as the new object.
func (s *Service) putRange(ctx context.Context, in *copyObjectInput, r *object.Reader, options object.PutOptions) (*object.Version, error) {
	if r.SizeBytes > maxCopyBytes {
		return nil, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	content, err := r.Range(0, r.SizeBytes)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	options.SizeBytes = r.SizeBytes
	if options.Messages, err = s.messages(ctx, in.Bucket, objectCreatedCopy); err != nil {
		return nil, err
	}
	v, err := s.engine.Put(ctx, in.Bucket, in.Key, content, options)
	if err != nil {
		return nil, s.writeError(ctx, in.objectTarget.subject(), err)
	}
	return &v, nil
}

// copied writes what both results of a copy hold.
func (d *document) copied(etag string, v *object.Version) {
	d.etag(etag)
	d.time("LastModified", v.Modified)
	d.checksums(v.Checksums)
	if len(v.Checksums) > 0 {
		d.text("ChecksumType", v.Checksums[0].Type.String())
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
