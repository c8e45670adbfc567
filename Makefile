# Every target sets up .venv by itself, with the versions pinned in constraints.txt.
# What it needs of the machine: make and Python 3.11 or newer (with its venv module).

SHELL := /bin/bash
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	command -v $(name) >/dev/null && $(name) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# Two for each core: many tests wait for processes and for the disk, and leave a core idle. Eight at
# most: each takes some 600 MB, beside the processes that it starts. A file stays on one worker, for
# what its tests share (a broker, an appliance, a Chromium). The order is that of tests/conftest.py,
# the longest first.
PYTEST := $(BIN)/pytest -n $(shell n=$$(($$(nproc) * 2)); echo $$((n < 8 ? n : 8))) --dist loadfile --no-loadscope-reorder
QUICK := not wire and not system and not browser and not crash

.PHONY: help up demo test check lint crash wire bench screenshots clean
.DEFAULT_GOAL := help

# Hundreds of processes that tests start read our modules: compiled once, also where the environment
# says that nothing be written beside the sources. A bench measures a start as it is from the second on.
test check crash wire bench: export PYTHONDONTWRITEBYTECODE :=
test check crash wire bench: export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache

help:
	@echo "make up ARGS=\"...\"   start Footfall (ARGS go to 'footfall up', e.g. --data-dir /var/lib/footfall)"
	@echo "make demo            simulate visitors of a small site, at a running Footfall"
	@echo "make test            all checks and tests (under 10 minutes on two cores)"
	@echo "make check           lint, house, unit and property tests (about a minute)"
	@echo "make crash           the long crash and property runs"
	@echo "make wire            real Kafka clients against the broker"
	@echo "make bench           measure (about 16 minutes), and write docs/benchmarks.md; a part of it:"
	@echo "                     make bench ARGS='against_kafka --rows fetch --minutes 3', or what is missing: ARGS=--resume"
	@echo "make screenshots     retake the pictures in docs/images"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Footfall needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.ready-to-run: pyproject.toml constraints.txt | $(BIN)/python
	@echo "setting up .venv (once)" >&2
	@$(PIP) --editable .
	@touch $@

.venv/.ready-to-test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "setting up .venv for tests (once)" >&2
	@$(PIP) --editable '.[dev]'
	@touch $@ .venv/.ready-to-run

up: .venv/.ready-to-run
	@exec $(BIN)/footfall up $(ARGS)

demo: .venv/.ready-to-run
	@exec $(BIN)/footfall demo $(ARGS)

lint: .venv/.ready-to-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy broker tracker dashboard footfall tests
	$(BIN)/lint-imports

test: .venv/.ready-to-test
	@$(MAKE) --no-print-directory --jobs=2 lint suite

# On a fresh clone: else every worker compiles all modules by itself, and all at the same time.
.cache/compiled: | .venv/.ready-to-test
	@$(BIN)/pytest --collect-only --quiet >/dev/null || true
	@mkdir -p .cache && touch $@

.PHONY: suite
suite: .venv/.ready-to-test .cache/compiled
	$(PYTEST) $(ARGS)

check: lint
	$(PYTEST) -m "$(QUICK)" $(ARGS)

crash: .venv/.ready-to-test
	HYPOTHESIS_PROFILE=exhaustive $(PYTEST) --timeout 1800 -m "crash or system" $(ARGS)

wire: .venv/.ready-to-test
	$(PYTEST) -m wire $(ARGS)

bench: .venv/.ready-to-test
	$(BIN)/python -m tests.benchmarks.run $(ARGS)

screenshots: .venv/.ready-to-test
	$(BIN)/python -m tests.benchmarks.screenshots $(ARGS)

clean:
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build ./*.egg-info
