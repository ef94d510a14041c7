package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/sigv4"
)

const testBoundary = "----test"

// formText writes fields in order, as name=value, then a file unless its name
// is "".
func formText(fileName, file string, fields ...string) string {
	var b strings.Builder
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", testBoundary, name, value)
	}
	if fileName != "" {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: image/png\r\n\r\n%s\r\n", testBoundary, fileName, file)
	}
	b.WriteString("--" + testBoundary + "--\r\n")
	return b.String()
}

func formRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/bucket", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+testBoundary)
	return r
}

func TestReadFieldsStopsAtTheFile(t *testing.T) {
	content := strings.Repeat("x\r\n--not", 5000)
	body := formText(`C:\pictures\a b.png`, content, "kEy=user/${filename}", "Content-Type=image/png", "x-amz-meta-a=1")
	form, file, err := readFields(formRequest(body))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"key": "user/${filename}", "content-type": "image/png", "x-amz-meta-a": "1"}
	if !maps.Equal(form.Fields, want) || form.FileName != "a b.png" {
		t.Fatalf("got %v and file %q, want %v", form.Fields, form.FileName, want)
	}
	if got, err := io.ReadAll(file); err != nil || string(got) != content {
		t.Fatalf("got %d bytes and %v, want %d", len(got), err, len(content))
	}
}

func TestReadFieldsRefuses(t *testing.T) {
	many := make([]string, maxFormFields+1)
	for i := range many {
		many[i] = fmt.Sprintf("x-amz-meta-%d=", i)
	}
	for _, c := range []struct {
		what, body, code string
	}{
		{"no file", formText("", "", "key=k"), "InvalidArgument"},
		{"a field twice", formText("f", "", "key=k", "KEY=l"), "InvalidArgument"},
		{"a name that is no header's", formText("f", "", "x-amz-meta-a b=k"), "InvalidArgument"},
		{"a field without a name", formText("f", "", "=k"), "InvalidArgument"},
		{"long fields", formText("f", "", "policy="+strings.Repeat("x", maxFormFieldBytes)), "MaxPostPreDataLengthExceeded"},
		{"many fields", formText("f", "", many...), "MaxPostPreDataLengthExceeded"},
		{"a long way to the first field", strings.Repeat("preamble\r\n", maxFormHeadBytes/10+1) + formText("f", ""), "MaxPostPreDataLengthExceeded"},
		{"a long header of a part", "--" + testBoundary + "\r\nContent-Disposition: " + strings.Repeat("x", maxFormHeadBytes) + "\r\n\r\n", "MaxPostPreDataLengthExceeded"},
		{"an end within a field", "--" + testBoundary + "\r\nContent-Disposition: form-data; name=key\r\n\r\nk", "MalformedPOSTRequest"},
		{"another boundary", strings.ReplaceAll(formText("f", ""), testBoundary, "other"), "MalformedPOSTRequest"},
	} {
		form, _, err := readFields(formRequest(c.body))
		if e, ok := awserr.As(err); !ok || e.Code != c.code {
			t.Errorf("%s: got %v, %v, want %s", c.what, form, err, c.code)
		}
	}
}

func TestAFileThatIsCutShortFails(t *testing.T) {
	body := formText("f", strings.Repeat("x", 10000), "key=k")
	_, file, err := readFields(formRequest(body[:len(body)-len(testBoundary)-8]))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(file)
	if e, ok := errors.AsType[*sigv4.Error](err); !ok || e.Kind != sigv4.KindIncompleteBody {
		t.Fatalf("got %v, want an incomplete body", err)
	}
}

type postInput struct {
	Bucket      string            `label:"Bucket"`
	ContentType string            `header:"Content-Type"`
	Meta        map[string]string `headers:"X-Amz-Meta-"`
	Form        *Form             `payload:"form"`
	Body        *Payload          `payload:"stream"`
}

type postOutput struct {
	Text string `header:"X-Text"`
}

// newPostServer echoes who posted what.
func newPostServer(t *testing.T, mayDo func(Permission, *policy.Context) bool) *Server {
	t.Helper()
	s, err := NewServer(Config{
		Authority: authority{mayDo}, Logger: slog.New(slog.DiscardHandler), MaxUploadBytes: 1000,
		Services: []Service{{Name: "s3", Protocol: RestXML(), Anonymous: true, Operations: []Operation{
			Op("PostObject", "POST /{Bucket}", func(context.Context, *postInput) ([]Permission, error) {
				return []Permission{{Action: "s3:PutObject", Resource: "*"}}, nil
			}, func(ctx context.Context, in *postInput) (*postOutput, error) {
				file, err := io.ReadAll(in.Body)
				if err != nil {
					return nil, err
				}
				return &postOutput{fmt.Sprintf("%s %s %s %s %v %q", RequestOf(ctx).Caller.AccessKeyID+RequestOf(ctx).Caller.Principal.ARN, in.Bucket, in.ContentType, in.Meta["a"], in.Form.Signed, file)}, nil
			}),
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signedFields are those of a form that testCredentials sign.
func signedFields(policyText string, c sigv4.Credentials, at time.Time) []string {
	fields := map[string]string{"policy": base64.StdEncoding.EncodeToString([]byte(policyText))}
	sigv4.SignForm(fields, c, sigv4.Scope{Region: "eu-west-1"}, at)
	var out []string
	for name, value := range fields {
		out = append(out, name+"="+value)
	}
	return out
}

func TestAFormIsAuthenticatedByItsFields(t *testing.T) {
	var authType []string
	s := newPostServer(t, func(_ Permission, keys *policy.Context) bool {
		authType, _ = keys.Get("s3:authType")
		return true
	})
	stranger, liar := testCredentials, testCredentials
	stranger.AccessKeyID, liar.SecretAccessKey = "AKIANOBODYNOBODY0000", "another"
	now := time.Now()
	good := signedFields("{}", testCredentials, now)
	for _, c := range []struct {
		what   string
		fields []string
		file   string
		status int
		want   string // the header, or the code
	}{
		{"anonymous", nil, "data", 200, ` bucket text/plain 1 false "data"`},
		{"signed", good, "data", 200, `arn:aws:iam::999999999999:user/u bucket text/plain 1 true "data"`},
		{"a stranger", signedFields("{}", stranger, now), "data", 403, "InvalidAccessKeyId"},
		{"another secret", signedFields("{}", liar, now), "data", 403, "SignatureDoesNotMatch"},
		{"long ago", signedFields("{}", testCredentials, now.Add(-8*24*time.Hour)), "data", 403, "AccessDenied"},
		{"version 2", []string{"AWSAccessKeyId=" + testCredentials.AccessKeyID, "policy=e30=", "signature=x"}, "data", 400, "InvalidRequest"},
		{"a policy that nobody signed", []string{"policy=e30="}, "data", 400, "InvalidArgument"},
		{"a file over the bound", good, strings.Repeat("x", 1001), 400, "EntityTooLarge"},
		{"a control character", append([]string{"x-amz-meta-b=a\nb"}, good...), "data", 200, ""},
	} {
		r := formRequest(formText("f", c.file, append(c.fields, "Content-Type=text/plain", "x-amz-meta-a=1")...))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := w.Header().Get("X-Text") + w.Body.String(); w.Code != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %d %s, want %d with %s", c.what, w.Code, got, c.status, c.want)
		}
		if c.what == "signed" && (len(authType) != 1 || authType[0] != "POST") {
			t.Errorf("s3:authType: got %v, want POST", authType)
		}
	}
	r := formRequest(formText("f", "", "Content-Type=text/plain\nX: y"))
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 400 {
		t.Errorf("a content type of two lines: got %d, want 400", w.Code)
	}
}

func TestAFormIsNothingElse(t *testing.T) {
	s := newPostServer(t, nil)
	plain := httptest.NewRequest(http.MethodPost, "/bucket", strings.NewReader("key=k"))
	plain.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	signed := formRequest(formText("f", "data"))
	if err := sigv4.Sign(signed, testCredentials, sigv4.Scope{Region: "eu-west-1", Service: "s3"}, time.Now(), sigv4.UnsignedPayload); err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]*http.Request{"another type": plain, "signed in a header": signed} {
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != http.StatusPreconditionFailed {
			t.Errorf("%s: got %d %s, want 412", what, w.Code, w.Body)
		}
	}
}

// Whatever comes, the fields stay within their bounds, and the file is what
// stands between two boundaries.
func FuzzReadFields(f *testing.F) {
	f.Add([]byte(formText("f", "data", "key=k", "acl=private")))
	f.Add([]byte(formText("", "", "key=k")))
	f.Add([]byte("--" + testBoundary + "\r\nContent-Disposition: form-data; name=file\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41\r\n--" + testBoundary))
	f.Fuzz(func(t *testing.T, body []byte) {
		form, file, err := readFields(formRequest(string(body)))
		if err != nil {
			if _, ok := awserr.As(err); !ok {
				t.Fatalf("got %v, want an error of the API", err)
			}
			return
		}
		size := 0
		for name, value := range form.Fields {
			if size += len(name) + len(value); !fieldName(name) || name != strings.ToLower(name) || name == "file" {
				t.Fatalf("got the field %q", name)
			}
		}
		if size > maxFormFieldBytes || len(form.Fields) > maxFormFields || strings.ContainsAny(form.FileName, `/\`) {
			t.Fatalf("got %d bytes of fields, file name %q", size, form.FileName)
		}
		if content, err := io.ReadAll(file); err == nil && !bytes.Contains(body, content) {
			t.Fatalf("the file %q is not in the form", content)
		}
	})
}
