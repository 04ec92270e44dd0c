# Everything a new machine with Python 3.11+ and make needs: each target sets up what it uses.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := build/demo
# Processes of tests. With a third one beside the engines, a worker of Prism may not connect within its minute.
WORKERS ?= 2
# Tests start many processes: their modules are compiled once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo screenshots test test-engines test-long coverage check docs dist bench fuzz clean help

help:
	@echo "make demo    run the main job on real data (airports) and drawn street views, ending with a summary and what to do next"
	@echo "make screenshots    the pictures of the explorer in docs/, of the demo (with Chromium)"
	@echo "make test    what every change has to pass: all tests but those marked long, few examples of each property"
	@echo "make test-engines   a job of each kind on Prism, Flink and Spark (with Go, Maven and Java; installed outside the tree)"
	@echo "make test-long      all tests, those of engines as well, many examples of each property, two minutes of make fuzz"
	@echo "make coverage       which branches of transforms and pipelines the tests of make test take (TESTS=tests/unit for some)"
	@echo "make check   lint, types, layers, links of the documentation"
	@echo "make docs    the documentation with the API reference as one site, in build/site"
	@echo "make dist    sdist and wheel of a release, in dist; each is installed and tried outside the checkout"
	@echo "make fuzz    the C extension under sanitizers, with mutated records (SECONDS=600)"
	@echo "make bench   the job beside what one would write by hand, into docs/performance.md"
	@echo "             (SIZES=100000,1000000 PEERS=duckdb_typed,plain_loop CASES=items,wide ROUNDS=2 PAGE=)"

$(VENV)/installed: setup.py $(wildcard transforms/native/*.[ch] transforms/native/vendor/*.[ch])
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@echo "Installing metadata-etl and what it needs into $(VENV): about two minutes the first time"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --no-compile --editable ".[test]"
	$(BIN)/python -W ignore -m compileall -qq -j 0 -x '/(tests|pip|mypyc?)/' $(VENV)/lib metadata_etl pipelines transforms # on all cores; not what nothing here imports
	touch $@

demo: $(VENV)/installed
	rm -rf $(DEMO)
	$(BIN)/python examples/demo/make_exports.py $(DEMO)/exports --images $(DEMO)/images
	$(BIN)/metadata-etl ingest --dataset $(DEMO)/dataset \
	  --items '$(DEMO)/exports/*items.ndjson' \
	  --scenes '$(DEMO)/exports/*scenes.ndjson' \
	  --annotations '$(DEMO)/exports/*annotations.ndjson' \
	  --annotations '$(DEMO)/exports/masks.ndjson' \
	  --predictions detector_v1='$(DEMO)/exports/*predictions_detector_v1.ndjson' \
	  --predictions detector_v2='$(DEMO)/exports/*predictions_detector_v2.ndjson' \
	  --items '$(DEMO)/exports/faulty.ndjson' \
	  --report $(DEMO)/report.html
	$(BIN)/metadata-etl ingest --dataset $(DEMO)/dataset --items $(DEMO)/exports/street_revised.ndjson --mode merge
	@echo
	@echo "Next:"
	@echo "  $(BIN)/metadata-etl query $(DEMO)/dataset 'metadata.weather = fog AND metadata.night = true AND annotations.truck >= 2'"
	@echo "  $(BIN)/python -m webbrowser 'file://$(CURDIR)/$(DEMO)/report.html'"
	@echo "  $(BIN)/metadata-etl explore $(DEMO)/dataset --images-root $(DEMO)/images"

screenshots: demo # needs Chromium; the browser is driven as in the tests
	PYTHONPATH=tests $(BIN)/python tests/make_screenshots.py $(DEMO) docs

# A worker takes whole files, so that what the tests of one share is made once.
# Files begin in the order of tests/conftest.py, slow ones first; xdist alone would begin with those of most tests.
SHARED := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
test: $(VENV)/installed
	$(BIN)/python -m pytest $(SHARED) -m "not long"

# What an engine needs is installed by the commands of its page in docs/engines, once.
test-engines: $(VENV)/installed
	$(BIN)/python -m pytest --timeout 1800 -m "not long" tests/engines

test-long: $(VENV)/installed
	$(BIN)/python -m pytest $(SHARED) --hypothesis-profile long
	$(BIN)/python -m pytest --timeout 1800 --hypothesis-profile long tests/engines
	$(BIN)/python tests/native/fuzz.py --seconds 120

# Lines and branches, in the processes of the tests and in the commands and workers that they start or fork.
TESTS ?=
coverage: $(VENV)/installed
	mkdir -p build
	$(BIN)/python -m pytest $(SHARED) -m "not long" $(TESTS) --cov

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(SITE)

# MkDocs would tell of its successors at each build. It counts no warnings that it does not print. Ruff formats signatures.
SITE = PATH="$(abspath $(BIN)):$$PATH" NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
docs: $(VENV)/installed
	$(SITE)
	@echo "build/site/index.html; with its search: $(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site"

# What it depends on is installed once, into an environment below build/.
dist: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "build>=1.2,<2"
	$(BIN)/python deploy/make_dist.py dist
	$(BIN)/python deploy/check_dist.py dist

SECONDS ?= 600
fuzz: $(VENV)/installed # needs gcc, with its sanitizers
	$(BIN)/python tests/native/fuzz.py --seconds $(SECONDS)

# All of it takes about two hours: SIZES=100000 ROUNDS=1 PAGE= for a look. Without PEERS all of them run; without PAGE nothing is written.
SIZES ?= 100000,1000000,5000000
CASES ?= startup,items,annotated,wide,files,update,fleet,kinds
PEERS ?=
ROUNDS ?= 3
PAGE ?= docs/performance.md
bench: $(VENV)/installed # what the peers need is in the extra `bench`, which the extra `test` includes
	$(BIN)/python benchmarks/compare.py --sizes $(SIZES) --cases $(CASES) --rounds $(ROUNDS) $(if $(PEERS),--peers $(PEERS)) $(if $(PAGE),--page $(PAGE))

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
