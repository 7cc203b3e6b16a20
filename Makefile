# Needs only make and Python 3.11+. Every target makes .venv from the hashed lock file when it is missing or stale.
#   make run    the whole stack on this machine, until Ctrl-C     make check  format, lint, types, imports, lock, audit
#   make demo   the main job, start to end, in virtual time       make bench  the benchmarks → bench/results.json
#   make test   the tests; make test ARGS="tests/domain -n 0"     make lock   requirements.lock anew; ARGS=--upgrade

SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready
ARGS ?=

.PHONY: run demo test check bench lock clean
.DEFAULT_GOAL := run

$(READY): requirements.lock pyproject.toml tools/setup.sh
	@PYTHON="$(PYTHON)" sh tools/setup.sh

run: $(READY)
	@exec $(BIN)/countersign up $(ARGS)

demo: $(READY)
	@exec $(BIN)/countersign demo $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: $(READY)
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check .
	@$(BIN)/mypy --strict
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tools/check_lock.py
	@$(BIN)/python tools/audit.py

bench: $(READY)
	@$(BIN)/python -m bench $(ARGS)

# The resolver comes into a throw-away environment of its own: it is no dependency of the project.
lock: $(READY)
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	$(BIN)/python -m venv "$$scratch" && \
	"$$scratch/bin/python" -m pip install -qq --disable-pip-version-check uv && \
	"$$scratch/bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header $(ARGS) --output-file requirements.lock && \
	$(BIN)/python tools/check_lock.py

clean:
	rm -rf .venv build ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
