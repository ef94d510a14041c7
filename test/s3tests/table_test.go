package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestPatternsMatchWholeNames(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"test_s3.py::test_a", "test_s3.py::test_a", true},
		{"test_s3.py::test_a", "test_s3.py::test_ab", false},
		{"test_s3.py::test_a*", "test_s3.py::test_ab[x]", true},
		{"*cors*", "test_s3.py::test_cors_origin", true},
		{"*_cors", "test_s3.py::test_cors_origin", false},
		{"a*b*a", "aba", true},
		{"ab*ba", "aba", false},
		{"a*bc*c", "abc", false},
		{"*", "", true},
	} {
		if got := matches(c.pattern, c.text); got != c.want {
			t.Errorf("matches(%q, %q) = %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
}

func TestOutcomesFoldPhases(t *testing.T) {
	phases := func(id string, outcomes ...string) []record {
		var records []record
		for i, o := range outcomes {
			records = append(records, record{test: test{ID: id}, Phase: []string{"start", "setup", "call", "teardown"}[i], Outcome: o, Error: strings.Repeat(id, min(1, strings.Count(o, "failed")))})
		}
		return records
	}
	var records []record
	tests := []test{{ID: "good"}, {ID: "bad"}, {ID: "unclean"}, {ID: "ended"}, {ID: "skipped"}, {ID: "never"}}
	records = append(records, phases("good", "passed", "passed", "passed", "passed")...)
	records = append(records, phases("bad", "passed", "passed", "failed", "passed")...)
	records = append(records, phases("unclean", "passed", "passed", "passed", "failed")...)
	records = append(records, phases("ended", "passed", "passed")...)
	records = append(records, record{test: test{ID: "skipped"}, Phase: "setup", Outcome: "skipped"}, record{test: test{ID: "skipped"}, Phase: "teardown", Outcome: "passed"})
	got := map[string]string{}
	for _, r := range outcomes(tests, records) {
		got[r.ID] = fmt.Sprint(r.outcome, " ", r.cleanupFailed)
	}
	want := map[string]string{"good": "passed false", "bad": "failed false", "unclean": "passed true", "ended": "failed false", "skipped": "skipped false"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTableCountsAndExplains(t *testing.T) {
	reasons := []reason{failsOnAWS, {Tests: []string{"test_s3.py::test_lack*"}, Why: "not built"}, {Marks: []string{"appendobject"}, NotApplicable: true, Why: "Ceph's"}}
	id := func(name string) string { return "s3tests/functional/test_s3.py::" + name }
	v := newTable([]result{
		{test: test{ID: id("test_good"), Marks: []string{"fails_on_aws"}}, outcome: passed},
		{test: test{ID: id("test_marked"), Marks: []string{"fails_on_aws"}}, outcome: failed},
		{test: test{ID: id("test_lack[a/b]")}, outcome: failed, error: "E: no\nmore"},
		{test: test{ID: id("test_append"), Marks: []string{"appendobject"}}, outcome: skipped},
		{test: test{ID: id("test_other")}, outcome: skipped},
	}, reasons)
	if got, want := v.summary(), "5 tests: 1 passed, 2 failed, 2 not applicable; the suite could not clean up after 0 that passed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if rows := v.unexplained(); len(rows) != 1 || rows[0].id != "test_s3.py::test_other" {
		t.Errorf("unexplained: %+v, want test_other", rows)
	}
	text := string(v.markdown())
	for _, want := range []string{"| test_s3.py::test_lack[a/b] | not built |", "| test_s3.py::test_append | Ceph's |", "| test_s3.py::test_other | none is known |"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text := string(v.failures()); !strings.Contains(text, "test_s3.py::test_lack[a/b]: E: no\n") {
		t.Errorf("no failure in\n%s", text)
	}
}

func TestReasonsAreRead(t *testing.T) {
	reasons, err := readReasons("reasons.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(reasons) < 2 {
		t.Errorf("read %d reasons", len(reasons))
	}
}

func TestDealSpreadsNeighbours(t *testing.T) {
	var tests []test
	for i := range 7 {
		tests = append(tests, test{ID: fmt.Sprint(i)})
	}
	got := fmt.Sprint(deal(tests, 3))
	if want := "[[{0 []} {3 []} {6 []}] [{1 []} {4 []}] [{2 []} {5 []}]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
