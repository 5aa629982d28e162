# zeus-relay: `make run` starts everything on this machine, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Processes are started by the dozen in tests: their modules are compiled once, whatever the surroundings say.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run demo test test-slow crashes fuzz check format reference container bench chaos \
  audit coverage release-check lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.run ## environment, embedded Postgres, migrations, every role in one process
	$(BIN)/zeus-relay up

demo: $(VENV)/.run ## run, with a sample subscriber that verifies webhooks and a simulator that plays Zeus
	$(BIN)/zeus-relay demo

test: $(VENV)/.dev ## the tests, on a real Postgres and in real processes
	$(BIN)/python -m pytest -n auto -m "not slow"

test-slow: $(VENV)/.dev ## the others, which take long: API, commands, console, crashes, plans on big tables, fuzzing
	$(BIN)/python -m pytest -n auto -m slow

crashes: $(VENV)/.dev ## a minute of killed workers and a crashing Postgres under load, which test-slow has ten seconds of
	CRASH_SECONDS=60 $(BIN)/python -m pytest -n 0 tests/journeys/test_crashes.py

fuzz: $(VENV)/.dev ## 50,000 random requests to a receiver, which takes a few minutes
	RELAY_FUZZ_REQUESTS=50000 $(BIN)/python -m pytest -n 0 -rP tests/receiver/http/test_fuzz.py

check: $(VENV)/.dev ## lint, types, import layers, names and widths
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.house

audit: $(VENV)/.audit ## known vulnerabilities in the locked requirements; STRICT=1 fails where nobody can be asked
	$(VENV)/audit/bin/python .ci/audit.py $(if $(STRICT),--strict) requirements/*.txt

format: $(VENV)/.dev ## let ruff arrange the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: $(VENV)/.dev ## write .env.example and the tables in docs/ from the code
	$(BIN)/zeus-relay reference env > .env.example
	$(BIN)/python -m tools.docs

chaos: $(VENV)/.dev ## outages under load, real servers and proxies; SHORT=1 for seconds each, ONLY="failover kill-nginx" for some
	$(BIN)/python -m tests.chaos $(if $(SHORT),--short) $(ONLY)

container: $(VENV)/.dev ## image and compose file on a real Docker engine: journeys, deploys, kills
	$(BIN)/python -m pytest tests/container

bench: $(VENV)/.dev ## speed and memory, side by side with baselines, in one run; ONLY="at-size" for some
	$(BIN)/python -m bench $(ONLY)

coverage: $(VENV)/.dev ## lines and branches that the tests reach, the processes that they start included
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n auto -m "not slow"
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --skip-covered --skip-empty
	$(BIN)/python -m coverage html --quiet

release-check: $(VENV)/.dev ## build sdist and wheel, install the wheel in an empty environment, run it there
	$(BIN)/python -m tools.release_check

lock: ## renew the hashed requirements from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --all-extras pyproject.toml requirements/build.in -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  -c requirements/dev.txt --extra embedded pyproject.toml requirements/build.in -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  -c requirements/dev.txt pyproject.toml requirements/build.in -o requirements/container.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  requirements/audit.in -o requirements/audit.txt

clean: ## remove the environment and everything the service stored on this machine
	rm -rf $(VENV) data .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "zeus-relay needs Python 3.11 or later; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements/run.txt pyproject.toml $(VENV)/.made
	$(PIP) --require-hashes -r requirements/run.txt
	$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.audit: requirements/audit.txt $(VENV)/.made
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/audit.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
