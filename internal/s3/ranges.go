package s3

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

// byteRange is a run of an object's bytes.
type byteRange struct{ offset, length int64 }

// contentRange is the header of a partial answer.
func (r byteRange) contentRange(sizeBytes int64) string {
	b := make([]byte, 0, 64)
	b = append(b, "bytes "...)
	b = strconv.AppendInt(b, r.offset, 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, r.offset+r.length-1, 10)
	b = append(b, '/')
	return string(strconv.AppendInt(b, sizeBytes, 10))
}

// parseRange reads a Range header for an object of sizeBytes. It reports false
// when the whole object is to be sent: S3 serves one range only, so a list of
// ranges is ignored, as is what is not of the form "bytes=first-last" (RFC 9110
// section 14.2). A range without a byte in the object is InvalidRange.
func parseRange(header string, sizeBytes int64) (byteRange, bool, error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return byteRange{}, false, nil
	}
	from, to, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return byteRange{}, false, nil
	}
	if from == "" {
		return suffixRange(header, to, sizeBytes)
	}
	first, ok := parseOffset(from)
	if !ok {
		return byteRange{}, false, nil
	}
	last := sizeBytes - 1
	if to != "" {
		n, ok := parseOffset(to)
		if !ok || n < first {
			return byteRange{}, false, nil
		}
		last = min(last, n)
	}
	if first >= sizeBytes {
		return byteRange{}, false, invalidRange(header, sizeBytes)
	}
	return byteRange{first, last - first + 1}, true, nil
}

func suffixRange(header, length string, sizeBytes int64) (byteRange, bool, error) {
	n, ok := parseOffset(length)
	if !ok {
		return byteRange{}, false, nil
	}
	n = min(n, sizeBytes)
	if n == 0 {
		return byteRange{}, false, invalidRange(header, sizeBytes)
	}
	return byteRange{sizeBytes - n, n}, true, nil
}

// parseOffset reads digits only, so that a sign or space never counts. A number
// beyond int64 is as good as the largest.
func parseOffset(text string) (int64, bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, text != "" && (err == nil || len(text) > 18)
}

func invalidRange(header string, sizeBytes int64) error {
	return awserr.New(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable").
		With("RangeRequested", clip(header)).With("ActualObjectSize", strconv.FormatInt(sizeBytes, 10))
}

// rangeHolds evaluates If-Range: with another entity tag or a date that is not
// the object's the range is ignored (RFC 9110 section 13.1.5), because the
// client would join bytes of two objects.
func rangeHolds(ifRange string, v *object.Version) bool {
	if ifRange == "" {
		return true
	}
	if date, err := http.ParseTime(ifRange); err == nil {
		return date.Equal(v.Modified.Truncate(time.Second))
	}
	return strings.Trim(ifRange, `"`) == v.ETag
}

// parseCopyRange reads x-amz-copy-source-range, which must be
// "bytes=first-last" within the source (API Reference, UploadPartCopy).
func parseCopyRange(header string, sizeBytes int64) (byteRange, error) {
	if header == "" {
		return byteRange{0, sizeBytes}, nil
	}
	spec, ok := strings.CutPrefix(header, "bytes=")
	from, to, found := strings.Cut(spec, "-")
	first, ok1 := parseOffset(from)
	last, ok2 := parseOffset(to)
	if !ok || !found || from == "" || to == "" || !ok1 || !ok2 || last < first {
		return byteRange{}, invalidArgument("x-amz-copy-source-range", header,
			"The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	if last >= sizeBytes {
		return byteRange{}, invalidRange(header, sizeBytes)
	}
	return byteRange{first, last - first + 1}, nil
}
