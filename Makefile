# `make run` and `make test` work from a fresh clone: they make .venv first when it is missing.
VENV := .venv
COMMAND ?= put the red block in the green bowl

.PHONY: run test check lint format bench clean

run: $(VENV)/.installed
	$(VENV)/bin/verbot run "$(COMMAND)"

test: $(VENV)/.installed
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile

check: lint test

lint: $(VENV)/.installed
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports

format: $(VENV)/.installed
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(VENV)/.installed
	$(VENV)/bin/verbot eval --config docs/benchmarks/tabletop.toml

$(VENV)/.installed: pyproject.toml constraints.txt tools/setup.sh
	sh tools/setup.sh

clean:
	rm -rf $(VENV) build dist *.egg-info
