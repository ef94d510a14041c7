package iot

import (
	"maps"
	"regexp"
	"strings"
)

// Limits of attributes (spec B.2; IoT limits: attributes of a thing group).
const (
	maxAttributesWithoutType = 3
	maxAttributesWithType    = 50
	maxGroupAttributes       = 50
	maxAttributeNameChars    = 128
	maxAttributeValueChars   = 800
)

// attributePayload sets attributes of a thing or of a group.
type attributePayload struct {
	Attributes map[string]string `json:"attributes"`
	// Merge keeps the attributes that are not named. Without it all are
	// replaced.
	Merge bool `json:"merge"`
}

// apply returns the attributes that result from p on those there are. An empty
// value removes the attribute. p may be nil: no change.
func (p *attributePayload) apply(there map[string]string) map[string]string {
	if p == nil {
		return there
	}
	result := make(map[string]string)
	if p.Merge {
		maps.Copy(result, there)
	}
	maps.Copy(result, p.Attributes)
	maps.DeleteFunc(result, func(_, value string) bool { return value == "" })
	return result
}

// check checks the names and values of a request, also those that are to be
// removed.
func (p *attributePayload) check() error {
	if p == nil {
		return nil
	}
	names, values := attributePatterns()
	for name, value := range p.Attributes {
		if name == "" || len(name) > maxAttributeNameChars || !names.MatchString(name) {
			return invalidRequest("The attribute name %q is not 1 to %d characters of [a-zA-Z0-9_.,@/:#-]", short(name), maxAttributeNameChars)
		}
		if len(value) > maxAttributeValueChars || !values.MatchString(value) {
			return invalidRequest("The value of the attribute %s is not 0 to %d characters of [a-zA-Z0-9_.,@/:#=[]-]", name, maxAttributeValueChars)
		}
	}
	return nil
}

// checkAttributes checks the attributes that a thing or group is about to have.
func checkAttributes(attributes map[string]string, most int) error {
	if len(attributes) > most {
		return invalidRequest("%d attributes are more than the %d allowed here", len(attributes), most)
	}
	folded := make(map[string]bool, len(attributes))
	for name := range attributes {
		lower := strings.ToLower(name)
		if folded[lower] {
			return invalidRequest("Two attribute names differ from %q in case only; policy variables cannot tell them apart", name)
		}
		folded[lower] = true
	}
	return nil
}

// attributePatterns are compiled here and not once for all, because requests
// that set attributes are few.
func attributePatterns() (names, values *regexp.Regexp) {
	return regexp.MustCompile(`^[a-zA-Z0-9_.,@/:#-]+$`), regexp.MustCompile(`^[a-zA-Z0-9_.,@/:#=\[\]-]*$`)
}

// short clips client text for an error message.
func short(s string) string { return s[:min(len(s), 64)] }
