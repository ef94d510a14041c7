package s3

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
)

// subresources are the query parameters that choose an operation. A request
// with one that its operation does not know is refused: DELETE /bucket?acl must
// not delete the bucket.
var subresources = map[string]bool{
	"abac": true, "accelerate": true, "acl": true, "analytics": true, "annotation": true, "attributes": true, "cors": true, "delete": true,
	"encryption": true, "intelligent-tiering": true, "inventory": true, "legal-hold": true, "lifecycle": true,
	"location": true, "logging": true, "metadataAnnotationTable": true, "metadataConfiguration": true, "metadataInventoryTable": true,
	"metadataJournalTable": true, "metadataTable": true, "metrics": true, "notification": true, "object-lock": true,
	"ownershipControls": true, "policy": true, "policyStatus": true, "publicAccessBlock": true, "renameObject": true,
	"replication": true, "requestPayment": true, "restore": true, "retention": true, "select": true, "session": true,
	"tagging": true, "torrent": true, "uploadId": true, "uploads": true, "versioning": true, "versions": true, "website": true,
}

// row is api.Op for a table in which no sub-resource is passed over, not even
// one that S3 got later than this table: a parameter without a value that is
// not known here refuses a request that writes.
func row[In, Out any](name, route string, needs api.Needs[In], handle func(context.Context, *In) (*Out, error)) api.Operation {
	own := make(map[string]bool)
	for p := range queryNames(routeQuery(route)) {
		own[p] = true
	}
	_, takesVersion := any(new(In)).(interface{ takesVersion() })
	refusesVersion := !takesVersion && strings.Contains(route, "{Key+}")
	writes := !strings.HasPrefix(route, "GET ") && !strings.HasPrefix(route, "HEAD ")
	return api.Op(name, route, func(ctx context.Context, in *In) ([]api.Permission, error) {
		for p, valued := range queryNames(api.RequestOf(ctx).HTTP.URL.RawQuery) {
			switch {
			case own[p]:
			case subresources[p]:
				return nil, awserr.New(http.StatusMethodNotAllowed, "MethodNotAllowed",
					"The specified method is not allowed against this resource.").With("ResourceType", strings.ToUpper(p))
			case refusesVersion && p == "versionId":
				return nil, invalidArgument(p, "", "This operation does not accept a version-id.")
			case writes && !valued && p != "versionId" && !strings.HasPrefix(strings.ToLower(p), "x-"):
				return nil, awserr.NotImplemented(fmt.Sprintf("A query parameter you provided implies functionality that is not implemented: %.64s", p))
			}
		}
		return needs(ctx, in)
	}, handle)
}

func routeQuery(route string) string {
	fields := strings.Fields(route)
	_, query, _ := strings.Cut(fields[1], "?")
	return query
}

// queryNames gives the names in a query string, and whether they have values.
func queryNames(query string) iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		for query != "" {
			var pair string
			pair, query, _ = strings.Cut(query, "&")
			name, value, _ := strings.Cut(pair, "=")
			if text, err := url.QueryUnescape(name); err == nil {
				name = text
			}
			if !yield(name, value != "") {
				return
			}
		}
	}
}
