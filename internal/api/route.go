package api

import (
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// route is a compiled route text:
//
//	METHOD /literal/{label}/{rest+}?query&query=value header
//
// Segments are matched on the escaped path and decoded afterwards, so that an
// encoded slash stays inside its segment. {rest+} takes the remaining path as
// it is, slashes included, and is not empty. Query and header conditions
// demand presence, or with "=" a value; the row with the most conditions wins.
type route struct {
	op       *Operation
	method   string
	segments []segment
	queries  []condition
	headers  []condition
}

type segment struct {
	literal string // "" for a label
	label   string
	rest    bool
}

type condition struct{ name, value string }

func parseRoute(op *Operation) (route, error) {
	r := route{op: op}
	fields := strings.Fields(op.Route)
	if len(fields) < 2 || len(fields) > 3 || !strings.HasPrefix(fields[1], "/") {
		return r, fmt.Errorf("route %q is not METHOD /path?query header", op.Route)
	}
	r.method = fields[0]
	path, query, _ := strings.Cut(fields[1], "?")
	for _, text := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		if text == "" {
			continue
		}
		s := segment{literal: text}
		if inner, ok := strings.CutPrefix(text, "{"); ok {
			inner, ok = strings.CutSuffix(inner, "}")
			if !ok {
				return r, fmt.Errorf("route %q: unclosed label", op.Route)
			}
			s = segment{label: strings.TrimSuffix(inner, "+"), rest: strings.HasSuffix(inner, "+")}
		}
		r.segments = append(r.segments, s)
	}
	r.queries = parseConditions(query)
	if len(fields) == 3 {
		r.headers = parseConditions(fields[2])
	}
	return r, nil
}

func parseConditions(text string) []condition {
	var out []condition
	for c := range strings.SplitSeq(text, "&") {
		if c == "" {
			continue
		}
		name, value, _ := strings.Cut(c, "=")
		out = append(out, condition{name, value})
	}
	return out
}

// routes is a service's rows, most specific first.
type routes []route

// compileRoutes orders the rows so that the first match is the most specific:
// literal segments before labels, then more conditions before fewer.
func compileRoutes(ops []Operation) (routes, error) {
	var all routes
	seen := make(map[string]string)
	for i := range ops {
		r, err := parseRoute(&ops[i])
		if err != nil {
			return nil, fmt.Errorf("operation %s: %w", ops[i].Name, err)
		}
		if other, ok := seen[r.shape()]; ok {
			return nil, fmt.Errorf("operations %s and %s share the route %s", other, ops[i].Name, ops[i].Route)
		}
		seen[r.shape()] = ops[i].Name
		all = append(all, r)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].before(&all[j]) })
	return all, nil
}

// shape identifies a route up to the names of its labels.
func (r *route) shape() string {
	var b strings.Builder
	b.WriteString(r.method)
	for _, s := range r.segments {
		switch {
		case s.rest:
			b.WriteString("/{+}")
		case s.label != "":
			b.WriteString("/{}")
		default:
			b.WriteString("/" + s.literal)
		}
	}
	return fmt.Sprint(b.String(), r.queries, r.headers)
}

func (r *route) before(o *route) bool {
	for k := 0; k < len(r.segments) && k < len(o.segments); k++ {
		if a, b := r.segments[k].literal != "", o.segments[k].literal != ""; a != b {
			return a
		}
	}
	if a, b := len(r.queries)+len(r.headers), len(o.queries)+len(o.headers); a != b {
		return a > b
	}
	return r.values() > o.values()
}

func (r *route) values() int {
	n := 0
	for _, c := range append(r.queries, r.headers...) {
		if c.value != "" {
			n++
		}
	}
	return n
}

// match finds the row for a request. path is the escaped path without a
// leading slash; labels come back decoded, in the order of the route.
func (rs routes) match(method, path string, query url.Values, header http.Header) (*route, []string, bool) {
	for i := range rs {
		r := &rs[i]
		if r.method != method || !r.conditionsHold(query, header) {
			continue
		}
		if labels, ok := r.matchPath(path); ok {
			return r, labels, true
		}
	}
	return nil, nil, false
}

func (r *route) conditionsHold(query url.Values, header http.Header) bool {
	for _, c := range r.queries {
		v, ok := query[c.name]
		if !ok || c.value != "" && (len(v) == 0 || v[0] != c.value) {
			return false
		}
	}
	for _, c := range r.headers {
		v := header.Values(c.name)
		if len(v) == 0 || c.value != "" && v[0] != c.value {
			return false
		}
	}
	return true
}

func (r *route) matchPath(path string) ([]string, bool) {
	var labels []string
	for _, s := range r.segments {
		if s.rest {
			return appendLabel(labels, path)
		}
		head, tail, _ := strings.Cut(path, "/")
		path = tail
		if s.literal != "" {
			if head != s.literal {
				return nil, false
			}
			continue
		}
		var ok bool
		if labels, ok = appendLabel(labels, head); !ok {
			return nil, false
		}
	}
	return labels, path == ""
}

// appendLabel decodes one label. Empty and undecodable ones do not match.
func appendLabel(labels []string, escaped string) ([]string, bool) {
	if escaped == "" {
		return nil, false
	}
	text, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, false
	}
	return append(labels, text), true
}
