package object

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// decoder reads a record from a string, so that the strings taken from it share
// one copy. After the first error it returns zeros.
type decoder struct {
	rest string
	err  error
	// listing leaves out metadata but the storage class, tags, ACL and
	// encryption, so that a page of a listing is small whatever its objects
	// carry.
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

// layout reads the number of a layout, from 1 to newest.
func (d *decoder) layout(newest byte) byte {
	layout := d.byte()
	if layout == 0 || layout > newest {
		d.fail("unknown layout")
	}
	return layout
}

// bool reads 0 or 1.
func (d *decoder) bool() bool {
	b := d.byte()
	if b > 1 {
		d.fail("flag")
	}
	return b == 1
}

// attributes reads what flags say is there.
func (d *decoder) attributes(flags byte, a *Attributes, encryption *string) {
	a.LegalHold = flags&flagLegalHold != 0
	if flags&flagTags != 0 {
		n := d.count(len(d.rest) / 2)
		if n == 0 {
			d.fail("no tags")
		}
		if !d.listing {
			a.Tags = make([]Tag, 0, min(n, 64))
		}
		for range n {
			t := Tag{d.string(), d.string()}
			if !d.listing {
				a.Tags = append(a.Tags, t)
			}
		}
	}
	if flags&flagRetention != 0 {
		a.Retention = Retention{RetentionMode(d.byte()), d.time()}
		if a.Retention.Mode > Compliance || a.Retention == (Retention{}) {
			d.fail("retention")
		}
	}
	if flags&flagACL != 0 {
		if acl := d.string(); !d.listing {
			a.ACL = acl
		}
	}
	if flags&flagEncryption != 0 {
		if *encryption = d.string(); *encryption == "" {
			d.fail("encryption")
		}
		if d.listing {
			*encryption = ""
		}
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

// decodeListedVersion is decodeVersion without what a listing leaves out.
func decodeListedVersion(row []byte, account string) (Version, error) {
	v, _, err := decodeVersionAs(row, account, true)
	return v.Version, err
}

// cutVersion splits a version row into its layout, header and body.
func cutVersion(row []byte) (layout byte, header, body []byte, err error) {
	if len(row) == 0 || row[0] == 0 || row[0] > versionLayout {
		return 0, nil, nil, fmt.Errorf("version record: unknown layout: %w", ErrCorrupt)
	}
	length, n := binary.Uvarint(row[1:])
	if n <= 0 || length > uint64(len(row)-1-n) {
		return 0, nil, nil, fmt.Errorf("version record: length: %w", ErrCorrupt)
	}
	return row[0], row[1+n : 1+n+int(length)], row[1+n+int(length):], nil
}

// isDeleteMarker reports whether a version row is a delete marker's.
func isDeleteMarker(row []byte) (bool, error) {
	layout, header, _, err := cutVersion(row)
	if err != nil || layout == 1 {
		return false, err
	}
	if len(header) == 0 {
		return false, fmt.Errorf("version record: no header: %w", ErrCorrupt)
	}
	return header[0]&flagDeleteMarker != 0, nil
}

func decodeVersionAs(row []byte, account string, listing bool) (v versionRecord, body []byte, err error) {
	layout, header, body, err := cutVersion(row)
	if err != nil {
		return v, nil, err
	}
	d := decoder{rest: string(header), listing: listing}
	var flags byte
	if layout > 1 {
		flags = d.byte()
	}
	v.VersionID = NullVersionID
	v.DeleteMarker = flags&flagDeleteMarker != 0
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
	if flags&flagNumbered != 0 {
		d.array(v.number[:])
		v.VersionID = v.number.String()
		if v.number.sequence() == nullSequence {
			d.fail("version ID")
		}
	}
	d.attributes(flags, &v.Attributes, &v.Encryption)
	if d.rest != "" || flags&flagOpaqueETag != 0 {
		d.fail("excess bytes")
	}
	if !v.DeleteMarker {
		v.ETag = etag(v.md5, v.PartCount)
	}
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
	d.layout(recordLayout)
	p := partRecord{Part: Part{Number: number, SizeBytes: d.size(), Modified: d.time()}}
	d.partBody(&p)
	if d.rest != "" {
		d.fail("excess bytes")
	}
	return p, d.err
}

func decodeManifest(row []byte) ([]partRecord, error) {
	d := decoder{rest: string(row)}
	d.layout(recordLayout)
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
	layout := d.layout(uploadLayout)
	u.Initiated = d.time()
	u.Checksum, u.ChecksumType = Algorithm(d.byte()), ChecksumType(d.byte())
	if u.Checksum != 0 && !u.Checksum.valid() || u.ChecksumType > Composite {
		d.fail("checksum")
	}
	u.Owner, u.Initiator = d.string(), d.string()
	d.metadata(&u.Metadata)
	if layout > 1 {
		flags := d.byte()
		if flags&(flagDeleteMarker|flagNumbered) != 0 {
			d.fail("flags")
		}
		u.storedBytes = d.size()
		u.opaqueETag = flags&flagOpaqueETag != 0
		d.attributes(flags, &u.Attributes, &u.Encryption)
	}
	if d.rest != "" {
		d.fail("excess bytes")
	}
	return u, d.err
}

func decodeBucket(name string, row []byte) (Bucket, id, error) {
	d := decoder{rest: string(row)}
	layout := d.layout(bucketLayout)
	b := Bucket{Name: name, Created: d.time()}
	var bucketID id
	d.array(bucketID[:])
	b.ID = bucketID.String()
	b.Account, b.Region = d.string(), d.string()
	if layout > 1 {
		b.Versioning, b.ObjectLock = Versioning(d.byte()), d.bool()
		if b.Versioning > VersioningSuspended {
			d.fail("versioning")
		}
		for _, limit := range b.Quota.limits() {
			*limit = d.size()
		}
	}
	if d.rest != "" {
		d.fail("excess bytes")
	}
	return b, bucketID, d.err
}

func decodeUsage(row []byte) (Usage, error) {
	d := decoder{rest: string(row)}
	d.layout(recordLayout)
	u := Usage{Bytes: d.size(), Objects: d.size()}
	if d.rest != "" {
		d.fail("excess bytes")
	}
	return u, d.err
}
