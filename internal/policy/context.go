package policy

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Context holds the condition keys of a request. Names are compared without regard to case, the part of a tag key
// after the slash too. The zero value is empty and usable.
//
// A context may have a parent, whose keys show through unless set or unset here: fill one context per caller, then
// make a [Context.Layer] of it for each request. A context must not be changed while others read it; one with a
// [Context.SetFamily] of its own is for one goroutine.
type Context struct {
	parent   *Context
	entries  []contextEntry
	index    map[string]int // of entries by name, once there are manyEntries
	families []keyFamily
}

// keyFamily is keys that are looked up when they are asked for.
type keyFamily struct {
	prefix string // in lower case
	lookup func(rest string) (value string, ok bool, err error)
	err    error // of a lookup
}

// manyEntries is from where on entries are found by a map. Fewer are found sooner by looking at each; of thousands,
// which the tags in a request can be, that would take seconds.
const manyEntries = 48

// contextEntry is one key. A single value is in value; a list is in list.
type contextEntry struct {
	name   string // in lower case
	value  string
	list   []string
	isList bool
	absent bool // masks the parent's entry

	// certificate is set on certificate attributes.
	certificate *certificateText
}

// certificateText is how a certificate attribute stands in for a variable
// (spec A.7).
type certificateText struct {
	substitute string // replaces the value
	verbatim   bool   // the variable's own text stays instead
}

// Layer returns an empty context whose parent is c.
func (c *Context) Layer() *Context { return &Context{parent: c} }

// Reset removes all keys set in c, keeps its memory, and sets its parent (nil for none).
func (c *Context) Reset(parent *Context) {
	clear(c.entries)
	c.entries = c.entries[:0]
	clear(c.families)
	c.parent, c.index, c.families = parent, nil, c.families[:0]
}

// Clone returns a context with the same keys and the same parent, independent of later changes to c.
func (c *Context) Clone() *Context {
	if c == nil {
		return &Context{}
	}
	return &Context{parent: c.parent, entries: append([]contextEntry(nil), c.entries...), families: append([]keyFamily(nil), c.families...)}
}

// Set gives a single-valued key its value. The empty string is a value.
func (c *Context) Set(name, value string) { c.put(name, contextEntry{value: value}) }

// SetList gives a multi-valued key its values; such keys never resolve as variables. No values counts as absent.
// The context keeps the slice.
func (c *Context) SetList(name string, values ...string) {
	c.put(name, contextEntry{list: values, isList: true})
}

// SetFamily gives the keys that begin with prefix, such as "s3:ExistingObjectTag/", their values when a policy first
// asks for one. lookup gets the rest of the name, in lower case, and reports whether there is such a key. Its error makes
// the key absent; whoever evaluates must then not trust the decision, see [Context.Err].
func (c *Context) SetFamily(prefix string, lookup func(rest string) (value string, ok bool, err error)) {
	c.families = append(c.families, keyFamily{prefix: strings.ToLower(prefix), lookup: lookup})
}

// Err returns the error of a lookup that was made for a [Context.SetFamily] of c or its parents.
func (c *Context) Err() error {
	for at := c; at != nil; at = at.parent {
		for i := range at.families {
			if err := at.families[i].err; err != nil {
				return err
			}
		}
	}
	return nil
}

// SetBool sets "true" or "false".
func (c *Context) SetBool(name string, value bool) { c.Set(name, strconv.FormatBool(value)) }

// SetInt sets a whole number.
func (c *Context) SetInt(name string, value int64) { c.Set(name, strconv.FormatInt(value, 10)) }

// SetTime sets a date as ISO 8601 in UTC, whole seconds: 2026-08-01T12:00:00Z. For aws:EpochTime use SetInt.
func (c *Context) SetTime(name string, value time.Time) {
	c.Set(name, value.UTC().Format("2006-01-02T15:04:05Z"))
}

// SetBinary sets bytes, for BinaryEquals.
func (c *Context) SetBinary(name string, value []byte) {
	c.Set(name, base64.StdEncoding.EncodeToString(value))
}

// maxCertificateValues and maxCertificateChars are AWS IoT's limits on certificate policy variables (spec A.7).
const (
	maxCertificateValues = 5
	maxCertificateChars  = 1024
)

// SetCertificate sets the keys of a certificate attribute such as iot:Certificate.Subject.CommonName (spec A.7): the
// bare name is the first value, name.1 the second and so on, name.List all of them; at most five count.
//
// Conditions compare the values as they are. As variables, values holding one of * $ + ? # or longer than 1,024
// characters are not substituted (the text ${…} stays), and in others the characters , " \ = < > ; get a backslash before them.
func (c *Context) SetCertificate(name string, values ...string) {
	if len(values) > maxCertificateValues {
		values = values[:maxCertificateValues]
	}
	for i, v := range values {
		key := name
		if i > 0 {
			key += "." + strconv.Itoa(i)
		}
		c.put(key, contextEntry{
			value: v,
			certificate: &certificateText{
				verbatim:   strings.ContainsAny(v, "*$+?#") || utf8.RuneCountInString(v) > maxCertificateChars,
				substitute: escapeCertificateValue(v),
			},
		})
	}
	if len(values) > 0 {
		c.SetList(name+".List", values...)
	}
}

func escapeCertificateValue(v string) string {
	if !strings.ContainsAny(v, `,"\+=<>;`) {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if strings.IndexByte(`,"\+=<>;`, v[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// Unset makes a key absent here, also when the parent has it.
func (c *Context) Unset(name string) { c.put(name, contextEntry{absent: true}) }

// Get returns a key's values and whether it is present. The slice must not be changed.
func (c *Context) Get(name string) (values []string, ok bool) {
	e := c.lookup(strings.ToLower(name))
	if e == nil {
		return nil, false
	}
	if e.isList {
		return e.list, true
	}
	return []string{e.value}, true
}

// Names returns the names of all present keys in lower case, without order. Of families it has those asked for.
func (c *Context) Names() []string {
	var names []string
	seen := make(map[string]bool)
	for at := c; at != nil; at = at.parent {
		for i := range at.entries {
			e := &at.entries[i]
			if !seen[e.name] && !e.absent {
				names = append(names, e.name)
			}
			seen[e.name] = true
		}
	}
	return names
}

// put sets the entry for name in c itself.
func (c *Context) put(name string, e contextEntry) {
	e.name = lowerName(name)
	if c.entries == nil {
		c.entries = make([]contextEntry, 0, usualEntries)
	}
	if i := c.find(e.name); i >= 0 {
		c.entries[i] = e
		return
	}
	c.entries = append(c.entries, e)
	if c.index != nil {
		c.index[e.name] = len(c.entries) - 1
	} else if len(c.entries) >= manyEntries {
		c.index = make(map[string]int, 2*len(c.entries))
		for i := range c.entries {
			c.index[c.entries[i].name] = i
		}
	}
}

// find returns the place of a name in lower case among c's own entries, or -1.
func (c *Context) find(name string) int {
	if c.index != nil {
		if i, ok := c.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range c.entries {
		if len(c.entries[i].name) == len(name) && c.entries[i].name == name {
			return i
		}
	}
	return -1
}

// usualEntries is room for the keys of most requests.
const usualEntries = 16

// frequentNames are the keys that are set for every request, in lower case by
// the name as it is documented.
var frequentNames = func() map[string]string {
	names := make(map[string]string)
	for _, name := range []string{
		"aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:SourceIp", "aws:UserAgent", "aws:RequestedRegion",
		"aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:PrincipalIsAWSService", "aws:ViaAWSService",
		"aws:TokenIssueTime", "aws:MultiFactorAuthPresent", "s3:authType", "s3:ResourceAccount", "s3:VersionId", "s3:TlsVersion",
		"s3:ObjectCreationOperation", "credentials-iot:ThingName", "credentials-iot:ThingTypeName", "credentials-iot:AwsCertificateId",
	} {
		names[name] = strings.ToLower(name)
	}
	return names
}()

func lowerName(name string) string {
	if lower, ok := frequentNames[name]; ok {
		return lower
	}
	return strings.ToLower(name)
}

// lookUp finds a name in lower case by c's families and keeps what they say. It returns the place of the entry, or -1.
func (c *Context) lookUp(name string) int {
	for i := range c.families {
		f := &c.families[i]
		rest, ok := strings.CutPrefix(name, f.prefix)
		if !ok {
			continue
		}
		value, ok, err := f.lookup(rest)
		if err != nil {
			f.err = err
		}
		c.put(name, contextEntry{value: value, absent: !ok || err != nil})
		return c.find(name)
	}
	return -1
}

// lookup returns the present entry for a name in lower case, nil if there is none. A list without values is absent.
func (c *Context) lookup(name string) *contextEntry {
	for at := c; at != nil; at = at.parent {
		i := at.find(name)
		if i < 0 && len(at.families) > 0 {
			i = at.lookUp(name)
		}
		if i < 0 {
			continue
		}
		e := &at.entries[i]
		if e.absent || e.isList && len(e.list) == 0 {
			return nil
		}
		return e
	}
	return nil
}
