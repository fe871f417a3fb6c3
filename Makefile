# Two commands on a fresh machine: `make demo` and `make test`. `make help` lists the rest.

# The first of these that is new enough; override with `make PYTHON=/path/to/python …`.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq
CODE := crdt gossip node sim bench tests

.PHONY: help demo test lint types check sim seeds sweep bench mutants fuzz lock clean $(VENV)

help:                ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

demo: $(VENV)        ## a real cluster of five agents on this machine: kill, partition, heal
	@$(BIN)/coterie demo

test: $(VENV)        ## every test, on all cores
	@$(BIN)/python -m pytest -n auto

lint: $(VENV) types  ## ruff, mypy --strict and the direction of imports
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/python -m pytest -q tests/test_architecture.py

types: $(VENV)       ## mypy --strict alone
	@$(BIN)/mypy --strict $(CODE)

check: lint test     ## what has to pass before a commit

sim: $(VENV)         ## fifty simulated members for a virtual minute
	@$(BIN)/coterie sim run --nodes 50 --seconds 60 --seed 7

seeds: $(VENV)       ## a minute of random plans, as every build plays them
	@$(BIN)/coterie sim sweep --seeds 0:800 --wall-seconds 90

sweep: $(VENV)       ## half an hour of random plans, or what is left of it: results in sweep.jsonl
	@$(BIN)/coterie sim sweep --seeds 0:20000 --keep-going --resume --out sweep.jsonl

bench: $(VENV)       ## the figures of this machine
	@$(BIN)/coterie bench all

mutants: $(VENV)     ## broken rules of types and protocols, and the test or seed that catches each
	@types=0; $(BIN)/python -m tests.crdt.show_mutants || types=1; \
		$(BIN)/python -m tests.sim.show_mutants && exit $$types

# Not in requirements.lock: there are wheels for few machines, and nothing else needs it.
ATHERIS := atheris==3.0.0
SECONDS ?= 60

fuzz: $(VENV)        ## any bytes give a value or the one error: SECONDS=60 of looking for others
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) --only-binary :all: $(ATHERIS) || \
		{ echo "$(ATHERIS) is not available for this Python and machine: nothing was fuzzed" >&2; \
		exit 1; }
	@$(BIN)/python -m tests.crdt.fuzz $(SECONDS)

# The stamp is newer than the two files that decide what is installed, or it is made again.
$(VENV): $(VENV)/installed

$(VENV)/installed: pyproject.toml requirements.lock
	@$(or $(PYTHON),python3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "coterie needs Python 3.11 or newer and found" \
		"$$($(or $(PYTHON),python3) --version 2>&1 | head -n 1);" \
		"try: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "[1/3] making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "[2/3] installing the pinned dependencies (a minute on a slow line)"
	@$(PIP) --require-hashes -r requirements.lock
	@echo "[3/3] installing coterie from this directory"
	@$(PIP) --no-build-isolation --no-deps -e .
	@$(BIN)/python -m compileall -q crdt gossip node sim  # as pip does with what it copies
	@touch $@

lock:                ## pin the newest versions that pyproject.toml allows
	@$(PYTHON) -m venv --clear .lock
	@.lock/bin/python -m pip install -qq pip-tools
	@.lock/bin/pip-compile --quiet --upgrade --extra agent,test,dev --generate-hashes --allow-unsafe \
		--strip-extras --no-header --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --no-emit-options --output-file requirements.lock pyproject.toml
	@rm -r .lock

clean:               ## remove everything that is not in the repository's history
	@rm -rf $(VENV) .lock build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -r {} + 2>/dev/null || true
