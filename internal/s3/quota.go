package s3

import (
	"fmt"
	"net/http"
	"strconv"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

// quotaExceeded refuses a write that would exceed what a bucket, or a folder of
// it, may hold. S3 has no quotas; the code is the one that stores with quotas use.
func quotaExceeded(q *object.QuotaError) *awserr.Error {
	what, unit := "bucket", "objects"
	if q.Folder != "" {
		what = "folder " + clip(q.Folder) + "/"
	}
	if q.Bytes {
		unit = "bytes"
	}
	e := awserr.New(http.StatusForbidden, "QuotaExceeded",
		fmt.Sprintf("The quota would be exceeded: the %s may hold %d %s. Delete something, or ask for a larger quota.", what, q.Limit, unit))
	if q.Folder != "" {
		e = e.With("Folder", clip(q.Folder))
	}
	return e.With("Limit", strconv.FormatInt(q.Limit, 10)).With("Unit", unit)
}
