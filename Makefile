# zeus-relay: `make run` starts everything on this machine, `make test` tests it. `make help` lists all.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Tests start many processes, so always cache bytecode, even if the environment disables it.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run demo test test-slow crashes fuzz mailbox check format reference container bench chaos \
  audit coverage release-check lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.run ## start every role in one process, with migrations and an embedded Postgres
	$(BIN)/zeus-relay up

demo: $(VENV)/.run ## run, with a sample subscriber and the Zeus simulator
	$(BIN)/zeus-relay demo

test: $(VENV)/.dev ## run the fast tests, on a real Postgres and in real processes
	$(BIN)/python -m pytest -n auto -m "not slow"

test-slow: $(VENV)/.dev ## run the slow tests: API, commands, console, crashes, query plans, fuzzing
	$(BIN)/python -m pytest -n auto -m slow

crashes: $(VENV)/.dev ## kill workers and Postgres under load for a minute (test-slow: ten seconds)
	CRASH_SECONDS=60 $(BIN)/python -m pytest -n 0 tests/journeys/test_crashes*.py

fuzz: $(VENV)/.dev ## send 50,000 random requests to a receiver (a few minutes)
	RELAY_FUZZ_REQUESTS=50000 $(BIN)/python -m pytest -n 0 -rP tests/receiver/http/test_fuzz.py

mailbox: $(VENV)/.dev ## read a mailbox of 200,000 messages, import 100,000 mails (test-slow: 10,000)
	RELAY_LARGE_MAILBOX=200000 RELAY_IMPORTED_MAILS=100000 $(BIN)/python -m pytest -n 0 -rP -m slow \
	  tests/mailbox/test_large_mailbox.py tests/journeys/test_mail_import.py

check: $(VENV)/.dev ## check lint, format, types, import layers, names and widths
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.house

audit: $(VENV)/.audit ## list known vulnerabilities of the locked requirements; STRICT=1 fails if offline
	$(VENV)/audit/bin/python .ci/audit.py $(if $(STRICT),--strict) requirements/*.txt

format: $(VENV)/.dev ## format the code with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: $(VENV)/.dev ## generate .env.example and the reference tables
	$(BIN)/zeus-relay reference env > .env.example
	$(BIN)/python -m tools.docs

chaos: $(VENV)/.dev ## test outages under load; SHORT=1: seconds each; ONLY="failover kill-nginx": some
	$(BIN)/python -m tests.chaos $(if $(SHORT),--short) $(ONLY)

container: $(VENV)/.dev ## test image and compose file on a Docker engine: journeys, deploys, kills
	$(BIN)/python -m pytest tests/container

bench: $(VENV)/.dev ## measure speed and memory beside baselines; ONLY="at-size": some
	$(BIN)/python -m bench $(ONLY)

coverage: $(VENV)/.dev ## measure the coverage of the fast tests, including the processes they start
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n auto -m "not slow"
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --skip-covered --skip-empty
	$(BIN)/python -m coverage html --quiet

release-check: $(VENV)/.dev ## build sdist and wheel, install the wheel in an empty environment, run it
	$(BIN)/python -m tools.release_check

lock: ## update the hashed requirements from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --all-extras pyproject.toml requirements/build.in -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  -c requirements/dev.txt --extra embedded pyproject.toml requirements/build.in -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  -c requirements/dev.txt pyproject.toml requirements/build.in -o requirements/container.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  requirements/audit.in -o requirements/audit.txt

clean: ## delete the environment and all data that the service stored on this machine
	rm -rf $(VENV) data .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "zeus-relay needs Python 3.11 or later; set PYTHON=python3.11")'
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
