# Every target makes the checkout ready first: `python3 -m tools.setup`, which leaves alone
# what is ready already. Nothing needs root, and nothing outside the checkout changes but the
# user's cache folder.

BIN := .venv/bin
CHECKS := check-style check-shape check-types check-imports check-bytecode
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo demo-reset test check $(CHECKS) bench screenshots format lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

define run-setup
@for python in python3 python3.13 python3.12 python3.11; do \
	if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	then exec $$python -m tools.setup $(1); fi; \
done; echo 'set-up: Python 3.11, 3.12 or 3.13 is needed and none is on PATH' >&2; exit 2
endef

setup: ## make this checkout ready to run (the other targets do it too)
	$(call run-setup)

setup-tests:
	$(call run-setup,--tests)

demo: setup ## start a city district: broker, fleet server, 40 nodes
	@$(BIN)/cityfleet demo start

demo-reset: setup ## clear what the demo keeps
	@$(BIN)/cityfleet demo reset

test: setup-tests ## run every test, on real MicroPython and a real broker
	@$(BIN)/pytest tests --numprocesses 4 --dist loadfile

check: $(CHECKS) ## check style, types, import rules and bytecode

check-style: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

check-shape: setup
	@$(BIN)/python -m tools.setup.shape

check-types: setup
	@$(BIN)/node node_modules/pyright/index.js

check-imports: setup
	@$(BIN)/lint-imports --no-logo --no-cache

check-bytecode: setup
	@$(BIN)/python -m tools.setup.bytecode

bench: setup-tests ## measure speed and memory (WRITE=1 keeps the table in docs)
	@$(BIN)/python -m tests.bench $(if $(WRITE),--write)

screenshots: setup-tests ## make the pictures of the documentation anew
	@$(BIN)/python -m tests.browser.screenshots

format: setup ## let ruff put the code in order
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

lock: setup ## pin dependencies anew (UPGRADE=--upgrade takes the newest)
	@$(BIN)/uv pip compile pyproject.toml --group dev --group serial --group node --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command 'make lock' --quiet $(UPGRADE) -o requirements.lock
	@$(BIN)/python -m tools.setup.relock
