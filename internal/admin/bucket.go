package admin

import (
	"context"
	"encoding/base64"
	"errors"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/policy"
)

// Buckets is what the service needs of the object engine.
type Buckets interface {
	Bucket(ctx context.Context, name string) (object.Bucket, error)
	Usage(ctx context.Context, bucket string) (object.Usage, error)
	FolderUsages(ctx context.Context, bucket, after string, limit int) (list []object.FolderUsage, more bool, err error)
	SetQuota(ctx context.Context, bucket string, q object.Quota) error
}

func (s *Service) bucketOperations() []api.Operation {
	return []api.Operation{
		api.Op("GetBucketUsage", "GET /buckets/{bucket}/usage", needBucket[getBucketUsageInput](s, "GetBucketUsage"), s.getBucketUsage),
		api.Op("ListFolderUsage", "GET /buckets/{bucket}/folders", needBucket[listFolderUsageInput](s, "ListFolderUsage"), s.listFolderUsage),
		api.Op("GetBucketQuota", "GET /buckets/{bucket}/quota", needBucket[getBucketQuotaInput](s, "GetBucketQuota"), s.getBucketQuota),
		api.Op("PutBucketQuota", "PUT /buckets/{bucket}/quota", needBucket[putBucketQuotaInput](s, "PutBucketQuota"), s.putBucketQuota),
	}
}

// bucketTarget is the bucket that a request names.
type bucketTarget struct {
	Bucket string `label:"bucket" required:"" length:"1,255"`
}

func (t bucketTarget) bucket() string { return t.Bucket }

// needBucket states an action on the bucket that the input names, in the account
// that owns it; for root of the installation's account in its own. Of a bucket
// that does not exist the permission is the caller's account's, so that who may
// not ask does not learn of it.
func needBucket[In interface{ bucket() string }](s *Service, action string) api.Needs[In] {
	return func(ctx context.Context, in *In) ([]api.Permission, error) {
		caller := &api.RequestOf(ctx).Caller.Principal
		owner := caller.Account
		if caller.Type != policy.Root || caller.Account != s.cfg.Account {
			switch b, err := s.cfg.Buckets.Bucket(ctx, (*in).bucket()); {
			case err == nil:
				owner = b.Account
			case !errors.Is(err, object.ErrNoSuchBucket):
				return nil, err // whose it is must be known
			}
		}
		return []api.Permission{permission(owner, action, "bucket/"+(*in).bucket())}, nil
	}
}

func (t bucketTarget) translate(err error) error {
	if errors.Is(err, object.ErrNoSuchBucket) {
		return notFound("There is no bucket %s.", t.Bucket)
	}
	return err
}

type getBucketUsageInput struct{ bucketTarget }

// Usage is what a bucket or a folder holds.
type Usage struct {
	// Bytes is the size of all versions, and of the parts of uploads in
	// progress.
	Bytes int64 `json:"bytes"`
	// Objects is the number of versions.
	Objects int64 `json:"objects"`
}

// GetBucketUsageOutput is what a bucket holds.
type GetBucketUsageOutput struct {
	Usage Usage `json:"usage"`
}

func (s *Service) getBucketUsage(ctx context.Context, in *getBucketUsageInput) (*GetBucketUsageOutput, error) {
	u, err := s.cfg.Buckets.Usage(ctx, in.Bucket)
	if err != nil {
		return nil, in.translate(err)
	}
	return &GetBucketUsageOutput{Usage(u)}, nil
}

// maxFoldersPage bounds a page of ListFolderUsage, and is its default.
const maxFoldersPage = 1000

type listFolderUsageInput struct {
	bucketTarget
	NextToken  string `query:"nextToken" length:"0,2048"`
	MaxResults int    `query:"maxResults"`
}

// FolderUsage is what a folder of a bucket holds: the keys that share all up to
// their first slash.
type FolderUsage struct {
	Folder string `json:"folder"`
	Usage
}

// ListFolderUsageOutput is a page of folders, by name.
type ListFolderUsageOutput struct {
	Folders []FolderUsage `json:"folders"`
	// NextToken asks for the next page; it is empty on the last.
	NextToken string `json:"nextToken,omitempty"`
}

func (s *Service) listFolderUsage(ctx context.Context, in *listFolderUsageInput) (*ListFolderUsageOutput, error) {
	limit := in.MaxResults
	if limit == 0 {
		limit = maxFoldersPage
	}
	if limit < 0 || limit > maxFoldersPage {
		return nil, invalidRequest("The member maxResults must be between 1 and %d.", maxFoldersPage)
	}
	after, err := base64.RawURLEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, invalidRequest("The member nextToken is not one that was given.")
	}
	list, more, err := s.cfg.Buckets.FolderUsages(ctx, in.Bucket, string(after), limit)
	if err != nil {
		return nil, in.translate(err)
	}
	out := &ListFolderUsageOutput{Folders: make([]FolderUsage, len(list))}
	for i, f := range list {
		out.Folders[i] = FolderUsage{f.Folder, Usage(f.Usage)}
	}
	if more {
		out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(list[len(list)-1].Folder))
	}
	return out, nil
}

type getBucketQuotaInput struct{ bucketTarget }

// Quota limits what a bucket may hold; 0 or absent is no limit.
type Quota struct {
	Bytes   int64 `json:"bytes,omitempty"`
	Objects int64 `json:"objects,omitempty"`
	// FolderBytes and FolderObjects limit each folder.
	FolderBytes   int64 `json:"folderBytes,omitempty"`
	FolderObjects int64 `json:"folderObjects,omitempty"`
}

// BucketQuotaOutput is the quota of a bucket.
type BucketQuotaOutput struct {
	Quota Quota `json:"quota"`
}

func (s *Service) getBucketQuota(ctx context.Context, in *getBucketQuotaInput) (*BucketQuotaOutput, error) {
	b, err := s.cfg.Buckets.Bucket(ctx, in.Bucket)
	if err != nil {
		return nil, in.translate(err)
	}
	return &BucketQuotaOutput{Quota(b.Quota)}, nil
}

// putBucketQuotaInput replaces the whole quota.
type putBucketQuotaInput struct {
	bucketTarget
	Quota *Quota `json:"quota" required:""`
}

func (s *Service) putBucketQuota(ctx context.Context, in *putBucketQuotaInput) (*BucketQuotaOutput, error) {
	q := object.Quota(*in.Quota)
	if min(q.Bytes, q.Objects, q.FolderBytes, q.FolderObjects) < 0 {
		return nil, invalidRequest("A quota cannot be negative.")
	}
	if err := s.cfg.Buckets.SetQuota(ctx, in.Bucket, q); err != nil {
		return nil, in.translate(err)
	}
	return &BucketQuotaOutput{*in.Quota}, nil
}
