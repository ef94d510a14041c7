package iot

import (
	"context"
	"slices"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

// maxTags is per resource (spec B.2).
const maxTags = 50

func (s *Service) tagOperations() []api.Operation {
	return []api.Operation{
		api.Op("TagResource", "POST /tags", s.tagResourceNeeds, s.tagResource),
		api.Op("UntagResource", "POST /untag", s.untagResourceNeeds, s.untagResource),
		onARN(s, "ListTagsForResource", "GET /tags", func(ctx context.Context, in *listTagsInput) (ref, error) {
			return s.taggable(ctx, in.ResourceArn)
		}, s.listTagsForResource),
	}
}

// tag is a tag on the wire. Its members are spelt with capitals.
type tag struct {
	Key   string `json:"Key" required:"" length:"1,128" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*"`
	Value string `json:"Value" length:"0,256" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*"`
}

// tagList are the tags that an operation gives to what it makes.
type tagList struct {
	Tags []tag `json:"tags" length:"0,50"`
}

func (l *tagList) tags() []tag { return l.Tags }

// records checks the tags and returns them as they are stored.
func (l *tagList) records() ([]metastore.Tag, error) { return mergeTags(nil, l.Tags) }

// mergeTags returns the tags there are with those to add. Keys that differ in
// case only are refused: condition keys such as aws:ResourceTag/team are
// compared without regard to case, by the lower case that package policy makes
// of them.
func mergeTags(there []metastore.Tag, add []tag) ([]metastore.Tag, error) {
	merged := slices.Clone(there)
	for i, t := range add {
		key := strings.ToLower(t.Key)
		if strings.HasPrefix(key, "aws:") {
			return nil, invalidRequest("The tag key %s begins with the reserved prefix aws:", t.Key)
		}
		if slices.ContainsFunc(add[:i], func(o tag) bool { return strings.ToLower(o.Key) == key }) {
			return nil, invalidRequest("The tag key %s is given twice", t.Key)
		}
		at := slices.IndexFunc(merged, func(o metastore.Tag) bool { return strings.ToLower(o.Key) == key })
		switch {
		case at < 0:
			merged = append(merged, metastore.Tag{Key: t.Key, Value: t.Value})
		case merged[at].Key != t.Key:
			return nil, invalidRequest("The tag key %s differs from the tag key %s in case only", t.Key, merged[at].Key)
		default:
			merged[at].Value = t.Value
		}
	}
	return merged, nil
}

// taggable reads the ARN of a resource that can have tags. Things and
// certificates cannot (spec B.12).
func (s *Service) taggable(ctx context.Context, arn string) (ref, error) {
	r, err := s.parseARN(ctx, "resourceArn", arn)
	if err != nil {
		return r, err
	}
	switch r.word {
	case wordThingType, wordThingGroup, wordPolicy, wordRoleAlias:
		return r, nil
	}
	return r, invalidRequest("Resources of the type %s cannot be tagged", short(r.word))
}

// tagsOf returns the tags of r, or metastore.ErrNotFound. Resources that cannot
// have tags have none.
func tagsOf(ctx context.Context, reader metastore.Reader, account string, r ref) ([]metastore.Tag, error) {
	switch r.word {
	case wordThingType:
		v, err := metastore.ThingTypes.Get(ctx, reader, account, r.name)
		if err != nil {
			return nil, err
		}
		return v.Tags, nil
	case wordThingGroup:
		v, err := metastore.ThingGroups.Get(ctx, reader, account, r.name)
		if err != nil {
			return nil, err
		}
		return v.Tags, nil
	case wordPolicy:
		v, err := metastore.IoTPolicies.Get(ctx, reader, account, r.name)
		if err != nil {
			return nil, err
		}
		return v.Tags, nil
	case wordRoleAlias:
		v, err := metastore.RoleAliases.Get(ctx, reader, account, r.name)
		if err != nil {
			return nil, err
		}
		return v.Tags, nil
	}
	return nil, nil
}

// changeTags replaces the tags of r by what change makes of them.
func changeTags(ctx context.Context, w metastore.Writer, account string, r ref, change func([]metastore.Tag) ([]metastore.Tag, error)) error {
	apply := func(tags *[]metastore.Tag) (err error) {
		*tags, err = change(*tags)
		return err
	}
	switch r.word {
	case wordThingType:
		return metastore.ThingTypes.Modify(ctx, w, account, r.name, func(v *metastore.ThingType) error { return apply(&v.Tags) })
	case wordThingGroup:
		return metastore.ThingGroups.Modify(ctx, w, account, r.name, func(v *metastore.ThingGroup) error { return apply(&v.Tags) })
	case wordPolicy:
		return metastore.IoTPolicies.Modify(ctx, w, account, r.name, func(v *metastore.IoTPolicy) error { return apply(&v.Tags) })
	case wordRoleAlias:
		return metastore.RoleAliases.Modify(ctx, w, account, r.name, func(v *metastore.RoleAlias) error { return apply(&v.Tags) })
	}
	return metastore.ErrNotFound
}

type tagResourceInput struct {
	ResourceArn string `json:"resourceArn" required:""`
	Tags        []tag  `json:"tags" required:"" length:"0,50"`
}

func (s *Service) tagResourceNeeds(ctx context.Context, in *tagResourceInput) ([]api.Permission, error) {
	r, err := s.taggable(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	p, err := s.permission(ctx, "iot:TagResource", r)
	p.Keys = append(p.Keys, requestTagKeys(in.Tags)...)
	return []api.Permission{p}, err
}

func (s *Service) tagResource(ctx context.Context, in *tagResourceInput) (*api.Empty, error) {
	return s.changeTags(ctx, in.ResourceArn, func(there []metastore.Tag) ([]metastore.Tag, error) {
		merged, err := mergeTags(there, in.Tags)
		if err == nil && len(merged) > maxTags {
			err = limitExceeded("A resource can have %d tags at most", maxTags)
		}
		return merged, err
	})
}

type untagResourceInput struct {
	ResourceArn string   `json:"resourceArn" required:""`
	TagKeys     []string `json:"tagKeys" required:"" length:"0,200"`
}

func (s *Service) untagResourceNeeds(ctx context.Context, in *untagResourceInput) ([]api.Permission, error) {
	r, err := s.taggable(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	p, err := s.permission(ctx, "iot:UntagResource", r)
	p.Keys = append(p.Keys, identity.ListKey("aws:TagKeys", in.TagKeys...))
	return []api.Permission{p}, err
}

func (s *Service) untagResource(ctx context.Context, in *untagResourceInput) (*api.Empty, error) {
	return s.changeTags(ctx, in.ResourceArn, func(there []metastore.Tag) ([]metastore.Tag, error) {
		return slices.DeleteFunc(there, func(t metastore.Tag) bool { return slices.Contains(in.TagKeys, t.Key) }), nil
	})
}

func (s *Service) changeTags(ctx context.Context, arn string, change func([]metastore.Tag) ([]metastore.Tag, error)) (*api.Empty, error) {
	r, err := s.taggable(ctx, arn)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(w metastore.Writer) error {
		return changeTags(ctx, w, account(ctx), r, change)
	})
	return &api.Empty{}, orNotFound(err, "The resource %s does not exist", arn)
}

type listTagsInput struct {
	ResourceArn string `query:"resourceArn" required:""`
	NextToken   string `query:"nextToken"`
}

type listTagsOutput struct {
	Tags []tag `json:"tags"`
}

// listTagsForResource returns all tags in one page: there are 50 at most.
func (s *Service) listTagsForResource(ctx context.Context, in *listTagsInput) (*listTagsOutput, error) {
	if in.NextToken != "" {
		return nil, invalidRequest("The nextToken is not one that this operation returned.")
	}
	r, err := s.taggable(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := tagsOf(ctx, s.cfg.Store.Hot(), account(ctx), r)
	if err != nil {
		return nil, orNotFound(err, "The resource %s does not exist", in.ResourceArn)
	}
	out := &listTagsOutput{Tags: []tag{}}
	for _, t := range tags {
		out.Tags = append(out.Tags, tag{t.Key, t.Value})
	}
	return out, nil
}
