# The words a newcomer needs: make study, make test. Both make a virtual environment first, if there is none.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup study test check docs bench

help:
	@echo "make setup   a virtual environment in $(VENV) with the package and its tools"
	@echo "make study   run the study 'scenes': networks that only saw and networks that only read; no download"
	@echo "make test    run every test and every example in the docstrings"
	@echo "make check   style and types"
	@echo "make docs    build the documentation, strictly, in docs/_build"
	@echo "make bench   measure speed beside other implementations"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

study: $(READY)
	$(BIN)/platometer run

test: $(READY)
	$(BIN)/python -m pytest -n 2 $(ARGS)

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo "docs/_build/index.html"

bench: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.speed $(ARGS)
