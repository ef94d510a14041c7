package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/object"
)

// Report says what a pass did. After a restart it counts from there.
type Report struct {
	Took    time.Duration
	Buckets int // that have rules

	Looked  int64 // versions and uploads looked at
	Deleted int64 // versions and delete markers removed
	Marked  int64 // delete markers made above current versions
	Aborted int64 // uploads
	Locked  int64 // versions that are kept by retention or legal hold
	Changed int64 // versions that were changed in between, and stay
	Failed  int64 // buckets, or versions, at which an error came up
}

const (
	pageLimit    = 1000
	batchLimit   = 250 // deletions in one commit, which others wait for
	bucketsLimit = 256
	pagesToKeep  = 50 // pages between two places that are written down
)

// passing is a pass under way.
type passing struct {
	*Worker
	at     *metastore.LifecyclePass
	report Report
	pages  int // since the place was written down
}

// Pass makes one pass, or goes on with one that was interrupted. It returns an
// error when it could not be ended or its place not be written down; what goes
// wrong in a bucket is logged and does not stop the others.
func (w *Worker) Pass(ctx context.Context) error {
	at, err := w.place(ctx)
	if err != nil {
		return err
	}
	began := w.cfg.Clock()
	p := &passing{Worker: w, at: at}
	if at.Started.IsZero() || !at.Finished.IsZero() {
		*at = metastore.LifecyclePass{Started: began.UTC()}
	}
	if err := p.buckets(ctx); err != nil {
		// The place is kept although ctx has ended.
		return errors.Join(err, w.keep(context.WithoutCancel(ctx), at))
	}
	*at = metastore.LifecyclePass{Started: at.Started, Finished: w.cfg.Clock().UTC()}
	if err := w.keep(ctx, at); err != nil {
		return err
	}
	p.report.Took = w.cfg.Clock().Sub(began)
	p.ended()
	return nil
}

// ended tells of a pass.
func (p *passing) ended() {
	r := &p.report
	if p.cfg.Observe != nil {
		p.cfg.Observe(*r)
	}
	write := p.cfg.Logger.Info
	if r.Buckets == 0 || !p.cfg.Day.whole() && r.Deleted+r.Marked+r.Aborted+r.Failed == 0 {
		write = p.cfg.Logger.Debug // nothing to tell
	}
	write("lifecycle pass", "took", r.Took.Round(time.Millisecond), "buckets", r.Buckets, "looked", r.Looked, "deleted", r.Deleted,
		"marked", r.Marked, "aborted", r.Aborted, "locked", r.Locked, "changed", r.Changed, "failed", r.Failed)
}

// buckets goes through the buckets by name, from the one that the pass has come
// to.
func (p *passing) buckets(ctx context.Context) error {
	if p.at.Bucket != "" {
		switch b, err := p.cfg.Engine.Bucket(ctx, p.at.Bucket); {
		case errors.Is(err, object.ErrNoSuchBucket):
		case err != nil:
			return err
		default:
			if b.ID != p.at.BucketID { // another one of that name
				p.begin(b)
			}
			if err := p.bucket(ctx, b); err != nil {
				return err
			}
		}
	}
	for {
		page, err := p.cfg.Engine.Buckets(ctx, "", "", p.at.Bucket, bucketsLimit)
		if err != nil {
			return err
		}
		for _, b := range page {
			p.begin(b)
			if err := p.bucket(ctx, b); err != nil {
				return err
			}
		}
		if len(page) < bucketsLimit {
			return nil
		}
	}
}

// begin makes b the bucket in work.
func (p *passing) begin(b object.Bucket) {
	*p.at = metastore.LifecyclePass{Started: p.at.Started, Bucket: b.Name, BucketID: b.ID}
}

// bucket goes through one bucket. Only what stops the pass is returned.
func (p *passing) bucket(ctx context.Context, b object.Bucket) error {
	rules, err := p.cfg.Rules(ctx, b)
	if err == nil && rules != nil {
		p.report.Buckets++
		err = p.follow(ctx, planOf(b, rules))
		for n := 1; n < maxPlans && errors.Is(err, errRulesChanged); n++ {
			p.begin(b)
			if rules, err = p.cfg.Rules(ctx, b); err == nil && rules != nil {
				err = p.follow(ctx, planOf(b, rules))
			}
		}
	}
	switch {
	case err == nil, errors.Is(err, object.ErrNoSuchBucket): // deleted in between
		return ctx.Err()
	case errors.Is(err, errRulesChanged) && ctx.Err() == nil:
		p.cfg.Logger.Info("lifecycle rules change too often; left to the next pass", "bucket", b.Name)
		return nil
	case ctx.Err() != nil, errors.Is(err, object.ErrClosed), errors.Is(err, object.ErrFailed), errors.Is(err, errPlace):
		return err
	}
	p.report.Failed++
	p.cfg.Logger.Error("lifecycle rules could not be followed", "bucket", b.Name, "err", err)
	return nil
}

// maxPlans is how often a bucket is begun in a pass because its rules change.
const maxPlans = 3

// errRulesChanged says that a bucket has other rules than those followed.
var errRulesChanged = errors.New("the rules changed")

// inForce returns errRulesChanged unless the rules of a plan are still those of
// the bucket. It is asked before every batch: a rule that its owner took back
// deletes nothing more.
func (p *passing) inForce(ctx context.Context, plan *plan) error {
	rules, err := p.cfg.Rules(ctx, plan.bucket)
	if err == nil && rules != plan.source && !reflect.DeepEqual(rules, plan.source) {
		err = errRulesChanged
	}
	return err
}

// errPlace wraps an error of the store that keeps the place.
var errPlace = errors.New("the place was not kept")

// follow does what the rules of a bucket say.
func (p *passing) follow(ctx context.Context, plan *plan) error {
	if !p.at.Uploads {
		for _, prefix := range plan.objects {
			if err := p.objects(ctx, plan, prefix); err != nil {
				return err
			}
		}
		p.at.Uploads, p.at.Key = true, ""
	}
	for _, prefix := range plan.uploads {
		if err := p.uploads(ctx, plan, prefix); err != nil {
			return err
		}
	}
	return nil
}

// objects goes through the versions of keys below a prefix.
func (p *passing) objects(ctx context.Context, plan *plan, prefix string) error {
	f := &follower{plan: plan, day: p.cfg.Day}
	opts := object.ListVersionsOptions{Prefix: prefix, AfterKey: p.at.Key, Limit: pageLimit, Whole: plan.tags}
	for {
		began := time.Now()
		list, err := p.cfg.Engine.Versions(ctx, plan.bucket.Name, opts)
		if err != nil {
			return err
		}
		f.now, f.out = p.cfg.Clock(), f.out[:0]
		for i := range list.Entries {
			f.next(&list.Entries[i].Version)
		}
		if !list.Truncated {
			f.end()
		}
		p.report.Looked += int64(len(list.Entries))
		if err := p.remove(ctx, plan, f.out); err != nil {
			return err
		}
		if f.done != "" {
			p.at.Key = f.done
		}
		if err := p.turn(ctx, len(list.Entries), began); err != nil {
			return err
		}
		if !list.Truncated {
			return nil
		}
		opts.AfterKey, opts.AfterVersionID = list.NextKey, list.NextVersionID
	}
}

// turn ends a page: it writes down the place at times, and waits as long as the
// rate asks for.
func (p *passing) turn(ctx context.Context, entries int, began time.Time) error {
	if p.pages++; p.pages >= pagesToKeep {
		p.pages = 0
		if err := p.keep(ctx, p.at); err != nil {
			return fmt.Errorf("%w: %w", errPlace, err)
		}
	}
	if p.cfg.ObjectsPerSecond < 0 {
		return ctx.Err()
	}
	due := time.Duration(entries) * time.Second / time.Duration(p.cfg.ObjectsPerSecond)
	return p.pause(ctx, due-time.Since(began))
}

// remove deletes what has expired.
func (p *passing) remove(ctx context.Context, plan *plan, all []expired) error {
	for batch := range slices.Chunk(all, batchLimit) {
		if err := p.inForce(ctx, plan); err != nil {
			return err
		}
		targets, err := p.targets(ctx, plan, batch)
		if err != nil {
			return err
		}
		results, err := p.cfg.Engine.DeleteMany(ctx, plan.bucket.Name, targets)
		if err != nil {
			return err
		}
		for i := range results {
			p.count(plan, &batch[i], &results[i])
		}
	}
	return nil
}

// targets are the deletions of a batch. A current version is named by no ID: in a
// bucket with versioning it is not removed but gets a delete marker above it.
func (p *passing) targets(ctx context.Context, plan *plan, batch []expired) ([]object.DeleteTarget, error) {
	var messages [2]func(*object.Version) []object.Message // of current versions, and of those named
	for i := range messages {
		var err error
		if messages[i], err = p.cfg.Messages(ctx, plan.bucket.Name, i == 1); err != nil {
			return nil, err
		}
	}
	targets := make([]object.DeleteTarget, len(batch))
	for i := range batch {
		e, o := &batch[i], &targets[i].Options
		targets[i].Key = e.version.Key
		o.Check = unchanged(e.version, e.current, plan.tags)
		o.Messages = messages[0]
		if !e.current || e.only {
			o.VersionID, o.Messages = e.version.VersionID, messages[1]
		}
	}
	return targets, nil
}

var errChanged = errors.New("version was changed")

// unchanged returns a check that a version is what the listing showed.
func unchanged(was object.Version, current, tags bool) func(*object.Version, bool) error {
	return func(v *object.Version, is bool) error {
		if is != current || v.VersionID != was.VersionID || !v.Modified.Equal(was.Modified) || v.DeleteMarker != was.DeleteMarker ||
			tags && !slices.Equal(v.Tags, was.Tags) {
			return errChanged
		}
		return nil
	}
}

// count counts what became of a deletion.
func (p *passing) count(plan *plan, e *expired, r *object.DeleteResult) {
	switch err := r.Err; {
	case err == nil && r.DeleteMarker && !e.version.DeleteMarker:
		p.report.Marked++
	case err == nil:
		p.report.Deleted++
	case errors.Is(err, object.ErrObjectLocked):
		p.report.Locked++
	case errors.Is(err, errChanged), errors.Is(err, object.ErrNoSuchKey), errors.Is(err, object.ErrNoSuchVersion):
		p.report.Changed++
	default:
		p.report.Failed++
		p.cfg.Logger.Error("expired version could not be deleted", "bucket", plan.bucket.Name, "version", r.VersionID, "err", err)
	}
}

// uploads aborts the uploads below a prefix that have taken too long.
func (p *passing) uploads(ctx context.Context, plan *plan, prefix string) error {
	opts := object.ListUploadsOptions{Prefix: prefix, Limit: pageLimit}
	for {
		began := time.Now()
		list, err := p.cfg.Engine.Uploads(ctx, plan.bucket.Name, opts)
		if err != nil {
			return err
		}
		now := p.cfg.Clock()
		for i := range list.Entries {
			u := &list.Entries[i].Upload
			due, ok := plan.rules.UploadExpires(u.Key, u.Initiated, p.cfg.Day)
			if !ok || now.Before(due.At) {
				continue
			}
			if err := p.inForce(ctx, plan); err != nil {
				return err
			}
			switch err := p.cfg.Engine.AbortUpload(ctx, plan.bucket.Name, u.Key, u.ID); {
			case err == nil:
				p.report.Aborted++
			case errors.Is(err, object.ErrNoSuchUpload):
				p.report.Changed++
			default:
				return err
			}
		}
		p.report.Looked += int64(len(list.Entries))
		if err := p.turn(ctx, len(list.Entries), began); err != nil {
			return err
		}
		if !list.Truncated {
			return nil
		}
		opts.AfterKey, opts.AfterUploadID = list.NextKey, list.NextUploadID
	}
}
