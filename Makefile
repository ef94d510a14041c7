# Every target does the set-up it needs by itself.

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: run build test check race fuzz bench docs

# Build Inro and serve with an embedded store in ./inro-data.
run: build
	bin/inro serve

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/inro ./cmd/inro

# All tests, with real clients; installs the clients that are missing.
test:
	bash test/run

# What must hold before a change lands, short of the tests with real clients.
check:
	bash test/check

# Every fuzz target for FUZZTIME each.
FUZZTIME ?= 10s
fuzz:
	FUZZTIME=$(FUZZTIME) bash test/fuzz

# Benchmarks, each beside its yardstick in the same run.
bench:
	bash test/bench/run

# Generated documents.
docs:
	$(GO) test ./internal/server -run 'Document$$' -update
