# What people type: `make demo`, `make dev`, `make test`, `make check`, `make bench`. Each does its own set-up.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Without compiled modules every start pays two seconds more.
export PYTHONDONTWRITEBYTECODE :=
export DAGSTER_DISABLE_TELEMETRY := 1

.PHONY: help demo dev serve test check bench recording lock node clean

help:  ## show this page
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.run  ## build every table from the shipped recording, judge the models, show a simulated swap
	$(BIN)/grekko demo

dev: $(VENV)/.run  ## open the Dagster UI on what the demo built
	$(BIN)/grekko dev

serve: $(VENV)/.run  ## run the executor on what the demo handed over
	$(BIN)/grekko serve

test: $(VENV)/.dev node  ## run all tests with branch coverage
	$(BIN)/python -m pytest -q -rs -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-fail-under=95 --durations=15

check: $(VENV)/.dev  ## style, types, floor plan, links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/docs/test_links.py

bench: $(VENV)/.dev node  ## print the figures, peers beside us in the same run
	$(BIN)/python -m bench

recording: $(VENV)/.dev node  ## rebuild the shipped recording from its seed
	$(BIN)/python -m recordings.build --seed 7 --out recordings/two_weeks

lock:  ## resolve the dependencies again and write the hashes
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra dev pyproject.toml -c requirements/run.txt -o requirements/dev.txt

clean:  ## forget the environment and everything that was built
	rm -rf $(VENV) node_modules bench/peers/node_modules .grekko

# The local chain and the production bytecode come from npm packages; without node the parts that need them are skipped and say so.
node:
	@if command -v npm >/dev/null; then \
	  if [ ! -f node_modules/.ready ] || [ package-lock.json -nt node_modules/.ready ]; then npm ci --no-progress && touch node_modules/.ready; fi; \
	else echo "node is not installed: everything but the local-chain parts works without it"; fi

$(BIN)/uv: requirements/uv.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Grekko needs Python 3.11 or newer, this is " + sys.version'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.run: $(BIN)/uv requirements/run.txt pyproject.toml
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@
