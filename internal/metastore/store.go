package metastore

import (
	"context"
	"errors"
)

// GlobalAccount is the account of records that belong to the installation and
// not to one account, such as the lookup from access key ID to its owner. It
// cannot be an AWS account ID, which is twelve digits.
const GlobalAccount = "global"

// Limits of every implementation. What exceeds one is refused with
// [ErrInvalid] before anything is written.
const (
	// MaxKeyBytes bounds each account, kind, ID, end of a relation, index
	// name and index value. It leaves room for an ARN (IAM API Reference,
	// arnType: 2048 characters is the bound of the wire format).
	MaxKeyBytes = 2048
	// MaxBodyBytes bounds the body of a record.
	MaxBodyBytes = 256 << 10
	// MaxIndexValues bounds the secondary index values of a record.
	MaxIndexValues = 256
	// MaxRelationValueBytes bounds the value of a relation.
	MaxRelationValueBytes = 4 << 10
	// MaxPage bounds one page of a listing: one more than the largest page of
	// the AWS operations served, so that a caller can ask for one row extra
	// to learn whether there are more.
	MaxPage = 1001
	// MaxWrites bounds the calls of Put, Delete, Relate and Unrelate in one
	// Update.
	MaxWrites = 1 << 16
)

// Errors that callers may rely on, by errors.Is. Anything else is a failure
// of the storage.
var (
	// ErrNotFound says that there is no such record or relation.
	ErrNotFound = errors.New("metastore: not found")
	// ErrExists says that a record to be inserted is there already.
	ErrExists = errors.New("metastore: already exists")
	// ErrInvalid says that a key, body, value, query or page size is outside
	// the limits. It comes from the caller's arguments alone.
	ErrInvalid = errors.New("metastore: invalid argument")
	// ErrFinished says that a Reader or Writer was used after its function
	// returned.
	ErrFinished = errors.New("metastore: transaction is finished")
	// ErrClosed says that the store is closed.
	ErrClosed = errors.New("metastore: store is closed")
	// ErrFailed says that an earlier commit failed in such a way (a failed
	// fsync, a corrupt page) that the store takes no Update until it is
	// opened again. Reads still answer with what was acknowledged.
	ErrFailed = errors.New("metastore: store has failed and must be reopened")
)

// Store keeps records and relations. It is safe for concurrent use.
//
// Keys. Account, kind, ID, the ends of relations, index names and index values
// are valid UTF-8 of 1 to MaxKeyBytes bytes without U+0000 (an index value may
// be empty). They are opaque: compared byte for byte, never folded or
// normalised, and ordered by their bytes. Kinds of records and kinds of
// relations are separate name spaces.
//
// Ownership. The store keeps no byte slice it was given. Slices that come from
// a Reader inside View or Update belong to the caller; slices that come from
// Hot are shared and must not be changed.
//
// Cancellation. A context that is done before the call starts, or while it
// waits for its turn, ends it with the context's error. Single reads and writes
// that have begun may run to their end.
type Store interface {
	// View calls f once with a snapshot: all reads of f see the same state,
	// which includes every Update that had returned when View was called, and
	// nothing uncommitted. It returns f's error. Views do not wait for
	// Updates nor Updates for Views. f must be short, because a long View keeps
	// the storage from discarding old versions, and reads through its Reader
	// only: a View or Hot read inside it could wait for f itself.
	View(ctx context.Context, f func(Reader) error) error

	// Update calls f exactly once and commits what f wrote, or nothing of it.
	// f sees its own writes. Updates are serializable: their effects are
	// those of some order of them one at a time, in which an Update that
	// returned before another was called comes first.
	//
	// When Update returns nil, the writes are on stable storage (fsynced) and
	// every later read sees them. When f returns an error or panics, nothing
	// is kept, and Update returns that error or panics with that value. If a
	// Writer's method failed with anything but ErrNotFound, ErrExists or
	// ErrInvalid, the Update fails even if f returns nil. If the commit itself
	// fails, the writes are not visible, but after a crash they may turn out
	// to be there, whole.
	//
	// An implementation may commit several concurrent Updates together; if
	// that commit fails, all of them fail, including those whose f returned an
	// error of its own. So f must not wait for another Update to return, nor
	// call Update itself; it is short, does no I/O of its own and reads through
	// its Writer, since no other reader sees what it wrote.
	Update(ctx context.Context, f func(Writer) error) error

	// Hot returns a Reader outside any transaction, always the same one, that
	// answers Record, Relation and short Relations from memory when it can.
	// Each read is as of a moment between its call and its return, so that it
	// sees every Update of this process that had returned when it was called;
	// two reads may see different states. Updates of other processes are seen
	// with a delay that the implementation states. A read answered from
	// memory does not look at its context.
	Hot() Reader

	// Close waits for running transactions and releases everything. Later
	// calls fail with ErrClosed. Closing twice is harmless.
	Close() error
}

// Reader reads records and relations.
//
// A Reader given to View or Update is for that function's goroutine and fails
// with ErrFinished once it returned.
type Reader interface {
	// Record returns one record, or ErrNotFound.
	Record(ctx context.Context, account, kind, id string) (Record, error)
	// Records returns one page of the records of a kind that q selects.
	Records(ctx context.Context, account, kind string, q Query) ([]Row, error)
	// CountRecords counts the records, or index entries, that q selects,
	// whatever its After and Limit. Its cost grows with the count.
	CountRecords(ctx context.Context, account, kind string, q Query) (int, error)

	// Relation returns the edge between two IDs, or ErrNotFound.
	Relation(ctx context.Context, account, kind, from, to string) (Edge, error)
	// Relations returns up to limit edges with id at the given side, in
	// ascending order of the other side, which is greater than after. A limit
	// of 0 means MaxPage.
	Relations(ctx context.Context, account, kind string, side Side, id, after string, limit int) ([]Edge, error)
	// CountRelations counts the edges with id at the given side. Its cost
	// grows with the count.
	CountRelations(ctx context.Context, account, kind string, side Side, id string) (int, error)
}

// Writer reads and writes in one transaction, for one goroutine.
type Writer interface {
	Reader

	// Put creates or replaces a record together with all its index values;
	// equal values count once.
	Put(ctx context.Context, account, kind, id string, body []byte, index []IndexValue) error
	// Delete removes a record and its index values, or returns ErrNotFound.
	Delete(ctx context.Context, account, kind, id string) error
	// Relate makes the edge, or replaces its value, and says whether it was
	// absent before.
	Relate(ctx context.Context, account, kind, from, to, value string) (added bool, err error)
	// Unrelate removes the edge and says whether it was there.
	Unrelate(ctx context.Context, account, kind, from, to string) (removed bool, err error)
}

// Record is the stored form of a value.
type Record struct {
	// Body is never nil for a record that exists.
	Body []byte
	// Revision grows with every Put of this record. No two Puts of one key
	// share a revision, not even across a Delete.
	Revision int64
	// Memo, if not nil, keeps what Body was decoded to, for as long as the
	// store keeps this record in memory. Only Hot sets it.
	Memo *Memo
}

// Row is a record in a listing.
type Row struct {
	ID string
	// IndexValue is the value that selected the row, in a query by index.
	IndexValue string
	Record
}

// Query selects and orders records of one kind. The zero Query selects the
// first MaxPage of them by ID.
type Query struct {
	// Prefix selects the IDs that begin with it, byte for byte.
	Prefix string
	// After continues a listing: only rows that come after this ID in the
	// listing's order are returned. The ID need not exist any more.
	After string
	// AfterValue is the IndexValue of the row that After names. It has a
	// meaning only with ValuePrefix, where rows are ordered by index value
	// first.
	AfterValue string
	// Limit is the most rows to return, up to MaxPage; 0 means MaxPage.
	Limit int
	// Descending reverses the order.
	Descending bool
	// Index names a secondary index; only records that have Value in it are
	// returned, ordered by ID.
	Index string
	// Value is the index value sought.
	Value string
	// ValuePrefix makes Value a prefix of the values sought. Rows are then
	// ordered by index value, then ID, and a record appears once for each of
	// its values that match.
	ValuePrefix bool
}

// IndexValue is an entry of a record in one of its kind's secondary indexes.
type IndexValue struct{ Name, Value string }

// Edge is one relation.
type Edge struct{ From, To, Value string }

// Side names one end of a relation.
type Side uint8

// The ends of a relation.
const (
	FromSide Side = iota
	ToSide
)

// Other returns the ID at the end of e opposite to side.
func (e Edge) Other(side Side) string {
	if side == FromSide {
		return e.To
	}
	return e.From
}
