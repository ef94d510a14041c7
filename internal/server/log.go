package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"inro.dev/inro/internal/api"
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

// logServed writes one line per request at debug, and one per refused
// permission at info, so that a refusal can be explained by its request id.
func logServed(logger *slog.Logger, v *api.Served) {
	ctx := context.Background()
	for _, refusal := range v.Refusals {
		logger.LogAttrs(ctx, slog.LevelInfo, "refused",
			slog.String("request_id", v.RequestID), slog.String("caller", v.CallerARN), slog.String("remote", v.Remote),
			slog.String("action", refusal.Permission.Action), slog.String("resource", clip(refusal.Permission.Resource, maxResourceBytes)),
			slog.String("decision", refusal.Decision.String()))
	}
	level := slog.LevelDebug
	if v.Status >= http.StatusInternalServerError && v.Status != http.StatusNotImplemented {
		level = slog.LevelError
	}
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", v.RequestID), slog.String("service", v.Service), slog.String("operation", v.Operation),
		slog.Int("status", v.Status), slog.Duration("duration", v.Duration),
		slog.String("caller", v.CallerARN), slog.String("remote", v.Remote),
	}
	if v.Code != "" {
		attrs = append(attrs, slog.String("code", v.Code))
	}
	if v.Err != nil {
		attrs = append(attrs, slog.String("error", clip(v.Err.Error(), maxErrorBytes)))
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
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
