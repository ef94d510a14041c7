package api

import (
	"bytes"
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"inro.dev/inro/internal/awserr"
)

// Website is the protocol of S3's website endpoints: as RestXML, but errors are
// pages for people.
func Website() Protocol { return website{} }

type website struct{ restXML }

func (website) route(c *call) error {
	if err := routeByPath(c); err != nil {
		return awserr.New(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.").
			With("Method", clip(c.r.Method)).With("ResourceType", "OBJECT")
	}
	return nil
}

// encodeError renders the page that S3's website endpoints show.
func (website) encodeError(c *call, e *awserr.Error) {
	var b bytes.Buffer
	title := strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	b.WriteString("<html>\n<head><title>" + title + "</title></head>\n<body>\n<h1>" + title + "</h1>\n<ul>\n")
	item := func(name, value string) {
		b.WriteString("<li>" + name + ": ")
		xml.EscapeText(&b, []byte(value)) // what XML needs escaped covers HTML text
		b.WriteString("</li>\n")
	}
	item("Code", e.Code)
	item("Message", e.Message)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		item(name, e.Fields[name])
	}
	item("RequestId", c.req.ID)
	b.WriteString("</ul>\n<hr/>\n</body>\n</html>\n")
	body := b.Bytes()
	if e.Status == http.StatusNotModified {
		body = nil
	}
	c.w.Header().Set("X-Amz-Error-Code", e.Code)
	c.w.Header().Set("X-Amz-Error-Message", e.Message)
	c.writeBody(e.Status, "text/html; charset=utf-8", body)
}
