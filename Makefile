# Everything a new machine with Python 3.11+ and make needs: each target sets up what it uses.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := build/demo
WORKERS ?= 2

.PHONY: demo test check bench clean help

help:
	@echo "make demo    run the main job on real data (airports), ending with a summary"
	@echo "make test    all tests"
	@echo "make check   lint, types, layers"
	@echo "make bench   the job beside a plain script (SIZES=100000,1000000)"

$(VENV)/installed: setup.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $@

demo: $(VENV)/installed
	rm -rf $(DEMO)
	$(BIN)/python examples/demo/make_exports.py $(DEMO)/exports
	$(BIN)/metadata-etl ingest --dataset $(DEMO)/dataset \
	  --items '$(DEMO)/exports/items.ndjson' \
	  --scenes '$(DEMO)/exports/scenes.ndjson' \
	  --annotations '$(DEMO)/exports/annotations.ndjson' \
	  --annotations '$(DEMO)/exports/masks.ndjson' \
	  --predictions detector_v1='$(DEMO)/exports/predictions_detector_v1.ndjson' \
	  --predictions detector_v2='$(DEMO)/exports/predictions_detector_v2.ndjson' \
	  --items '$(DEMO)/exports/faulty.ndjson'

test: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

SIZES ?= 100000,1000000
bench: $(VENV)/installed
	$(BIN)/python benchmarks/compare.py --sizes $(SIZES)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
