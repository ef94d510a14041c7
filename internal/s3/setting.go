package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
)

// setting is one kind of setting of a bucket: its policy, its CORS rules, its
// tags. It is a record of the metastore for each bucket that has it.
//
//	var corsSetting = setting[corsRules]{"cors", parseCORS}
//
//	rules, err := corsSetting.get(ctx, s, bucket)           // nil: not set
//	err = corsSetting.put(ctx, s, bucket, document)         // as parse takes it
//	err = corsSetting.remove(ctx, s, bucket)                // fine when not set
//	err = corsSetting.change(ctx, s, bucket, func(old *corsRules) (string, error) { … })
//
// The bucket is what the engine's Bucket returned: its ID, which is never
// given twice, names the record. DeleteBucket removes all settings. Reads are
// from memory and see every change that was acknowledged before.
type setting[T any] struct {
	// name is unique among settings and never given another meaning: it is
	// part of the record's ID.
	name string
	// parse reads a stored document, of at most metastore.MaxBodyBytes with
	// its quotes escaped. What it returns is shared by all requests and must
	// not be changed. A document that cannot be read fails the request; it is
	// never taken for one that is absent.
	parse func(document string) (*T, error)
}

// get returns the setting of a bucket, nil when it has none.
func (k *setting[T]) get(ctx context.Context, s *Service, b object.Bucket) (*T, error) {
	return k.read(ctx, s.store.Hot(), b)
}

// read is get by another reader, in a transaction.
func (k *setting[T]) read(ctx context.Context, r metastore.Reader, b object.Bucket) (*T, error) {
	d, err := metastore.BucketDocuments.Get(ctx, r, b.Account, k.id(b))
	if errors.Is(err, metastore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s of bucket %s: %w", k.name, b.Name, err)
	}
	if v, ok := d.Parsed.Load().(*T); ok {
		return v, nil
	}
	v, err := k.parse(d.Document)
	if err != nil {
		return nil, fmt.Errorf("%s of bucket %s: %w", k.name, b.Name, err)
	}
	d.Parsed.Store(v)
	return v, nil
}

// put sets it, whatever it was, durable on return.
func (k *setting[T]) put(ctx context.Context, s *Service, b object.Bucket, document string) error {
	return s.updateSettings(ctx, b, func(w metastore.Writer) error { return k.write(ctx, s, w, b, document) })
}

// remove unsets it.
func (k *setting[T]) remove(ctx context.Context, s *Service, b object.Bucket) error {
	return k.put(ctx, s, b, "")
}

// change replaces the setting by what f returns, "" to unset it, in one
// transaction. old is nil when it is not set. An error of f is returned and
// changes nothing.
func (k *setting[T]) change(ctx context.Context, s *Service, b object.Bucket, f func(old *T) (document string, err error)) error {
	return s.updateSettings(ctx, b, func(w metastore.Writer) error {
		old, err := k.read(ctx, w, b)
		if err != nil {
			return err
		}
		document, err := f(old)
		if err != nil {
			return err
		}
		return k.write(ctx, s, w, b, document)
	})
}

func (k *setting[T]) write(ctx context.Context, s *Service, w metastore.Writer, b object.Bucket, document string) error {
	if document != "" {
		return metastore.BucketDocuments.Put(ctx, w, b.Account, k.id(b), &metastore.BucketDocument{Document: document, Updated: s.clock().UTC()})
	}
	if err := metastore.BucketDocuments.Delete(ctx, w, b.Account, k.id(b)); !errors.Is(err, metastore.ErrNotFound) {
		return err
	}
	return nil
}

// updateSettings changes settings of a bucket in one transaction. If the bucket was
// deleted meanwhile, the error is object.ErrNoSuchBucket.
func (s *Service) updateSettings(ctx context.Context, b object.Bucket, f func(metastore.Writer) error) error {
	return s.store.Update(ctx, func(w metastore.Writer) error {
		// DeleteBucket deletes the bucket first, then its settings, in a
		// transaction: one that comes after it finds no bucket here.
		if now, err := s.engine.Bucket(ctx, b.Name); err != nil || now.ID != b.ID {
			return fmt.Errorf("settings of bucket %s: %w", b.Name, errors.Join(object.ErrNoSuchBucket, err))
		}
		return f(w)
	})
}

func (k *setting[T]) id(b object.Bucket) string { return metastore.BucketDocumentID(b.ID, k.name) }

// removeSettings removes all settings of a bucket that is deleted.
func (s *Service) removeSettings(ctx context.Context, b object.Bucket) error {
	return s.store.Update(ctx, func(w metastore.Writer) error {
		query := metastore.Query{Prefix: metastore.BucketDocumentPrefix(b.ID)}
		for {
			page, err := metastore.BucketDocuments.List(ctx, w, b.Account, query)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, item := range page {
				if err := metastore.BucketDocuments.Delete(ctx, w, b.Account, item.ID); err != nil {
					return err
				}
			}
		}
	})
}

// settled words the failure of a change of settings: a document that is too
// large for a record, or a bucket that is gone.
func (s *Service) settled(where subject, err error) error {
	if errors.Is(err, metastore.ErrInvalid) {
		return invalidRequest("The configuration is too large.").WithCause(err)
	}
	return where.translate(err)
}

// nothing and deleted are the answers of operations on settings.
var (
	nothing = new(api.Empty)
	deleted = &noContent{http.StatusNoContent}
)

// named is the name of the root element of an answer.
func named(root string) xml.Name { return xml.Name{Space: namespace, Local: root} }
