# Two commands to get going: `make demo` and `make test`. Each makes the environment it needs, in .venv.
.DEFAULT_GOAL := help
.PHONY: help demo dev test conformance check bench-definitions bench-custody bench-quota format clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

# The environment: the first Python >= 3.11 that runs, uv at its pinned version, every package from the lock file.
$(READY): uv.lock pyproject.toml
	@python=; for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  $$candidate -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	    && python=$$candidate && break; done; \
	test -n "$$python" || { echo "error: needs Python 3.11, 3.12 or 3.13 with venv; install one, or name it: make PYTHON=/path/to/python"; exit 1; }; \
	test -x $(BIN)/python || $$python -m venv $(VENV)
	@test "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = "$(UV_VERSION)" || \
	  { echo "making $(VENV) (once, under a minute)"; $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@$(BIN)/uv sync --frozen --compile-bytecode --quiet
	@touch $@

demo: $(READY) ## Simulated providers, two athletes, 90 days: everything, with no account
	@$(BIN)/fit-platform demo --no-serve

dev: $(READY) ## Dagster UI on the same state, http://127.0.0.1:3000
	@$(BIN)/fit-platform dev

test: $(READY) ## Every test
	@$(BIN)/pytest

conformance: $(READY) ## Third-party clients, and published specifications in FIT_SPECS_DIR, against the simulators
	@$(BIN)/uv sync --frozen --group conformance --compile-bytecode --quiet
	@$(BIN)/pytest -o addopts= -q -rs --strict-markers --disable-socket --allow-hosts=127.0.0.1,localhost,::1 \
	  --allow-unix-socket tests/conformance

check: $(READY) ## Lint, types, SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfmt --check --quiet dbt_project
	@$(BIN)/sqlfluff lint --nocolor --disable-progress-bar --config dbt_project/.sqlfluff dbt_project/models dbt_project/tests
	@$(BIN)/uv lock --check --quiet

bench-definitions: $(READY) ## Time to load the definitions, against a bare import of dagster
	@$(BIN)/python -m tests.bench.definitions

bench-custody: $(READY) ## A rotating refresh token under six processes for 30 s, with and without our lock
	@$(BIN)/python -m tests.bench.custody

bench-quota: $(READY) ## Calls of a year's backfill, against the computed floor
	@$(BIN)/python -m tests.bench.quota

format: $(READY) ## Format Python and SQL
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .
	@$(BIN)/sqlfmt --quiet dbt_project

clean: ## Remove the environment and what was built (not your data in FIT_HOME)
	@rm -rf $(VENV) dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache
