# Every target does its own set-up, says what it installs, and has nothing to do the second time.

PYTEST = .venv/bin/pytest

.PHONY: three-tier test mutants check bench setup setup-dev clean

three-tier: setup
	$(PYTEST) scenarios/three_tier

test: setup-dev
	$(PYTEST) -n auto tests
	$(PYTEST) -n auto scenarios

mutants: setup
	.venv/bin/netpol mutants

check: setup-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest -q tests/test_workflow.py

bench: setup
	.venv/bin/python -m bench

setup:
	@./setup.sh

setup-dev:
	@./setup.sh dev

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
