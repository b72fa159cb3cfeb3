# Two commands for a stranger: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
# EXTRAS=cluster adds what the test of the Spark cluster needs (Java 17 comes from the system).
EXTRAS ?=
RUN := $(UV) run --frozen $(addprefix --extra ,$(EXTRAS))

.DEFAULT_GOAL := help
.PHONY: help demo up test cluster simulate check bench clean

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: environment
environment:
	@sh scripts/bootstrap.sh "$(PYTHON)" "$(UV)"

demo: environment ## the demo company from Stripe to a margin page (ARGS=--once stops after the table)
	@$(RUN) --no-dev metering demo $(ARGS)

up: environment ## the same path with your Stripe account (run `metering init` first)
	@$(RUN) --no-dev metering up $(ARGS)

test: environment ## the whole test suite, pages in a real browser included
	@$(RUN) pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

cluster: environment ## what the same queries need to run on a Spark cluster (docs/scale.md; Java 17 comes from the system)
	@$(UV) sync --frozen --inexact --extra cluster

SEEDS ?= 3000
FROM ?= 200
simulate: environment ## thousands of seeded bad nights (SEEDS=1 FROM=1234 replays one)
	@SIMULATED_SEEDS=$(SEEDS) SIMULATED_FROM=$(FROM) $(RUN) pytest -q -n 4 --timeout 0 tests/journeys/test_bad_*nights.py $(ARGS)

check: environment ## format, lint, types and the walls between the rooms
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports

bench: environment ## benchmarks as ratios to a floor; results in bench/results
	@$(RUN) python -m bench $(ARGS)

clean: ## remove the demo's data (.metering); stop a running demo first
	rm -rf .metering
