package api

import (
	"context"
	"net/http"
)

// CrossOrigin answers browsers that speak to a service from a page of another
// origin. It sees every request with an Origin header and every OPTIONS
// request, before anything else is done with it, authentication too: a browser
// does not sign its preflight.
//
// path is the escaped path without its leading slash, with the bucket in front.
// The function sets headers of the answer. For OPTIONS its error is the answer,
// and without one an empty answer is; of other requests nothing is refused here,
// and an error only leaves the headers away.
type CrossOrigin func(ctx context.Context, path string, r *http.Request, answer http.Header) error

// preflight is what OPTIONS requests are in metrics and logs.
var preflight = Operation{Name: "Preflight"}

// crossOrigin asks the service about a browser's request and reports whether it
// is answered by that.
func (s *Server) crossOrigin(c *call) (answered bool, err error) {
	if c.service.CrossOrigin == nil || c.r.Method != http.MethodOptions && c.r.Header["Origin"] == nil {
		return false, nil
	}
	err = c.service.CrossOrigin(c.r.Context(), c.path, c.r, c.w.Header())
	if c.r.Method != http.MethodOptions {
		return false, nil
	}
	c.op = &preflight
	if err == nil {
		c.w.Header().Set("Content-Length", "0")
		c.writeHeader(http.StatusOK)
	}
	return true, err
}
