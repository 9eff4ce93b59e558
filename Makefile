# The few verbs of the project; `make help` lists them. What they need of Python is in .venv, the engines in the user's cache directory.
#   ONLY=elk|prom-graf|service   for up, down, restart and status: one group of the stack
#   VOLUMES=1                    for down and restart: delete the data too
#   WITH=compose                 for up, down, restart and status: in containers; without it the native engines, which need no Docker
#   ENGINE=classic               for test-compose: Docker Engine 20.10, with its own image store, instead of the current one
#   QUICK=1                      for bench: about three minutes instead of half an hour; ONLY=VARIANT: that one beside the baseline
#   PYTHON=/path/to/python       the Python that the virtual environment is made with

VENV := .venv
READY := $(VENV)/.ready
# The folder that the environment was made in, where its Python still runs. It belongs to that folder: its scripts and the installed
# vitals name it. One that was copied or moved along with a checkout is made anew.
MADE_IN := $(shell $(VENV)/bin/python -I -c 'import pip' 2>/dev/null && cat $(READY))
VITALS := $(VENV)/bin/vitals
PINNED := $(VENV)/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11

# Where the user's pip installs to is not where this environment is: these would take it elsewhere, or into none.
export PIP_USER := 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_NO_DEPS PYTHONHOME PYTHONPATH
# Without compiled files each of the hundreds of processes that tests start would compile the whole package.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := setup
.PHONY: help setup demo engines check test test-slow test-models test-stack test-scenarios test-faults test-compose test-package test-all package reliability bench telemetry up down restart status rules dashboards picture lint format lock clean
MAKEFLAGS += --no-print-directory

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

setup: $(READY) ## the virtual environment, and the vitals command in it

ifneq ($(MADE_IN),$(CURDIR))
MAKE_ANEW := yes
.PHONY: $(READY)
endif
$(READY): requirements/pip.txt requirements/dev.txt pyproject.toml
	@python=""; \
	for candidate in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11 or later was found: install one, or name it, as in 'make PYTHON=/path/to/python3.12'." >&2; exit 1; fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$python has no venv: install the package that brings it (on Debian and Ubuntu python3-venv), or name another Python with PYTHON=." >&2; exit 1; fi; \
	if [ -n "$(MAKE_ANEW)" ]; then \
	  echo "Making the virtual environment with $$python; usually takes about a minute."; \
	  rm -rf $(VENV) && "$$python" -m venv $(VENV) || exit 1; fi
	@echo "Installing what requirements/dev.txt pins, by hash."
	@# The pip that comes with Python 3.11 takes a requirement with an extra, as pandas[parquet], for one without a hash.
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/pip.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@pwd -P > $@
	@echo "Ready: $(VITALS) is the command, 'make demo' shows what it does."

demo: setup ## start everything, send real rows, follow one request through every store
	@$(VITALS) demo

engines: setup ## build or fetch the engines that are not cached yet, and what tests use
	@$(VITALS) engines --for-tests

# Tests run in random order: the seed is in the first lines, and `pytest --randomly-seed=N` gives that order again.
PYTEST := $(VENV)/bin/python -m pytest -p no:faker
# One process a processor. Tests in tests/stack and the folders after it run one after the other: their stacks share the machine's
# processors with what is measured on them.
SIDE_BY_SIDE := -n logical --maxprocesses 4

check: lint ## style, types, and every quick test that needs no engine; takes under two minutes
	@$(PYTEST) tests/unit tests/config -m "not slow and not engine" $(SIDE_BY_SIDE)

test: setup engines lint ## what proves the project, against the real engines; takes about eleven minutes
	@$(PYTEST) tests/unit tests/config -m "not slow" $(SIDE_BY_SIDE)
	@$(PYTEST) tests/stack -m "not slow"

test-slow: setup engines ## the tests that start programs or fit models for seconds; takes about twelve minutes
	@$(PYTEST) tests/unit tests/config -m slow $(SIDE_BY_SIDE)

test-models: setup ## models as people have them: what the service answers is what the model answers; takes about ten minutes
	@$(PYTEST) tests/models $(SIDE_BY_SIDE)

test-package: setup engines ## the wheel built, looked into, installed into an empty folder, and the stack run from there; takes about four minutes
	@$(PYTEST) tests/packaging

test-stack: setup engines ## what wants a stack to itself: swaps, wrong starts, unusual machines, the short scenarios, measures against numpy; takes about 20 minutes
	@$(PYTEST) tests/stack -m slow

test-scenarios: setup engines ## every scenario against a native stack of its own: exactly its alerts fire; takes about 17 minutes
	@$(PYTEST) tests/scenarios

test-faults: setup engines ## engines killed, frozen, stopped and refusing under load, an accountant of every store, and a soak; takes under 40 minutes
	@rm -f .faults/results.json
	@$(PYTEST) tests/faults

test-all: test test-slow test-models test-package test-stack test-compose test-scenarios test-faults ## everything there is, one suite after the other; takes two hours

package: setup engines ## build the sdist and the wheel of a release into dist/, and run test-package on them
	@rm -rf dist
	@$(VENV)/bin/python -m hatchling build --directory dist
	@PACKAGES=$(CURDIR)/dist $(PYTEST) tests/packaging

reliability: setup ## write what the last `make test-faults` saw into docs/reliability.md
	@$(VENV)/bin/python -m tests.faults.results

bench: setup ## every way of serving and watching in one run: docs/performance.md; takes half an hour, QUICK=1 three minutes
	@$(VENV)/bin/python -m benchmarks.bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

test-compose: setup engines ## compose.yaml on a Docker Engine of the test's own, with containerd's image store; wants root, and debootstrap with debian-archive-keyring
	@TEST_COMPOSE_ENGINE=$(ENGINE) $(PYTEST) tests/compose

ifeq ($(WITH),compose)
# One-shots end: what to wait for is the rest. A side's data have its label; without ONLY everything goes, the passwords too.
COMPOSE := docker compose $(if $(ONLY),--profile $(ONLY))
LASTING = $$($(COMPOSE) config --services | grep -Ev '^init$$|-setup$$|-ready$$')
PROJECT = $$($(COMPOSE) config --format json | sed -n 's/^  "name": "\(.*\)",$$/\1/p')
VOLUMES_TO_DELETE = docker volume ls --quiet --filter label=com.docker.compose.project=$(PROJECT) $(if $(ONLY),--filter label=vitals.side=$(ONLY))

# A copied checkout has the same project name, and so the same containers and volumes, as its original.
.PHONY: no-others
no-others:
	@docker ps --all --filter label=com.docker.compose.project=$(PROJECT) --format '{{.Label "com.docker.compose.project.working_dir"}}' | sort -u | while read -r folder; do \
	  if [ -e "$$folder/compose.yaml" ] && ! [ "$$folder/compose.yaml" -ef compose.yaml ]; then \
	    echo "The containers of the project $(PROJECT) belong to the checkout $$folder, not to this one: set another COMPOSE_PROJECT_NAME in .env, or run this there." >&2; exit 1; fi; done

up: no-others
	@$(COMPOSE) up --detach
	@$(COMPOSE) up --detach --wait $(LASTING)

down: no-others
	@$(if $(VOLUMES),echo "Deleting the volumes of the project $(PROJECT):" $$($(VOLUMES_TO_DELETE)) >&2)
	@$(COMPOSE) down $(if $(VOLUMES),$(if $(ONLY),,--volumes))
	@$(if $(VOLUMES),$(if $(ONLY),$(VOLUMES_TO_DELETE) | xargs --no-run-if-empty docker volume rm))

restart: down up

status:
	@$(COMPOSE) ps --all
else ifneq ($(WITH),)
up down restart status:
	@echo "WITH is wrong: there is WITH=compose; without it the native engines are meant." >&2; exit 1
else
up: setup ## start the stack
	@$(VITALS) up $(ONLY)

down: setup ## stop the stack
	@$(VITALS) down $(ONLY) $(if $(VOLUMES),--volumes)

restart: setup ## stop and start the stack
	@$(VITALS) restart $(ONLY) $(if $(VOLUMES),--volumes)

status: setup ## where each component is, and whether it is ready
	@$(VITALS) status $(ONLY)
endif

rules: setup ## write Prometheus's rules anew from their templates and windows; RUNBOOK_BASE_URL=https://… is where the runbooks are
	@PYTHONPATH=prom-graf/prometheus/src $(VENV)/bin/python -m vitals_rules prom-graf/prometheus/rules

dashboards: setup ## write Grafana's dashboards anew from their source
	@PYTHONPATH=prom-graf/grafana/src $(VENV)/bin/python -m vitals_dashboards prom-graf/grafana/dashboards

telemetry: setup ## write the tables of docs/telemetry.md anew from service/dev/vitals_dev/telemetry_reference
	@PYTHONPATH=service/dev $(VENV)/bin/python -m vitals_dev.telemetry_reference docs/telemetry.md

picture: setup engines ## draw docs/images/dashboards.png from a stack of its own; takes about eight minutes
	@PYTHONPATH=prom-graf/grafana/src:service/dev $(VENV)/bin/python -m vitals_dashboards.picture docs/images/dashboards.png

lint: setup ## style, types, and the arrows between the packages
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: setup ## format the code, and mend what the linter can
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

lock: setup ## pin the requirements anew from the ranges in pyproject.toml
	@echo "pip>=26" | $(PINNED) - -o requirements/pip.txt
	@$(PINNED) --extra serve --extra stack --extra onnx pyproject.toml -o requirements/service.txt
	@$(PINNED) --extra dev pyproject.toml -o requirements/dev.txt
	@printf '%s\n' mlserver mlserver-sklearn 'scikit-learn>=1.9,<1.10' | $(PINNED) - -o requirements/bench-mlserver.txt
	@printf '%s\n' bentoml 'scikit-learn>=1.9,<1.10' | $(PINNED) - -o requirements/bench-bentoml.txt
	@sed -i '1i # What installs the others, pinned by hash; made by `make lock`.' requirements/pip.txt
	@sed -i '1i # What the model service needs, ONNX included, pinned by hash; made by `make lock` from pyproject.toml.' requirements/service.txt
	@sed -i '1i # What the service, the tools and the tests need, pinned by hash; made by `make lock` from pyproject.toml.' requirements/dev.txt
	@sed -i '1i # MLServer, which `make bench` measures beside the service, pinned by hash; made by `make lock`.' requirements/bench-mlserver.txt
	@sed -i '1i # BentoML, which `make bench` measures beside the service, pinned by hash; made by `make lock`.' requirements/bench-bentoml.txt

clean: ## remove the virtual environment and the tools' caches; engines and data stay
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
