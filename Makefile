# Every target does its own set-up, prints what it installs, and has nothing to install the second time.

PYTEST = .venv/bin/pytest
# Tests wait for processes and time-outs more than they compute.
WORKERS = $(shell echo $$((2 * $$(nproc))))

# Scenarios that the default cluster, which has one node and IPv4 only, skips.
NEED_MORE = $(patsubst %/scenario.yaml,%,$(shell grep -rlE '^requires:.*(IPv6|two nodes)' --include=scenario.yaml scenarios))

# Policy engines that `make agents` has built. `make test` tests those that it finds, and does not build any: the compiler
# takes three minutes for kube-router (two processors, nothing cached), longer than all tests that need it.
AGENTS = $(CURDIR)/build/agents
export PATH := $(AGENTS):$(PATH)

# Hundreds of processes of the tests import the same modules. Without compiled files, each would compile them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: three-tier test agents peers mutants check bench setup setup-dev newest constraints clean

three-tier: setup
	$(PYTEST) scenarios/three_tier

test: setup-dev
	$(PYTEST) -n $(WORKERS) --dist worksteal tests
	$(PYTEST) -n auto scenarios
	$(PYTEST) -n auto --netpol-cluster embedded --netpol-nodes 2 --netpol-ip-family dual scenarios/three_tier $(NEED_MORE)
	@echo "agents that were tested:"; .venv/bin/netpol agents || echo "no agent was tested: 'make agents' builds kube-router, if this machine has Go"

# Build the agent that is a Go module, at the version of its definition, and test the agents that this machine has.
agents: setup-dev
	@command -v go >/dev/null || { echo "make agents: there is no Go here; install it (https://go.dev/dl)" >&2; exit 1; }
	GOBIN=$(AGENTS) go install $(lastword $(shell grep '^install:' manifests/agents/kube-router.yaml))
	$(PYTEST) -n $(WORKERS) -rs tests/agents

# Build other people's suites from Go modules (ten minutes, two processors, nothing cached), and run all of them. `make
# test` runs a few cases of those that it finds.
peers: setup
	.venv/bin/python -m bench.peers --build

mutants: setup
	.venv/bin/netpol mutants

check: setup-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yaml
	.venv/bin/pytest -q tests/test_docs.py

bench: setup
	.venv/bin/python -m bench

setup:
	@./setup.sh

setup-dev:
	@./setup.sh dev

# An environment with the newest versions that pyproject.toml allows, in place of those of constraints.txt.
newest:
	@./setup.sh dev newest

# Pin what `newest` installs; setuptools builds this package.
constraints: newest
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade setuptools
	{ echo "# The versions that ./setup.sh installs; \`make constraints\` writes them."; \
	  .venv/bin/python -m pip freeze --all --exclude pip --exclude netpol-harness --exclude-editable; } > constraints.txt
	.venv/bin/python -m venv --clear .venv/guests
	.venv/bin/python -m pip --python .venv/guests/bin/python install --quiet --disable-pip-version-check '.[guests]'
	{ echo "# The versions of the extra \`guests\` that a test installs; \`make constraints\` writes them."; \
	  .venv/bin/python -m pip --python .venv/guests/bin/python freeze --exclude netpol-harness; \
	} > tests/plugin/guest/constraints.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
