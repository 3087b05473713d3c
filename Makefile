# One command sets up and runs: make run. One sets up and tests: make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGUMENTS ?=
PYTEST_ARGUMENTS ?=

.PHONY: run test test-slow lint bench screenshots clean

run: $(VENV)/ready
	$(BIN)/python run.py $(ARGUMENTS)

test: $(VENV)/ready-dev lint
	$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

test-slow: $(VENV)/ready-dev
	$(BIN)/python -m pytest -m slow --timeout=1500 $(PYTEST_ARGUMENTS)

lint: $(VENV)/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/ready-dev
	$(BIN)/python run.py bench $(ARGUMENTS)

screenshots: $(VENV)/ready-dev
	$(BIN)/python -m tests.browser.screenshots --out screenshots

clean:
	rm -rf $(VENV) build screenshots .pytest_cache .mypy_cache .ruff_cache

$(VENV)/ready: requirements.txt requirements-capture.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Understudy needs Python 3.11 or newer; name one with: make run PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt requirements-export.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
