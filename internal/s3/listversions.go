package s3

import (
	"context"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
)

func (s *Service) listVersionsOperations() []api.Operation {
	return []api.Operation{
		row("ListObjectVersions", "GET /{Bucket}?versions", s.needListObjectVersions, s.listObjectVersions),
	}
}

type listObjectVersionsInput struct {
	bucketTarget
	listParameters
	KeyMarker       *string `query:"key-marker"`
	VersionIDMarker *string `query:"version-id-marker"`
}

func (s *Service) needListObjectVersions(ctx context.Context, in *listObjectVersionsInput) ([]api.Permission, error) {
	p, err := s.locate(ctx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return []api.Permission{p.onBucket("s3:ListBucketVersions", in.keys()...)}, nil
}

// options reads where and what to list.
func (in *listObjectVersionsInput) options() (object.ListVersionsOptions, error) {
	o := object.ListVersionsOptions{
		Prefix: deref(in.Prefix), Delimiter: deref(in.Delimiter),
		AfterKey: deref(in.KeyMarker), AfterVersionID: deref(in.VersionIDMarker),
	}
	var err error
	if o.Limit, err = pageSize("max-keys", in.MaxKeys); err != nil || in.VersionIDMarker == nil {
		return o, err
	}
	switch marker := *in.VersionIDMarker; {
	case marker == "":
		return o, invalidArgument("version-id-marker", "", "A version-id marker cannot be empty.")
	case o.AfterKey == "":
		return o, invalidArgument("version-id-marker", marker, "A version-id marker cannot be specified without a key marker.")
	case !isVersionID(marker):
		return o, invalidVersion("version-id-marker", marker)
	}
	return o, nil
}

func (s *Service) listObjectVersions(ctx context.Context, in *listObjectVersionsInput) (*xmlOutput, error) {
	options, err := in.options()
	if err != nil {
		return nil, err
	}
	encoded, err := urlEncoded(in.EncodingType)
	if err != nil {
		return nil, err
	}
	var page object.VersionList
	if options.Limit > 0 {
		page, err = s.engine.Versions(ctx, in.Bucket, options)
	} else {
		_, err = s.engine.Bucket(ctx, in.Bucket)
	}
	if err != nil {
		return nil, in.bucketTarget.subject().translate(err)
	}
	d := names{newDocument("ListVersionsResult", 512*len(page.Entries)), encoded}
	d.text("Name", in.Bucket)
	d.name("Prefix", options.Prefix)
	d.name("KeyMarker", options.AfterKey)
	d.text("VersionIdMarker", options.AfterVersionID)
	if page.Truncated {
		d.name("NextKeyMarker", page.NextKey)
	}
	if page.NextVersionID != "" { // none behind a common prefix
		d.text("NextVersionIdMarker", page.NextVersionID)
	}
	d.int("MaxKeys", int64(options.Limit))
	if options.Delimiter != "" {
		d.name("Delimiter", options.Delimiter)
	}
	if encoded {
		d.text("EncodingType", "url")
	}
	d.bool("IsTruncated", page.Truncated)
	d.versions(page.Entries)
	return d.output(), nil
}

// versions writes versions and delete markers as they come, then the common
// prefixes.
func (d names) versions(entries []object.VersionEntry) {
	account, owner := "", "" // of the entry before, mostly the same
	for i := range entries {
		v := &entries[i].Version
		if entries[i].CommonPrefix != "" {
			continue
		}
		element := "Version"
		if v.DeleteMarker {
			element = "DeleteMarker"
		}
		d.open(element)
		d.name("Key", v.Key)
		d.text("VersionId", v.VersionID)
		d.bool("IsLatest", entries[i].Latest)
		d.time("LastModified", v.Modified)
		if !v.DeleteMarker {
			d.content(v)
		}
		if account != v.Owner {
			account, owner = v.Owner, canonicalUser(v.Owner)
		}
		d.open("Owner")
		d.text("ID", owner)
		d.close("Owner")
		d.close(element)
	}
	for i := range entries {
		if p := entries[i].CommonPrefix; p != "" {
			d.open("CommonPrefixes")
			d.name("Prefix", p)
			d.close("CommonPrefixes")
		}
	}
}

// content writes what a version has and a delete marker has not.
func (d names) content(v *object.Version) {
	d.etag(v.ETag)
	for k := range v.Checksums {
		d.text("ChecksumAlgorithm", v.Checksums[k].Algorithm.String())
		d.text("ChecksumType", v.Checksums[k].Type.String())
	}
	d.int("Size", v.SizeBytes)
	d.text("StorageClass", storageClass(&v.Metadata))
}
