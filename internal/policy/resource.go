package policy

import "strings"

// arnSegments is the number of colon-separated parts of an ARN; the last holds the rest, colons and all.
const arnSegments = 6

// splitARN splits s at its first five colons. It returns the parts and their number.
func splitARN(s string) (parts [arnSegments]string, n int) {
	n = splitARNInto(&parts, s)
	return parts, n
}

func splitARNInto(parts *[arnSegments]string, s string) (n int) {
	for n < arnSegments-1 {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			break
		}
		parts[n] = s[:i]
		s = s[i+1:]
		n++
	}
	parts[n] = s
	return n + 1
}

// resourcePattern is one compiled value of Resource or NotResource (spec E.2).
type resourcePattern struct {
	text string // as written
	all  bool   // the pattern *
	none bool   // matches nothing: a wildcard in the resource-type word, or a short ARN in a resource policy

	prefix   string                   // the first five segments with their colons, when they hold no wildcard
	segments [arnSegments - 1]pattern // used when prefix is empty
	rest     pattern
	anyRest  bool

	// wholeService is the service the pattern covers entirely (arn:aws:s3:::*), for requests on the resource "*".
	wholeService string
}

// typeless are the services whose ARNs begin the last segment with a name instead of a resource type.
func typeless(service string) bool { return service == "s3" || service == "sns" || service == "sqs" }

// compileResource compiles a validated pattern.
func compileResource(text string, kind Kind, y syntax) resourcePattern {
	p := resourcePattern{text: text}
	if text == "*" {
		p.all = true
		return p
	}
	parts, n := splitARN(text)
	if n < arnSegments {
		if kind.hasPrincipal() && !strings.ContainsAny(text, "*?") {
			p.none = true
			return p
		}
		for i := n; i < arnSegments; i++ {
			parts[i] = "*"
		}
	}
	plain := y.withWildcards()
	plain.variables = false
	wild := false
	for i, part := range parts[:arnSegments-1] {
		tokens, _ := parseTemplate(part, plain) // only variables can be malformed
		p.segments[i] = newPattern(tokens)
		wild = wild || !p.segments[i].isExact
	}
	if !wild {
		p.prefix = strings.Join(parts[:arnSegments-1], ":") + ":"
	}
	p.compileRest(parts[arnSegments-1], parts[2], y)
	p.wholeService = wholeService(parts)
	return p
}

func (p *resourcePattern) compileRest(rest, service string, y syntax) {
	if rest == "*" {
		p.anyRest = true
		return
	}
	tokens, err := parseTemplate(rest, y.withWildcards())
	if err != nil {
		p.none = true
		return
	}
	p.rest = newPattern(tokens)
	p.none = !typeless(service) && !literalTypeWord(tokens)
}

// literalTypeWord reports whether the tokens begin with a resource-type word free of wildcards and variables: literal
// text with a / or : in it, or nothing but literal text.
func literalTypeWord(tokens []token) bool {
	if len(tokens) == 0 {
		return true
	}
	if tokens[0].kind != literalToken {
		return false
	}
	return len(tokens) == 1 || strings.ContainsAny(tokens[0].text, "/:")
}

// wholeService returns the service when all other segments match anything.
func wholeService(parts [arnSegments]string) string {
	region, account, rest := parts[3], parts[4], parts[5]
	if parts[1] != "aws" && parts[1] != "*" || region != "" && region != "*" || account != "" && account != "*" || rest != "*" {
		return ""
	}
	return parts[2]
}

// requestResource is the resource of a request, split once.
type requestResource struct {
	text    string
	parts   [arnSegments]string
	isARN   bool
	all     bool   // the resource "*"
	service string // of the action
}

// set fills r in place; copying it showed in profiles.
func (r *requestResource) set(resource, action string) {
	r.text = resource
	if r.all = resource == "*"; r.all {
		r.service, _, _ = strings.Cut(action, ":")
		return
	}
	r.isARN = splitARNInto(&r.parts, resource) == arnSegments
}

// match reports whether the resource is covered, with variables taken from c.
func (p *resourcePattern) match(r *requestResource, c *Context) bool {
	switch {
	case p.all:
		return true
	case p.none:
		return false
	case r.all:
		return p.wholeService != "" && strings.EqualFold(p.wholeService, r.service)
	case !r.isARN:
		return false
	}
	if p.prefix != "" {
		if !strings.HasPrefix(r.text, p.prefix) {
			return false
		}
	} else {
		for i := range p.segments {
			if !p.segments[i].match(r.parts[i], nil) {
				return false
			}
		}
	}
	return p.anyRest || p.rest.match(r.parts[arnSegments-1], c)
}
