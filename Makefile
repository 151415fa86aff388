# Ingot on a fresh machine: Python 3.11+, git and make.
#
#   make demo     build a model from the Python documentation on this machine, evaluate it, talk to it
#   make test     linters, types and the test suite without its slow part
#
# Both set up .venv first. PyTorch is installed before everything else, so that TORCH_ARGS can choose the build
# (docs/how-to/platforms.md), for example:  make demo TORCH_ARGS="--index-url <the address for CPU builds>"

PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
TORCH_ARGS ?=
TEST_WORKERS ?= 2
PYTEST_ARGS ?=
DEMO_TIME ?= 4m
DEMO_HOME ?= .demo/home

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests $(PYTEST_ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup setup-demo demo test test-slow lint format docs bench clean clean-all

help:
	@sed -n 's/^#   \(make [a-z-]*\)/\1/p' Makefile
	@echo "make lint     ruff and mypy;  make format  lets ruff rewrite;  make test-slow  the slow tests;  make bench  the figures;  make docs  the page of commands"
	@echo "make clean    removes what tests and the demo made;  make clean-all  removes .venv too"

# A stamp per kind of environment: an unchanged pyproject.toml installs nothing again.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Ingot needs Python 3.11 or newer; $(PYTHON) is {v.major}.{v.minor}. Say which one to use: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: | $(BIN)/python
	$(PIP) install $(TORCH_ARGS) '$(TORCH)'
	@touch $@

$(VENV)/.demo: pyproject.toml $(VENV)/.torch
	$(PIP) install -e '.[openvino]'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.torch
	$(PIP) install -e '.[dev,openvino,ray]'
	@touch $(VENV)/.demo $@

setup: $(VENV)/.test

setup-demo: $(VENV)/.demo

demo: $(VENV)/.demo
	PATH="$(CURDIR)/$(BIN):$$PATH" DEMO_TIME=$(DEMO_TIME) DEMO_HOME=$(DEMO_HOME) bash examples/demo.sh

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Import-linter and the other laws of the house run inside pytest, as tests/architecture.
test: lint
	$(PYTEST) -m 'not slow and not gpu' -n $(TEST_WORKERS) --dist worksteal

test-slow: $(VENV)/.test
	$(PYTEST) -m 'slow and not gpu'

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.test
	$(BIN)/python docs/reference/cli_page.py > docs/reference/cli.md
	$(BIN)/python docs/reference/presets_page.py > docs/reference/presets.md

bench: $(VENV)/.test
	@for script in benchmarks/spine_*.py; do echo "== $$script"; $(BIN)/python "$$script" --quick || exit 1; done

clean:
	rm -rf .demo .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

clean-all: clean
	rm -rf $(VENV)
