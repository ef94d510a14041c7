package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/minio/crc64nvme"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

// digestHeaders say what the body of a request must hash to.
type digestHeaders struct {
	ContentMD5        *string           `header:"Content-Md5"`
	ChecksumAlgorithm string            `header:"X-Amz-Sdk-Checksum-Algorithm"`
	Checksums         map[string]string `headers:"X-Amz-Checksum-"`
}

// checksumPrefix is what the headers and trailers of checksums begin with.
const checksumPrefix = "x-amz-checksum-"

// algorithmNames are the ends of those headers.
var algorithmNames = map[string]object.Algorithm{
	"crc32": object.CRC32, "crc32c": object.CRC32C, "crc64nvme": object.CRC64NVME, "sha1": object.SHA1, "sha256": object.SHA256,
}

// notValues are headers with the prefix that carry no checksum.
var notValues = []string{"algorithm", "mode", "type"}

// algorithmHeader returns the end of the header for an algorithm.
func algorithmHeader(a object.Algorithm) string { return strings.ToLower(a.String()) }

// digestCheck is what a body is compared with once it was read.
type digestCheck struct {
	body *api.Payload
	md5  []byte // nil: no Content-MD5
	// algorithm is the checksum that the client sends, or 0. Its value came in
	// the head, or comes in the trailer.
	algorithm object.Algorithm
	want      []byte
	trailing  bool
}

// check reads the headers. body may be nil when there is no trailer to expect.
func (h *digestHeaders) check(body *api.Payload) (*digestCheck, error) {
	c := &digestCheck{body: body}
	if h.ContentMD5 != nil {
		sum, err := base64.StdEncoding.DecodeString(*h.ContentMD5)
		if err != nil || len(sum) != md5.Size {
			return nil, awserr.New(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.").With("Content-MD5", clip(*h.ContentMD5))
		}
		c.md5 = sum
	}
	name, value, err := h.value()
	if err != nil {
		return nil, err
	}
	if name == "" && body != nil {
		if name, err = trailingChecksum(body.TrailerNames); err != nil {
			return nil, err
		}
		c.trailing = name != ""
	}
	if name != "" {
		if c.algorithm, err = algorithmOf(name); err != nil {
			return nil, err
		}
	}
	if name != "" && !c.trailing {
		if c.want, err = decodeSum(c.algorithm, value); err != nil {
			return nil, err
		}
	}
	return c, h.announced(c.algorithm)
}

// value returns the one checksum in the head, named by its header's end.
func (h *digestHeaders) value() (name, value string, err error) {
	for n, v := range h.Checksums {
		if slices.Contains(notValues, n) {
			continue
		}
		if name != "" {
			return "", "", invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		name, value = n, v
	}
	return name, value, nil
}

// announced checks x-amz-sdk-checksum-algorithm, which names the checksum that
// comes.
func (h *digestHeaders) announced(got object.Algorithm) error {
	if h.ChecksumAlgorithm == "" {
		return nil
	}
	a, err := algorithmOf(strings.ToLower(h.ChecksumAlgorithm))
	switch {
	case err != nil:
		return err
	case got == 0:
		return invalidRequest("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	case got != a:
		return invalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
	}
	return nil
}

// newerAlgorithms are those that S3 has and Inro does not.
var newerAlgorithms = []string{"sha512", "md5", "xxhash64", "xxhash3", "xxhash128"}

func algorithmOf(name string) (object.Algorithm, error) {
	if a, ok := algorithmNames[name]; ok {
		return a, nil
	}
	if slices.Contains(newerAlgorithms, name) {
		return 0, awserr.NotImplemented("The checksum algorithm " + name + " is not offered: use CRC32, CRC32C, CRC64NVME, SHA1 or SHA256.")
	}
	return 0, invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
}

func trailingChecksum(trailers []string) (name string, err error) {
	for _, t := range trailers {
		n, ok := strings.CutPrefix(strings.ToLower(t), checksumPrefix)
		if !ok {
			continue
		}
		if name != "" {
			return "", invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		name = n
	}
	return name, nil
}

func decodeSum(a object.Algorithm, value string) ([]byte, error) {
	sum, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(sum) != a.Size() {
		return nil, invalidRequest("Value for " + checksumPrefix + algorithmHeader(a) + " header is invalid.")
	}
	return sum, nil
}

// stored are the algorithms to compute over the body: the client's, else
// CRC64NVME, as S3 does since December 2024.
func (c *digestCheck) stored() []object.Algorithm {
	if c.algorithm == 0 {
		return defaultAlgorithm
	}
	return []object.Algorithm{c.algorithm}
}

var defaultAlgorithm = []object.Algorithm{object.CRC64NVME}

// verify compares what was received. It runs after the end of the body and
// before anything is committed.
func (c *digestCheck) verify(d object.Digests) error {
	if err := drained(c.body); err != nil {
		return err
	}
	if c.md5 != nil && !bytes.Equal(c.md5, d.MD5[:]) {
		return badMD5(c.md5, d.MD5[:])
	}
	if c.algorithm == 0 {
		return nil
	}
	if c.trailing {
		value := c.body.Trailer(checksumPrefix + algorithmHeader(c.algorithm))
		var err error
		if c.want, err = decodeSum(c.algorithm, value); err != nil {
			return err
		}
	}
	for _, sum := range d.Checksums {
		if sum.Algorithm == c.algorithm {
			return c.compare(sum.Sum)
		}
	}
	return invalidRequest("The checksum was not computed.")
}

func (c *digestCheck) compare(sum []byte) error {
	if bytes.Equal(c.want, sum) {
		return nil
	}
	return awserr.New(http.StatusBadRequest, "BadDigest", "The "+c.algorithm.String()+" you specified did not match the calculated checksum.")
}

func badMD5(want, got []byte) error {
	return awserr.New(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.").
		With("ExpectedDigest", base64.StdEncoding.EncodeToString(want)).With("CalculatedDigest", hex.EncodeToString(got))
}

// drained makes sure that the body was read to io.EOF, where its signature has
// been checked and its trailer is known.
func drained(body *api.Payload) error {
	if body == nil {
		return nil
	}
	var one [1]byte
	n, err := body.Read(one[:])
	if err == io.EOF && n == 0 {
		return nil
	}
	if err != nil && err != io.EOF {
		return err
	}
	return object.ErrExcessBody
}

// verifyGiven checks the body of a request against the digests that it carries,
// if any.
func (h *digestHeaders) verifyGiven(ctx context.Context) error {
	check, err := h.check(nil)
	if err != nil {
		return err
	}
	return check.verifyBytes(api.RequestOf(ctx).Body)
}

// verifyBytes is verify for a body in memory.
func (c *digestCheck) verifyBytes(body []byte) error {
	if c.md5 != nil {
		if sum := md5.Sum(body); !bytes.Equal(sum[:], c.md5) {
			return badMD5(c.md5, sum[:])
		}
	}
	if c.algorithm == 0 {
		return nil
	}
	h := newHash(c.algorithm)
	h.Write(body)
	return c.compare(h.Sum(nil))
}

func newHash(a object.Algorithm) hash.Hash {
	switch a {
	case object.CRC32:
		return crc32.NewIEEE()
	case object.CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case object.SHA1:
		return sha1.New()
	case object.SHA256:
		return sha256.New()
	}
	return crc64nvme.New()
}

// checksumValues are the headers that tell an object's or part's checksum.
type checksumValues struct {
	CRC32     string `header:"X-Amz-Checksum-Crc32"`
	CRC32C    string `header:"X-Amz-Checksum-Crc32c"`
	CRC64NVME string `header:"X-Amz-Checksum-Crc64nvme"`
	SHA1      string `header:"X-Amz-Checksum-Sha1"`
	SHA256    string `header:"X-Amz-Checksum-Sha256"`
	Type      string `header:"X-Amz-Checksum-Type"`
}

func (v *checksumValues) set(sums []object.Checksum) {
	for i := range sums {
		value := sums[i].Value()
		switch sums[i].Algorithm {
		case object.CRC32:
			v.CRC32 = value
		case object.CRC32C:
			v.CRC32C = value
		case object.CRC64NVME:
			v.CRC64NVME = value
		case object.SHA1:
			v.SHA1 = value
		case object.SHA256:
			v.SHA256 = value
		}
		v.Type = sums[i].Type.String()
	}
}

// checksums writes checksums as elements, without their type.
func (d *document) checksums(sums []object.Checksum) {
	for i := range sums {
		d.text("Checksum"+sums[i].Algorithm.String(), sums[i].Value())
	}
}
