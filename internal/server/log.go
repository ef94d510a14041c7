package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"golang.org/x/time/rate"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
)

func logLevel(name string) (slog.Level, error) {
	switch name {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log_level %q is not debug, info, warn or error", name)
}

// newLogger returns the logger that the configuration asks for.
func newLogger(cfg *Config, w io.Writer) (*slog.Logger, error) {
	level, err := logLevel(cfg.LogLevel)
	if err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}

// requestLog writes what became of requests: one line per request at debug,
// and at info one per refused permission and one per caller that was not
// authenticated, so that a refusal can be explained by its request id.
type requestLog struct {
	logger *slog.Logger
	// unknown bounds the lines about callers that were not authenticated:
	// anybody who reaches the port can cause those.
	unknown *rate.Limiter
}

// Bounds of the lines about callers that were not authenticated.
const (
	unknownPerSecond = 20
	unknownBurst     = 200
)

func newRequestLog(logger *slog.Logger) *requestLog {
	return &requestLog{logger, rate.NewLimiter(unknownPerSecond, unknownBurst)}
}

func (l *requestLog) write(v *api.Served) {
	ctx := context.Background()
	for _, refusal := range v.Refusals {
		l.logger.LogAttrs(ctx, slog.LevelInfo, "refused",
			slog.String("request_id", v.RequestID), slog.String("operation", v.Operation),
			slog.String("caller", callerName(v)), slog.String("thing", v.ThingName), slog.String("remote", v.Remote),
			slog.String("action", refusal.Permission.Action), slog.String("resource", clip(refusal.Permission.Resource, maxResourceBytes)),
			slog.String("keys", keysText(refusal.Permission.Keys)), slog.String("decision", refusal.Decision.String()))
	}
	level, message := slog.LevelDebug, "request"
	switch {
	case v.Status >= http.StatusInternalServerError && v.Status != http.StatusNotImplemented:
		level = slog.LevelError
	case !known(v) && v.Code != "" && len(v.Refusals) == 0 && l.unknown.Allow():
		level, message = slog.LevelInfo, "refused"
	}
	if !l.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", v.RequestID), slog.String("service", v.Service), slog.String("operation", v.Operation),
		slog.Int("status", v.Status), slog.Float64("duration_ms", float64(v.Duration.Microseconds())/1000),
		slog.String("caller", callerName(v)), slog.String("thing", v.ThingName), slog.String("remote", v.Remote),
	}
	if v.Code != "" {
		attrs = append(attrs, slog.String("code", v.Code))
	}
	if v.Err != nil {
		attrs = append(attrs, slog.String("error", clip(v.Err.Error(), maxErrorBytes)))
	}
	l.logger.LogAttrs(ctx, level, message, attrs...)
}

// known says whether the caller was found and its signature verified. The
// caller of an unsigned request to STS has yet to prove who it is, by a web
// identity token.
func known(v *api.Served) bool {
	return v.Authenticated && (v.CallerARN != "" || v.Service != "sts")
}

// callerName is the caller's ARN, or why there is none.
func callerName(v *api.Served) string {
	switch {
	case v.CallerARN != "":
		return v.CallerARN
	case v.Authenticated:
		return "anonymous"
	}
	return "unknown"
}

// keysText renders the condition keys of a permission: what a policy could
// tell the request by, beside action and resource.
func keysText(keys []identity.Key) string {
	var b strings.Builder
	for i := range keys {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(keys[i].Name + "=" + strings.Join(keys[i].Values, ","))
		if b.Len() > maxResourceBytes {
			break
		}
	}
	return clip(b.String(), maxResourceBytes)
}

// Bounds of what a request may put into one line of the log. The longest ARN is
// that of an object; a path that is none can be as long as a request's head.
const (
	maxResourceBytes = 1200
	maxErrorBytes    = 8 << 10
)

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
