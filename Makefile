# Everything runs in .venv, made from the locked requirements: nothing is installed anywhere else.
PYTHON ?= python3
BIN := .venv/bin
LOCK := CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/pip-compile --quiet --upgrade --strip-extras --allow-unsafe \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
.DEFAULT_GOAL := help

.PHONY: help install demo check test soak fix bench mutate lock docs clean

help:  ## Show what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

install: .venv/installed  ## Set up .venv

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install  ## Look for mispricings of INJ/USDT in a local sandbox
	$(BIN)/defi scan INJ/USDT --network sandbox --explain

check: install  ## Format, lint, types, import contracts, dependencies, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell README.md Makefile pyproject.toml settings.yaml defi_analytics tests
	$(BIN)/validate-pyproject pyproject.toml

test: install  ## The whole test suite, with branch coverage
	$(BIN)/pytest -n auto --cov --cov-report=term

KILLS ?= 2000
soak: install  ## Kill a trading agent 2,000 times, or KILLS=... times; trade in many worlds; run for a day
	DEFI_SOAK=1 DEFI_KILLS=$(KILLS) $(BIN)/pytest -n auto --no-cov tests/integration/test_kill_loop.py \
		tests/integration/test_trading_sandbox.py tests/integration/test_memory.py

fix: install  ## Format and apply safe lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install .venv-bench/installed  ## Speed, as ratios to what the machine and other engines can do
	$(BIN)/python -m tests.bench

# Other engines, to be measured against and nothing else; without them their figures are left out.
.venv-bench/installed: tests/bench/peers.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< \
		&& touch $@ || echo "The other engines could not be installed: no comparison with them."

mutate: install  ## Break risk, domain and mispricing on purpose: how much of it the tests notice
	$(BIN)/python -m tests.mutation risk domain mispricing

docs: install  ## Write the help texts anew into help.txt and README.md
	$(BIN)/python -m tests.docs

lock:  ## Resolve the newest versions into requirements.txt
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --upgrade pip pip-tools
	$(LOCK) --extra backtest --extra keyring --extra dev --output-file .venv-lock/base.txt pyproject.toml
	$(LOCK) --extra injective --extra backtest --extra keyring --extra dev --output-file requirements.txt pyproject.toml
	printf 'backtesting\nvectorbt\n' > .venv-lock/peers.in
	$(LOCK) --output-file tests/bench/peers.txt .venv-lock/peers.in
	$(PYTHON) -m tests.lock .venv-lock/base.txt requirements.txt
	rm -r .venv-lock

clean:  ## Remove .venv and every cache
	rm -rf .venv .venv-lock .venv-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* build dist
