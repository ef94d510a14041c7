// Package lifecycle removes objects as the lifecycle rules of their buckets say.
//
// It has two halves. A [Configuration] holds the rules of a bucket and says what
// they mean for a version at a time; it is pure, and S3's answers use it too
// (x-amz-expiration). A [Worker] goes through the buckets that have rules, once
// a day, and deletes what has expired.
//
// # What rules mean
//
// Times follow S3 (S3 User Guide, "Lifecycle configuration elements", "Setting
// lifecycle configuration for multiple rules"): days are added to the time at
// which a version was written, became noncurrent or an upload was begun, and the
// sum is rounded up to midnight UTC. Of several rules the earliest counts. A
// noncurrent version became so when the next newer version was written.
//
// A delete marker has no tags and no size. One that is the only version of its
// key goes by ExpiredObjectDeleteMarker, or by Days or Date when it is old
// enough.
//
// # A pass
//
//	buckets with rules ─▶ ranges of their prefixes ─▶ pages of versions ─▶ batches of deletions
//	                                                ─▶ pages of uploads ─▶ aborts
//
// A page is listed, what has expired in it is deleted, and after a pause that
// keeps to Config.ObjectsPerSecond comes the next. The cost of a pass follows
// the keys below the prefixes of rules, not those of the bucket. Each deletion is
// checked again at its commit: a version that was overwritten, restored or tagged
// anew in between stays. Versions under retention or legal hold stay too.
//
// The place reached is written down every now and then; after a restart the pass
// goes on there. Versions between the last place and the end of the process are
// looked at twice, which does no harm.
//
// Transitions to other storage classes do not exist: there is one.
//
// A Configuration must not be changed once it is shared. A Worker runs in one
// goroutine.
package lifecycle
