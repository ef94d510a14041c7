package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/sigv4"
)

// Config is what a Server is made of.
type Config struct {
	// Services are served on one port, told apart by the SigV4 scope and the
	// host name.
	Services []Service
	// Authority knows callers and decides. Required.
	Authority Authority
	// Region is aws:RequestedRegion of unsigned requests.
	Region string
	// Domains are host names under which buckets are sub-domains, such as
	// "localhost" or "s3.example.com". Amazon's own are always understood.
	Domains []string
	// Observer is told of every request served. Nil: nobody.
	Observer Observer
	// Logger gets internal errors and refusals. Nil: slog.Default.
	Logger *slog.Logger
	// Clock is the time that signatures and policies see. Nil: time.Now.
	Clock func() time.Time
	// MaxBodyBytes bounds a buffered body (IAM, STS, IoT). 0: 1 MiB.
	MaxBodyBytes int64
	// MaxUploadBytes bounds a streamed body. 0: 5 GiB, S3's limit of one PUT.
	MaxUploadBytes int64
	// StallTimeout is how long a client may send nothing of a body, and how
	// long it may take to send one that is buffered. 0: a minute.
	StallTimeout time.Duration
}

// Server is the request pipeline, an http.Handler.
type Server struct {
	cfg      Config
	services map[string]*service
	claiming []*service // those that claim host names
	forms    *service   // the one with operations for anybody, or nil
	sharing  []*service // those whose requests are signed for another
	keys     *sigv4.KeyCache
}

type service struct {
	Service
	routes routes
	byName map[string]*Operation
	// anybody says that there are operations for anybody.
	anybody bool
}

// signingKeys bounds the cache of derived signing keys.
const signingKeys = 8192

// NewServer checks the tables and returns the pipeline. It fails on duplicate
// names and ambiguous routes.
func NewServer(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.MaxBodyBytes == 0 {
		cfg.MaxBodyBytes = 1 << 20
	}
	if cfg.MaxUploadBytes == 0 {
		cfg.MaxUploadBytes = 5 << 30
	}
	if cfg.StallTimeout == 0 {
		cfg.StallTimeout = time.Minute
	}
	s := &Server{cfg: cfg, services: make(map[string]*service), keys: sigv4.NewKeyCache(signingKeys)}
	for _, svc := range cfg.Services {
		compiled, err := compileService(svc)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", svc.Name, err)
		}
		if svc.Host != nil {
			s.claiming = append(s.claiming, compiled)
		}
		if compiled.anybody && s.forms == nil {
			s.forms = compiled
		}
		if svc.SignedAs != "" {
			s.sharing = append(s.sharing, compiled)
		}
		for _, name := range append([]string{svc.Name}, svc.Aliases...) {
			if _, twice := s.services[name]; twice {
				return nil, fmt.Errorf("service %s is there twice", name)
			}
			s.services[name] = compiled
		}
	}
	return s, nil
}

func compileService(svc Service) (*service, error) {
	c := &service{Service: svc, byName: make(map[string]*Operation)}
	var routed []Operation
	for i := range c.Operations {
		op := &c.Operations[i]
		if _, twice := c.byName[op.Name]; twice {
			return nil, fmt.Errorf("operation %s is there twice", op.Name)
		}
		if op.handle == nil && op.Refusal == "" {
			return nil, fmt.Errorf("operation %s was not made by Op or NotOffered", op.Name)
		}
		c.byName[op.Name] = op
		c.anybody = c.anybody || op.anybody
		if op.Route != "" {
			routed = append(routed, *op)
		}
	}
	var err error
	c.routes, err = compileRoutes(routed)
	return c, err
}

// ServeHTTP takes one request through the pipeline.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	c := &call{w: w, r: r, path: strings.TrimPrefix(r.URL.EscapedPath(), "/")}
	c.req = &Request{ID: uuid.NewString(), HTTP: r, authority: s.cfg.Authority, served: &Served{Remote: r.RemoteAddr}}
	c.service = s.choose(c)
	c.watch(s.cfg.StallTimeout)
	w.Header().Set(c.service.Protocol.requestIDHeader(), c.req.ID)
	err := s.guarded(c)
	if err != nil && !c.written {
		s.refuse(c, err)
	}
	s.observe(c, start, err)
	if err != nil && c.written && c.answered < http.StatusBadRequest {
		panic(http.ErrAbortHandler) // the head said success and the body is cut short
	}
}

// guarded runs the pipeline and turns a panic into an error, so that one bad
// request does not end the process.
func (s *Server) guarded(c *call) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return s.run(c)
}

// run is every check in the only order there is.
func (s *Server) run(c *call) error {
	if answered, err := s.crossOrigin(c); answered {
		return err
	}
	var err error
	if c.query, err = parseQuery(c.r.URL.RawQuery); err != nil {
		return c.service.Protocol.refusals().signatureError(&sigv4.Error{Kind: sigv4.KindInvalidRequest, Message: "The query string cannot be read: " + err.Error() + "."})
	}
	if err := s.authenticate(c); err != nil {
		return err
	}
	if err := c.service.Protocol.route(c); err != nil {
		return err
	}
	if c.req.Caller.IsAnonymous() && !c.service.Anonymous && !c.op.anybody {
		return c.service.Protocol.refusals().unsigned
	}
	if !c.op.Offered() {
		return awserr.NotImplemented(c.op.Name + " is not offered: " + c.op.Refusal)
	}
	in := c.op.newInput()
	v := reflect.ValueOf(in).Elem()
	if err := c.service.Protocol.decode(c, c.op.input, v); err != nil {
		return err
	}
	if broken := c.op.input.violations(v); len(broken) > 0 {
		return c.service.Protocol.invalid(broken)
	}
	ctx := WithRequest(c.r.Context(), c.req)
	if err := s.authorize(ctx, c, in); err != nil {
		return err
	}
	out, err := c.op.handle(ctx, in)
	if err != nil {
		return err
	}
	return c.service.Protocol.encode(c, c.op.output, reflect.ValueOf(out).Elem())
}

// maxQueryMembers bounds a query string's members.
const maxQueryMembers = 200

// parseQuery is url.ParseQuery, bounded, and refuses what it cannot parse
// without doubt: a name that stands in it twice could be read differently by
// whoever decides and whoever acts. An empty query costs nothing.
func parseQuery(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	if strings.Count(raw, "&") >= maxQueryMembers {
		return nil, errors.New("too many query members")
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	for name, values := range query {
		if len(values) > 1 {
			return nil, fmt.Errorf("the parameter %q stands in it twice", clip(name))
		}
	}
	return query, nil
}

func (s *Server) authorize(ctx context.Context, c *call, in any) error {
	needs, err := c.op.needs(ctx, in)
	if err != nil {
		return err
	}
	for _, p := range needs {
		d, err := Authorize(ctx, p)
		if err != nil {
			return err
		}
		if !d.Allowed() {
			return c.service.Protocol.refusals().denied(c.req.Caller.Principal.ARN, p, explanation(p, d))
		}
	}
	return nil
}

// refuse renders err. What is not an API error is internal: the client gets no
// detail, the log gets all.
func (s *Server) refuse(c *call, err error) {
	e, ok := awserr.As(err)
	if sig, isSignature := errors.AsType[*sigv4.Error](err); !ok && isSignature {
		e, ok = c.service.Protocol.refusals().signatureError(sig), true
	}
	if !ok && c.service.Translate != nil {
		e, ok = awserr.As(c.service.Translate(err))
	}
	if !ok {
		e = c.service.Protocol.refusals().internal.WithCause(err)
		if c.r.Context().Err() == nil {
			s.cfg.Logger.Error("internal error", "request_id", c.req.ID, "service", c.service.Name, "operation", c.operation(), "error", err)
		}
	}
	c.req.served.Code = e.Code
	for name, value := range e.Headers {
		c.w.Header().Set(name, value)
	}
	c.service.Protocol.encodeError(c, e)
}

func (c *call) operation() string {
	if c.op == nil {
		return "unknown"
	}
	return c.op.Name
}
