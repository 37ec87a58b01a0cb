# The one list of commands, for people and for CI alike. `make` alone prints it.
#
#   PYTHON=/path/to/python3   which Python (3.11 or newer); found by itself when not given
#   ARGS="..."                handed to the command: make test ARGS="tests/incidents -k lifecycle"
#   MIDWATCH_CACHE_DIR=...    where environments and built components live; ~/.cache/midwatch by default
#   MIDWATCH_SETUP_SYSTEM=0   do not install Debian packages; MIDWATCH_SETUP_CLUSTER=0: do not build a control plane

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PYTHON

# Processes that run tests. More than two make the suites with real servers slower, not faster, on a small machine.
JOBS ?= 2
ARGS ?=

# Where the commands are. Looked up when a recipe runs, because the folder's name depends on the locks.
BIN = "$$(deploy/dev/setup where)/bin"

# Where benchmarks are unpacked; those that are not there are left out.
EVAL_DATA ?=
# Name of a benchmark and its folder below EVAL_DATA.
EVAL_SETS = cloud-opsbench:benchmark rootcausebench:rootcausebench rcd:rcd-sockshop petshop:petshop

.PHONY: help setup setup-demo demo serve test attacks lint format eval bench screenshots lock clean

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## prepare everything that the demo, tests and lint need; fast the second time
	@deploy/dev/setup test

setup-demo:  ## prepare only what the product itself needs
	@deploy/dev/setup demo

demo: setup-demo  ## the reference incident in two minutes (ARGS="--headless --json out.json")
	@exec $(BIN)/midwatch demo $(ARGS)

serve: setup-demo  ## run Midwatch against the systems that the settings name
	@exec $(BIN)/midwatch serve $(ARGS)

test: setup  ## all tests; ends with the suites that were skipped and why (ARGS="-m 'not cluster'")
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

attacks: setup  ## try every attack of docs/security.md against the running product; fails if one succeeds
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -q tests/attacks $(ARGS)

lint: setup  ## ruff, mypy --strict, and the floors by import-linter
	@failed=0; for check in "ruff check --output-format concise ." "ruff format --check --output-format concise ." "mypy" "lint-imports --no-cache"; do \
		echo "== $$check"; $(BIN)/$$check || failed=1; \
	done; exit $$failed

format: setup  ## rewrite the code as lint wants it
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

eval: setup-demo  ## how good the diagnosis is: scenarios, the same renamed, benchmarks in EVAL_DATA=DIR; pages in build/eval
	@failed=0; run() { name=$$1; shift; echo "== $$name"; $(BIN)/midwatch eval run "$$@" -j $(JOBS) \
		--json build/eval/$$name.json --html build/eval/$$name.html $(ARGS) || failed=1; }; \
	run scenarios --baseline evals/baseline.json --fail-on-regression; \
	run renamed --renamed 1; \
	for pair in $(EVAL_SETS); do set=$${pair%%:*}; \
		for folder in "$(EVAL_DATA)/$$set" "$(EVAL_DATA)/$${pair##*:}"; do \
			if [ -n "$(EVAL_DATA)" ] && [ -d "$$folder" ]; then run $$set --dataset $$set --path "$$folder"; break; fi; \
		done; \
	done; exit $$failed

bench: setup-demo  ## measure; prints a table and writes build/bench.json
	@exec $(BIN)/midwatch bench $(ARGS)

screenshots: setup  ## the pictures of README and docs, from a demo that runs, into docs/images
	@exec $(BIN)/python -m tests.e2e.pictures $(ARGS)

# Needs uv on the PATH. Universal: one file for every Python from 3.11 on. The dev lock repeats the run-time pins.
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-emit-package midwatch

lock:  ## pin the dependencies anew (ARGS="--upgrade" moves to the newest versions)
	@$(COMPILE) $(ARGS) requirements.in --output-file requirements.lock
	@$(COMPILE) $(ARGS) requirements-dev.in --output-file requirements-dev.lock

clean:  ## remove what runs left in the checkout, and environments that nothing needs any more
	@rm -rf build dist out.json .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@deploy/dev/setup clean
