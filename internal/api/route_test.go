package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func testRoutes(t *testing.T, texts ...string) routes {
	t.Helper()
	ops := make([]Operation, len(texts))
	for i, text := range texts {
		ops[i] = Operation{Name: text, Route: text}
	}
	rs, err := compileRoutes(ops)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func TestTheMostSpecificRouteWins(t *testing.T) {
	rs := testRoutes(t,
		"GET /", "GET /{Bucket}", "GET /{Bucket}?list-type=2", "GET /{Bucket}?uploads", "GET /{Bucket}/{Key+}",
		"PUT /{Bucket}/{Key+}", "PUT /{Bucket}/{Key+}?partNumber&uploadId", "PUT /{Bucket}/{Key+} x-amz-copy-source",
		"PUT /{Bucket}/{Key+}?partNumber&uploadId x-amz-copy-source",
		"PUT /thing-groups/{name}", "PUT /thing-groups/addThingToThingGroup", "GET /principals/things", "GET /{a}/{b}/things")
	for _, c := range []struct {
		method, path, query, header string
		want                        string
		labels                      []string
	}{
		{"GET", "", "", "", "GET /", nil},
		{"GET", "b", "", "", "GET /{Bucket}", []string{"b"}},
		{"GET", "b/", "", "", "GET /{Bucket}", []string{"b"}},
		{"GET", "b", "list-type=2&prefix=x", "", "GET /{Bucket}?list-type=2", []string{"b"}},
		{"GET", "b", "list-type=3", "", "GET /{Bucket}", []string{"b"}},
		{"GET", "b", "uploads", "", "GET /{Bucket}?uploads", []string{"b"}},
		{"GET", "b/k", "uploads", "", "GET /{Bucket}/{Key+}", []string{"b", "k"}},
		{"GET", "b//a/../c", "", "", "GET /{Bucket}/{Key+}", []string{"b", "/a/../c"}},
		{"GET", "b/a%2Fb%20c/", "", "", "GET /{Bucket}/{Key+}", []string{"b", "a/b c/"}},
		{"PUT", "b/k", "", "", "PUT /{Bucket}/{Key+}", []string{"b", "k"}},
		{"PUT", "b/k", "", "X-Amz-Copy-Source", "PUT /{Bucket}/{Key+} x-amz-copy-source", []string{"b", "k"}},
		{"PUT", "b/k", "partNumber=1&uploadId=u", "", "PUT /{Bucket}/{Key+}?partNumber&uploadId", []string{"b", "k"}},
		{"PUT", "b/k", "partNumber=1&uploadId=u", "X-Amz-Copy-Source", "PUT /{Bucket}/{Key+}?partNumber&uploadId x-amz-copy-source", []string{"b", "k"}},
		{"PUT", "thing-groups/addThingToThingGroup", "", "", "PUT /thing-groups/addThingToThingGroup", nil},
		{"PUT", "thing-groups/g", "", "", "PUT /thing-groups/{name}", []string{"g"}},
		{"GET", "b/%zz", "", "", "", nil},
		{"DELETE", "b", "", "", "", nil},
	} {
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		if c.header != "" {
			header.Set(c.header, "x")
		}
		r, labels, ok := rs.match(c.method, c.path, query, header)
		got := ""
		if ok {
			got = r.op.Name
		}
		if got != c.want || strings.Join(labels, "|") != strings.Join(c.labels, "|") {
			t.Errorf("%s /%s?%s %s = %q %q, want %q %q", c.method, c.path, c.query, c.header, got, labels, c.want, c.labels)
		}
	}
}

func TestAmbiguousRoutesAreRefused(t *testing.T) {
	_, err := compileRoutes([]Operation{{Name: "A", Route: "GET /x/{a}"}, {Name: "B", Route: "GET /x/{b}"}})
	if err == nil || !strings.Contains(err.Error(), "A and B") {
		t.Fatalf("compileRoutes = %v, want an error that names both", err)
	}
}

func TestServiceIsChosenByScopeThenHost(t *testing.T) {
	s := &Server{cfg: Config{Domains: []string{"localhost"}}, services: map[string]*service{}}
	for _, name := range []string{"s3", "iam", "sts", "iot"} {
		s.services[name] = &service{Service: Service{Name: name}}
	}
	s.sharing = []*service{{Service: Service{Name: "control", SignedAs: "s3", Claims: func(r *http.Request, bucket string) bool {
		return r.Header.Get("X-Control") != "" && (bucket == "" || bucket == "b")
	}}}}
	const scope = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0"
	for _, c := range []struct{ host, scope, path, want, wantPath string }{
		{"127.0.0.1:9000", "iot", "things", "iot", "things"},
		{"iam.amazonaws.com", "", "", "iam", ""},
		{"iot.eu-west-1.amazonaws.com", "", "endpoint", "iot", "endpoint"},
		{"sts.amazonaws.com", "s3", "", "s3", ""},
		{"localhost:9000", "s3", "b/k", "s3", "b/k"},
		{"b.localhost:9000", "s3", "k", "s3", "b/k"},
		{"s3.localhost:9000", "s3", "b/k", "s3", "b/k"},
		{"b.s3.amazonaws.com", "", "k", "s3", "b/k"},
		{"b.s3.eu-west-1.amazonaws.com", "s3", "k", "s3", "b/k"},
		{"a.b.s3-eu-west-1.amazonaws.com", "s3", "k", "s3", "a.b/k"},
		{"s3.eu-west-1.amazonaws.com", "s3", "b/k", "s3", "b/k"},
		{"example.com", "unknown", "b", "s3", "b"},
	} {
		r, _ := http.NewRequest("GET", "http://"+c.host+"/", nil)
		if c.scope != "" {
			r.Header.Set("Authorization", strings.Replace(scope, "%s", c.scope, 1))
		}
		call := &call{r: r, path: c.path}
		if got := s.choose(call); got.Name != c.want || call.path != c.wantPath {
			t.Errorf("host %s scope %q path %q: %s %q, want %s %q", c.host, c.scope, c.path, got.Name, call.path, c.want, c.wantPath)
		}
		r.Header.Set("X-Control", "yes")
		want, wantPath := c.want, c.wantPath
		if want == "s3" && (wantPath == c.path || wantPath == "b/"+c.path) {
			want, wantPath = "control", c.path
		}
		call.path = c.path
		if got := s.choose(call); got.Name != want || call.path != wantPath {
			t.Errorf("host %s scope %q path %q, claimed: %s %q, want %s %q", c.host, c.scope, c.path, got.Name, call.path, want, wantPath)
		}
	}
}
