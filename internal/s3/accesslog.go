package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/object"
	"inro.dev/inro/internal/policy"
)

// accessLog collects records of requests until they are delivered as objects.
// A record never waits: what does not fit is dropped and counted. As in AWS
// access logs are best effort; those that were not yet delivered are lost in a
// crash.
type accessLog struct {
	mu      sync.Mutex
	batches map[logPlace]*bytes.Buffer
	bytes   int
	dropped int
	// full wakes the delivery before its time.
	full chan struct{}
}

// logPlace is where a batch of records goes.
type logPlace struct {
	source logSource
	target string
	prefix string
	// day is that of the requests, for keys partitioned by it, else "".
	day string
}

// logSource is the bucket that records are about, which may be gone when they
// are delivered.
type logSource struct{ id, name, account, region string }

// maxLogBytes bounds the records in memory. At half of it they are delivered.
const maxLogBytes = 16 << 20

// maxBatchBytes bounds the records that wait for one place, so that the requests
// that anybody sends to one bucket leave room for those of others.
const maxBatchBytes = maxLogBytes / 8

// maxLogBatches bounds the objects of one delivery, that is the buckets with
// logging that are in use at a time.
const maxLogBatches = 10_000

func newAccessLog() *accessLog {
	return &accessLog{batches: make(map[logPlace]*bytes.Buffer), full: make(chan struct{}, 1)}
}

// add takes a record, which add copies.
func (l *accessLog) add(to logPlace, record []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.batches[to]
	if l.bytes+len(record) > maxLogBytes || batch == nil && len(l.batches) >= maxLogBatches ||
		batch != nil && batch.Len()+len(record) > maxBatchBytes {
		l.dropped++
		return
	}
	if batch == nil {
		batch = new(bytes.Buffer)
		l.batches[to] = batch
	}
	batch.Write(record)
	if l.bytes += len(record); l.bytes > maxLogBytes/2 || batch.Len() > maxBatchBytes/2 {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
}

// take empties the log.
func (l *accessLog) take() (batches map[logPlace]*bytes.Buffer, dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batches, dropped = l.batches, l.dropped
	l.batches, l.bytes, l.dropped = make(map[logPlace]*bytes.Buffer), 0, 0
	return batches, dropped
}

// observe records a request to a bucket that is logged. It is an
// [api.Service.Observe].
func (s *Service) observe(v *api.Served) {
	name, _, _ := strings.Cut(v.Path, "/")
	operation, key := recordedOperation(v), recordedKey(v.Path)
	s.record(v, name, operation, key)
	for _, note := range v.Notes {
		switch note := note.(type) {
		case copiedFrom:
			s.record(v, note.bucket, operation+"_GET", note.key)
		case batchDeleted:
			for i := range note {
				s.record(v, name, "BATCH.DELETE.OBJECT", note[i].key)
			}
		}
	}
}

// copiedFrom is left by a copy for the log of its source.
type copiedFrom struct{ bucket, key string }

// batchDeleted is left by DeleteObjects: each of its entries has a record.
type batchDeleted []deletion

func (s *Service) record(v *api.Served, name, operation, key string) {
	ctx := context.Background()
	b, err := s.engine.Bucket(ctx, name)
	if err != nil {
		return // there is nothing to log to
	}
	c, err := loggingSetting.get(ctx, s, b)
	if err != nil {
		s.logger.Warn("the access log of a bucket cannot be written", "bucket", name, "error", err)
		return
	}
	if c == nil || c.Enabled == nil {
		return
	}
	to := logPlace{source: logSource{b.ID, b.Name, b.Account, b.Region}, target: c.Enabled.TargetBucket, prefix: *c.Enabled.TargetPrefix}
	if f := c.Enabled.KeyFormat; f != nil && f.Partitioned != nil {
		if f.Partitioned.PartitionDateSource == eventTime {
			to.day = partition(to.source, v.Began)
		} else {
			to.day = partitionAtDelivery
		}
	}
	s.accessLog.add(to, appendRecord(make([]byte, 0, 512), b, v, operation, key))
}

// partitionAtDelivery stands for a folder that is named at the delivery.
const partitionAtDelivery = "?"

// DeliverLogs writes access logs into their buckets, every interval and once
// more when ctx ends, then returns.
func (s *Service) DeliverLogs(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastDelivery)
			defer cancel()
			s.deliverLogs(last)
			return
		case <-ticker.C:
		case <-s.accessLog.full:
		}
		s.deliverLogs(ctx)
	}
}

// lastDelivery bounds the delivery at the end of the process.
const lastDelivery = 10 * time.Second

func (s *Service) deliverLogs(ctx context.Context) {
	batches, dropped := s.accessLog.take()
	if dropped > 0 {
		s.logger.Warn("records of access logs were dropped: more came than could be delivered", "records", dropped)
	}
	for to, records := range batches {
		if err := s.deliver(ctx, to, records); err != nil {
			s.logger.Warn("an access log was not delivered", "target_bucket", to.target, "prefix", to.prefix,
				"bytes", records.Len(), "error", err)
		}
	}
}

// errLogRefused says that the policy of a target bucket does not let logs in.
var errLogRefused = errors.New("the policy of the target bucket does not allow s3:PutObject to " + loggingService)

// loggingService is who delivers access logs (User Guide, Enabling Amazon S3
// server access logging: bucket policy).
const loggingService = "logging.s3.amazonaws.com"

// deliver stores a batch as one object, if the target bucket still lets it in.
func (s *Service) deliver(ctx context.Context, to logPlace, records *bytes.Buffer) error {
	target, err := s.engine.Bucket(ctx, to.target)
	if err != nil {
		return fmt.Errorf("target bucket: %w", err)
	}
	if target.Account != to.source.account {
		return errors.New("the target bucket belongs to another account")
	}
	key := s.logKey(to)
	if err := s.mayDeliver(ctx, to.source, target, key); err != nil {
		return err
	}
	encryption, err := s.sealByDefault(ctx, target, key)
	if err != nil {
		return err
	}
	_, err = s.engine.Put(ctx, target.Name, key, records, object.PutOptions{
		SizeBytes: int64(records.Len()), Metadata: object.Metadata{ContentType: "text/plain"}, Checksums: defaultAlgorithm,
		Encryption: encryption,
	})
	return err
}

// logKey names a log object: prefix, folder, time of delivery and 16 random hex
// digits (User Guide, Log object key format).
func (s *Service) logKey(to logPlace) string {
	now := s.clock().UTC()
	folder := to.day
	if folder == partitionAtDelivery {
		folder = partition(to.source, now)
	}
	var unique [8]byte
	rand.Read(unique[:]) // never fails
	return to.prefix + folder + now.Format("2006-01-02-15-04-05-") + strings.ToUpper(hex.EncodeToString(unique[:]))
}

// mayDeliver asks the policy of the target bucket, which alone can allow a
// service something. Deliveries are not requests: they have no records
// themselves, so that a bucket may hold its own log.
func (s *Service) mayDeliver(ctx context.Context, source logSource, target object.Bucket, key string) error {
	access, err := s.access(ctx, target)
	if err != nil {
		return err
	}
	if access.Policy == "" {
		return errLogRefused
	}
	compiled, err := s.policies.Policy(access.Policy, policy.Resource, policy.Source{ID: target.Name, Type: policy.SourceResource})
	if err != nil {
		return err
	}
	keys := new(policy.Context)
	keys.SetTime("aws:CurrentTime", s.clock())
	keys.SetInt("aws:EpochTime", s.clock().Unix())
	keys.SetBool("aws:SecureTransport", true) // it never leaves the process
	keys.SetBool("aws:PrincipalIsAWSService", true)
	keys.Set("aws:PrincipalServiceName", loggingService)
	keys.Set("aws:SourceArn", arnPrefix+source.name)
	keys.Set("aws:SourceAccount", source.account)
	keys.Set("s3:ResourceAccount", target.Account)
	keys.Set("aws:ResourceAccount", target.Account)
	d := policy.Evaluate(&policy.Request{
		Principal: policy.Principal{Type: policy.Service, Service: loggingService},
		Action:    "s3:PutObject", Resource: arnPrefix + target.Name + "/" + key, Context: keys, ResourceAccount: target.Account,
	}, &policy.Sets{Resource: compiled, RequireResource: true})
	if !d.Allowed() {
		return errLogRefused
	}
	return nil
}
