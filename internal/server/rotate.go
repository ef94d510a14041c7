package server

import (
	"context"
	"log/slog"
	"time"

	"inro.dev/inro/internal/session"
)

// Session keys are replaced when the newest is sessionKeyAge old. Older ones
// go on opening what they sealed (package session).
const (
	sessionKeyAge   = 30 * 24 * time.Hour
	rotationInspect = time.Hour
)

// rotateSessionKeys replaces the sealing key when it is due, now and then
// every hour, until ctx ends.
func rotateSessionKeys(ctx context.Context, keyring *session.Keyring, logger *slog.Logger) {
	ticker := time.NewTicker(rotationInspect)
	defer ticker.Stop()
	for {
		rotateIfDue(keyring, time.Now(), logger)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func rotateIfDue(keyring *session.Keyring, now time.Time, logger *slog.Logger) {
	if now.Sub(keyring.Created()) < sessionKeyAge {
		return
	}
	if err := keyring.Rotate(); err != nil {
		logger.Error("session keys were not rotated; the old one stays in use", "error", err)
		return
	}
	logger.Info("session keys rotated")
}
