-- Records, their secondary indexes, relations and the log of changes.
-- All text is compared byte by byte (SQLite's BINARY collation).

CREATE TABLE records (
	account  TEXT    NOT NULL,
	kind     TEXT    NOT NULL,
	id       TEXT    NOT NULL,
	revision INTEGER NOT NULL, -- changes.seq of the last put
	body     BLOB    NOT NULL,
	PRIMARY KEY (account, kind, id)
) STRICT;

CREATE TABLE record_index (
	account TEXT NOT NULL,
	kind    TEXT NOT NULL,
	name    TEXT NOT NULL,
	value   TEXT NOT NULL,
	id      TEXT NOT NULL,
	PRIMARY KEY (account, kind, name, value, id),
	FOREIGN KEY (account, kind, id) REFERENCES records (account, kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX record_index_of ON record_index (account, kind, id);

CREATE TABLE relations (
	account TEXT NOT NULL,
	kind    TEXT NOT NULL,
	from_id TEXT NOT NULL,
	to_id   TEXT NOT NULL,
	value   TEXT NOT NULL,
	PRIMARY KEY (account, kind, from_id, to_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX relations_to ON relations (account, kind, to_id, from_id);

-- One row per write, in commit order, for the caches of other processes. The
-- oldest rows are pruned; seq is never used again.
CREATE TABLE changes (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	op      TEXT NOT NULL CHECK (op IN ('put', 'delete', 'relate', 'unrelate')),
	account TEXT NOT NULL,
	kind    TEXT NOT NULL,
	id      TEXT NOT NULL, -- of the record, or the relation's from
	to_id   TEXT NOT NULL  -- of the relation; '' for a record
) STRICT;
