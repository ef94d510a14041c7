// Package walkthrough runs the commands of the article that Inro began with,
// unchanged and in order, with the real AWS CLI, curl and jq, against a fresh
// server, and compares what they print with what the article shows.
package walkthrough

import (
	"fmt"
	"regexp"
	"strings"
)

// step is one fenced block of the article: a file to write, or a command to
// run with the output that the article shows below it.
type step struct {
	line     int
	file     string // name, for a block that shows a file
	text     string // the file's content, or the command
	expected string // shown output; "" when the article shows none
}

var (
	fence  = regexp.MustCompile("^```(\\w*)(?::(.*))?$")
	prompt = regexp.MustCompile(`^\[[^\]]*\]\$ `)
	// command begins the blocks that are commands; trees and results do not.
	command = regexp.MustCompile(`^(aws|curl|export|credentials=)`)
)

// parseArticle returns the article's steps in order.
func parseArticle(markdown string) ([]step, error) {
	var steps []step
	var block []string
	var head []string
	start := 0
	for i, line := range strings.Split(markdown, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil && head == nil:
			head, block, start = m, nil, i+1
		case m != nil:
			if s, ok := stepOf(head, strings.Join(block, "\n")); ok {
				s.line = start
				steps = append(steps, s)
			}
			head = nil
		case head != nil:
			block = append(block, line)
		}
	}
	if head != nil {
		return nil, fmt.Errorf("the block that begins at line %d does not end", start)
	}
	return steps, nil
}

func stepOf(head []string, text string) (step, bool) {
	language, title := head[1], head[2]
	if language == "json" && title != "" {
		return step{file: title, text: text}, true
	}
	first, rest, _ := strings.Cut(text, "\n")
	if at := prompt.FindString(first); at != "" {
		return step{text: strings.TrimPrefix(first, at), expected: strings.TrimSpace(rest)}, true
	}
	if command.MatchString(first) {
		return step{text: text}, true
	}
	return step{}, false
}
