# Sayso. `make help` says what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/installed-from

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{split($$1, t, " "); printf "  make %-9s %s\n", t[1], $$2}'

# --- The virtual environment -------------------------------------------------------------------

setup: $(STAMP) $(VENV)/bin/sayso ## The virtual environment from pinned, hashed requirements (others call it when needed)

$(STAMP): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which with: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@cmp -s requirements/dev.txt $@ || { \
	  test -x $(PY) || $(PYTHON) -m venv $(VENV) || \
	    { echo "The venv module is missing; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }; \
	  echo "Installing the pinned requirements into $(VENV) ..."; \
	  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt; }
	@cp requirements/dev.txt $@

$(VENV)/bin/sayso: $(STAMP)
	@ln -sf ../../infra/sayso $@

pins: ## Pin requirements/*.in again, with hashes (needs uv and a network)
	@for set in runtime mailbox dev; do \
	  (cd requirements && UV_CUSTOM_COMPILE_COMMAND="make pins" uv pip compile --quiet --universal \
	    --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	    $$set.in --output-file $$set.txt) || exit 1; \
	done

# --- Checks ------------------------------------------------------------------------------------

verify: setup ## Format, lint, types, import rules, unit and contract tests: no services, under a minute
	@$(MAKE) --no-print-directory -j 3 units beside lint

lint: setup
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PY) -m shared.contracts.generate --check

# Two runs of about the same length, side by side.
BESIDE := tests/unit/audit tests/unit/gateway tests/unit/notifications tests/contract tests/architecture

units: setup
	$(PY) -m pytest -q tests/unit $(addprefix --ignore=,$(filter tests/unit/%,$(BESIDE)))

beside: setup
	$(PY) -m pytest -q $(BESIDE)

test: setup ## Everything, with PostgreSQL from the wheel and a RabbitMQ that it finds or starts (profile ci)
	$(PY) -m pytest

bench: setup ## Measure everything beside its floor and peer; QUICK=1 a look, ONLY=append,replay a part
	$(PY) -W ignore -m tests.bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

soak: setup ## Faults, full figures, goes on where it was; ONLY=kills,broker SEED=7 one again, REPORT=1 the table
	$(PY) -W ignore -m tests.chaos $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report)

rules: setup ## Rules by where they are enforced, tested, audited; MUTATE=1 breaks each mark, RULE=R07,I09 BELOW=services/audit some; REPORT=1 writes docs/rules.md
	$(PY) -m infra.rules $(if $(MUTATE),--mutate) $(if $(RULE),--rule $(RULE)) $(if $(BELOW),--below $(BELOW)) $(if $(REPORT),--report)

# --- Two ways to run ---------------------------------------------------------------------------

demo: setup ## The platform in one process, and one survivor's journey; ONCE=1 ends afterwards, PORT=8000
	$(PY) -W ignore -m infra.demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

up: setup ## The compose platform: images, secrets, databases; waits until healthy
	$(PY) -m infra.compose up

journey: setup ## The same journey on the compose platform, and a search for what nobody may read there
	$(PY) -W ignore -m infra.demo --platform

down: setup ## Stop the compose platform; DATA=1 also deletes its data and secrets
	$(PY) -m infra.compose down $(if $(DATA),--data)

# --- Keeping -----------------------------------------------------------------------------------

rebuild: setup ## Read tables from the log again, on the compose platform: SERVICE=consent
	@test -n "$(SERVICE)" || { echo "Say which: make rebuild SERVICE=consent"; exit 2; }
	$(PY) -m infra.compose rebuild $(SERVICE)

audit: setup ## The auditor's commands on the compose platform: ARGS="verify" (make audit ARGS=--help)
	$(PY) -m infra.compose audit $(ARGS)

contracts: setup ## Write JSON Schemas and OpenAPI again; RELEASE=1 also locks what is new
	$(PY) -m shared.contracts.generate $(if $(RELEASE),--release)
	$(PY) -m services.gateway.openapi

format: setup ## Format, and mend what lint can mend
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

.PHONY: help setup pins verify lint units beside test bench soak rules demo up journey down rebuild audit contracts format
