package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/sigv4"
)

// Form is a browser's upload: multipart/form-data whose fields stand before
// one file. It is signed by a policy document in its fields, or not at all
// (S3 API Reference, POST Object).
type Form struct {
	// Fields are the values by name in lower case: browsers' scripts differ
	// in their spelling, and S3 takes any.
	Fields map[string]string
	// FileName is what the browser calls the file, without folders.
	FileName string
	// Signed says that the signature of the field "policy" was verified. What
	// the policy allows is for the operation to check.
	Signed bool
}

// Bounds of a form's head. S3 allows 20 KB of fields before the file (S3 API
// Reference, POST Object: MaxPostPreDataLengthExceeded).
const (
	maxFormFieldBytes = 20 << 10
	maxFormFields     = 100
	// maxFormHeadBytes bounds fields with everything between them.
	maxFormHeadBytes = 128 << 10
)

var (
	errFormHead = awserr.New(http.StatusBadRequest, "MaxPostPreDataLengthExceeded",
		"Your POST request fields preceding the upload file were too large.")
	errFormKind = awserr.New(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold").
			With("Condition", "Bucket POST must be of the enclosure-type multipart/form-data")
)

func malformedForm(cause error) error {
	return awserr.New(http.StatusBadRequest, "MalformedPOSTRequest",
		"The body of your POST request is not well-formed multipart/form-data.").WithCause(cause)
}

// isForm reports whether an unsigned request goes to an operation that takes a
// form, and carries one.
func (c *call) isForm() bool {
	if c.r.Method != http.MethodPost {
		return false
	}
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return false
	}
	r, _, ok := c.service.routes.match(c.r.Method, c.path, c.query, c.r.Header)
	return ok && r.op.Offered() && r.op.input.form >= 0
}

// authenticateForm reads the fields of a form and finds its caller: whoever
// signed its policy, else the anonymous one. The file becomes the payload.
func (s *Server) authenticateForm(c *call) error {
	form, file, err := readFields(c.r)
	if err != nil {
		return err
	}
	auth, err := sigv4.ParseForm(form.Fields)
	switch {
	case errors.Is(err, sigv4.ErrNotSigned):
		s.anonymousCaller(c)
	case err != nil:
		return err
	default:
		if err := s.formCaller(c, auth); err != nil {
			return err
		}
		form.Signed = true
	}
	if c.r.ContentLength > s.cfg.MaxUploadBytes+maxFormHeadBytes {
		return c.service.Protocol.refusals().tooLarge
	}
	c.form = form
	c.payload = &Payload{
		Reader: &limitedFile{from: file, left: s.cfg.MaxUploadBytes, exceeded: c.service.Protocol.refusals().tooLarge},
		Length: -1, Trailer: func(string) string { return "" },
	}
	return nil
}

func (s *Server) formCaller(c *call, auth *sigv4.FormAuthorization) error {
	caller, secret, err := s.cfg.Authority.Resolve(c.r.Context(), auth.AccessKeyID, auth.SessionToken)
	if err != nil {
		return c.service.Protocol.refusals().identityError(err, auth.AccessKeyID)
	}
	now := s.cfg.Clock()
	if err := auth.Verify(sigv4.VerifyOptions{Secret: secret, Now: now, Keys: s.keys}); err != nil {
		return err
	}
	c.req.Caller = caller
	c.req.Context = s.requestKeys(c, caller, auth.Scope.Region, now)
	formKeys(c.req.Context, now.Sub(auth.Time).Milliseconds())
	return nil
}

// formKeys sets the condition keys that S3 derives from a signed form (S3 User
// Guide, "Amazon S3 Signature Version 4 authentication specific policy keys").
func formKeys(keys *policy.Context, ageMilliseconds int64) {
	keys.Set("s3:signatureversion", "AWS4-HMAC-SHA256")
	keys.Set("s3:authType", "POST")
	keys.SetInt("s3:signatureAge", ageMilliseconds)
}

// readFields reads the fields of a form up to its file, which it returns unread.
// What stands behind the file is ignored, as in S3.
func readFields(r *http.Request) (*Form, io.Reader, error) {
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return nil, nil, malformedForm(err)
	}
	head := &formHead{from: r.Body, left: maxFormHeadBytes}
	parts := multipart.NewReader(head, parameters["boundary"])
	form := &Form{Fields: make(map[string]string)}
	left := maxFormFieldBytes
	for {
		// Raw: a transfer encoding of a part is not understood by S3 either.
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return nil, nil, awserr.New(http.StatusBadRequest, "InvalidArgument", "POST requires exactly one file upload per request.").
				With("ArgumentName", "file").With("ArgumentValue", "0")
		}
		if err != nil {
			return nil, nil, formError(err)
		}
		name, fileName := partNames(part)
		if name == "file" {
			form.FileName = fileName
			head.left = -1
			return form, &formFile{part}, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, int64(left)+1))
		if err != nil {
			return nil, nil, formError(err)
		}
		if left -= len(name) + len(value); left < 0 || len(form.Fields) == maxFormFields {
			return nil, nil, errFormHead
		}
		if _, twice := form.Fields[name]; twice || !fieldName(name) {
			return nil, nil, awserr.New(http.StatusBadRequest, "InvalidArgument", "A form field must have a name that a header could have, and occur once.").
				With("ArgumentName", clip(name))
		}
		form.Fields[name] = string(value)
	}
}

// formError tells what the connection did from what the form is.
func formError(err error) error {
	if _, ok := awserr.As(err); ok {
		return err
	}
	if _, ok := errors.AsType[*sigv4.Error](err); ok {
		return err
	}
	return malformedForm(err)
}

// partNames returns the name of a form's field in lower case, and what the
// browser calls a file, without folders: of a path only what follows the last
// slash or backslash counts (S3 API Reference, POST Object: key).
func partNames(p *multipart.Part) (name, fileName string) {
	kind, parameters, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	if err != nil || kind != "form-data" {
		return "", ""
	}
	fileName = parameters["filename"]
	if i := strings.LastIndexAny(fileName, `/\`); i >= 0 {
		fileName = fileName[i+1:]
	}
	return strings.ToLower(parameters["name"]), fileName
}

// fieldName reports whether name, in lower case, could name a header (RFC 9110
// section 5.6.2), as those of S3's fields do.
func fieldName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// header returns what fields with a header tag are read from: a form has its
// fields in the place of headers.
func (c *call) header() http.Header {
	if c.form == nil {
		return c.r.Header
	}
	if c.formHeader == nil {
		c.formHeader = make(http.Header, len(c.form.Fields))
		for name, value := range c.form.Fields {
			c.formHeader.Set(name, value)
		}
	}
	return c.formHeader
}

// headerValue reports whether text could be the value of a header. Only what
// comes in a form could not.
func headerValue(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// formHead bounds what is read before the file. A negative left is no bound.
type formHead struct {
	from io.Reader
	left int
}

// Read implements io.Reader.
func (h *formHead) Read(p []byte) (int, error) {
	if h.left == 0 {
		return 0, errFormHead
	}
	if h.left > 0 && len(p) > h.left {
		p = p[:h.left]
	}
	n, err := h.from.Read(p)
	if h.left > 0 {
		h.left -= n
	}
	return n, err
}

// formFile is the file of a form.
type formFile struct{ part *multipart.Part }

// Read implements io.Reader. A file that no boundary ends was cut short.
func (f *formFile) Read(p []byte) (int, error) {
	n, err := f.part.Read(p)
	if err != nil && err != io.EOF {
		if _, ok := awserr.As(err); !ok {
			err = &sigv4.Error{Kind: sigv4.KindIncompleteBody, Cause: err, Message: "The form ended before the end of its file."}
		}
	}
	return n, err
}

// limitedFile refuses a file of more than left bytes.
type limitedFile struct {
	from     io.Reader
	left     int64
	exceeded error
}

// Read implements io.Reader.
func (l *limitedFile) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("a file of a form: %w", l.exceeded)
	}
	return n, err
}
