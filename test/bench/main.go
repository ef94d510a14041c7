package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		fatal(serveBare(os.Args[2]))
		return
	}
	seconds := flag.Float64("seconds", 3, "length of one round")
	keys := flag.Int("keys", 1_000_000, "keys of the larger bucket that is listed")
	only := flag.String("only", "credentials,get,put,sealed,multipart,list,versions,deletes", "what to measure")
	binary := flag.String("inro", "bin/inro", "the server's binary")
	flag.Parse()
	dir, err := os.MkdirTemp("", "inro-bench")
	fatal(err)
	b := &bench{round: time.Duration(*seconds * float64(time.Second)), keys: *keys, binary: *binary, dir: dir}
	fmt.Printf("%s, %d CPUs shared by client and servers, rounds of %v\n", runtime.Version(), runtime.NumCPU(), b.round)
	err = b.run(context.Background(), strings.Split(*only, ","))
	b.stopAll()
	os.RemoveAll(dir)
	fatal(err)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench holds what the measurements share.
type bench struct {
	round  time.Duration
	keys   int
	binary string
	dir    string
	inro   *inroProcess
	bare   *bareProcess
	stops  []*exec.Cmd
}

func (b *bench) run(ctx context.Context, what []string) error {
	measurements := map[string]func(context.Context) error{
		"credentials": b.credentials, "get": b.get, "put": b.put, "list": b.list,
		"sealed": b.sealed, "multipart": b.multipart, "versions": b.versions, "deletes": b.deletes,
	}
	if err := b.fillLists(ctx, what); err != nil {
		return err
	}
	if err := b.start(ctx); err != nil {
		return err
	}
	for _, name := range what {
		measure, ok := measurements[name]
		if !ok {
			return fmt.Errorf("nothing is called %q", name)
		}
		if err := measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) data() string { return filepath.Join(b.dir, "data") }

// result is the outcome of one kind of operation against one server.
type result struct {
	perSecond float64
	p50, p99  time.Duration
}

func printHead(title, bareName string) {
	fmt.Printf("\n%-34s %12s %12s %8s   %s\n", title, "inro /s", bareName+" /s", "ratio", "inro p50, p99")
}

func printRow(name string, inro, bare result) {
	fmt.Printf("%-34s %12.0f %12.0f %7.0f%%   %v, %v\n", name, inro.perSecond, bare.perSecond, 100*inro.perSecond/bare.perSecond,
		inro.p50.Round(10*time.Microsecond), inro.p99.Round(10*time.Microsecond))
}
