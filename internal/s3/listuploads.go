package s3

import (
	"context"
	"errors"
	"strconv"

	"inro.dev/inro/internal/object"
)

type listPartsInput struct {
	uploadTarget
	uploadEncryptionHeaders
	MaxParts         *string `query:"max-parts"`
	PartNumberMarker *string `query:"part-number-marker"`
}

type listPartsOutput struct {
	xmlOutput
	abortHeaders
}

func (s *Service) listParts(ctx context.Context, in *listPartsInput) (*listPartsOutput, error) {
	size, err := pageSize("max-parts", in.MaxParts)
	if err != nil {
		return nil, err
	}
	after := 0
	if deref(in.PartNumberMarker) != "" {
		n, err := strconv.ParseInt(*in.PartNumberMarker, 10, 32)
		if err != nil || n < 0 {
			return nil, invalidArgument("part-number-marker", *in.PartNumberMarker, "Provided part-number-marker not an integer or within integer range")
		}
		after = int(n)
	}
	if _, err := s.readUpload(ctx, &in.uploadTarget, nil); err != nil {
		return nil, err
	}
	if _, err := s.uploadKey(ctx, &in.uploadTarget, &in.uploadEncryptionHeaders); err != nil {
		return nil, err
	}
	where := in.uploadTarget.subject()
	u, err := s.engine.Upload(ctx, in.Bucket, in.Key, in.UploadID)
	if err != nil {
		return nil, where.translate(err)
	}
	var parts []object.Part
	truncated := false
	if size > 0 {
		if parts, truncated, err = s.engine.Parts(ctx, in.Bucket, in.Key, in.UploadID, after, size); err != nil {
			return nil, where.translate(err)
		}
	}
	d := newDocument("ListPartsResult", 1024+256*len(parts))
	d.text("Bucket", in.Bucket)
	d.text("Key", in.Key)
	if err := s.writeUploader(ctx, d, in.at, &u); err != nil {
		return nil, err
	}
	d.int("PartNumberMarker", int64(after))
	next := after
	if len(parts) > 0 {
		next = parts[len(parts)-1].Number
	}
	d.int("NextPartNumberMarker", int64(next))
	d.int("MaxParts", int64(size))
	d.bool("IsTruncated", truncated)
	for i := range parts {
		p := &parts[i]
		d.open("Part")
		d.int("PartNumber", int64(p.Number))
		d.time("LastModified", p.Modified)
		d.etag(p.ETag)
		d.int("Size", p.SizeBytes)
		d.checksums(p.Checksums)
		d.close("Part")
	}
	out := &listPartsOutput{xmlOutput: *d.output()}
	out.abortHeaders = s.abortion(ctx, in.Bucket, &u)
	return out, nil
}

// writeUploader writes what both listings tell of an upload.
func (s *Service) writeUploader(ctx context.Context, d *document, p place, u *object.Upload) error {
	d.text("UploadId", u.ID)
	d.open("Initiator")
	d.text("ID", u.Initiator)
	d.text("DisplayName", u.Initiator)
	d.close("Initiator")
	owner := u.Owner
	if !p.access.lists() {
		owner = p.bucket.Account
	}
	if err := s.writeOwner(ctx, d, "Owner", owner); err != nil {
		return err
	}
	d.text("StorageClass", storageClass(&u.Metadata))
	d.text("ChecksumAlgorithm", u.Checksum.String())
	d.text("ChecksumType", u.ChecksumType.String())
	return nil
}

type listMultipartUploadsInput struct {
	bucketTarget
	Prefix         *string `query:"prefix"`
	Delimiter      *string `query:"delimiter"`
	EncodingType   *string `query:"encoding-type"`
	KeyMarker      *string `query:"key-marker"`
	UploadIDMarker *string `query:"upload-id-marker"`
	MaxUploads     *string `query:"max-uploads"`
}

func (s *Service) listMultipartUploads(ctx context.Context, in *listMultipartUploadsInput) (*xmlOutput, error) {
	size, err := pageSize("max-uploads", in.MaxUploads)
	if err != nil {
		return nil, err
	}
	encoded, err := urlEncoded(in.EncodingType)
	if err != nil {
		return nil, err
	}
	page, err := s.uploads(ctx, in, size)
	if err != nil {
		return nil, err
	}
	d := names{newDocument("ListMultipartUploadsResult", 1024+512*len(page.Entries)), encoded}
	d.text("Bucket", in.Bucket)
	d.name("KeyMarker", deref(in.KeyMarker))
	d.text("UploadIdMarker", deref(in.UploadIDMarker))
	if page.Truncated {
		d.name("NextKeyMarker", page.NextKey)
		d.text("NextUploadIdMarker", page.NextUploadID)
	}
	d.name("Prefix", deref(in.Prefix))
	if deref(in.Delimiter) != "" {
		d.name("Delimiter", *in.Delimiter)
	}
	if encoded {
		d.text("EncodingType", "url")
	}
	d.int("MaxUploads", int64(size))
	d.bool("IsTruncated", page.Truncated)
	for i := range page.Entries {
		e := &page.Entries[i]
		if e.CommonPrefix != "" {
			continue
		}
		d.open("Upload")
		d.name("Key", e.Upload.Key)
		if err := s.writeUploader(ctx, d.document, in.at, &e.Upload); err != nil {
			return nil, err
		}
		d.time("Initiated", e.Upload.Initiated)
		d.close("Upload")
	}
	for i := range page.Entries {
		if p := page.Entries[i].CommonPrefix; p != "" {
			d.open("CommonPrefixes")
			d.name("Prefix", p)
			d.close("CommonPrefixes")
		}
	}
	return d.output(), nil
}

// uploads reads a page. An upload ID without a key marker is ignored (API
// Reference, ListMultipartUploads).
func (s *Service) uploads(ctx context.Context, in *listMultipartUploadsInput, size int) (object.UploadList, error) {
	if size == 0 {
		_, err := s.engine.Bucket(ctx, in.Bucket)
		return object.UploadList{}, in.subject().translate(err)
	}
	options := object.ListUploadsOptions{
		Prefix: deref(in.Prefix), Delimiter: deref(in.Delimiter), AfterKey: deref(in.KeyMarker), Limit: size,
	}
	if options.AfterKey != "" {
		options.AfterUploadID = deref(in.UploadIDMarker)
	}
	page, err := s.engine.Uploads(ctx, in.Bucket, options)
	if errors.Is(err, object.ErrNoSuchUpload) {
		return page, invalidArgument("upload-id-marker", options.AfterUploadID, "Invalid uploadId marker")
	}
	return page, in.subject().translate(err)
}
