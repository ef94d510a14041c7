package object

import (
	"encoding/base64"
	"fmt"
	"strconv"
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

// ParseAlgorithm returns the algorithm that S3 calls name, such as "CRC64NVME".
func ParseAlgorithm(name string) (Algorithm, error) {
	for a, row := range algorithms {
		if row.name == name && a != 0 {
			return Algorithm(a), nil
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
	c := Checksum{Algorithm: a}
	if !a.valid() {
		return Checksum{}, fmt.Errorf("%v: %w", a, ErrInvalidChecksum)
	}
	encoded := value
	for i := len(value) - 1; i >= 0; i-- {
		if value[i] != '-' {
			continue
		}
		n, err := strconv.Atoi(value[i+1:])
		if err != nil || n < 1 || n > MaxPartNumber {
			return Checksum{}, fmt.Errorf("%v %q: %w", a, value, ErrInvalidChecksum)
		}
		encoded, c.Type, c.PartCount = value[:i], Composite, n
		break
	}
	sum, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(sum) != a.Size() {
		return Checksum{}, fmt.Errorf("%v %q: %w", a, value, ErrInvalidChecksum)
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

// Digests is what was computed over a body that has been received whole.
type Digests struct {
	SizeBytes int64
	MD5       [16]byte
	Checksums []Checksum // in the order they were asked for
}
