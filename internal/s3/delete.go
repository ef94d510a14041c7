package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

func (s *Service) deleteOperations() []api.Operation {
	return []api.Operation{
		row("DeleteObject", "DELETE /{Bucket}/{Key+}", s.needDeleteObject, s.deleteObject),
		row("DeleteObjects", "POST /{Bucket}?delete", s.needDeleteObjects, s.deleteObjects),
	}
}

type deleteObjectInput struct {
	versionedTarget
	deleteHeaders
	IfMatch                 string `header:"If-Match"`
	IfMatchLastModifiedTime string `header:"X-Amz-If-Match-Last-Modified-Time"`
	IfMatchSize             *int64 `header:"X-Amz-If-Match-Size"`
}

// deleteHeaders go with every deletion.
type deleteHeaders struct {
	MFA string `header:"X-Amz-Mfa"`
	bypassHeaders
}

func (h *deleteHeaders) refuse() error {
	if h.MFA != "" {
		return notBuilt("x-amz-mfa", "MFA delete")
	}
	return nil
}

type deleteObjectOutput struct {
	Status       int    `status:""`
	VersionID    string `header:"X-Amz-Version-Id"`
	DeleteMarker bool   `header:"X-Amz-Delete-Marker"`
}

// deletion is one key to delete and what that takes.
type deletion struct {
	key       string
	version   *string
	condition deleteCondition
	bypasses  bool
}

// deleteCondition makes a deletion depend on what is deleted. Time and size are
// AWS's for directory buckets.
type deleteCondition struct {
	ifMatch  string
	modified time.Time
	size     *int64
}

// tells reports whether the answer tells something of the object.
func (c *deleteCondition) tells() bool {
	return isETag(c.ifMatch) || !c.modified.IsZero() || c.size != nil
}

// passes reports whether a deletion that found nothing is done: without an entity
// tag to match it is (API Reference, DeleteObject, IfMatchSize: "or if the object
// doesn't exist, the operation returns a 204").
func (c *deleteCondition) passes(err error) bool {
	return c.ifMatch == "" && (errors.Is(err, object.ErrNoSuchKey) || errors.Is(err, object.ErrNoSuchVersion))
}

// parseDeleteTime reads the time of a condition: of a header as HTTP has it, of a
// document as ISO 8601.
func parseDeleteTime(argument, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := http.ParseTime(text)
	if err != nil {
		t, err = time.Parse(time.RFC3339, text)
	}
	if err != nil || t.IsZero() {
		return time.Time{}, invalidArgument(argument, text, "The time cannot be read.")
	}
	return t, nil
}

// needs states the permissions of one deletion (spec E.7). Comparing an entity
// tag takes GetObject too (S3 User Guide, conditional deletes), and so do the
// other conditions.
func (d *deletion) needs(p place) []api.Permission {
	keys := given(make([]identity.Key, 0, 4), "s3:if-match", d.condition.ifMatch)
	needs := []api.Permission{p.versioned("s3:DeleteObject", d.key, d.version, keys...)}
	if d.condition.tells() {
		needs = append(needs, p.versioned("s3:GetObject", d.key, d.version, keys...))
	}
	if d.bypasses {
		needs = append(needs, p.onObject(actBypassGovernance, d.key, keys...))
	}
	return needs
}

func (d *deletion) options() object.DeleteOptions {
	o := object.DeleteOptions{BypassGovernance: d.bypasses, VersionID: deref(d.version)}
	o.Condition = object.Condition{IfMatch: d.condition.ifMatch, IfModified: d.condition.modified, IfSize: d.condition.size}
	return o
}

func (in *deleteObjectInput) deletion() (*deletion, error) {
	bypasses, err := in.bypasses()
	if err != nil {
		return nil, err
	}
	modified, err := parseDeleteTime("x-amz-if-match-last-modified-time", in.IfMatchLastModifiedTime)
	return &deletion{in.Key, in.VersionID, deleteCondition{in.IfMatch, modified, in.IfMatchSize}, bypasses}, err
}

func (s *Service) needDeleteObject(ctx context.Context, in *deleteObjectInput) ([]api.Permission, error) {
	p, err := s.locate(ctx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(in.VersionID); err != nil {
		return nil, err
	}
	d, err := in.deletion()
	if err != nil {
		return nil, err
	}
	return d.needs(p), nil
}

func (s *Service) deleteObject(ctx context.Context, in *deleteObjectInput) (*deleteObjectOutput, error) {
	if err := in.deleteHeaders.refuse(); err != nil {
		return nil, err
	}
	d, err := in.deletion()
	if err != nil {
		return nil, err
	}
	options := d.options()
	if options.Messages, err = s.removalMessages(ctx, in.Bucket, options.VersionID != ""); err != nil {
		return nil, err
	}
	result, err := s.engine.Delete(ctx, in.Bucket, in.Key, options)
	if err != nil && !d.condition.passes(err) {
		return nil, s.writeError(ctx, in.subject(), err)
	}
	out := &deleteObjectOutput{Status: http.StatusNoContent, VersionID: in.version(), DeleteMarker: result.DeleteMarker}
	if out.VersionID == "" && result.DeleteMarker {
		out.VersionID = result.VersionID
	}
	return out, nil
}

type deleteObjectsInput struct {
	bucketTarget
	digestHeaders
	deleteHeaders
	Delete *deleteList `payload:"xml"`
}

type deleteList struct {
	XMLName xml.Name       `xml:"Delete"`
	Objects []deleteObject `xml:"Object"`
	Quiet   bool           `xml:"Quiet"`
}

// deleteObject is one entry. Members are lists to see what is given twice.
type deleteObject struct {
	Key              []string `xml:"Key"`
	VersionID        []string `xml:"VersionId"`
	ETag             []string `xml:"ETag"`
	LastModifiedTime []string `xml:"LastModifiedTime"`
	Size             []int64  `xml:"Size"`
}

// maxDeletes is S3's limit (API Reference, DeleteObjects).
const maxDeletes = 1000

// deletions reads the list. Every key must be there once.
func (l *deleteList) deletions(bypasses bool) ([]deletion, error) {
	if l == nil || len(l.Objects) == 0 || len(l.Objects) > maxDeletes {
		return nil, malformedXML()
	}
	all := make([]deletion, len(l.Objects))
	for i, o := range l.Objects {
		if len(o.Key) != 1 || len(o.VersionID) > 1 || len(o.ETag) > 1 || len(o.LastModifiedTime) > 1 || len(o.Size) > 1 {
			return nil, malformedXML()
		}
		all[i] = deletion{key: o.Key[0], bypasses: bypasses}
		if len(o.VersionID) == 1 && o.VersionID[0] != "" {
			all[i].version = &o.VersionID[0]
		}
		if len(o.ETag) == 1 {
			all[i].condition.ifMatch = o.ETag[0]
		}
		if len(o.Size) == 1 {
			all[i].condition.size = &l.Objects[i].Size[0]
		}
		if len(o.LastModifiedTime) == 1 {
			t, err := parseDeleteTime("LastModifiedTime", o.LastModifiedTime[0])
			if err != nil {
				return nil, err
			}
			all[i].condition.modified = t
		}
	}
	return all, nil
}

// needDeleteObjects demands nothing for the request as a whole: each key is
// authorized by itself, and refused by itself (spec E.7).
func (s *Service) needDeleteObjects(ctx context.Context, in *deleteObjectsInput) ([]api.Permission, error) {
	_, err := s.locate(ctx, in.Bucket, in.ExpectedBucketOwner)
	return nil, err
}

func (s *Service) deleteObjects(ctx context.Context, in *deleteObjectsInput) (*xmlOutput, error) {
	if err := in.verifyBody(api.RequestOf(ctx).Body); err != nil {
		return nil, err
	}
	if err := in.deleteHeaders.refuse(); err != nil {
		return nil, err
	}
	bypasses, err := in.bypasses()
	if err != nil {
		return nil, err
	}
	all, err := in.Delete.deletions(bypasses)
	if err != nil {
		return nil, err
	}
	p, err := s.locate(ctx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	api.RequestOf(ctx).Note(batchDeleted(all))
	outcomes := make([]deleteOutcome, len(all))
	var targets []object.DeleteTarget
	for i := range all {
		if outcomes[i].refusal, err = s.mayDelete(ctx, p, &all[i]); err != nil {
			return nil, err
		}
		if outcomes[i].refusal == nil {
			targets = append(targets, object.DeleteTarget{Key: all[i].key, Options: all[i].options()})
		}
	}
	if len(targets) > 0 {
		if err := s.tellOfRemovals(ctx, in.Bucket, targets); err != nil {
			return nil, err
		}
		results, err := s.engine.DeleteMany(ctx, in.Bucket, targets)
		if err != nil {
			return nil, in.bucketTarget.subject().translate(err)
		}
		if err := s.settle(ctx, in.Bucket, all, outcomes, results); err != nil {
			return nil, err
		}
	}
	return deleteResult(all, outcomes, in.Delete.Quiet), nil
}

// verifyBody checks the digest that S3 demands of this request.
func (h *digestHeaders) verifyBody(body []byte) error {
	check, err := h.check(nil)
	if err != nil {
		return err
	}
	if check.md5 == nil && check.algorithm == 0 {
		return invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	return check.verifyBytes(body)
}

// mayDelete returns why one key is refused, or nil.
func (s *Service) mayDelete(ctx context.Context, p place, d *deletion) (refusal, failure error) {
	if err := checkVersion(d.version); err != nil {
		return err, nil
	}
	for _, need := range d.needs(p) {
		decision, err := api.Authorize(ctx, need)
		if err != nil {
			return nil, err
		}
		if !decision.Allowed() {
			return accessDenied(), nil
		}
	}
	return nil, nil
}

// deleteOutcome is what became of one deletion of many.
type deleteOutcome struct {
	refusal error  // nil: it was done
	marker  string // the version ID of the delete marker made or removed
}

// settle enters the results of the keys that were not refused. What is not the
// client's fault fails the request.
func (s *Service) settle(ctx context.Context, bucket string, all []deletion, outcomes []deleteOutcome, results []object.DeleteResult) error {
	next := 0
	for i := range all {
		if outcomes[i].refusal != nil {
			continue
		}
		result := results[next]
		next++
		if result.Err == nil || all[i].condition.passes(result.Err) {
			if result.DeleteMarker {
				outcomes[i].marker = result.VersionID
			}
			continue
		}
		err := s.writeError(ctx, subject{bucket: bucket, key: all[i].key, version: deref(all[i].version)}, result.Err)
		if _, ok := awserr.As(err); !ok {
			return err
		}
		outcomes[i].refusal = err
	}
	return nil
}

func deleteResult(all []deletion, outcomes []deleteOutcome, quiet bool) *xmlOutput {
	d := newDocument("DeleteResult", 64*len(all))
	for i := range all {
		if outcomes[i].refusal == nil {
			if !quiet {
				d.open("Deleted")
				all[i].describe(d)
				if outcomes[i].marker != "" {
					d.bool("DeleteMarker", true)
					d.text("DeleteMarkerVersionId", outcomes[i].marker)
				}
				d.close("Deleted")
			}
			continue
		}
		e, _ := awserr.As(outcomes[i].refusal)
		d.open("Error")
		all[i].describe(d)
		d.text("Code", e.Code)
		d.text("Message", e.Message)
		d.close("Error")
	}
	return d.output()
}

func (d *deletion) describe(doc *document) {
	doc.text("Key", d.key)
	if d.version != nil {
		doc.text("VersionId", *d.version)
	}
}
