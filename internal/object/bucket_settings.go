package object

import (
	"context"
	"fmt"
)

// Versioning says whether writes of a key keep the versions before. Its numbers
// are on disk.
type Versioning uint8

// The states (S3 User Guide, "Retaining multiple versions of objects"). A bucket
// that was versioned never goes back to Unversioned.
const (
	Unversioned         Versioning = 0
	VersioningEnabled   Versioning = 1
	VersioningSuspended Versioning = 2
)

// Quota limits what a bucket may hold; 0 is no limit. What counts is said at
// Usage. A write that would exceed a limit is refused with a *QuotaError.
type Quota struct {
	Bytes   int64
	Objects int64

	// FolderBytes and FolderObjects limit each folder: the keys that share all
	// up to their first slash.
	FolderBytes   int64
	FolderObjects int64
}

// limits returns the limits in the order of records.
func (q *Quota) limits() [4]*int64 {
	return [...]*int64{&q.Bytes, &q.Objects, &q.FolderBytes, &q.FolderObjects}
}

// check refuses settings that cannot be.
func (b *Bucket) check() error {
	for _, limit := range b.Quota.limits() {
		if *limit < 0 {
			return fmt.Errorf("quota %d is negative", *limit)
		}
	}
	switch {
	case b.Versioning > VersioningSuspended:
		return fmt.Errorf("versioning %d does not exist", b.Versioning)
	case b.ObjectLock && b.Versioning != VersioningEnabled:
		return ErrVersioningLocked
	}
	return nil
}

// SetVersioning enables or suspends versioning; that is durable on return, and
// holds for every write that commits later. It returns ErrVersioningLocked when
// object lock forbids suspension, and an error for Unversioned.
func (e *Engine) SetVersioning(ctx context.Context, bucket string, v Versioning) error {
	if v == Unversioned {
		return fmt.Errorf("set versioning of %q: a bucket cannot become unversioned", bucket)
	}
	return e.changeBucket(ctx, bucket, "set versioning of", func(b *Bucket) error {
		b.Versioning = v
		return nil
	})
}

// EnableObjectLock lets versions of the bucket be locked, for good. It returns
// ErrVersioningLocked unless versioning is enabled.
func (e *Engine) EnableObjectLock(ctx context.Context, bucket string) error {
	return e.changeBucket(ctx, bucket, "enable object lock of", func(b *Bucket) error {
		b.ObjectLock = true
		return nil
	})
}

// SetQuota sets the limits of the bucket. What it holds above them stays.
func (e *Engine) SetQuota(ctx context.Context, bucket string, q Quota) error {
	return e.changeBucket(ctx, bucket, "set quota of", func(b *Bucket) error {
		b.Quota = q
		return nil
	})
}

// changeBucket changes the settings of a bucket.
func (e *Engine) changeBucket(ctx context.Context, bucket, what string, change func(*Bucket) error) error {
	if err := e.admit(ctx, 0); err != nil {
		return err
	}
	// Alone: mutations of one group must agree on what rows a bucket has.
	_, err := e.commitAlone(func(tx *transaction) error {
		b, err := e.bucket(bucket)
		if err != nil {
			return err
		}
		changed := *b.settings.Load()
		if err := change(&changed); err != nil {
			return err
		}
		if err := changed.check(); err != nil {
			return err
		}
		tx.set(bucketKey(bucket), appendBucket(nil, &changed, b.id), nil)
		b.settings.Store(&changed)
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s %q: %w", what, bucket, err)
	}
	return nil
}
