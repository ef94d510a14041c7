package metastore

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The functions of this file hold the rules that every implementation applies
// to arguments, so that all refuse the same ones. Each returns an error
// wrapping ErrInvalid.

// CheckKey checks the parts of a key, in the order account, kind, IDs.
func CheckKey(account, kind string, ids ...string) error {
	if err := checkText("account", account, false); err != nil {
		return err
	}
	if err := checkText("kind", kind, false); err != nil {
		return err
	}
	for _, id := range ids {
		if err := checkText("ID", id, false); err != nil {
			return err
		}
	}
	return nil
}

// CheckPut checks the arguments of [Writer.Put].
func CheckPut(account, kind, id string, body []byte, index []IndexValue) error {
	if err := CheckKey(account, kind, id); err != nil {
		return err
	}
	if len(body) > MaxBodyBytes {
		return fmt.Errorf("%w: body of %d bytes is longer than %d", ErrInvalid, len(body), MaxBodyBytes)
	}
	if len(index) > MaxIndexValues {
		return fmt.Errorf("%w: %d index values are more than %d", ErrInvalid, len(index), MaxIndexValues)
	}
	for _, v := range index {
		if err := checkText("index name", v.Name, false); err != nil {
			return err
		}
		if err := checkText("index value", v.Value, true); err != nil {
			return err
		}
	}
	return nil
}

// CheckRelate checks the arguments of [Writer.Relate].
func CheckRelate(account, kind, from, to, value string) error {
	if err := CheckKey(account, kind, from, to); err != nil {
		return err
	}
	if len(value) > MaxRelationValueBytes {
		return fmt.Errorf("%w: relation value of %d bytes is longer than %d", ErrInvalid, len(value), MaxRelationValueBytes)
	}
	return checkCharacters("relation value", value)
}

// CheckRelations checks the arguments of [Reader.Relations] and returns the
// limit with its default applied.
func CheckRelations(account, kind string, side Side, id, after string, limit int) (int, error) {
	if err := CheckKey(account, kind, id); err != nil {
		return 0, err
	}
	if side > ToSide {
		return 0, fmt.Errorf("%w: side %d", ErrInvalid, side)
	}
	if err := checkText("After", after, true); err != nil {
		return 0, err
	}
	return checkLimit(limit)
}

// Check checks a query and returns it with its defaults applied.
func (q Query) Check() (Query, error) {
	if q.Index == "" && (q.Value != "" || q.ValuePrefix) {
		return q, fmt.Errorf("%w: query by value %q names no index", ErrInvalid, q.Value)
	}
	if q.AfterValue != "" && (!q.ValuePrefix || q.After == "") {
		return q, fmt.Errorf("%w: AfterValue without ValuePrefix and After", ErrInvalid)
	}
	for _, part := range []struct{ name, text string }{
		{"Prefix", q.Prefix}, {"After", q.After}, {"AfterValue", q.AfterValue}, {"Index", q.Index}, {"Value", q.Value},
	} {
		if err := checkText(part.name, part.text, true); err != nil {
			return q, err
		}
	}
	limit, err := checkLimit(q.Limit)
	q.Limit = limit
	return q, err
}

func checkLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return MaxPage, nil
	case limit < 0 || limit > MaxPage:
		return 0, fmt.Errorf("%w: limit %d is not between 1 and %d", ErrInvalid, limit, MaxPage)
	}
	return limit, nil
}

func checkText(name, text string, mayBeEmpty bool) error {
	if text == "" && !mayBeEmpty {
		return fmt.Errorf("%w: empty %s", ErrInvalid, name)
	}
	if len(text) > MaxKeyBytes {
		return fmt.Errorf("%w: %s of %d bytes is longer than %d", ErrInvalid, name, len(text), MaxKeyBytes)
	}
	return checkCharacters(name, text)
}

// checkCharacters refuses what PostgreSQL cannot keep in a text column.
func checkCharacters(name, text string) error {
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return fmt.Errorf("%w: %s %q is not UTF-8 text free of U+0000", ErrInvalid, name, text)
	}
	return nil
}

// PrefixEnd returns the least text greater than every text that begins with
// prefix, or "" if there is none. The order of UTF-8 bytes is that of code
// points, so the end is prefix with its last code point moved on by one.
func PrefixEnd(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case last == 0xD7FF: // surrogates are no characters
			return prefix + "\uE000"
		case last < utf8.MaxRune:
			return prefix + string(last+1)
		}
	}
	return ""
}
