// Package object is the local object engine: buckets, objects and their versions,
// uploads in parts, conditional writes, locks, quotas and an outbox of messages, in
// one data folder held by one process.
//
// An Engine is opened on a folder and used through its methods, all safe for
// concurrent use. Bodies stream in through an io.Reader and out through a
// Reader; memory per request is bounded whatever their size. The package knows
// nothing of HTTP, of API errors or of who may do what, and keeps access control
// lists and sealed keys without reading them.
//
// # Promises
//
// What Put, Delete and the rest have acknowledged is durable. What they have not
// is there whole or not at all after a crash. A key is opaque: any UTF-8 of 1 to
// 1024 bytes, never joined to a path of the host. A Reader keeps giving the
// version it was opened on, whatever happens to the key meanwhile. Stored bytes
// are checked before they are given out: in the index by Pebble's block
// checksums, in files by a checksum per 64 KiB, ranges included. That is why
// files are not handed to sendfile.
//
// Reads may see a write a moment before it is durable, but no write is
// acknowledged, nor refused for what it found, before everything it depended on
// is durable.
//
// # Data folder
//
//	LOCK             locked by the process that holds the folder
//	index/           a Pebble database: the index and small bodies
//	segments/<x>/    files of larger bodies, named by segment ID in hex;
//	                 <x> is the ID's last digit
//
// A body is kept in one of three places, by size: in its version row (up to
// embedMaxBytes), in a row of its own (up to Config.InlineMaxBytes), or in a
// segment file. A listing therefore reads few bytes per key.
//
// # Index
//
// The first byte of an index key tells the kind of row. Numbers in keys are
// big-endian, so that byte order is their order.
//
//	'a' name                             settings of the folder: format, epoch, clean
//	'b' bucket name                      bucket
//	'o' scope key' order                 version of an object, or delete marker
//	'n' scope key'                       sequence number:8 of the null version
//	'q' scope folder'                    usage of a folder; of the bucket when empty
//	'e' length:1 queue sequence:8        message in the outbox
//	'd' segment ID                       body of a segment kept in the index
//	'm' manifest ID                      parts of an object put in parts
//	'u' scope key' upload ID             upload in progress
//	'p' scope upload ID, part number:2   part of an upload
//	'f' segment ID                       the segment file is referenced
//	'g' ID                               garbage: what to remove
//
//	scope   account length:1, account, bucket ID:16
//	key'    the key with 00 written as 00 ff, then 00 01
//	order:8 complement of the version's sequence number: the newest comes first
//	folder' escaped and ended as key' is
//	ID:16   segment and manifest: epoch:4, counter:6, random:6
//	        upload: time in ns:8, random:8; bucket: random
//
// A key' sorts as its key does, and the rows of keys with a prefix are one range.
// In a bucket that was never versioned a key has one version, the null version,
// whose sequence number is 0. In others a key may have many; the first row is the
// current one. A version written while versioning was suspended is a null version
// with a sequence number like others, and an 'n' row tells it; of the null version
// at 0 there is none. A bucket ID is never used twice, so what was left of a
// deleted bucket can never appear in a new one of the same name.
//
// Usage rows are counted in the commits that change what they count.
//
// Records begin with the number of their layout and are drawn in record.go.
//
// # Segment files
//
//	┌──────────────────────────────┬─────────────────────────┐
//	│ body, size in the index      │ CRC-32C:4 of each block │
//	└──────────────────────────────┴─────────────────────────┘
//
// Of an encrypted version the sealed form of the body stands in place of the body,
// in a row and in a file alike (seal.go).
//
// A block is 64 KiB of body, the last one shorter. Its checksum, little-endian,
// covers the segment ID, the block's number as 8 bytes big-endian, and the block,
// so a block of another file or place does not pass.
//
// # Writing
//
// A file is written under a new ID, synced, and its directory synced, before the
// row that refers to it is committed together with its 'f' row. All commits go
// through one goroutine (commit.go), which reads, checks and writes in turn: no
// locks are needed for a condition to hold at its commit. The goroutine joins
// waiting commits to one Pebble batch with one sync.
//
// What a commit makes unreachable it records as a 'g' row. The reaper removes
// files and rows once the commit is durable and no reader has them pinned, then
// the 'g' row. Files of an interrupted write have no 'f' row; they are swept
// after the next start.
//
// # Failure
//
// When the index cannot be written or synced the engine stops accepting writes
// (ErrFailed) and goes on reading; opening it again recovers from the log. Below
// Config.ReserveBytes of free space writes are refused with ErrNoSpace; when the
// disk is full all the same, the index waits for space, and writes answer
// ErrNoSpace while it does.
package object
