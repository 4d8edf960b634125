# Everything is done through these targets; each sets up what it needs.

MODEL ?= models/demo
PORT ?= 8000
ARGS ?=
# The set-up runs on the first of these that is new enough.
CANDIDATES = $(or $(PYTHON),.venv/bin/python python3 python3.13 python3.12 python3.11 python)
export KIND

.DEFAULT_GOAL := help
.PHONY: help serve chat test clients lint bench demo-model lock setup setup-dev

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
	@echo
	@echo "variables: MODEL=$(MODEL) PORT=$(PORT) ARGS='more arguments' KIND=cpu|cuda PYTHON=/path"

serve: setup  ## serve MODEL on PORT behind the OpenAI API (ARGS: more arguments)
	@exec .venv/bin/reflect serve $(MODEL) --port $(PORT) $(ARGS)

chat: setup  ## talk in the terminal to the server on PORT (ARGS: more arguments)
	@exec .venv/bin/reflect chat --base-url http://127.0.0.1:$(PORT)/v1 $(ARGS)

test: setup-dev  ## run the tests (ARGS: pytest's arguments)
	@.venv/bin/python -m pytest $(ARGS)

clients: setup-dev  ## run other people's clients against the server (ARGS: pytest's arguments)
	@.venv/bin/python -m requirements.clients
	@.venv/bin/python -m pytest tests/clients $(ARGS)

lint: setup-dev  ## check style, types and who imports whom
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

bench: setup-dev  ## run every benchmark; each prints a ratio against a named peer
	@for file in benchmarks/[!_]*.py; do \
		[ -e "$$file" ] || continue; \
		.venv/bin/python -m benchmarks.$$(basename "$$file" .py) $(ARGS) || exit 1; \
	done

demo-model: setup  ## make the demo model from nothing (ARGS: --quick, --resume, ...)
	@exec .venv/bin/python -m train demo $(ARGS)

lock: setup-dev  ## resolve the pinned lists again (ARGS: --upgrade)
	@.venv/bin/python -m requirements.lock $(ARGS)

setup:  ## make .venv with the pinned packages of this machine
	@$(call install,)

setup-dev:  ## the same with what tests and checks need
	@$(call install,--dev)

define install
for python in $(CANDIDATES); do \
	if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	then exec $$python -m requirements.install $(1); fi; \
done; \
echo "Python 3.11, 3.12 or 3.13 is needed: install one, or set PYTHON to its path." >&2; exit 1
endef
