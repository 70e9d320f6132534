# The servers and tools that ./setup unpacked come first on PATH.
SHELL := /bin/sh
export PATH := $(CURDIR)/.tools/bin:$(PATH):$(HOME)/.cargo/bin:/usr/sbin

STAGE := .ci/stage
TARGET := $(or $(CARGO_TARGET_DIR),target)
NEXTEST_PROFILE ?= $(if $(CI),ci,default)
export NEXTEST_PROFILE

# One throw-away Postgres for all tests; see shared/devstack.
WITH_POSTGRES = $(TARGET)/debug/with-postgres

# Tests that freeze a process at a named place need the failpoints compiled in. Every stage takes them, so that
# everything is built once.
FEATURES := --features piton-loadtest/failpoints

.DEFAULT_GOAL := help
.PHONY: help setup tidy fmt lint deny docs build doctests nextest test demo chaos chaos-long deploy bench clean

help: ## Show this text
	@echo "Piton. Targets:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  %-10s %s\n' "$$name" "$$text"; done

setup: ## Install what this machine lacks to build, run and test
	@./setup test

fmt: ## Format the code
	cargo fmt --all

tidy:
	@$(STAGE) tidy .ci/tidy

lint: tidy ## Rules of the tree, formatting, clippy
	@$(STAGE) fmt cargo fmt --all --check
	@$(STAGE) clippy cargo clippy --workspace --all-targets $(FEATURES) -- -D warnings
	@$(STAGE) bare cargo clippy -p piton --no-default-features -- -D warnings

deny: ## Dependencies: bans, licences, sources
	@$(STAGE) deny cargo deny check bans licenses sources

docs: ## Build the API documentation; a broken link is an error
	@RUSTDOCFLAGS="-D warnings" $(STAGE) docs cargo doc --workspace --no-deps --features piton/test-triggers

# Every build takes the whole workspace with its tests, so that features unify
# one way and the doctests and nextest find everything built.
build:
	@$(STAGE) build cargo build --workspace --all-targets $(FEATURES)

doctests:
	@$(STAGE) doctests cargo test --doc --workspace $(FEATURES)

# Not a stage: its summary is the last thing printed.
nextest:
	@echo; echo "== nextest: cargo nextest run --workspace"
	@$(WITH_POSTGRES) cargo nextest run --workspace $(FEATURES)

test: ## Everything that CI checks, the tests last
	@$(STAGE) setup ./setup test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory deny
	@$(MAKE) --no-print-directory docs
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory doctests
	@$(MAKE) --no-print-directory nextest

demo: ## Let a small shop run while its processes are killed, and see that nothing is lost (KEEP=1, SCHEDULERS=2)
	@./setup run
	@# One build for both programs: apart they would ask for other features, and be built twice.
	cargo build -p piton-scheduler -p piton-loadtest --bin piton --bin demo
	@$(TARGET)/debug/demo

chaos: ## Let faults strike real processes for three minutes, and hold every execution against the promises (SEED=1)
	@./setup run
	cargo build -p piton-scheduler -p piton-loadtest --bin piton --bin chaos
	@$(TARGET)/debug/chaos

chaos-long: ## The same for longer, with a new seed each minute (MINUTES=60)
	@MINUTES=$(or $(MINUTES),60) $(MAKE) --no-print-directory chaos

deploy: ## Lint what lies in deploy/ (not part of the tests: its linters are 60 MB)
	@.ci/deploy

bench: ## Measure throughput, latency and memory (WORKLOAD=W1; W2 to W7 as RESULTS.md says)
	cargo run --release -p piton-loadtest -- $(or $(WORKLOAD),W1) --seconds 20

clean: ## Remove what was built and what setup unpacked
	cargo clean
	rm -rf .tools
