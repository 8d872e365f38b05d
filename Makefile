# `make demo` and `make test` need nothing but Python 3.11 and the package index.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: help setup demo test check benchmark clean

help: ## Lists the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## Creates .venv and installs everything into it, once.

$(READY): setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $(READY)

demo: setup ## Simulates, prepares, trains, evaluates; ends with a report to open.
	$(BIN)/tfds-eo demo

test: check ## Checks style, types and imports, then runs every test.
	$(BIN)/pytest -n 2 --dist worksteal

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmark: setup ## Measures the speed claims and writes benchmarks/results.json.
	$(BIN)/python -m benchmarks

clean: ## Removes what the demo wrote.
	rm -rf demo
