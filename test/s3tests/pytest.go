package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// pytest runs the suite's tests in processes of pytest.
type pytest struct {
	suite, temp    string
	timeoutSeconds int // of one test

	mu    sync.Mutex
	files int
}

// test is a test of the suite.
type test struct {
	ID    string
	Marks []string
}

// result is what became of a test.
type result struct {
	test
	outcome outcome
	// error is why it did not pass, or could not be cleaned up after.
	error         string
	cleanupFailed bool
	seconds       float64
}

type outcome string

const (
	passed  outcome = "passed"
	failed  outcome = "failed"
	skipped outcome = "skipped"
)

// record is a line that the plugin writes.
type record struct {
	test
	Phase, Outcome, Error string
	Seconds               float64
}

// run starts pytest with the plugin and returns what it reported. That a test
// failed is no error.
func (p *pytest) run(ctx context.Context, config string, env []string, args ...string) ([]record, []byte, error) {
	p.mu.Lock()
	p.files++
	file := filepath.Join(p.temp, fmt.Sprintf("report-%d.json", p.files))
	p.mu.Unlock()
	here, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, "python3", append([]string{"-m", "pytest", "-p", "no:cacheprovider", "-p", "suite_report", "-q"}, args...)...)
	cmd.Dir = p.suite
	cmd.Env = append(os.Environ(), append(env,
		"S3TEST_CONF="+config, "S3TESTS_REPORT="+file,
		"PYTHONPATH="+here+string(os.PathListSeparator)+os.Getenv("PYTHONPATH"),
		// Nothing is written into the checkout.
		"PYTHONPYCACHEPREFIX="+filepath.Join(p.temp, "pycache"), "PYTHONDONTWRITEBYTECODE=",
		// No configuration of whoever runs this reaches the SDK.
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		return nil, nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("pytest reported nothing:\n%s", out.Bytes())
	}
	var records []record
	for line := range bytes.Lines(text) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		records = append(records, r)
	}
	return records, out.Bytes(), nil
}

// collect lists the tests that the arguments select.
func (p *pytest) collect(ctx context.Context, config string, args []string) ([]test, error) {
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "s3tests/") }) {
		args = append([]string{"s3tests/functional"}, args...)
	}
	records, out, err := p.run(ctx, config, []string{"S3TESTS_COLLECT=1"}, append([]string{"--collect-only"}, args...)...)
	if err != nil {
		return nil, err
	}
	var tests []test
	for _, r := range records {
		tests = append(tests, r.test)
	}
	if len(tests) == 0 {
		return nil, fmt.Errorf("pytest found no tests:\n%s", out)
	}
	return tests, nil
}

// chunkTests is how many tests a process of pytest gets: reading the suite
// takes it seconds.
const chunkTests = 50

// runAll deals the tests to one worker per configuration.
func (p *pytest) runAll(ctx context.Context, tests []test, configs []string) ([]result, error) {
	chunks := deal(tests, max(len(configs), (len(tests)+chunkTests-1)/chunkTests))
	work := make(chan []test, len(chunks))
	for _, c := range chunks {
		work <- c
	}
	close(work)
	var (
		mu      sync.Mutex
		results []result
		errs    []error
		group   sync.WaitGroup
	)
	for _, config := range configs {
		group.Go(func() {
			for chunk := range work {
				done, err := p.runChunk(ctx, config, chunk)
				mu.Lock()
				results = append(results, done...)
				if err != nil {
					errs = append(errs, err)
				}
				fmt.Printf("%s %d of %d tests\n", time.Now().Format(time.TimeOnly), len(results), len(tests))
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	group.Wait()
	slices.SortFunc(results, func(a, b result) int { return strings.Compare(a.ID, b.ID) })
	return results, errors.Join(errs...)
}

// deal gives each of n chunks every n-th test, so that all have their share of
// the slow ones, which are neighbours.
func deal(tests []test, n int) [][]test {
	chunks := make([][]test, n)
	for i, t := range tests {
		chunks[i%n] = append(chunks[i%n], t)
	}
	return chunks
}

// runChunk runs tests in as many processes as it takes: one may have to be
// ended.
func (p *pytest) runChunk(ctx context.Context, config string, chunk []test) ([]result, error) {
	var results []result
	for len(chunk) > 0 {
		limit := time.Duration(len(chunk)*p.timeoutSeconds) * time.Second
		bounded, cancel := context.WithTimeout(ctx, limit)
		args := []string{"--timeout", fmt.Sprint(p.timeoutSeconds)}
		for _, t := range chunk {
			args = append(args, t.ID)
		}
		records, out, err := p.run(bounded, config, nil, args...)
		cancel()
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		if err != nil {
			return results, err
		}
		done := outcomes(chunk, records)
		if len(done) == 0 {
			return results, fmt.Errorf("pytest ran none of its tests:\n%s", out)
		}
		results = append(results, done...)
		chunk = slices.DeleteFunc(slices.Clone(chunk), func(t test) bool {
			return slices.ContainsFunc(done, func(r result) bool { return r.ID == t.ID })
		})
	}
	return results, nil
}

// outcomes folds the phases of tests. One that began and did not end failed.
func outcomes(tests []test, records []record) []result {
	byID := map[string]*result{}
	ended := map[string]bool{}
	for _, r := range records {
		v := byID[r.ID]
		if v == nil {
			v = &result{outcome: passed}
			byID[r.ID] = v
		}
		v.seconds += r.Seconds
		switch {
		case r.Phase == "teardown":
			ended[r.ID] = true
			if v.cleanupFailed = r.Outcome == "failed"; v.cleanupFailed && v.outcome == passed {
				v.error = r.Error
			}
		case r.Outcome != "passed":
			v.outcome, v.error = outcome(r.Outcome), r.Error
		}
	}
	var results []result
	for _, t := range tests {
		v := byID[t.ID]
		if v == nil {
			continue
		}
		v.test = t
		if !ended[t.ID] {
			v.outcome, v.error = failed, "pytest ended while the test ran"
		}
		results = append(results, *v)
	}
	return results
}
