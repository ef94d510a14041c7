package s3

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
)

func (s *Service) attributesOperations() []api.Operation {
	return []api.Operation{
		row("GetObjectAttributes", "GET /{Bucket}/{Key+}?attributes", s.needGetObjectAttributes, s.getObjectAttributes),
	}
}

type getObjectAttributesInput struct {
	versionedTarget
	customerKeyHeaders
	ObjectAttributes []string `header:"X-Amz-Object-Attributes"`
	MaxParts         *string  `header:"X-Amz-Max-Parts"`
	PartNumberMarker *string  `header:"X-Amz-Part-Number-Marker"`

	read readInput // what the operation reads the object by
}

type getObjectAttributesOutput struct {
	ContentType  string       `header:"Content-Type"`
	LastModified string       `header:"Last-Modified"`
	VersionID    string       `header:"X-Amz-Version-Id"`
	Body         *api.Payload `payload:"stream"`
}

// objectAttributes are those that can be asked for (API Reference,
// GetObjectAttributes).
var objectAttributes = []string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}

// needGetObjectAttributes states GetObject and GetObjectAttributes, both, or
// their twins for a version (API Reference, GetObjectAttributes).
func (s *Service) needGetObjectAttributes(ctx context.Context, in *getObjectAttributesInput) ([]api.Permission, error) {
	in.read = readInput{versionedTarget: in.versionedTarget, customerKeyHeaders: in.customerKeyHeaders}
	if slices.Contains(in.ObjectAttributes, "Checksum") || slices.Contains(in.ObjectAttributes, "ObjectParts") {
		in.read.ChecksumMode = "ENABLED" // sums tell of the content: whoever asks must be able to open it
	}
	needs, err := s.needRead(ctx, &in.read)
	if err != nil {
		return nil, err
	}
	more, err := s.needExisting(ctx, &in.versionedTarget, "s3:GetObjectAttributes")
	return append(needs, more...), err
}

func (s *Service) getObjectAttributes(ctx context.Context, in *getObjectAttributesInput) (*getObjectAttributesOutput, error) {
	if len(in.ObjectAttributes) == 0 {
		return nil, invalidRequest("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	for _, name := range in.ObjectAttributes {
		if !slices.Contains(objectAttributes, name) {
			return nil, invalidArgument("x-amz-object-attributes", name, "Invalid attribute name specified.")
		}
	}
	most, err := partsPage("x-amz-max-parts", in.MaxParts, maxListedParts)
	if err != nil {
		return nil, err
	}
	after, err := partsPage("x-amz-part-number-marker", in.PartNumberMarker, 0)
	if err != nil {
		return nil, err
	}
	r, err := s.open(ctx, &in.read, false)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	v := &r.Version
	if err := s.mayUse(ctx, in.on, v); err != nil {
		return nil, err
	}
	d := newDocument("GetObjectAttributesResponse", 512)
	wants := func(name string) bool { return slices.Contains(in.ObjectAttributes, name) }
	if wants("ETag") {
		d.text("ETag", v.ETag) // without quotes, unlike everywhere else
	}
	if wants("Checksum") && len(v.Checksums) > 0 {
		d.open("Checksum")
		d.checksums(v.Checksums)
		d.text("ChecksumType", v.Checksums[0].Type.String())
		d.close("Checksum")
	}
	if wants("ObjectParts") && v.PartCount > 0 {
		if err := s.objectParts(ctx, d, in, v, after, most); err != nil {
			return nil, err
		}
	}
	if wants("StorageClass") {
		d.text("StorageClass", storageClass(&v.Metadata))
	}
	if wants("ObjectSize") {
		d.int("ObjectSize", v.SizeBytes)
	}
	var h objectHeaders
	h.describe(v)
	return &getObjectAttributesOutput{ContentType: "application/xml", LastModified: h.LastModified, Body: d.payload(),
		VersionID: cmp.Or(s.versionHeader(ctx, in.Bucket, v.VersionID), in.version())}, nil
}

// maxListedParts is the largest page of parts, and the default.
const maxListedParts = 1000

// partsPage reads a header with a number that is not negative.
func partsPage(name string, value *string, missing int) (int, error) {
	if value == nil || *value == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(*value)
	if err != nil || n < 0 || n > 1<<31-1 {
		return 0, invalidArgument(name, *value, "Argument "+name+" must be an integer between 0 and 2147483647")
	}
	return n, nil
}

// objectParts writes the parts after one.
func (s *Service) objectParts(ctx context.Context, d *document, in *getObjectAttributesInput, v *object.Version, after, most int) error {
	most = min(most, maxListedParts)
	var parts []object.Part
	more := v.PartCount > 0 && most == 0
	if most > 0 {
		var err error
		parts, more, err = s.engine.ObjectParts(ctx, in.Bucket, in.Key, object.GetOptions{VersionID: v.VersionID}, after, most)
		if err != nil {
			return s.readError(ctx, in.subject(), err)
		}
	}
	d.open("ObjectParts")
	d.int("PartsCount", int64(v.PartCount))
	d.int("PartNumberMarker", int64(after))
	if len(parts) > 0 {
		after = parts[len(parts)-1].Number
	}
	d.int("NextPartNumberMarker", int64(after))
	d.int("MaxParts", int64(most))
	d.bool("IsTruncated", more)
	for i := range parts {
		d.open("Part")
		d.int("PartNumber", int64(parts[i].Number))
		d.int("Size", parts[i].SizeBytes)
		d.checksums(parts[i].Checksums)
		d.close("Part")
	}
	d.close("ObjectParts")
	return nil
}
