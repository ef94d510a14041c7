package object

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"math/bits"
	"strconv"
	"strings"

	"github.com/minio/crc64nvme"
)

// Algorithm is a checksum algorithm of S3.
type Algorithm uint8

// The algorithms (S3 API Reference, type Checksum). Their numbers are on disk.
const (
	CRC32     Algorithm = 1 // IEEE
	CRC32C    Algorithm = 2 // Castagnoli
	CRC64NVME Algorithm = 3
	SHA1      Algorithm = 4
	SHA256    Algorithm = 5
)

// ChecksumType says what a checksum covers. Its numbers are on disk.
type ChecksumType uint8

const (
	// FullObject covers the bytes of the object as one run.
	FullObject ChecksumType = 0
	// Composite covers the checksums of the parts, one after another.
	Composite ChecksumType = 1
)

// Checksum is a checksum of an object or a part.
type Checksum struct {
	Algorithm Algorithm
	Type      ChecksumType
	Sum       []byte // big-endian, Algorithm.Size() bytes
	PartCount int    // of a Composite checksum
}

// algorithms is the table of all algorithms, indexed by Algorithm.
var algorithms = [...]struct {
	name      string
	sizeBytes int
}{
	CRC32:     {"CRC32", 4},
	CRC32C:    {"CRC32C", 4},
	CRC64NVME: {"CRC64NVME", 8},
	SHA1:      {"SHA1", 20},
	SHA256:    {"SHA256", 32},
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ParseAlgorithm returns the algorithm that S3 calls name, such as "CRC64NVME".
func ParseAlgorithm(name string) (Algorithm, error) {
	for a := CRC32; a.valid(); a++ {
		if algorithms[a].name == name {
			return a, nil
		}
	}
	return 0, fmt.Errorf("algorithm %q: %w", name, ErrInvalidChecksum)
}

// String returns the name S3 uses.
func (a Algorithm) String() string {
	if !a.valid() {
		return "Algorithm(" + strconv.Itoa(int(a)) + ")"
	}
	return algorithms[a].name
}

// Size returns the length of a sum in bytes.
func (a Algorithm) Size() int { return algorithms[a].sizeBytes }

// Combines reports whether the sum of joined runs can be computed from the sums
// of the runs, which is what a FullObject checksum of an upload in parts needs.
func (a Algorithm) Combines() bool { return a == CRC32 || a == CRC32C || a == CRC64NVME }

func (a Algorithm) valid() bool { return a >= CRC32 && int(a) < len(algorithms) }

func (a Algorithm) hash() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(castagnoli)
	case CRC64NVME:
		return crc64nvme.New()
	case SHA1:
		return sha1.New()
	default:
		return sha256.New()
	}
}

// String returns the name S3 uses.
func (t ChecksumType) String() string {
	if t == Composite {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

// ParseChecksum reads a value as it stands in S3 headers: base64, for a
// composite checksum followed by "-" and the number of parts.
func ParseChecksum(a Algorithm, value string) (Checksum, error) {
	invalid := fmt.Errorf("%v %q: %w", a, value, ErrInvalidChecksum)
	if !a.valid() {
		return Checksum{}, invalid
	}
	c := Checksum{Algorithm: a}
	encoded, count, found := strings.Cut(value, "-")
	if found {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > MaxPartNumber || strconv.Itoa(n) != count {
			return Checksum{}, invalid
		}
		c.Type, c.PartCount = Composite, n
	}
	sum, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(sum) != a.Size() {
		return Checksum{}, invalid
	}
	c.Sum = sum
	return c, nil
}

// Value returns the checksum as it stands in S3 headers.
func (c Checksum) Value() string {
	value := base64.StdEncoding.EncodeToString(c.Sum)
	if c.Type == Composite {
		value += "-" + strconv.Itoa(c.PartCount)
	}
	return value
}

// equal reports whether c and d say the same of the same bytes.
func (c Checksum) equal(d Checksum) bool {
	return c.Algorithm == d.Algorithm && c.Type == d.Type && c.PartCount == d.PartCount &&
		string(c.Sum) == string(d.Sum)
}

// findChecksum returns the checksum of algorithm a in sums.
func findChecksum(sums []Checksum, a Algorithm) (Checksum, bool) {
	for _, c := range sums {
		if c.Algorithm == a {
			return c, true
		}
	}
	return Checksum{}, false
}

// Digests is what was computed over a body that has been received whole.
type Digests struct {
	SizeBytes int64
	MD5       [16]byte
	Checksums []Checksum // in the order they were asked for
}

// digester computes Digests over a body as it passes.
type digester struct {
	size       int64
	md5        hash.Hash
	algorithms []Algorithm
	hashes     []hash.Hash
}

func newDigester(list []Algorithm) (*digester, error) {
	d := &digester{md5: md5.New(), algorithms: list}
	for i, a := range list {
		if !a.valid() {
			return nil, fmt.Errorf("%v: %w", a, ErrInvalidChecksum)
		}
		for _, b := range list[:i] {
			if a == b {
				return nil, fmt.Errorf("%v twice: %w", a, ErrInvalidChecksum)
			}
		}
		d.hashes = append(d.hashes, a.hash())
	}
	return d, nil
}

func (d *digester) write(p []byte) {
	d.size += int64(len(p))
	d.md5.Write(p)
	for _, h := range d.hashes {
		h.Write(p)
	}
}

func (d *digester) digests() Digests {
	result := Digests{SizeBytes: d.size}
	d.md5.Sum(result.MD5[:0])
	for i, h := range d.hashes {
		result.Checksums = append(result.Checksums, Checksum{Algorithm: d.algorithms[i], Sum: h.Sum(nil)})
	}
	return result
}

// compositeChecksum returns the checksum over the parts' checksums of algorithm
// a (S3 User Guide, "Checking object integrity": composite checksums).
func compositeChecksum(a Algorithm, parts []partRecord) (Checksum, error) {
	h := a.hash()
	for i := range parts {
		c, ok := findChecksum(parts[i].Checksums, a)
		if !ok {
			return Checksum{}, fmt.Errorf("part %d has no %v: %w", parts[i].Number, a, ErrCorrupt)
		}
		h.Write(c.Sum)
	}
	return Checksum{Algorithm: a, Type: Composite, Sum: h.Sum(nil), PartCount: len(parts)}, nil
}

// joinedChecksum returns the checksum of the parts' joined bytes, computed from
// the checksums of the parts. a must combine.
func joinedChecksum(a Algorithm, parts []partRecord) (Checksum, error) {
	if !a.Combines() {
		return Checksum{}, fmt.Errorf("%v of joined parts: %w", a, ErrInvalidChecksum)
	}
	field := newCRCField(a)
	var crc uint64
	for i := range parts {
		c, ok := findChecksum(parts[i].Checksums, a)
		if !ok {
			return Checksum{}, fmt.Errorf("part %d has no %v: %w", parts[i].Number, a, ErrCorrupt)
		}
		crc = field.combine(crc, bigEndian(c.Sum), parts[i].SizeBytes)
	}
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], crc)
	return Checksum{Algorithm: a, Sum: append([]byte(nil), sum[8-a.Size():]...)}, nil
}

func bigEndian(b []byte) uint64 {
	n := uint64(0)
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// crcField is the field in which a CRC is computed: polynomials over GF(2)
// modulo the CRC's, bits reflected, so that the highest bit stands for x^0. It
// combines the CRCs of two runs into that of the joined run:
//
//	crc(AB) = crc(A) * x^(8*len(B)) + crc(B)
//
// which holds because all three CRCs start from and end with inverted bits.
type crcField struct {
	polynomial uint64
	one        uint64     // x^0
	powers     [64]uint64 // powers[k] is x^(2^k)

	// The last shift, since parts mostly have one size.
	shiftBytes int64
	shift      uint64
}

func newCRCField(a Algorithm) *crcField {
	f := &crcField{polynomial: crc64nvme.NVME, one: 1 << 63}
	switch a {
	case CRC32:
		f.polynomial, f.one = crc32.IEEE, 1<<31
	case CRC32C:
		f.polynomial, f.one = crc32.Castagnoli, 1<<31
	}
	f.powers[0] = f.one >> 1
	for k := 1; k < len(f.powers); k++ {
		f.powers[k] = f.multiply(f.powers[k-1], f.powers[k-1])
	}
	f.shift = f.one
	return f
}

func (f *crcField) multiply(a, b uint64) uint64 {
	product := uint64(0)
	for bit := f.one; bit != 0 && a&(bit|(bit-1)) != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= f.polynomial
		}
	}
	return product
}

// combine returns the CRC of a run of CRC first followed by a run of CRC second
// that is sizeBytes long.
func (f *crcField) combine(first, second uint64, sizeBytes int64) uint64 {
	if sizeBytes != f.shiftBytes {
		f.shift, f.shiftBytes = f.one, sizeBytes
		for n := uint64(sizeBytes) * 8; n != 0; n &= n - 1 {
			f.shift = f.multiply(f.shift, f.powers[bits.TrailingZeros64(n)])
		}
	}
	return f.multiply(f.shift, first) ^ second
}
