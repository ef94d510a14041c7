package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

// maxTags bounds the tags of a user, role or policy (spec C.2).
const maxTags = 50

// tag is a tag on the wire.
type tag struct {
	Key   string  `required:"" length:"1,128" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"`
	Value *string `required:"" length:"0,256" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*"`
}

// The members by which inputs give tags and their keys.
type (
	newTags struct {
		Tags []tag `length:"0,50"`
	}
	givenTags struct {
		Tags []tag `required:"" length:"0,50"`
	}
	givenTagKeys struct {
		TagKeys []string `required:"" length:"0,50" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"`
	}
)

func (t newTags) tags() []tag            { return t.Tags }
func (t givenTags) tags() []tag          { return t.Tags }
func (t givenTagKeys) tagKeys() []string { return t.TagKeys }

// requestTagKeys are the condition keys about the tags of a request.
func requestTagKeys(tags []tag) []identity.Key {
	if len(tags) == 0 {
		return nil
	}
	keys, names := make([]identity.Key, 0, len(tags)+1), make([]string, 0, len(tags))
	for _, t := range tags {
		keys = append(keys, identity.Key{Name: "aws:RequestTag/" + t.Key, Values: []string{*t.Value}})
		names = append(names, t.Key)
	}
	return append(keys, identity.Key{Name: "aws:TagKeys", Values: names, List: true})
}

// resourceTagKeys are the condition keys about the tags of an entity.
func resourceTagKeys(tags []metastore.Tag) []identity.Key {
	keys := make([]identity.Key, 0, 2*len(tags))
	for _, t := range tags {
		for _, prefix := range [...]string{"aws:ResourceTag/", "iam:ResourceTag/"} {
			keys = append(keys, identity.Key{Name: prefix + t.Key, Values: []string{t.Value}})
		}
	}
	return keys
}

// mergeTags sets tags over old and returns the result in order of folded key.
// A key that differs from an old one in case alone replaces it (IAM User
// Guide, Tags for IAM resources). quota names the quota.
func mergeTags(old []metastore.Tag, tags []tag, quota string) ([]metastore.Tag, error) {
	merged := slices.Clone(old)
	given := make(map[string]bool, len(tags))
	for _, t := range tags {
		folded := strings.ToLower(t.Key)
		if given[folded] {
			return nil, invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		given[folded] = true
		if strings.HasPrefix(folded, "aws:") {
			return nil, invalidInput("The tag key %s cannot be used: keys that begin with aws: are reserved for AWS.", t.Key)
		}
		merged = append(slices.DeleteFunc(merged, func(m metastore.Tag) bool { return strings.ToLower(m.Key) == folded }),
			metastore.Tag{Key: t.Key, Value: *t.Value})
	}
	if len(merged) > maxTags {
		return nil, quotaExceeded(quota, maxTags)
	}
	slices.SortFunc(merged, func(a, b metastore.Tag) int { return strings.Compare(tagOrder(a), tagOrder(b)) })
	return merged, nil
}

// withoutTags removes the tags with the given keys, whatever their case.
func withoutTags(old []metastore.Tag, keys []string) []metastore.Tag {
	folded := make(map[string]bool, len(keys))
	for _, key := range keys {
		folded[strings.ToLower(key)] = true
	}
	return slices.DeleteFunc(slices.Clone(old), func(t metastore.Tag) bool { return folded[tagOrder(t)] })
}

func tagOrder(t metastore.Tag) string { return strings.ToLower(t.Key) }

func wireTag(t metastore.Tag) tag { return tag{t.Key, &t.Value} }

// wireTags is nil for no tags, which leaves the member out of an answer.
func wireTags(tags []metastore.Tag) []tag {
	var out []tag
	for _, t := range tags {
		out = append(out, wireTag(t))
	}
	return out
}

type (
	tagUserInput struct {
		namedUser
		givenTags
	}
	tagRoleInput struct {
		namedRole
		givenTags
	}
	untagUserInput struct {
		namedUser
		givenTagKeys
	}
	untagRoleInput struct {
		namedRole
		givenTagKeys
	}
	listUserTagsInput struct {
		namedUser
		page
	}
	listRoleTagsInput struct {
		namedRole
		page
	}
	listTagsOutput struct {
		Tags []tag
		pageInfo
	}
)

// tagEntity handles TagUser and TagRole.
func tagEntity[In interface {
	entityInput
	tags() []tag
}](s *Service) func(context.Context, *In) (*api.Empty, error) {
	return func(ctx context.Context, in *In) (*api.Empty, error) {
		ref, tags := (*in).entity(), (*in).tags()
		return nothing, s.changeEntity(ctx, ref, func(_ metastore.Writer, e *entity) (err error) {
			*e.tags, err = mergeTags(*e.tags, tags, "TagsPer"+ref.kind.title())
			return err
		})
	}
}

// untagEntity handles UntagUser and UntagRole.
func untagEntity[In interface {
	entityInput
	tagKeys() []string
}](s *Service) func(context.Context, *In) (*api.Empty, error) {
	return func(ctx context.Context, in *In) (*api.Empty, error) {
		return nothing, s.changeEntity(ctx, (*in).entity(), func(_ metastore.Writer, e *entity) error {
			*e.tags = withoutTags(*e.tags, (*in).tagKeys())
			return nil
		})
	}
}

// listEntityTags handles ListUserTags and ListRoleTags.
func listEntityTags[In interface {
	entityInput
	paging() page
}](s *Service) func(context.Context, *In) (*listTagsOutput, error) {
	return func(ctx context.Context, in *In) (*listTagsOutput, error) {
		e, err := findEntity(ctx, s.store.Hot(), account(ctx), (*in).entity())
		if err != nil {
			return nil, err
		}
		return pageOfTags((*in).paging(), *e.tags)
	}
}

// pageOfTags marks the page by the position of its last tag: a key of 128
// characters can be longer than a marker may be.
func pageOfTags(p page, tags []metastore.Tag) (*listTagsOutput, error) {
	positions := make([]int, len(tags))
	for i := range tags {
		positions[i] = i
	}
	key := func(i int) string { return fmt.Sprintf("%02d", i) }
	out := new(listTagsOutput)
	var err error
	out.Tags, out.pageInfo, err = collectList(p, positions, key, func(i int) tag { return wireTag(tags[i]) })
	return out, err
}
