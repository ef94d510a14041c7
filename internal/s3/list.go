package s3

import (
	"context"
	"strconv"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

func (s *Service) listOperations() []api.Operation {
	return []api.Operation{
		row("ListObjects", "GET /{Bucket}", s.needListObjects, s.listObjects),
		row("ListObjectsV2", "GET /{Bucket}?list-type=2", s.needListObjectsV2, s.listObjectsV2),
	}
}

// listParameters are those of both listings.
type listParameters struct {
	Prefix       *string `query:"prefix"`
	Delimiter    *string `query:"delimiter"`
	MaxKeys      *string `query:"max-keys"`
	EncodingType *string `query:"encoding-type"`
	// OptionalObjectAttributes asks for the state of restores from archives,
	// which no object has.
	OptionalObjectAttributes string `header:"X-Amz-Optional-Object-Attributes"`
}

// keys are the condition keys of a listing: present with an empty value when a
// parameter is given empty, absent when it is not given (spec E.5).
func (l *listParameters) keys() []identity.Key {
	keys := optional(make([]identity.Key, 0, 5), "s3:prefix", l.Prefix)
	keys = optional(keys, "s3:delimiter", l.Delimiter)
	return optional(keys, "s3:max-keys", l.MaxKeys)
}

type listObjectsInput struct {
	bucketTarget
	listParameters
	Marker *string `query:"marker"`
}

type listObjectsV2Input struct {
	bucketTarget
	listParameters
	ContinuationToken *string `query:"continuation-token"`
	StartAfter        *string `query:"start-after"`
	FetchOwner        *string `query:"fetch-owner"`
}

func (s *Service) needListObjects(ctx context.Context, in *listObjectsInput) ([]api.Permission, error) {
	return s.needList(ctx, &in.bucketTarget, &in.listParameters)
}

func (s *Service) needListObjectsV2(ctx context.Context, in *listObjectsV2Input) ([]api.Permission, error) {
	return s.needList(ctx, &in.bucketTarget, &in.listParameters)
}

func (s *Service) needList(ctx context.Context, t *bucketTarget, l *listParameters) ([]api.Permission, error) {
	var err error
	if t.at, err = s.locate(ctx, t.Bucket, t.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	return []api.Permission{t.at.onBucket("s3:ListBucket", l.keys()...)}, nil
}

// maxKeys is the largest page and the default (API Reference, ListObjectsV2).
const maxKeys = 1000

// pageSize reads a parameter such as max-keys. More than a page is a page.
func pageSize(name string, value *string) (int, error) {
	if value == nil || *value == "" {
		return maxKeys, nil
	}
	n, err := strconv.ParseInt(*value, 10, 32)
	if err != nil {
		return 0, invalidArgument(name, *value, "Provided "+name+" not an integer or within integer range")
	}
	if n < 0 {
		return 0, invalidArgument(name, *value, "Argument "+name+" must be an integer between 0 and 2147483647")
	}
	return int(min(n, maxKeys)), nil
}

// urlEncoded reads encoding-type.
func urlEncoded(value *string) (bool, error) {
	if value == nil || *value == "" {
		return false, nil
	}
	if !strings.EqualFold(*value, "url") {
		return false, invalidArgument("encoding-type", *value, "Invalid Encoding Method specified in Request")
	}
	return true, nil
}

// listing is a page being answered.
type listing struct {
	names
	page      object.List
	size      int
	withOwner bool
	at        place
}

// list reads the page after a key and begins its document.
func (s *Service) list(ctx context.Context, t *bucketTarget, l *listParameters, after string, withOwner bool) (*listing, error) {
	size, err := pageSize("max-keys", l.MaxKeys)
	if err != nil {
		return nil, err
	}
	encoded, err := urlEncoded(l.EncodingType)
	if err != nil {
		return nil, err
	}
	out := &listing{size: size, withOwner: withOwner, at: t.at}
	if size > 0 {
		out.page, err = s.engine.List(ctx, t.Bucket, object.ListOptions{
			Prefix: deref(l.Prefix), Delimiter: deref(l.Delimiter), After: after, Limit: size,
		})
	} else {
		_, err = s.engine.Bucket(ctx, t.Bucket)
	}
	if err != nil {
		return nil, t.subject().translate(err)
	}
	out.names = names{newDocument("ListBucketResult", 512*len(out.page.Entries)), encoded}
	out.text("Name", t.Bucket)
	if deref(l.Delimiter) != "" {
		out.name("Delimiter", *l.Delimiter)
	}
	out.int("MaxKeys", int64(size))
	if encoded {
		out.text("EncodingType", "url")
	}
	out.bool("IsTruncated", out.page.Truncated)
	return out, nil
}

// entries writes the objects, then the common prefixes.
func (l *listing) entries(ctx context.Context, s *Service) error {
	var owner struct{ account, id, name string } // of the entry before, mostly the same
	for i := range l.page.Entries {
		e := &l.page.Entries[i]
		if e.CommonPrefix != "" {
			continue
		}
		v := &e.Version
		l.open("Contents")
		l.name("Key", v.Key)
		l.time("LastModified", v.Modified)
		l.etag(v.ETag)
		for k := range v.Checksums {
			l.text("ChecksumAlgorithm", v.Checksums[k].Algorithm.String())
			l.text("ChecksumType", v.Checksums[k].Type.String())
		}
		l.int("Size", v.SizeBytes)
		if l.withOwner {
			if account := l.at.ownerOf(v); account != owner.account {
				name, err := s.displayName(ctx, account)
				if err != nil {
					return err
				}
				owner.account, owner.id, owner.name = account, canonicalUser(account), name
			}
			l.owner("Owner", owner.id, owner.name)
		}
		l.text("StorageClass", storageClass(&v.Metadata))
		l.close("Contents")
	}
	for i := range l.page.Entries {
		if p := l.page.Entries[i].CommonPrefix; p != "" {
			l.open("CommonPrefixes")
			l.name("Prefix", p)
			l.close("CommonPrefixes")
		}
	}
	return nil
}

func (s *Service) listObjects(ctx context.Context, in *listObjectsInput) (*xmlOutput, error) {
	l, err := s.list(ctx, &in.bucketTarget, &in.listParameters, deref(in.Marker), true)
	if err != nil {
		return nil, err
	}
	l.text("Prefix", deref(in.Prefix)) // as it is: botocore does not decode it in version 1
	l.name("Marker", deref(in.Marker))
	// API Reference, ListObjects: only with a delimiter; without one the last
	// key is the next marker.
	if l.page.Truncated && deref(in.Delimiter) != "" {
		l.name("NextMarker", l.page.Next)
	}
	if err := l.entries(ctx, s); err != nil {
		return nil, err
	}
	return l.output(), nil
}

func (s *Service) listObjectsV2(ctx context.Context, in *listObjectsV2Input) (*xmlOutput, error) {
	after := deref(in.StartAfter)
	if deref(in.ContinuationToken) != "" {
		var err error
		if after, err = decodeToken(*in.ContinuationToken); err != nil {
			return nil, err
		}
	}
	withOwner := strings.EqualFold(deref(in.FetchOwner), "true")
	l, err := s.list(ctx, &in.bucketTarget, &in.listParameters, after, withOwner)
	if err != nil {
		return nil, err
	}
	l.name("Prefix", deref(in.Prefix))
	l.int("KeyCount", int64(len(l.page.Entries)))
	if in.ContinuationToken != nil {
		l.text("ContinuationToken", *in.ContinuationToken)
	}
	if l.page.Truncated {
		l.text("NextContinuationToken", encodeToken(l.page.Next))
	}
	if in.StartAfter != nil {
		l.name("StartAfter", *in.StartAfter)
	}
	if err := l.entries(ctx, s); err != nil {
		return nil, err
	}
	return l.output(), nil
}
