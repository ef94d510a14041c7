package api

import "io"

// Payload is the body of a streaming operation, in the request or the answer.
//
// In a request the reader gives the decoded bytes (aws-chunked framing is
// removed) and fails at its end when a declared digest or signature does not
// hold, so nothing may be committed before it returned io.EOF.
type Payload struct {
	io.Reader
	// Length is the number of bytes, or -1 when the client did not say.
	Length int64
	// Trailer returns a trailing header of the request. It is "" before the
	// reader's end, and for a header that the client did not announce.
	Trailer func(name string) string
	// TrailerNames are the trailing headers that the client announced.
	TrailerNames []string
}

// Close closes the reader if it can be closed.
func (p *Payload) Close() error {
	if c, ok := p.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
