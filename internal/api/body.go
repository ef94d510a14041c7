package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/sigv4"
)

// watchedBody is a request's body whose client must keep sending. A body has
// no deadline as a whole, since a large upload over a slow link is legitimate,
// but one that stands still would hold a connection and memory for ever.
type watchedBody struct {
	io.ReadCloser
	control  *http.ResponseController
	patience time.Duration
	by       time.Time // when the whole body must be there; zero: no such time
	set      time.Time // the deadline in force
	stalled  *awserr.Error
}

// watch makes the request's body a watched one.
func (c *call) watch(patience time.Duration) {
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return
	}
	c.source = &watchedBody{
		ReadCloser: c.r.Body, control: http.NewResponseController(c.w), patience: patience,
		stalled: c.service.Protocol.refusals().stalled,
	}
	c.r.Body = c.source
}

// Read implements io.Reader. What fails is the client's doing, or its network's:
// it was too slow, left, or framed the body wrongly.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.extend(time.Now())
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
	case err == io.EOF:
		// From now on the server watches the connection for its end.
		b.control.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = b.stalled.WithCause(err)
	default:
		err = &sigv4.Error{Kind: sigv4.KindIncompleteBody, Cause: err,
			Message: "The request body ended before its announced length, or is not framed as HTTP demands."}
	}
	return n, err
}

// extend moves the deadline when half of it has passed: moving it for every
// few kilobytes would be a waste. A connection that has no deadlines, as in
// tests, goes without.
func (b *watchedBody) extend(now time.Time) {
	deadline := now.Add(b.patience)
	if !b.by.IsZero() && deadline.After(b.by) {
		deadline = b.by
	}
	if deadline.Sub(b.set) > b.patience/2 {
		b.set = deadline
		b.control.SetReadDeadline(deadline)
	}
}

var errTooLong = errors.New("the body is too long")

// readAll reads a body that is kept in memory: from, which reads c's body, up
// to most bytes. length is that announced, or -1. The whole must arrive within
// the time that a streamed body may stand still.
func (c *call) readAll(from io.Reader, length, most int64) ([]byte, error) {
	if length > most {
		return nil, errTooLong
	}
	if c.source != nil {
		c.source.by = time.Now().Add(c.source.patience)
	}
	body, err := io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(body)) > most {
		err = errTooLong
	}
	return body, err
}

// readBody buffers the body, up to most bytes, of a protocol that signs its
// digest.
func (s *Server) readBody(c *call, most int64) error {
	body, err := c.readAll(c.r.Body, c.r.ContentLength, most)
	if errors.Is(err, errTooLong) {
		return c.service.Protocol.refusals().tooLarge
	}
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	c.body, c.req.Body = body, body
	return nil
}
