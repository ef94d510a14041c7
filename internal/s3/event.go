package s3

import (
	"slices"
	"strings"

	"inro.dev/inro/internal/awserr"
)

// event is something that happens to an object and that a bucket can tell of.
type event uint8

// The events that there are (S3 User Guide, "Supported event types for SQS, SNS,
// and Lambda"). Those of AWS that cannot happen here are in eventsNotOffered.
const (
	objectCreatedPut event = iota
	objectCreatedPost
	objectCreatedCopy
	objectCreatedCompleteMultipartUpload
	objectRemovedDelete
	objectRemovedDeleteMarkerCreated
	objectTaggingPut
	objectTaggingDelete
	objectACLPut
	lifecycleExpirationDelete
	lifecycleExpirationDeleteMarkerCreated
)

// eventNames are the names in messages, which lack the prefix "s3:".
var eventNames = [...]string{
	objectCreatedPut:                       "ObjectCreated:Put",
	objectCreatedPost:                      "ObjectCreated:Post",
	objectCreatedCopy:                      "ObjectCreated:Copy",
	objectCreatedCompleteMultipartUpload:   "ObjectCreated:CompleteMultipartUpload",
	objectRemovedDelete:                    "ObjectRemoved:Delete",
	objectRemovedDeleteMarkerCreated:       "ObjectRemoved:DeleteMarkerCreated",
	objectTaggingPut:                       "ObjectTagging:Put",
	objectTaggingDelete:                    "ObjectTagging:Delete",
	objectACLPut:                           "ObjectAcl:Put",
	lifecycleExpirationDelete:              "LifecycleExpiration:Delete",
	lifecycleExpirationDeleteMarkerCreated: "LifecycleExpiration:DeleteMarkerCreated",
}

func (e event) String() string { return eventNames[e] }

// eventSet is a set of events.
type eventSet uint16

func setOf(events ...event) eventSet {
	var s eventSet
	for _, e := range events {
		s |= 1 << e
	}
	return s
}

func (s eventSet) has(e event) bool { return s&(1<<e) != 0 }

// eventsByName are the names in configurations, with those that stand for
// several events.
var eventsByName = func() map[string]eventSet {
	all := make(map[string]eventSet)
	for e := range eventNames {
		name := "s3:" + eventNames[e]
		all[name] = setOf(event(e))
		// AWS has s3:ObjectAcl:Put and no wildcard for it.
		if family, _, _ := strings.Cut(name[len("s3:"):], ":"); event(e) != objectACLPut {
			all["s3:"+family+":*"] |= setOf(event(e))
		}
	}
	return all
}()

// eventsNotOffered are AWS's other names: they tell of what does not exist here,
// so nobody would ever be told.
var eventsNotOffered = []string{
	"s3:ReducedRedundancyLostObject",
	"s3:ObjectRestore:*", "s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete",
	"s3:Replication:*", "s3:Replication:OperationFailedReplication", "s3:Replication:OperationNotTracked",
	"s3:Replication:OperationMissedThreshold", "s3:Replication:OperationReplicatedAfterThreshold",
	"s3:LifecycleTransition", "s3:IntelligentTiering",
	"s3:ObjectAnnotation:*", "s3:ObjectAnnotation:Put", "s3:ObjectAnnotation:Delete",
}

// parseEvents reads the events of one configuration.
func parseEvents(names []string) (eventSet, error) {
	var s eventSet
	for _, name := range names {
		events, ok := eventsByName[name]
		switch {
		case ok:
			s |= events
		case slices.Contains(eventsNotOffered, name):
			return 0, awserr.NotImplemented("The event " + name + " is not offered: what it tells of does not exist here.")
		default:
			return 0, invalidArgument("Event", name, "A specified event is not supported for notifications.")
		}
	}
	return s, nil
}
