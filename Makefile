# nostr-ingest: every target says what it does; `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# What Debian 12 needs besides a Swift toolchain.
PACKAGES := libpq-dev libsecp256k1-dev libssl-dev libzstd-dev pkg-config postgresql zlib1g-dev

.PHONY: help setup build release peers test check format lint units demo run migrate bench autobahn clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install the Debian packages that are missing
	@missing=(); for p in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing+=($$p); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "installing $${missing[*]}"; as=; [ "$$(id -u)" = 0 ] || as=sudo; \
	  $$as apt-get update -qq; DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq $${missing[*]} >/dev/null; fi

build: setup ## build everything, debug
	swift build --build-tests

release: setup ## build the daemon, the control plane and the demo relay, release
	swift build -c release --product nostr-ingest
	swift build -c release --product control-plane
	swift build -c release --product relay-world

peers: ## a virtual environment with relays and clients that nobody here wrote (skipped without Python 3.10)
	@Tests/Peers/setup.sh

# One target after the other: tests of one target run side by side, and each gets the whole machine.
TEST_TARGETS := TidyTests NostrTests PostgresTests LineFilesTests RelayClientTests NostrCacheTests ControlPlaneTests \
  RelayWorldTests IngestTests ProvidersTests ServingTests CommandTests ControlCommandTests IntegrationTests

# A real pooler, for what a connection through one does.
test: PACKAGES += pgbouncer

test: setup peers lint build units ## install what is missing, build, and pass all tests
	@for target in $(TEST_TARGETS); do \
	  echo "== $$target"; swift test --skip-build --filter "^$$target\." || exit 1; done

check: format test ## what to run before a commit

format: ## format the sources in place
	swift format --in-place --parallel --recursive Package.swift Sources Tests

lint: ## fail on badly formatted sources
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

units: ## verify the systemd units and their exposure (skipped without systemd-analyze)
	@systemd/verify.sh

demo: setup ## build the daemon and a demo relay, ingest it into a private PostgreSQL, show what the cache holds
	swift build -c release --product nostr-ingest
	swift build -c release --product relay-world
	@Tests/Demo/demo.sh

run: release ## follow the public relays of config/nostr-ingest.yaml
	.build/release/nostr-ingest run --config config/nostr-ingest.yaml --state-dir state

migrate: release ## apply the migrations to the database in DATABASE_URL
	.build/release/nostr-ingest migrate up

bench: setup ## measure against the floors, in ratios, in one run (docs/performance.md)
	swift build -c release --product ingest-bench
	swift build -c release --product relay-world
	@python3 Tests/Bench/bench.py $(BENCH)

autobahn: setup ## run the Autobahn suite against our WebSocket client (skipped without Python 2.7)
	swift build --product autobahn-client
	@Tests/Peers/autobahn/run.sh .build/debug/autobahn-client

clean: ## remove what was built
	rm -rf .build bench-results reports
