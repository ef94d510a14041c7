package object

import (
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Records. Numbers are unsigned varints unless their width is given; times are
// nanoseconds since 1970 in 8 bytes, little-endian. string is a length and as
// many bytes.
//
//	version    layout:1 length header[length] embedded body
//	  header   flags:1 size modified:8 MD5:16 parts owner ref checksums metadata
//	           uploadID? versionID? attributes encryption
//	manifest   layout:1 count { number size MD5:16 ref checksums }*
//	part       layout:1 size modified:8 MD5:16 ref checksums
//	upload     revision:8 layout:1 initiated:8 algorithm:1 type:1 owner initiator metadata
//	           flags:1 stored attributes encryption
//	bucket     layout:1 created:8 ID:16 account region versioning:1 lock:1
//	           { limit }4
//	usage      layout:1 bytes objects
//
//	flags      bits, lowest first: delete marker, versionID, tags, retention,
//	           legal hold, ACL, encryption, opaque ETag
//	attributes { count { key value }* }? { mode:1 until:8 }? ACL?
//	encryption string?
//	ref        where:1 ID:16 (no ID when where is embedded)
//	checksums  count { algorithm:1 type:1 parts sum }*
//	metadata   mask { string }* count { name value }*
//
// MD5 is that of the body, or of the parts' MD5s when parts is not 0; then the
// uploadID:16 follows. mask has a bit for each of the fields in fixedFields that
// is not empty, lowest first. The revision of an upload grows with each change
// of its parts; stored is how many bytes they have. What is marked ? is there
// when its flag is set.
//
// Layout 1 of a version has no flags and nothing behind the uploadID, of an
// upload and a bucket nothing behind metadata and region. It is read, not written.
const (
	recordLayout  = 1 // of manifests, parts and usage
	versionLayout = 2
	uploadLayout  = 2
	bucketLayout  = 2
)

// Flags of versions and uploads.
const (
	flagDeleteMarker = 1 << iota
	flagNumbered
	flagTags
	flagRetention
	flagLegalHold
	flagACL
	flagEncryption
	flagOpaqueETag
)

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
	uploadID id        // of an object put in parts
	number   versionID // zero for a null version
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
	revision    uint64
	storedBytes int64 // of its parts
	opaqueETag  bool
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

// flagsOf returns the flags of attributes and encryption.
func flagsOf(a *Attributes, encryption string) byte {
	var flags byte
	for _, f := range [...]struct {
		set  bool
		flag byte
	}{
		{len(a.Tags) > 0, flagTags}, {a.Retention != Retention{}, flagRetention}, {a.LegalHold, flagLegalHold},
		{a.ACL != "", flagACL}, {encryption != "", flagEncryption},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	return flags
}

// appendAttributes appends what flags say is there.
func appendAttributes(dst []byte, flags byte, a *Attributes, encryption string) []byte {
	if flags&flagTags != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(a.Tags)))
		for i := range a.Tags {
			dst = appendString(appendString(dst, a.Tags[i].Key), a.Tags[i].Value)
		}
	}
	if flags&flagRetention != 0 {
		dst = appendTime(append(dst, byte(a.Retention.Mode)), a.Retention.Until)
	}
	if flags&flagACL != 0 {
		dst = appendString(dst, a.ACL)
	}
	if flags&flagEncryption != 0 {
		dst = appendString(dst, encryption)
	}
	return dst
}

// appendVersion appends a version record without its embedded body. An owner
// that is the bucket's account is left out.
func appendVersion(dst []byte, v *versionRecord, account string) []byte {
	flags := flagsOf(&v.Attributes, v.Encryption)
	if v.DeleteMarker {
		flags |= flagDeleteMarker
	}
	if v.number != (versionID{}) {
		flags |= flagNumbered
	}
	var scratch [512]byte
	h := append(scratch[:0], flags)
	h = binary.AppendUvarint(h, uint64(v.SizeBytes))
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
	if flags&flagNumbered != 0 {
		h = append(h, v.number[:]...)
	}
	h = appendAttributes(h, flags, &v.Attributes, v.Encryption)
	dst = append(dst, versionLayout)
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
	dst = append(dst, uploadLayout)
	dst = appendTime(dst, u.Initiated)
	dst = append(dst, byte(u.Checksum), byte(u.ChecksumType))
	dst = appendString(dst, u.Owner)
	dst = appendString(dst, u.Initiator)
	dst = appendMetadata(dst, &u.Metadata)
	flags := flagsOf(&u.Attributes, u.Encryption)
	if u.opaqueETag {
		flags |= flagOpaqueETag
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(u.storedBytes))
	return appendAttributes(dst, flags, &u.Attributes, u.Encryption)
}

func appendBucket(dst []byte, b *Bucket, bucketID id) []byte {
	dst = append(dst, bucketLayout)
	dst = appendTime(dst, b.Created)
	dst = append(dst, bucketID[:]...)
	dst = appendString(dst, b.Account)
	dst = appendString(dst, b.Region)
	dst = append(dst, byte(b.Versioning), 0)
	if b.ObjectLock {
		dst[len(dst)-1] = 1
	}
	for _, limit := range b.Quota.limits() {
		dst = binary.AppendUvarint(dst, uint64(*limit))
	}
	return dst
}

func appendUsage(dst []byte, u Usage) []byte {
	dst = append(dst, recordLayout)
	dst = binary.AppendUvarint(dst, uint64(u.Bytes))
	return binary.AppendUvarint(dst, uint64(u.Objects))
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
