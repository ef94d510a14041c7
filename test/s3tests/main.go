package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"inro.dev/inro/test/rig"
)

// dir is where this program keeps its files, from the root of the repository.
const dir = "test/s3tests"

// options are what the command line says.
type options struct {
	suite          string
	workers        int
	timeoutSeconds int
	failures       string
	pytest         []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "s3tests:", err)
		os.Exit(1)
	}
}

// parseOptions takes its own options from the front; the first argument it does
// not know, and all after it, are pytest's.
func parseOptions(args []string) (options, error) {
	o := options{suite: os.Getenv("S3TESTS_SUITE"), workers: runtime.NumCPU() + 2, timeoutSeconds: 300}
	number := func(into *int) func(string) error {
		return func(text string) (err error) {
			*into, err = strconv.Atoi(text)
			return err
		}
	}
	text := func(into *string) func(string) error {
		return func(text string) error { *into = text; return nil }
	}
	known := map[string]func(string) error{
		"--suite": text(&o.suite), "--failures": text(&o.failures),
		"--workers": number(&o.workers), "--timeout": number(&o.timeoutSeconds),
	}
	for len(args) >= 2 && known[args[0]] != nil {
		if err := known[args[0]](args[1]); err != nil {
			return o, fmt.Errorf("%s: %w", args[0], err)
		}
		args = args[2:]
	}
	o.pytest = args
	if o.suite == "" {
		return o, errors.New("--suite DIR must name a checkout of ceph/s3-tests; README.md says where it comes from")
	}
	if o.workers < 1 || o.timeoutSeconds < 1 {
		return o, errors.New("--workers and --timeout must be at least 1")
	}
	if _, err := os.Stat(filepath.Join(o.suite, "s3tests", "functional")); err != nil {
		return o, fmt.Errorf("%s is not a checkout of ceph/s3-tests: %w", o.suite, err)
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	reasons, err := readReasons(filepath.Join(dir, "reasons.toml"))
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "inro-s3tests")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	server, err := startServer(temp, o.workers)
	if err != nil {
		return err
	}
	results, err := runSuite(ctx, o, server, temp)
	if stopErr := server.Close(); err == nil && stopErr != nil {
		err = fmt.Errorf("%w; the end of its log:\n%s", stopErr, server.Log())
	}
	if err != nil {
		return err
	}
	return report(o, results, reasons)
}

func startServer(temp string, workers int) (*rig.Server, error) {
	config := filepath.Join(temp, "inro.toml")
	if err := os.WriteFile(config, serverConfig(workers), 0o600); err != nil {
		return nil, err
	}
	// SDKs without a region of their own sign for us-east-1.
	return rig.Launch(filepath.Join(temp, "data"), "--config", config, "--region", "us-east-1", "--log-level", "error")
}

// serverConfig is what the tests need beside the defaults: the suite expects
// buckets as S3 made them before April 2023, waits for lifecycle rules by days of
// seconds, names keys of SSE-KMS, and brings its own OpenID Connect issuer on
// this machine.
func serverConfig(workers int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `[s3]
object_ownership = "ObjectWriter"
allow_public_buckets = true
lifecycle_day = "%ds"
lifecycle_interval = "1s"

[iam]
local_issuers = true
`, lifecycleDaySeconds)
	for worker := range workers {
		for _, key := range kmsKeys(worker) {
			fmt.Fprintf(&b, "\n[[encryption.keys]]\nid = %q\naccount = %q\n", key, mainAccount(worker))
		}
	}
	return b.Bytes()
}

func runSuite(ctx context.Context, o options, server *rig.Server, temp string) ([]result, error) {
	p := &pytest{suite: o.suite, temp: temp, timeoutSeconds: o.timeoutSeconds}
	configs := make([]string, o.workers)
	for i := range configs {
		set, err := makeAccounts(ctx, server, i)
		if err != nil {
			return nil, fmt.Errorf("make accounts: %w", err)
		}
		configs[i] = filepath.Join(temp, fmt.Sprintf("s3tests-%d.conf", i))
		if err := os.WriteFile(configs[i], set.config(server), 0o600); err != nil {
			return nil, err
		}
	}
	tests, err := p.collect(ctx, configs[0], o.pytest)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%d tests, %d workers\n", len(tests), o.workers)
	return p.runAll(ctx, tests, configs)
}

// report classifies the results and writes what was asked for.
func report(o options, results []result, reasons []reason) error {
	t := newTable(results, reasons)
	fmt.Println(t.summary())
	if o.failures != "" {
		if err := os.WriteFile(o.failures, t.failures(), 0o644); err != nil {
			return err
		}
	}
	for _, row := range t.unexplained() {
		fmt.Printf("no reason: %s: %s\n", row.id, row.firstLine())
	}
	if len(o.pytest) == 0 {
		if err := os.WriteFile(filepath.Join(dir, "results.md"), t.markdown(), 0o644); err != nil {
			return err
		}
	}
	if n := len(t.unexplained()); n > 0 {
		return fmt.Errorf("%d tests neither pass nor have a reason in reasons.toml", n)
	}
	return nil
}
