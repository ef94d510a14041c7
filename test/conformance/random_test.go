package conformance

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"inro.dev/inro/internal/api"
)

// filler fills wire structs at random, under the constraints that Inro's tags
// state.
type filler struct{ r *rand.Rand }

func newFiller(seed uint64) *filler { return &filler{rand.New(rand.NewPCG(seed, seed))} }

// limits are the constraints of one member.
type limits struct {
	least, most int // of the length; most 0: none
	low, high   int64
	hasRange    bool
	pattern     string
	enum        []string
	required    bool
}

func limitsOf(tag reflect.StructTag) limits {
	var l limits
	_, l.required = tag.Lookup("required")
	if text, ok := tag.Lookup("length"); ok {
		low, high := bounds(text)
		l.least, l.most = int(low), int(high)
	}
	if text, ok := tag.Lookup("range"); ok {
		l.hasRange = true
		l.low, l.high = bounds(text)
	}
	l.pattern = tag.Get("pattern")
	if text, ok := tag.Lookup("enum"); ok {
		l.enum = strings.Split(text, ",")
	}
	return l
}

// bounds reads "least,most"; an absent most is 0. Package api has checked the
// tag already.
func bounds(text string) (int64, int64) {
	a, b, _ := strings.Cut(text, ",")
	low, _ := strconv.ParseInt(a, 10, 64)
	high, _ := strconv.ParseInt(b, 10, 64)
	return low, high
}

// maxDepth ends the filling of types that contain themselves.
const maxDepth = 12

// sdk fills an input of the SDK for which ours is the type of Inro's input,
// nil if it has none. Of the members that Inro does not demand, share (0 to 1)
// is filled.
func (f *filler) sdk(v reflect.Value, ours reflect.Type, share float64, depth int) {
	var known []member
	if ours != nil {
		known = membersOf(ours)
	}
	for _, field := range sdkFields(v.Type()) {
		m, ok := find(known, field.Name)
		l := limitsOf(m.field.Tag)
		if !l.required && f.r.Float64() >= share {
			continue
		}
		var t reflect.Type
		if ok {
			t = m.field.Type
		}
		f.value(v.FieldByIndex(field.Index), t, l, depth)
	}
}

// value fills one value of the SDK; ours is its counterpart's type or nil.
func (f *filler) value(v reflect.Value, ours reflect.Type, l limits, depth int) {
	for ours != nil && ours.Kind() == reflect.Pointer {
		ours = ours.Elem()
	}
	if depth > maxDepth {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.value(v.Elem(), ours, l, depth)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(f.moment()))
			return
		}
		if ours != nil && ours.Kind() != reflect.Struct {
			ours = nil
		}
		f.sdk(v, ours, 1, depth+1)
	case reflect.Slice:
		f.slice(v, ours, l, depth)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, item := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.value(key, nil, limits{}, depth+1)
			f.value(item, nil, limits{}, depth+1)
			v.SetMapIndex(key, item)
		}
	case reflect.String:
		v.SetString(f.text(v, l))
	case reflect.Interface:
		if one, ok := unions[v.Type()]; ok {
			member := reflect.New(one)
			f.sdk(member.Elem(), nil, 1, depth+1)
			v.Set(member)
		}
	default:
		f.number(v, l)
	}
}

// unions gives a type to fill for interfaces in inputs: of a union of the SDK
// one of its members.
var unions = map[reflect.Type]reflect.Type{
	reflect.TypeFor[io.Reader]():                 reflect.TypeFor[bytes.Reader](),
	reflect.TypeFor[iamtypes.PolicyIdentifier](): reflect.TypeFor[iamtypes.PolicyIdentifierMemberPolicyArn](),
}

func (f *filler) slice(v reflect.Value, ours reflect.Type, l limits, depth int) {
	var element reflect.Type
	if ours != nil && ours.Kind() == reflect.Slice {
		element = ours.Elem()
	}
	n := 2
	if l.most > 0 {
		n = min(n, l.most)
	}
	if depth > maxDepth/3 {
		n = 1 // lists of lists of lists would be long
	}
	each := limits{pattern: l.pattern, enum: l.enum}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		f.value(v.Index(i), element, each, depth+1)
	}
}

// ours fills an output of ours.
func (f *filler) ours(v reflect.Value, depth int) {
	if depth > maxDepth {
		return
	}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(f.moment()))
		return
	case api.Timestamp:
		v.Set(reflect.ValueOf(api.Timestamp{Time: f.moment()}))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.ours(v.Elem(), depth)
	case reflect.Struct:
		for _, m := range membersOf(v.Type()) {
			f.ours(v.FieldByIndex(m.field.Index), depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.ours(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, item := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.ours(key, depth+1)
			f.ours(item, depth+1)
			v.SetMapIndex(key, item)
		}
	case reflect.String:
		v.SetString(f.text(v, limits{}))
	default:
		f.number(v, limits{})
	}
}

// moment is a time in whole seconds, which every protocol can carry.
func (f *filler) moment() time.Time { return time.Unix(1_600_000_000+f.r.Int64N(400_000_000), 0).UTC() }

func (f *filler) number(v reflect.Value, l limits) {
	low, high := int64(1), int64(1000)
	if l.hasRange {
		low, high = max(l.low, 1), l.high
		if high == 0 {
			high = low + 1000
		}
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(low + f.r.Int64N(high-low+1))
	case reflect.Float64:
		v.SetFloat(float64(low))
	}
}

// text makes a string that l allows. Of an enumeration of the SDK it is one
// of the values that clients send.
func (f *filler) text(v reflect.Value, l limits) string {
	if l.enum != nil {
		return l.enum[f.r.IntN(len(l.enum))]
	}
	if values := v.MethodByName("Values"); values.IsValid() {
		known := values.Call(nil)[0]
		return known.Index(f.r.IntN(known.Len())).String()
	}
	least, most := max(l.least, 1), l.most
	if most == 0 {
		most = least + 24
	}
	if l.pattern == "" {
		return f.word(max(least, min(most, 12)))
	}
	return f.matching(l.pattern, least, most)
}

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

func (f *filler) word(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[f.r.IntN(len(alphabet))]
	}
	return string(text)
}

// matching makes a string that matches the pattern, of a length within
// bounds. It panics when it finds none, which is a fault of this generator.
func (f *filler) matching(pattern string, least, most int) string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err) // package api has compiled it
	}
	whole := regexp.MustCompile(`^(?:` + pattern + `)$`)
	for try := range 1000 {
		repeat := least + try%(min(most, least+40)-least+1)
		var b strings.Builder
		f.expand(&b, tree.Simplify(), repeat)
		if s := b.String(); len(s) >= least && len(s) <= most && whole.MatchString(s) {
			return s
		}
	}
	panic(fmt.Sprintf("no string of length %d to %d found for %s", least, most, pattern))
}

// expand writes a string that matches re; what may repeat without bound
// repeats that often.
func (f *filler) expand(b *strings.Builder, re *syntax.Regexp, repeat int) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(f.oneOf(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteString(f.word(1))
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			f.expand(b, sub, repeat)
		}
	case syntax.OpAlternate:
		f.expand(b, re.Sub[f.r.IntN(len(re.Sub))], repeat)
	case syntax.OpQuest:
		if f.r.IntN(2) == 0 {
			f.expand(b, re.Sub[0], repeat)
		}
	case syntax.OpStar, syntax.OpPlus:
		for range max(repeat, 1) {
			f.expand(b, re.Sub[0], repeat)
		}
	}
}

// oneOf picks a printable ASCII character of a class, given as pairs of
// bounds.
func (f *filler) oneOf(class []rune) rune {
	var can []rune
	for c := rune('!'); c <= '~'; c++ {
		for i := 0; i+1 < len(class); i += 2 {
			if class[i] <= c && c <= class[i+1] {
				can = append(can, c)
			}
		}
	}
	if len(can) == 0 {
		return class[0]
	}
	return can[f.r.IntN(len(can))]
}
