# `make` alone lists the targets. Everything is installed into .venv here and nowhere else.
#
#   PYTHON   the interpreter that .venv is made from              make setup PYTHON=python3.12
#   ARGS     more words for pytest, jupyter, benchmark or replay  make test ARGS="-k budget -x"

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.NOTPARALLEL:
.PHONY: help setup demo model test check lint types imports coverage lab bench replay safety-report docs lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) \
		| awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

# --- the environment ---------------------------------------------------------------------------
#
# Each lock leaves a stamp, so that it is installed once; dev.txt holds all that demo.txt holds.

setup: .venv/.dev ## make .venv and install everything for work on promptkit (1 to 3 minutes)

.venv/.dev: requirements/dev.txt pyproject.toml
	@requirements/install "$(PYTHON)" $< "1 to 3 minutes"
	@touch $@

.venv/.demo: requirements/demo.txt pyproject.toml
	@requirements/install "$(PYTHON)" $< "about a minute"
	@touch $@

# --- to show -----------------------------------------------------------------------------------

# Whoever has set up for work needs nothing more; a first visitor gets the smaller lock.
demo: $(if $(wildcard .venv/.dev),.venv/.dev,.venv/.demo) ## see promptkit at work: no key, no account
	@$(BIN)/promptkit model install
	@$(BIN)/promptkit demo

lab: setup model ## open the lessons in JupyterLab
	@$(BIN)/jupyter lab notebooks $(ARGS)

model: setup ## put the small local model in its place
	@$(BIN)/promptkit model install

# --- to check ----------------------------------------------------------------------------------

# A readout that moves while it runs cannot be compared with a saved one: show its end alone.
test coverage: export PROMPTKIT_DISPLAY = final

test: setup model ## run the tests, the doctests, the examples of the docs and the notebooks
	@$(BIN)/python -m pytest $(ARGS)

check: setup lint types imports test ## all that a change must pass: lint, types, imports, test

lint: setup ## format and lint, changing nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: setup ## check the types
	@$(BIN)/mypy promptkit $(wildcard tests/typing)

imports: setup ## check that each module imports only from below
	@$(BIN)/lint-imports --no-cache

# The lessons are left out: nbval and coverage get in each other's way, and a lesson is no test.
coverage: setup model ## run the tests and show the branches that none of them took
	@$(BIN)/python -m pytest --ignore-glob='*.ipynb' --cov --cov-report=term --cov-report=html $(ARGS)

bench: setup ## measure promptkit beside its peers (15 minutes; ARGS="--quick" for a look)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

replay: setup ## replay recorded answers and print the table (4 minutes; needs the data)
	@$(BIN)/python -m tests.replication $(ARGS)

safety-report: setup ## measure every safety check and write docs/safety-report.md (needs the data)
	@$(BIN)/python -m tests.safety_report $(ARGS)

docs: setup ## build the documentation into docs/_build, where a warning is an error
	@$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# --- to keep up --------------------------------------------------------------------------------

# uv is fetched for this alone, into its own folder: it is no dependency of the project. Extras stay
# in the locks: where another package asks for `coverage[toml]`, pip takes no pin of plain `coverage`.
UV_COMPILE = .venv/lock/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--no-strip-extras --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	--no-emit-package promptkit --upgrade --constraint requirements/constraints.txt

lock: ## pin every dependency anew, with hashes, for every system
	@$(PYTHON) -m venv .venv/lock
	@.venv/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(UV_COMPILE) --extra dev pyproject.toml --output-file requirements/dev.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt --extra local \
		--group pyproject.toml:build pyproject.toml --output-file requirements/demo.txt
	@rm -rf .venv/lock
	@git --no-pager diff --stat -- requirements

clean: ## remove .venv and all that was built
	@rm -rf .venv build dist docs/_build htmlcov .coverage .coverage.* .hypothesis \
		.mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
