package sqlite

import (
	"strings"

	"inro.dev/inro/internal/metastore"
)

// statement collects the text and arguments of a SELECT.
type statement struct {
	text strings.Builder
	args []any
}

func (s *statement) add(text string, args ...any) {
	s.text.WriteString(text)
	s.args = append(s.args, args...)
}

// selectRecords returns the statement for one page: id, index value, revision
// and body of each row. Every page is one seek and a scan of what it returns,
// except that a Prefix together with a ValuePrefix filters the entries that
// the latter selects.
func selectRecords(account, kind string, q metastore.Query) (string, []any) {
	var s statement
	if q.Index == "" {
		s.add("SELECT r.id, '', r.revision, r.body FROM records r WHERE r.account = ? AND r.kind = ?", account, kind)
		s.selection("r.id", q)
	} else {
		// CROSS JOIN makes SQLite walk the index and look the records up.
		s.add("SELECT r.id, i.value, r.revision, r.body FROM record_index i CROSS JOIN records r"+
			" WHERE r.account = i.account AND r.kind = i.kind AND r.id = i.id AND i.account = ? AND i.kind = ?", account, kind)
		s.selection("i.id", q)
	}
	s.order(q)
	s.add(" LIMIT ?", q.Limit)
	return s.text.String(), s.args
}

// countRecords returns the statement that counts what q selects.
func countRecords(account, kind string, q metastore.Query) (string, []any) {
	q.After, q.AfterValue = "", ""
	var s statement
	if q.Index == "" {
		s.add("SELECT count(*) FROM records r WHERE r.account = ? AND r.kind = ?", account, kind)
		s.selection("r.id", q)
	} else {
		s.add("SELECT count(*) FROM record_index i WHERE i.account = ? AND i.kind = ?", account, kind)
		s.selection("i.id", q)
	}
	return s.text.String(), s.args
}

// selection adds the conditions of q.
func (s *statement) selection(id string, q metastore.Query) {
	switch {
	case q.ValuePrefix:
		s.add(" AND i.name = ?", q.Index)
		s.valuePrefix(q)
		s.prefix(id, q.Prefix, "", q.Descending)
	case q.Index != "":
		s.add(" AND i.name = ? AND i.value = ?", q.Index, q.Value)
		s.prefix(id, q.Prefix, q.After, q.Descending)
	default:
		s.prefix(id, q.Prefix, q.After, q.Descending)
	}
}

// prefix adds that a column begins with prefix and comes after a value. It is
// a range and not LIKE, which folds case and has wildcards. There is one bound
// on each side, because SQLite seeks by one and filters by the others.
func (s *statement) prefix(column, prefix, after string, descending bool) {
	end := metastore.PrefixEnd(prefix)
	lower, above := prefix, " >= ?"
	if after != "" {
		switch {
		case !descending && after >= prefix:
			lower, above = after, " > ?"
		case descending && (end == "" || after < end):
			end = after
		}
	}
	if lower != "" {
		s.add(" AND "+column+above, lower)
	}
	if end != "" {
		s.add(" AND "+column+" < ?", end)
	}
}

// valuePrefix adds that the index value begins with q.Value and that value and
// ID together come after those of q, again with one bound on each side.
func (s *statement) valuePrefix(q metastore.Query) {
	lower, end := q.Value, metastore.PrefixEnd(q.Value)
	if q.After != "" {
		switch {
		case !q.Descending && q.AfterValue >= lower:
			s.add(" AND (i.value, i.id) > (?, ?)", q.AfterValue, q.After)
			lower = ""
		case q.Descending && (end == "" || q.AfterValue < end):
			s.add(" AND (i.value, i.id) < (?, ?)", q.AfterValue, q.After)
			end = ""
		}
	}
	if lower != "" {
		s.add(" AND i.value >= ?", lower)
	}
	if end != "" {
		s.add(" AND i.value < ?", end)
	}
}

func (s *statement) order(q metastore.Query) {
	direction := ""
	if q.Descending {
		direction = " DESC"
	}
	switch {
	case q.ValuePrefix:
		s.add(" ORDER BY i.value" + direction + ", i.id" + direction)
	case q.Index != "":
		s.add(" ORDER BY i.id" + direction)
	default:
		s.add(" ORDER BY r.id" + direction)
	}
}

// Statements for the edges at one end. Without INDEXED BY, SQLite walks all
// edges of the kind by the primary key to save itself the lookup of the value.
var (
	selectRelations = [...]string{
		metastore.FromSide: "SELECT from_id, to_id, value FROM relations WHERE account = ? AND kind = ? AND from_id = ? AND to_id > ? ORDER BY to_id LIMIT ?",
		metastore.ToSide: "SELECT from_id, to_id, value FROM relations INDEXED BY relations_to" +
			" WHERE account = ? AND kind = ? AND to_id = ? AND from_id > ? ORDER BY from_id LIMIT ?",
	}
	countRelations = [...]string{
		metastore.FromSide: "SELECT count(*) FROM relations WHERE account = ? AND kind = ? AND from_id = ?",
		metastore.ToSide:   "SELECT count(*) FROM relations INDEXED BY relations_to WHERE account = ? AND kind = ? AND to_id = ?",
	}
)
