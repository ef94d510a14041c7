package object

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Records. Numbers are unsigned varints unless their width is given; times are
// nanoseconds since 1970 in 8 bytes, little-endian. string is a length and as
// many bytes.
//
//	version    layout:1 length header[length] embedded body
//	  header   size modified:8 MD5:16 parts owner ref checksums metadata uploadID?
//	manifest   layout:1 count { number size MD5:16 ref checksums }*
//	part       layout:1 size modified:8 MD5:16 ref checksums
//	upload     revision:8 layout:1 initiated:8 algorithm:1 type:1 owner initiator metadata
//	bucket     layout:1 created:8 ID:16 account region
//
//	ref        where:1 ID:16 (no ID when where is embedded)
//	checksums  count { algorithm:1 type:1 parts sum }*
//	metadata   mask { string }* count { name value }*
//
// MD5 is that of the body, or of the parts' MD5s when parts is not 0; then the
// uploadID:16 follows. mask has a bit for each of the fields in fixedFields that
// is not empty, lowest first. The revision of an upload grows with each change
// of its parts.
const recordLayout = 1

// where tells in which place the body of a segment is. Its numbers are on disk.
type where byte

const (
	embedded   where = 0 // behind the header of the version row
	inRow      where = 1 // in a body row
	inFile     where = 2 // in a segment file
	inManifest where = 3 // in the segments of a manifest
)

// ref points at the bytes of a version or a part.
type ref struct {
	where where
	id    id
}

// versionRecord is the content of a version row.
type versionRecord struct {
	Version
	md5      [16]byte
	ref      ref
	uploadID id // of an object put in parts
}

// partRecord is the content of a part row, or one part of a manifest.
type partRecord struct {
	Part
	md5 [16]byte
	ref ref
}

// uploadRecord is the content of an upload row.
type uploadRecord struct {
	Upload
	revision uint64
}

// fixedFields returns the fields of m that have a bit in the mask, in its order.
func (m *Metadata) fixedFields() [8]*string {
	return [...]*string{
		&m.ContentType, &m.CacheControl, &m.ContentDisposition, &m.ContentEncoding,
		&m.ContentLanguage, &m.Expires, &m.WebsiteRedirect, &m.StorageClass,
	}
}

// sizeBytes returns how many bytes of names and values m holds.
func (m *Metadata) sizeBytes() int {
	n := 0
	for _, field := range m.fixedFields() {
		n += len(*field)
	}
	for name, value := range m.User {
		n += len(name) + len(value)
	}
	return n
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendTime(dst []byte, t time.Time) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(t.UnixNano()))
}

func appendRef(dst []byte, r ref) []byte {
	dst = append(dst, byte(r.where))
	if r.where == embedded {
		return dst
	}
	return append(dst, r.id[:]...)
}

func appendChecksums(dst []byte, sums []Checksum) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(sums)))
	for _, c := range sums {
		dst = append(dst, byte(c.Algorithm), byte(c.Type))
		dst = binary.AppendUvarint(dst, uint64(c.PartCount))
		dst = append(dst, c.Sum...)
	}
	return dst
}

func appendMetadata(dst []byte, m *Metadata) []byte {
	fields := m.fixedFields()
	mask := uint64(0)
	for i, field := range fields {
		if *field != "" {
			mask |= 1 << i
		}
	}
	dst = binary.AppendUvarint(dst, mask)
	for _, field := range fields {
		if *field != "" {
			dst = appendString(dst, *field)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.User)))
	if len(m.User) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(m.User)) {
		dst = appendString(dst, name)
		dst = appendString(dst, m.User[name])
	}
	return dst
}

// appendVersion appends a version record without its embedded body. An owner
// that is the bucket's account is left out.
func appendVersion(dst []byte, v *versionRecord, account string) []byte {
	var scratch [512]byte
	h := binary.AppendUvarint(scratch[:0], uint64(v.SizeBytes))
	h = appendTime(h, v.Modified)
	h = append(h, v.md5[:]...)
	h = binary.AppendUvarint(h, uint64(v.PartCount))
	if v.Owner == account {
		h = appendString(h, "")
	} else {
		h = appendString(h, v.Owner)
	}
	h = appendRef(h, v.ref)
	h = appendChecksums(h, v.Checksums)
	h = appendMetadata(h, &v.Metadata)
	if v.PartCount > 0 {
		h = append(h, v.uploadID[:]...)
	}
	dst = append(dst, recordLayout)
	dst = binary.AppendUvarint(dst, uint64(len(h)))
	return append(dst, h...)
}

func appendPartBody(dst []byte, p *partRecord) []byte {
	dst = append(dst, p.md5[:]...)
	dst = appendRef(dst, p.ref)
	return appendChecksums(dst, p.Checksums)
}

func appendPart(dst []byte, p *partRecord) []byte {
	dst = append(dst, recordLayout)
	dst = binary.AppendUvarint(dst, uint64(p.SizeBytes))
	dst = appendTime(dst, p.Modified)
	return appendPartBody(dst, p)
}

func appendManifest(dst []byte, parts []partRecord) []byte {
	dst = append(dst, recordLayout)
	dst = binary.AppendUvarint(dst, uint64(len(parts)))
	for i := range parts {
		dst = binary.AppendUvarint(dst, uint64(parts[i].Number))
		dst = binary.AppendUvarint(dst, uint64(parts[i].SizeBytes))
		dst = appendPartBody(dst, &parts[i])
	}
	return dst
}

// appendUpload appends an upload record. The key and the ID are in its row's key.
func appendUpload(dst []byte, u *uploadRecord) []byte {
	dst = binary.BigEndian.AppendUint64(dst, u.revision)
	dst = append(dst, recordLayout)
	dst = appendTime(dst, u.Initiated)
	dst = append(dst, byte(u.Checksum), byte(u.ChecksumType))
	dst = appendString(dst, u.Owner)
	dst = appendString(dst, u.Initiator)
	return appendMetadata(dst, &u.Metadata)
}

func appendBucket(dst []byte, b *Bucket, bucketID id) []byte {
	dst = append(dst, recordLayout)
	dst = appendTime(dst, b.Created)
	dst = append(dst, bucketID[:]...)
	dst = appendString(dst, b.Account)
	return appendString(dst, b.Region)
}

// decoder reads a record from a string, so that the strings taken from it share
// one copy. After the first error it returns zeros.
type decoder struct {
	rest string
	err  error
	// listing leaves out metadata but the storage class, so that a page of a
	// listing is small whatever its objects carry.
	listing bool
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("record: %s: %w", what, ErrCorrupt)
	}
	d.rest = ""
}

func (d *decoder) uvarint() uint64 {
	var n uint64
	for i := 0; i < len(d.rest) && i < binary.MaxVarintLen64; i++ {
		b := d.rest[i]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break
		}
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			d.rest = d.rest[i+1:]
			return n
		}
	}
	d.fail("number")
	return 0
}

// count reads a number of at most limit.
func (d *decoder) count(limit int) int {
	n := d.uvarint()
	if n > uint64(limit) {
		d.fail("count")
		return 0
	}
	return int(n)
}

func (d *decoder) bytes(n int) string {
	if n < 0 || n > len(d.rest) {
		d.fail("truncated")
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) byte() byte {
	if s := d.bytes(1); s != "" {
		return s[0]
	}
	return 0
}

func (d *decoder) string() string { return d.bytes(d.count(len(d.rest))) }

// array copies the next bytes into dst.
func (d *decoder) array(dst []byte) { copy(dst, d.bytes(len(dst))) }

func (d *decoder) layout() {
	if d.byte() != recordLayout {
		d.fail("unknown layout")
	}
}

func (d *decoder) size() int64 {
	n := d.uvarint()
	if n > 1<<62 {
		d.fail("size")
		return 0
	}
	return int64(n)
}

func (d *decoder) time() time.Time {
	s := d.bytes(8)
	if s == "" {
		return time.Time{}
	}
	n := uint64(0)
	for i := 7; i >= 0; i-- {
		n = n<<8 | uint64(s[i])
	}
	return time.Unix(0, int64(n)).UTC()
}

func (d *decoder) ref(deepest where) ref {
	r := ref{where: where(d.byte())}
	if r.where > deepest {
		d.fail("place of body")
	}
	if r.where != embedded {
		d.array(r.id[:])
	}
	return r
}

func (d *decoder) checksums() []Checksum {
	n := d.count(len(algorithms))
	if n == 0 {
		return nil
	}
	sums := make([]Checksum, 0, n)
	for range n {
		c := Checksum{Algorithm: Algorithm(d.byte()), Type: ChecksumType(d.byte())}
		c.PartCount = d.count(MaxPartNumber)
		if !c.Algorithm.valid() || c.Type > Composite {
			d.fail("checksum")
			return nil
		}
		c.Sum = []byte(d.bytes(c.Algorithm.Size()))
		sums = append(sums, c)
	}
	return sums
}

func (d *decoder) metadata(m *Metadata) {
	mask := d.uvarint()
	fields := m.fixedFields()
	if mask >= 1<<len(fields) {
		d.fail("metadata mask")
		return
	}
	for i, field := range fields {
		if mask&(1<<i) != 0 {
			*field = d.string()
		}
	}
	n := d.count(len(d.rest))
	if d.listing {
		for range 2 * n {
			d.string()
		}
		*m = Metadata{StorageClass: strings.Clone(m.StorageClass)}
		return
	}
	if n == 0 {
		return
	}
	m.User = make(map[string]string, min(n, 64))
	for range n {
		name := d.string()
		m.User[name] = d.string()
	}
}

// decodeVersion reads a version row. It fills all but Key; body is what is
// embedded and aliases row.
func decodeVersion(row []byte, account string) (v versionRecord, body []byte, err error) {
	return decodeVersionAs(row, account, false)
}

// decodeListedVersion is decodeVersion without metadata but the storage class.
func decodeListedVersion(row []byte, account string) (Version, error) {
	v, _, err := decodeVersionAs(row, account, true)
	return v.Version, err
}

func decodeVersionAs(row []byte, account string, listing bool) (v versionRecord, body []byte, err error) {
	if len(row) == 0 || row[0] != recordLayout {
		return v, nil, fmt.Errorf("version record: unknown layout: %w", ErrCorrupt)
	}
	length, n := binary.Uvarint(row[1:])
	if n <= 0 || length > uint64(len(row)-1-n) {
		return v, nil, fmt.Errorf("version record: length: %w", ErrCorrupt)
	}
	header := row[1+n : 1+n+int(length)]
	body = row[1+n+int(length):]

	d := decoder{rest: string(header), listing: listing}
	v.VersionID = NullVersionID
	v.SizeBytes = d.size()
	v.Modified = d.time()
	d.array(v.md5[:])
	v.PartCount = d.count(MaxPartNumber)
	if v.Owner = d.string(); v.Owner == "" {
		v.Owner = account
	} else if listing {
		v.Owner = strings.Clone(v.Owner)
	}
	v.ref = d.ref(inManifest)
	v.Checksums = d.checksums()
	d.metadata(&v.Metadata)
	if v.PartCount > 0 {
		d.array(v.uploadID[:])
	}
	if d.rest != "" {
		d.fail("excess bytes")
	}
	v.ETag = etag(v.md5, v.PartCount)
	return v, body, d.err
}

// decodePartBody reads the fields that part and manifest records share.
func (d *decoder) partBody(p *partRecord) {
	d.array(p.md5[:])
	p.ref = d.ref(inFile)
	p.Checksums = d.checksums()
	p.ETag = etag(p.md5, 0)
}

func decodePart(row []byte, number int) (partRecord, error) {
	d := decoder{rest: string(row)}
	d.layout()
	p := partRecord{Part: Part{Number: number, SizeBytes: d.size(), Modified: d.time()}}
	d.partBody(&p)
	if d.rest != "" {
		d.fail("excess bytes")
	}
	return p, d.err
}

func decodeManifest(row []byte) ([]partRecord, error) {
	d := decoder{rest: string(row)}
	d.layout()
	n := d.count(MaxPartNumber)
	parts := make([]partRecord, 0, min(n, len(row)/20))
	for range n {
		if d.err != nil {
			break
		}
		p := partRecord{Part: Part{Number: d.count(MaxPartNumber), SizeBytes: d.size()}}
		d.partBody(&p)
		parts = append(parts, p)
	}
	if d.rest != "" {
		d.fail("excess bytes")
	}
	return parts, d.err
}

// decodeUpload reads an upload row. It fills all but Key and ID.
func decodeUpload(row []byte) (uploadRecord, error) { return decodeUploadAs(row, false) }

// decodeListedUpload is decodeUpload without metadata but the storage class.
func decodeListedUpload(row []byte) (Upload, error) {
	u, err := decodeUploadAs(row, true)
	u.Owner, u.Initiator = strings.Clone(u.Owner), strings.Clone(u.Initiator)
	return u.Upload, err
}

func decodeUploadAs(row []byte, listing bool) (uploadRecord, error) {
	d := decoder{rest: string(row), listing: listing}
	u := uploadRecord{}
	var revision [8]byte
	d.array(revision[:])
	u.revision = binary.BigEndian.Uint64(revision[:])
	d.layout()
	u.Initiated = d.time()
	u.Checksum, u.ChecksumType = Algorithm(d.byte()), ChecksumType(d.byte())
	if u.Checksum != 0 && !u.Checksum.valid() || u.ChecksumType > Composite {
		d.fail("checksum")
	}
	u.Owner, u.Initiator = d.string(), d.string()
	d.metadata(&u.Metadata)
	if d.rest != "" {
		d.fail("excess bytes")
	}
	return u, d.err
}

func decodeBucket(name string, row []byte) (Bucket, id, error) {
	d := decoder{rest: string(row)}
	d.layout()
	b := Bucket{Name: name, Created: d.time()}
	var bucketID id
	d.array(bucketID[:])
	b.ID = bucketID.String()
	b.Account, b.Region = d.string(), d.string()
	if d.rest != "" {
		d.fail("excess bytes")
	}
	return b, bucketID, d.err
}

// etag writes an ETag: the MD5 in hex, for an object of parts with their count.
func etag(md5 [16]byte, parts int) string {
	var b [40]byte
	s := hex.AppendEncode(b[:0], md5[:])
	if parts > 0 {
		s = strconv.AppendInt(append(s, '-'), int64(parts), 10)
	}
	return string(s)
}
