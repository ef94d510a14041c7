package s3

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
)

// Website returns the website endpoints of buckets: the pages of
// http://<bucket>.s3-website-<region>.<domain>/, for anybody whom the bucket
// lets read (User Guide, Website endpoints). They are a service of their own,
// chosen by host name; nothing is signed there.
func (s *Service) Website() api.Service {
	// The handler authorizes every object that it reads: which those are
	// depends on which there are.
	needs := api.AnyCaller[websiteInput]()
	return api.Service{
		Name: "s3-website", Protocol: api.Website(), Anonymous: true, Unsigned: true,
		Host: s.websiteHost, CrossOrigin: s.crossOrigin, Observe: s.observe,
		Translate: func(err error) error { return subject{}.translate(err) },
		Operations: []api.Operation{
			api.Op("GetWebsiteRoot", "GET /{Bucket}", needs, s.readWebsite),
			api.Op("HeadWebsiteRoot", "HEAD /{Bucket}", needs, s.readWebsite),
			api.Op("GetWebsite", "GET /{Bucket}/{Key+}", needs, s.readWebsite),
			api.Op("HeadWebsite", "HEAD /{Bucket}/{Key+}", needs, s.readWebsite),
		},
	}
}

// websiteHost claims the host names of website endpoints:
// <bucket>.s3-website-<region>.<domain> and <bucket>.s3-website.<region>.<domain>
// under every domain, <bucket>.<website domain>, and a website domain itself,
// which is then the bucket's name.
func (s *Service) websiteHost(host string) (bucket string, claimed bool) {
	for _, domain := range s.websiteDomains {
		if host == domain {
			return host, true
		}
		if inner, ok := strings.CutSuffix(host, "."+domain); ok {
			return inner, true
		}
	}
	for _, domain := range s.domains {
		inner, ok := strings.CutSuffix(host, "."+domain)
		if !ok {
			continue
		}
		for _, mark := range [...]string{".s3-website-", ".s3-website."} {
			if i := strings.LastIndex(inner, mark); i > 0 && regionPattern.MatchString(inner[i+len(mark):]) {
				return inner[:i], true
			}
		}
	}
	return "", false
}

type websiteInput struct {
	Bucket string `label:"Bucket"`
	Key    string `label:"Key"`
	readConditions
	Range   string `header:"Range"`
	IfRange string `header:"If-Range"`
}

type websiteOutput struct {
	getObjectOutput
	Location string `header:"Location"`
}

// readWebsite answers one page.
func (s *Service) readWebsite(ctx context.Context, in *websiteInput) (*websiteOutput, error) {
	p, err := s.locate(ctx, in.Bucket, "")
	if err != nil {
		return nil, err
	}
	c, err := websiteSetting.get(ctx, s, p.bucket)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, noWebsite(in.Bucket)
	}
	page := &page{s, c, in, api.RequestOf(ctx).HTTP}
	if all := c.RedirectAllRequestsTo; all != nil {
		return page.redirect(http.StatusMovedPermanently, all.Protocol, all.HostName, in.Key), nil
	}
	if rule := page.rule(""); rule != nil {
		return page.follow(rule), nil
	}
	key := in.Key
	if key == "" || strings.HasSuffix(key, "/") {
		key += c.IndexDocument.Suffix
	}
	out, err := page.read(ctx, key, false)
	switch {
	case err != nil:
		return page.failed(ctx, key, err)
	case out.WebsiteRedirectLocation != "":
		out.Close()
		return &websiteOutput{getObjectOutput: getObjectOutput{Status: http.StatusMovedPermanently}, Location: out.WebsiteRedirectLocation}, nil
	}
	return &websiteOutput{getObjectOutput: *out}, nil
}

// page is one read of a website.
type page struct {
	service *Service
	config  *websiteConfiguration
	in      *websiteInput
	http    *http.Request
}

// read opens an object for the caller, if it may read it. plain leaves
// conditions and range away, for an error document.
func (p *page) read(ctx context.Context, key string, plain bool) (*getObjectOutput, error) {
	in := new(readInput)
	in.Bucket, in.Key = p.in.Bucket, key
	if !plain {
		in.readConditions, in.Range, in.IfRange = p.in.readConditions, p.in.Range, p.in.IfRange
	}
	needs, err := p.service.needRead(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, need := range needs {
		d, err := api.Authorize(ctx, need)
		if err != nil {
			return nil, err
		}
		if !d.Allowed() {
			return nil, accessDenied()
		}
	}
	return p.service.getObject(ctx, in)
}

// failed answers when an object could not be read: by a folder of that name,
// a rule for the error, the error document, or the error itself.
func (p *page) failed(ctx context.Context, key string, failure error) (*websiteOutput, error) {
	e, ok := awserr.As(failure)
	if !ok || e.Status < 400 || e.Status >= 500 {
		return nil, failure
	}
	// One who may not list gets 403 for a key that is not there.
	if (e.Status == http.StatusNotFound || e.Status == http.StatusForbidden) && key == p.in.Key {
		if folder, err := p.read(ctx, key+"/"+p.config.IndexDocument.Suffix, true); err == nil {
			folder.Close()
			out := new(websiteOutput)
			out.Status, out.Location = http.StatusFound, "/"+string(appendURL(nil, key+"/"))
			return out, nil
		}
	}
	if rule := p.rule(strconv.Itoa(e.Status)); rule != nil {
		return p.follow(rule), nil
	}
	if p.config.ErrorDocument == nil {
		return nil, failure
	}
	document, err := p.read(ctx, p.config.ErrorDocument.Key, true)
	if err != nil {
		return nil, failure
	}
	document.Status = e.Status
	return &websiteOutput{getObjectOutput: *document}, nil
}

// rule finds the first routing rule for the key and an error's status, "" for
// none.
func (p *page) rule(status string) *routingRule {
	rules := p.config.rules()
	for i := range rules {
		c := rules[i].Condition
		if c == nil {
			c = new(routingCondition)
		}
		if c.HttpErrorCodeReturnedEquals == status && strings.HasPrefix(p.in.Key, c.KeyPrefixEquals) {
			return &rules[i]
		}
	}
	return nil
}

// follow answers with a rule's redirect.
func (p *page) follow(rule *routingRule) *websiteOutput {
	d, key := rule.Redirect, p.in.Key
	switch {
	case d.ReplaceKeyWith != nil:
		key = *d.ReplaceKeyWith
	case d.ReplaceKeyPrefixWith != nil && rule.Condition != nil:
		key = *d.ReplaceKeyPrefixWith + strings.TrimPrefix(key, rule.Condition.KeyPrefixEquals)
	case d.ReplaceKeyPrefixWith != nil:
		key = *d.ReplaceKeyPrefixWith + key
	}
	status := http.StatusMovedPermanently
	if n, err := strconv.Atoi(d.HttpRedirectCode); err == nil {
		status = n
	}
	return p.redirect(status, d.Protocol, d.HostName, key)
}

// redirect sends the browser to a key, on this host and by this protocol unless
// others are given.
func (p *page) redirect(status int, protocol, host, key string) *websiteOutput {
	if protocol == "" {
		if protocol = "http"; p.http.TLS != nil {
			protocol = "https"
		}
	}
	if host == "" {
		host = p.http.Host
	}
	out := new(websiteOutput)
	out.Status, out.Location = status, protocol+"://"+host+"/"+string(appendURL(nil, key))
	return out
}

// Close closes the body of an answer that is not sent.
func (out *getObjectOutput) Close() {
	if out.Body != nil {
		out.Body.Close()
	}
}
