package sqlite

import (
	"database/sql"
	"strings"
	"testing"

	"inro.dev/inro/internal/metastore"
)

// Every page must be one seek by all the conditions that bound it, without a
// sort: otherwise its cost follows what is stored.
func TestPagesAreSeeks(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	const byIndex, lookup = "SEARCH i USING PRIMARY KEY ", " + SEARCH r USING INDEX sqlite_autoindex_records_1 (account=? AND kind=? AND id=?)"
	for _, c := range []struct {
		query metastore.Query
		want  string
	}{
		{metastore.Query{}, "SEARCH r USING INDEX sqlite_autoindex_records_1 (account=? AND kind=?)"},
		{metastore.Query{After: "a"}, "SEARCH r USING INDEX sqlite_autoindex_records_1 (account=? AND kind=? AND id>?)"},
		{metastore.Query{After: "a", Descending: true}, "SEARCH r USING INDEX sqlite_autoindex_records_1 (account=? AND kind=? AND id<?)"},
		{metastore.Query{Prefix: "a", After: "ab"}, "SEARCH r USING INDEX sqlite_autoindex_records_1 (account=? AND kind=? AND id>? AND id<?)"},
		{metastore.Query{Index: "i", Value: "v"}, byIndex + "(account=? AND kind=? AND name=? AND value=?)" + lookup},
		{metastore.Query{Index: "i", Value: "v", After: "a"}, byIndex + "(account=? AND kind=? AND name=? AND value=? AND id>?)" + lookup},
		{metastore.Query{Index: "i", Value: "v", After: "a", Prefix: "a"}, byIndex + "(account=? AND kind=? AND name=? AND value=? AND id>? AND id<?)" + lookup},
		{metastore.Query{Index: "i", Value: "v", ValuePrefix: true}, byIndex + "(account=? AND kind=? AND name=? AND value>? AND value<?)" + lookup},
		{metastore.Query{Index: "i", Value: "v", ValuePrefix: true, After: "a", AfterValue: "vv"}, byIndex + "(account=? AND kind=? AND name=? AND (value,id)>(?,?) AND value<?)" + lookup},
		{metastore.Query{Index: "i", Value: "v", ValuePrefix: true, After: "a", AfterValue: "vv", Descending: true}, byIndex + "(account=? AND kind=? AND name=? AND value>? AND (value,id)<(?,?))" + lookup},
	} {
		text, args := selectRecords(account, kind, c.query)
		if got := plan(t, s, text, args...); got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.query, got, c.want)
		}
	}
	for _, c := range []struct {
		query metastore.Query
		want  string
	}{
		{metastore.Query{Prefix: "a"}, "SEARCH r USING COVERING INDEX sqlite_autoindex_records_1 (account=? AND kind=? AND id>? AND id<?)"},
		{metastore.Query{Index: "i", Value: "v", Prefix: "a"}, byIndex + "(account=? AND kind=? AND name=? AND value=? AND id>? AND id<?)"},
		{metastore.Query{Index: "i", Value: "v", ValuePrefix: true}, byIndex + "(account=? AND kind=? AND name=? AND value>? AND value<?)"},
	} {
		text, args := countRecords(account, kind, c.query)
		if got := plan(t, s, text, args...); got != c.want {
			t.Errorf("count of %+v:\n got %s\nwant %s", c.query, got, c.want)
		}
	}
	const from, to = "SEARCH relations USING PRIMARY KEY (account=? AND kind=? AND from_id=?", "SEARCH relations USING INDEX relations_to (account=? AND kind=? AND to_id=?"
	for text, want := range map[string]string{
		selectRelations[metastore.FromSide]:                                  from + " AND to_id>?)",
		selectRelations[metastore.ToSide]:                                    to + " AND from_id>?)",
		countRelations[metastore.FromSide]:                                   from + ")",
		countRelations[metastore.ToSide]:                                     strings.Replace(to, "USING", "USING COVERING", 1) + ")",
		"DELETE FROM record_index WHERE account = ? AND kind = ? AND id = ?": "SEARCH record_index USING COVERING INDEX record_index_of (account=? AND kind=? AND id=?)",
	} {
		if got := plan(t, s, text, make([]any, strings.Count(text, "?"))...); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func plan(t *testing.T, s *Store, text string, args ...any) string {
	t.Helper()
	var steps []string
	err := s.writer.rows(func(rows *sql.Rows) error {
		var id, parent, unused int
		var step string
		err := rows.Scan(&id, &parent, &unused, &step)
		steps = append(steps, step)
		return err
	}, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, " + ")
}
