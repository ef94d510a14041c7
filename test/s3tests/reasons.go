package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// reason says why some tests do not pass.
type reason struct {
	// Tests are ids without their folder, such as
	// "test_s3.py::test_bucket_list_empty", in which * stands for anything.
	Tests []string `toml:"tests"`
	// Marks are marks of the suite; any of them is enough.
	Marks []string `toml:"marks"`
	// NotApplicable is for behaviour that is Ceph's alone.
	NotApplicable bool `toml:"not_applicable"`
	// Why is the reason, a sentence.
	Why string `toml:"why"`
}

// failsOnAWS is the reason of tests that the suite itself marks.
var failsOnAWS = reason{Marks: []string{"fails_on_aws"}, NotApplicable: true, Why: "marked `fails_on_aws` by the suite"}

// readReasons reads reasons.toml. The first reason that fits counts.
func readReasons(path string) ([]reason, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Reason []reason `toml:"reason"`
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, r := range file.Reason {
		if r.Why == "" || len(r.Tests)+len(r.Marks) == 0 {
			return nil, fmt.Errorf("%s: %w", path, errors.New("a reason needs why, and tests or marks"))
		}
	}
	return append([]reason{failsOnAWS}, file.Reason...), nil
}

// fits says whether the reason is one for the test.
func (r *reason) fits(t test) bool {
	return slices.ContainsFunc(r.Marks, func(m string) bool { return slices.Contains(t.Marks, m) }) ||
		slices.ContainsFunc(r.Tests, func(pattern string) bool { return matches(pattern, shortID(t.ID)) })
}

// matches compares text with a pattern in which * stands for anything.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, text, ok = strings.Cut(text, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

// shortID is a test's id without its folder. What follows a bracket are
// parameters, which may hold anything.
func shortID(id string) string {
	before, _, _ := strings.Cut(id, "[")
	return id[strings.LastIndexByte(before, '/')+1:]
}
