package object

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestChecksumsOfCheckString uses the check values of the CRC catalogue and of
// FIPS 180: those of the string "123456789".
func TestChecksumsOfCheckString(t *testing.T) {
	for a, want := range map[Algorithm]string{
		CRC32:     "y/Q5Jg==",     // cbf43926
		CRC32C:    "4waSgw==",     // e3069283
		CRC64NVME: "rosUhgp5mIg=", // ae8b14860a799888
		SHA1:      "98O8HYCOBHMq32eZZczDTKeuNEE=",
		SHA256:    "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
	} {
		h := a.hash()
		h.Write([]byte("123456789"))
		if got := (Checksum{Algorithm: a, Sum: h.Sum(nil)}).Value(); got != want {
			t.Errorf("%v: got %s, want %s", a, got, want)
		}
	}
}

func TestJoinedChecksumIsThatOfTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, a := range []Algorithm{CRC32, CRC32C, CRC64NVME} {
		for range 50 {
			var parts []partRecord
			whole := a.hash()
			for range rng.IntN(6) {
				body := testBody(rng.IntN(3)*rng.IntN(100_000), rng.Uint64())
				h := a.hash()
				h.Write(body)
				whole.Write(body)
				parts = append(parts, partRecord{Part: Part{SizeBytes: int64(len(body)), Checksums: []Checksum{{Algorithm: a, Sum: h.Sum(nil)}}}})
			}
			got, err := joinedChecksum(a, parts)
			if err != nil || !bytes.Equal(got.Sum, whole.Sum(nil)) {
				t.Fatalf("%v of %d parts: got %x, %v; want %x", a, len(parts), got.Sum, err, whole.Sum(nil))
			}
		}
	}
	_, err := joinedChecksum(SHA256, nil)
	wantError(t, "joined SHA256", err, ErrInvalidChecksum)
	_, err = joinedChecksum(CRC32, []partRecord{{}})
	wantError(t, "joined checksum of parts without", err, ErrCorrupt)
}

func TestParseChecksum(t *testing.T) {
	for _, tt := range []struct {
		a     Algorithm
		value string
		want  error
	}{
		{CRC32, "NhCmhg==", nil},
		{CRC32, "NhCmhg==-3", nil},
		{CRC32, "NhCmhg==-10000", nil},
		{CRC32, "NhCmhg==-10001", ErrInvalidChecksum},
		{CRC32, "NhCmhg==-0", ErrInvalidChecksum},
		{CRC32, "NhCmhg==-03", ErrInvalidChecksum},
		{CRC32, "NhCmhg==-", ErrInvalidChecksum},
		{CRC32, "NhCmhg", ErrInvalidChecksum},
		{CRC32, "", ErrInvalidChecksum},
		{CRC64NVME, "NhCmhg==", ErrInvalidChecksum},
		{0, "NhCmhg==", ErrInvalidChecksum},
		{9, "NhCmhg==", ErrInvalidChecksum},
	} {
		c, err := ParseChecksum(tt.a, tt.value)
		wantError(t, tt.value, err, tt.want)
		if err == nil && c.Value() != tt.value {
			t.Errorf("ParseChecksum(%v, %q).Value() = %q", tt.a, tt.value, c.Value())
		}
	}
	for a := CRC32; a.valid(); a++ {
		if got, err := ParseAlgorithm(a.String()); err != nil || got != a {
			t.Errorf("ParseAlgorithm(%q) = %v, %v", a.String(), got, err)
		}
	}
	_, err := ParseAlgorithm("MD5")
	wantError(t, "ParseAlgorithm(MD5)", err, ErrInvalidChecksum)
}

func FuzzParseChecksum(f *testing.F) {
	f.Add(uint8(CRC32), "NhCmhg==-3")
	f.Fuzz(func(t *testing.T, a uint8, value string) {
		c, err := ParseChecksum(Algorithm(a), value)
		if err == nil && len(c.Sum) != c.Algorithm.Size() {
			t.Errorf("ParseChecksum(%d, %q) = %+v", a, value, c)
		}
	})
}
