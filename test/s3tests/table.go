package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// row is a test with its reason.
type row struct {
	result
	id     string
	area   string
	reason *reason // nil for none
}

// table is the outcome of a run.
type table struct{ rows []row }

func newTable(results []result, reasons []reason) *table {
	t := &table{}
	for _, r := range results {
		v := row{result: r, id: shortID(r.ID), area: area(r.test)}
		if r.outcome != passed {
			if i := slices.IndexFunc(reasons, func(why reason) bool { return why.fits(r.test) }); i >= 0 {
				v.reason = &reasons[i]
			}
		}
		t.rows = append(t.rows, v)
	}
	return t
}

// class is passed, failed or not applicable. A test that was skipped failed to
// show anything.
func (r *row) class() string {
	switch {
	case r.outcome == passed:
		return "passed"
	case r.reason != nil && r.reason.NotApplicable:
		return "not applicable"
	}
	return "failed"
}

// firstLine is the error in one line.
func (r *row) firstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(r.error), "\n")
	const most = 240
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

var classes = []string{"passed", "failed", "not applicable"}

// counts counts rows by class.
func counts(rows []row) map[string]int {
	n := map[string]int{}
	for i := range rows {
		n[rows[i].class()]++
	}
	return n
}

func (t *table) summary() string {
	n := counts(t.rows)
	unclean := 0
	for _, r := range t.rows {
		if r.outcome == passed && r.cleanupFailed {
			unclean++
		}
	}
	return fmt.Sprintf("%d tests: %d passed, %d failed, %d not applicable; the suite could not clean up after %d that passed",
		len(t.rows), n["passed"], n["failed"], n["not applicable"], unclean)
}

// unexplained are the tests that do not pass and have no reason.
func (t *table) unexplained() []row {
	var rows []row
	for _, r := range t.rows {
		if r.outcome != passed && r.reason == nil {
			rows = append(rows, r)
		}
	}
	return rows
}

// byArea groups rows, the areas in their order.
func byArea(rows []row) [][]row {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b row) int { return cmp.Or(cmp.Compare(a.area, b.area), cmp.Compare(a.id, b.id)) })
	var groups [][]row
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].area == sorted[0].area {
			n++
		}
		groups, sorted = append(groups, sorted[:n]), sorted[n:]
	}
	return groups
}

// failures lists what does not pass, with errors, for whoever works on it.
func (t *table) failures() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, t.summary())
	for _, group := range byArea(t.rows) {
		n := counts(group)
		fmt.Fprintf(&b, "\n== %s: %d passed, %d failed, %d not applicable\n", group[0].area, n["passed"], n["failed"], n["not applicable"])
		for i := range group {
			r := &group[i]
			switch {
			case r.outcome == passed && r.cleanupFailed:
				fmt.Fprintf(&b, "%s: cleanup: %s\n", r.id, r.firstLine())
			case r.class() == "failed":
				fmt.Fprintf(&b, "%s: %s\n", r.id, r.firstLine())
			}
		}
	}
	return b.Bytes()
}

// markdown is results.md.
func (t *table) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Results of ceph/s3-tests\n\n<!-- Written by test/s3tests/run. Do not edit; reasons are in reasons.toml. -->\n\n")
	fmt.Fprintf(&b, "Revision %s of the suite. %s.\n\n", suiteRevision, t.summary())
	fmt.Fprintf(&b, "*Not applicable* are only tests that the suite marks `fails_on_aws` and Ceph's own extensions; a skipped test counts as failed.\n\n")
	fmt.Fprintf(&b, "| Area | Passed | Failed | Not applicable |\n| --- | ---: | ---: | ---: |\n")
	for _, group := range byArea(t.rows) {
		n := counts(group)
		fmt.Fprintf(&b, "| %s |", group[0].area)
		for _, class := range classes {
			fmt.Fprintf(&b, " %d |", n[class])
		}
		fmt.Fprintln(&b)
	}
	for _, class := range classes[1:] {
		fmt.Fprintf(&b, "\n## %s%s\n\n| Test | Reason |\n| --- | --- |\n", strings.ToUpper(class[:1]), class[1:])
		for i := range t.rows {
			r := &t.rows[i]
			if r.class() != class {
				continue
			}
			why := "none is known"
			if r.reason != nil {
				why = r.reason.Why
			}
			fmt.Fprintf(&b, "| %s | %s |\n", escape(r.id), escape(why))
		}
	}
	return b.Bytes()
}

// escape keeps text from ending a cell of a table.
func escape(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
