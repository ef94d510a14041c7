package object

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"unicode/utf8"
)

// Kinds of index rows: the first byte of an index key. See the package comment.
const (
	kindSetting  = 'a'
	kindBucket   = 'b'
	kindVersion  = 'o'
	kindNull     = 'n'
	kindUsage    = 'q'
	kindMessage  = 'e'
	kindBody     = 'd'
	kindManifest = 'm'
	kindUpload   = 'u'
	kindPart     = 'p'
	kindFile     = 'f'
	kindGarbage  = 'g'
)

const (
	idBytes    = 16
	orderBytes = 8

	// nullSequence orders the version written before a bucket was versioned
	// behind every other one.
	nullSequence = 0
)

// id names a segment, a manifest, an upload or a bucket; no two are alike.
type id [idBytes]byte

func (i id) String() string { return hex.EncodeToString(i[:]) }

// parseID reads what id.String wrote, in lower case only, so that an ID has one
// spelling.
func parseID(s string) (id, bool) {
	var i id
	if len(s) != 2*idBytes {
		return i, false
	}
	if _, err := hex.Decode(i[:], []byte(s)); err != nil || i.String() != s {
		return id{}, false
	}
	return i, true
}

// checkKey returns an error unless key may name an object.
func checkKey(key string) error {
	switch {
	case len(key) > MaxKeyBytes:
		return ErrKeyTooLong
	case key == "" || !utf8.ValidString(key):
		return ErrInvalidKey
	}
	return nil
}

// appendScope appends the scope of a bucket.
func appendScope(dst []byte, account string, bucketID id) []byte {
	dst = append(dst, byte(len(account)))
	dst = append(dst, account...)
	return append(dst, bucketID[:]...)
}

// appendEscaped appends key with 00 written as 00 ff, without the end mark: also
// the common start of the rows of all keys with that prefix.
func appendEscaped(dst []byte, key string) []byte {
	for i := 0; i < len(key); i++ {
		dst = append(dst, key[i])
		if key[i] == 0 {
			dst = append(dst, 0xff)
		}
	}
	return dst
}

// appendKey appends key' with its end mark.
func appendKey(dst []byte, key string) []byte {
	return append(appendEscaped(dst, key), 0, 1)
}

// cutKey splits what follows the scope in a row's key into the object key and
// the rest behind the end mark.
func cutKey(b []byte) (key string, rest []byte, ok bool) {
	i := bytes.IndexByte(b, 0)
	if i >= 0 && i+1 < len(b) && b[i+1] == 1 { // no NUL in the key: the usual case
		return string(b[:i]), b[i+2:], true
	}
	var plain []byte
	for i := 0; i < len(b); i++ {
		if b[i] != 0 {
			plain = append(plain, b[i])
			continue
		}
		if i+1 >= len(b) {
			break
		}
		switch b[i+1] {
		case 1:
			return string(plain), b[i+2:], true
		case 0xff:
			plain = append(plain, 0)
			i++
		default:
			return "", nil, false
		}
	}
	return "", nil, false
}

// successor returns the first key after all keys that start with prefix; nil
// when there is none.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			next := bytes.Clone(prefix[:i+1])
			next[i]++
			return next
		}
	}
	return nil
}

// versionKey returns the key of a version row. prefix is kindVersion and a scope.
func versionKey(prefix []byte, key string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(versionsPrefix(prefix, key), math.MaxUint64-sequence)
}

// versionsPrefix returns the common start of the version rows of a key.
func versionsPrefix(prefix []byte, key string) []byte {
	row := make([]byte, 0, len(prefix)+len(key)+4+orderBytes+1)
	return appendKey(append(row, prefix...), key)
}

// nullKey returns the key of the row that tells the sequence number of a key's
// null version, when that is not nullSequence.
func nullKey(scope []byte, key string) []byte {
	row := append(append(make([]byte, 0, len(scope)+len(key)+5), kindNull), scope...)
	return appendKey(row, key)
}

// uploadKey returns the key of an upload row. prefix is kindUpload and a scope.
func uploadKey(prefix []byte, key string, upload id) []byte {
	row := make([]byte, 0, len(prefix)+len(key)+8+idBytes)
	row = appendKey(append(row, prefix...), key)
	return append(row, upload[:]...)
}

// partsPrefix returns the common start of the part rows of an upload. scope is
// without a kind.
func partsPrefix(scope []byte, upload id) []byte {
	row := make([]byte, 0, 1+len(scope)+idBytes+2)
	row = append(append(row, kindPart), scope...)
	return append(row, upload[:]...)
}

func partKey(scope []byte, upload id, number int) []byte {
	return binary.BigEndian.AppendUint16(partsPrefix(scope, upload), uint16(number))
}

// idKey returns the key of a row that is named by an ID alone.
func idKey(kind byte, i id) []byte {
	row := make([]byte, 1+idBytes)
	row[0] = kind
	copy(row[1:], i[:])
	return row
}
