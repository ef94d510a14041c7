package iot

import (
	"context"
	"encoding/base64"
	"strings"

	"inro.dev/inro/internal/metastore"
)

// maxPage is the largest page and the default (spec B.1).
const maxPage = 250

// maxScanned bounds the rows that one request of a filtered list reads. A page
// may so hold less than was asked for and still carry a token, as in AWS.
const maxScanned = 10000

// tokenPage are the members of lists that page by nextToken.
type tokenPage struct {
	NextToken  string `query:"nextToken"`
	MaxResults *int   `query:"maxResults" range:"1,250"`
}

func (p *tokenPage) cursor() (cursor, error) {
	return newCursor("nextToken", p.NextToken, p.MaxResults)
}

// markerPage are the members of lists that page by marker.
type markerPage struct {
	Marker   string `query:"marker" length:"0,1024" pattern:"[A-Za-z0-9+/]+={0,2}"`
	PageSize *int   `query:"pageSize" range:"1,250"`
}

func (p *markerPage) cursor() (cursor, error) { return newCursor("marker", p.Marker, p.PageSize) }

// orderedPage is a markerPage of a list in order of creation.
type orderedPage struct {
	markerPage
	AscendingOrder bool `query:"isAscendingOrder"`
}

// cursor is where a page begins and how long it may be.
type cursor struct {
	after position
	limit int
}

// position is the place of a row in a list: its ID, and the index value that
// orders it, if one does.
type position struct{ id, value string }

// newCursor reads the paging members of a request.
func newCursor(member, token string, limit *int) (cursor, error) {
	c := cursor{limit: maxPage}
	if limit != nil {
		c.limit = *limit
	}
	if token == "" {
		return c, nil
	}
	text, err := base64.StdEncoding.Strict().DecodeString(token)
	value, id, found := strings.Cut(string(text), "\x00")
	if err != nil || !found || id == "" || strings.Contains(id, "\x00") {
		return c, invalidRequest("The %s is not one that this operation returned.", member)
	}
	c.after = position{id, value}
	return c, nil
}

// token is the inverse: the text that continues after p.
func (p position) token() string {
	return base64.StdEncoding.EncodeToString([]byte(p.value + "\x00" + p.id))
}

// listRecords reads one page of the records that q selects and keep keeps (nil:
// all). The token is empty on the last page.
func listRecords[T any](ctx context.Context, r metastore.Reader, t *metastore.Table[T], account string, q metastore.Query,
	c cursor, keep func(*T) (bool, error)) (items []*T, ids []string, token string, err error) {
	q.After, q.AfterValue = c.after.id, ""
	if q.ValuePrefix {
		q.AfterValue = c.after.value
	}
	var last position // of the last row of the page, or the last row looked at
	scanned := 0
	for item, err := range t.All(ctx, r, account, q) {
		if err != nil {
			return nil, nil, "", err
		}
		if scanned++; scanned > maxScanned {
			return items, ids, last.token(), nil
		}
		kept := true
		if keep != nil {
			if kept, err = keep(item.Value); err != nil {
				return nil, nil, "", err
			}
		}
		if kept && len(items) == c.limit {
			return items, ids, last.token(), nil
		}
		if kept {
			items, ids = append(items, item.Value), append(ids, item.ID)
		}
		if kept || len(items) < c.limit {
			last = position{id: item.ID}
			if q.ValuePrefix {
				last.value = item.IndexValue
			}
		}
	}
	return items, ids, "", nil
}

// createdOrder selects all records in order of creation, by the index that
// every table with an ordered list has.
func createdOrder(ascending bool) metastore.Query {
	return metastore.Query{Index: "created", ValuePrefix: true, Descending: !ascending}
}

// listEdges reads one page of the edges at one end that keep keeps (nil: all).
func listEdges(ctx context.Context, r metastore.Reader, relation *metastore.Relation, account string, side metastore.Side, id string,
	c cursor, keep func(metastore.Edge) bool) (edges []metastore.Edge, token string, err error) {
	after, scanned := c.after.id, 0
	read := relation.From
	if side == metastore.ToSide {
		read = relation.To
	}
	for {
		batch, err := read(ctx, r, account, id, after, maxPage+1)
		if err != nil {
			return nil, "", err
		}
		for _, edge := range batch {
			other := edge.Other(side)
			if scanned++; scanned > maxScanned {
				return edges, position{id: after}.token(), nil
			}
			kept := keep == nil || keep(edge)
			if kept && len(edges) == c.limit {
				return edges, position{id: edges[len(edges)-1].Other(side)}.token(), nil
			}
			if kept {
				edges = append(edges, edge)
			}
			after = other
		}
		if len(batch) <= maxPage {
			return edges, "", nil
		}
	}
}
