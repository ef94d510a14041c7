package s3

import (
	"context"
	"encoding/base64"
	"strconv"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
)

func (s *Service) listBucketsOperations() []api.Operation {
	return []api.Operation{
		row("ListBuckets", "GET /", needListBuckets, s.listBuckets),
	}
}

type listBucketsInput struct {
	MaxBuckets        *string `query:"max-buckets"`
	ContinuationToken string  `query:"continuation-token"`
	Prefix            *string `query:"prefix"`
	BucketRegion      string  `query:"bucket-region"`
}

// maxBuckets is the largest page, and the page when the client names none (API
// Reference, ListBuckets: 1 to 10,000).
const maxBuckets = 10_000

func needListBuckets(context.Context, *listBucketsInput) ([]api.Permission, error) {
	return []api.Permission{{Action: "s3:ListAllMyBuckets", Resource: "*"}}, nil
}

func (s *Service) listBuckets(ctx context.Context, in *listBucketsInput) (*xmlOutput, error) {
	limit := maxBuckets
	if in.MaxBuckets != nil {
		n, err := strconv.Atoi(*in.MaxBuckets)
		if err != nil || n < 1 || n > maxBuckets {
			return nil, invalidArgument("max-buckets", *in.MaxBuckets, "Argument max-buckets must be an integer between 1 and 10000")
		}
		limit = n
	}
	after, err := decodeToken(in.ContinuationToken)
	if err != nil {
		return nil, err
	}
	account := api.RequestOf(ctx).Caller.Principal.Account
	if account == "" { // to the engine that would mean all accounts
		return nil, accessDenied()
	}
	page, more, err := s.bucketPage(ctx, account, in, after, limit)
	if err != nil {
		return nil, err
	}
	d := newDocument("ListAllMyBucketsResult", 160*len(page))
	if err := s.writeOwner(ctx, d, "Owner", account); err != nil {
		return nil, err
	}
	d.open("Buckets")
	for i := range page {
		b := &page[i]
		d.open("Bucket")
		d.text("Name", b.Name)
		d.time("CreationDate", b.Created)
		d.text("BucketRegion", b.Region)
		d.text("BucketArn", arnPrefix+b.Name)
		d.close("Bucket")
	}
	d.close("Buckets")
	if more {
		d.text("ContinuationToken", encodeToken(page[len(page)-1].Name))
	}
	if in.Prefix != nil {
		d.text("Prefix", *in.Prefix)
	}
	return d.output(), nil
}

// bucketPage returns up to limit buckets and whether there are more.
func (s *Service) bucketPage(ctx context.Context, account string, in *listBucketsInput, after string, limit int) (page []object.Bucket, more bool, err error) {
	prefix := ""
	if in.Prefix != nil {
		prefix = *in.Prefix
	}
	for {
		found, err := s.engine.Buckets(ctx, account, prefix, after, limit+1)
		if err != nil {
			return nil, false, err
		}
		for _, b := range found {
			if in.BucketRegion != "" && in.BucketRegion != b.Region {
				continue
			}
			if len(page) == limit {
				return page, true, nil
			}
			page = append(page, b)
		}
		if len(found) <= limit {
			return page, false, nil
		}
		after = found[len(found)-1].Name
	}
}

// A continuation token is the last name of the page before, opaque to clients.
func encodeToken(last string) string { return base64.RawURLEncoding.EncodeToString([]byte("1" + last)) }

// decodeToken returns "" for no token.
func decodeToken(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(text) == 0 || text[0] != '1' {
		return "", invalidArgument("continuation-token", token, "The continuation token provided is incorrect")
	}
	return string(text[1:]), nil
}
