package s3

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/object"
)

// What tags of buckets and objects have in common.

type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	TagSet  *tagSet  `xml:"TagSet"`
}

type tagSet struct {
	Tags []tagXML `xml:"Tag"`
}

type tagXML struct {
	Key   *string `xml:"Key"`
	Value *string `xml:"Value"`
}

// Limits of a tag (User Guide, Categorizing your storage using tags).
const (
	maxTagKeyChars   = 128
	maxTagValueChars = 256
)

// checkTag refuses a tag that S3 does not take.
func checkTag(key, value string) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > maxTagKeyChars || !tagText(key):
		return invalidTag("The TagKey you have provided is invalid").With("TagKey", clip(key))
	case utf8.RuneCountInString(value) > maxTagValueChars || !tagText(value):
		return invalidTag("The TagValue you have provided is invalid").With("TagKey", clip(key)).With("TagValue", clip(value))
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return invalidTag("System tags cannot be added/updated by requester").With("TagKey", clip(key))
	}
	return nil
}

func invalidTag(message string) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidTag", message)
}

func sameTagKey(key string) *awserr.Error {
	return invalidTag("Cannot provide multiple Tags with the same key").With("TagKey", clip(key))
}

// tagText reports whether text holds only what tags may: letters, digits and
// white space of Unicode, and + - = . _ : / @ (User Guide, Tag restrictions).
func tagText(text string) bool {
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsSpace(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) && !strings.ContainsRune("+-=._:/@", r) {
			return false
		}
	}
	return utf8.ValidString(text)
}

// maxObjectTags bounds an object's tags (User Guide, Categorizing your storage
// using tags).
const maxObjectTags = 10

// objectTags checks the tags of an object and returns them as they are stored,
// by key. Keys that differ in case only are refused: policies cannot tell them
// apart, as condition keys have no case.
func objectTags(tags []object.Tag) ([]object.Tag, error) {
	if len(tags) > maxObjectTags {
		return nil, invalidTag("Object tags cannot be greater than 10")
	}
	for i := range tags {
		if err := checkTag(tags[i].Key, tags[i].Value); err != nil {
			return nil, err
		}
		if _, twice := tagValue(tags[:i], tags[i].Key); twice {
			return nil, sameTagKey(tags[i].Key)
		}
	}
	slices.SortFunc(tags, func(a, b object.Tag) int { return cmp.Compare(a.Key, b.Key) })
	return tags, nil
}

// tagValue finds the value of a tag by its key, in any case.
func tagValue(tags []object.Tag, key string) (value string, ok bool) {
	for i := range tags {
		if strings.EqualFold(tags[i].Key, key) {
			return tags[i].Value, true
		}
	}
	return "", false
}

// objectTags reads the document of PutObjectTagging.
func (t *tagging) objectTags() ([]object.Tag, error) {
	if t == nil || t.TagSet == nil {
		return nil, malformedXML()
	}
	tags := make([]object.Tag, len(t.TagSet.Tags))
	for i, given := range t.TagSet.Tags {
		if given.Key == nil || given.Value == nil {
			return nil, malformedXML()
		}
		tags[i] = object.Tag{Key: *given.Key, Value: *given.Value}
	}
	return objectTags(tags)
}

// headerTags reads the header x-amz-tagging: a query string.
func headerTags(header *string) ([]object.Tag, error) {
	if header == nil || *header == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(*header)
	if err != nil {
		return nil, invalidTagging(*header)
	}
	tags := make([]object.Tag, 0, len(values))
	for key, value := range values {
		if len(value) > 1 {
			return nil, invalidTagging(*header)
		}
		tags = append(tags, object.Tag{Key: key, Value: value[0]})
	}
	return objectTags(tags)
}

func invalidTagging(value string) error {
	return invalidArgument("x-amz-tagging", value,
		"The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
}

// requestObjectTags appends the condition keys of tags that a request gives an
// object.
func requestObjectTags(keys []identity.Key, tags []object.Tag) []identity.Key {
	if len(tags) == 0 {
		return keys
	}
	all := identity.ListKey("s3:RequestObjectTagKeys")
	for i := range tags {
		keys = append(keys, identity.StringKey("s3:RequestObjectTag/"+tags[i].Key, tags[i].Value))
		all.Values = append(all.Values, tags[i].Key)
	}
	return append(keys, all)
}

// tagSet writes the tags of an object.
func (d *document) tagSet(tags []object.Tag) {
	d.open("TagSet")
	for i := range tags {
		d.open("Tag")
		d.text("Key", tags[i].Key)
		d.text("Value", tags[i].Value)
		d.close("Tag")
	}
	d.close("TagSet")
}
