# Two commands do everything: `make book` builds the site, `make test` proves it. `make` lists all.
PYTHON ?= python3
PYTHONS ?= python3.11 python3.12 python3.13
TORCH_INDEX ?=
PORT ?= 8000
BASE ?= main
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MKL_NUM_THREADS = 1
export ATTNBOOK_PROGRESS = 0
export PYTHONHASHSEED = 0
export PYTHONDONTWRITEBYTECODE = 1

# These test other tests, which takes minutes: `make test` runs them, `make check` does not.
SLOW := tests/test_claim_mutants.py tests/test_code_mutants.py tests/test_checks_can_fail.py
NBVAL := $(BIN)/python -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout 300 -n 2 --dist loadfile --no-loadscope-reorder
otherwise = || { echo "== Failed. $(1)"; exit 1; }

.NOTPARALLEL:
.PHONY: help book serve check test test-all models lint unit unit-fast nbval nbval-changed pages notebooks bench clean
help:
	@echo "make book       build the site into _build/html (installs what it needs)"
	@echo "make serve      show the site at http://localhost:$(PORT)"
	@echo "make check      daily: lint, unit tests, the notebooks changed since $(BASE)"
	@echo "make test       every test (installs what it needs)"
	@echo "make test-all   make test with more of the same checks, and with each Python of 3.11 to 3.13 at hand"
	@echo "make notebooks  re-execute the chapters in place"
	@echo "make bench      measure what is fast, store it in benchmarks/ (some minutes, nothing else running)"
	@echo "make models     fetch the published weights (180 MB, once)"
	@echo "make clean      remove _build, .venv and caches"

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "Python 3.11 to 3.13 is needed, this is %d.%d. Name another one: make PYTHON=python3.12 ..." % v)'
	@echo "== Making $(VENV)"
	@$(PYTHON) -m venv $(VENV) $(call otherwise,On Debian and Ubuntu the package python3-venv is needed.)
	@touch $@

$(VENV)/book.stamp: $(VENV)/python.stamp requirements-book.txt
	@echo "== Installing what the site needs (about a minute)"
	@$(PIP) -r requirements-book.txt $(call otherwise,Read the lines above and run make again: what is installed stays.)
	@touch $@

$(VENV)/test.stamp: $(VENV)/python.stamp requirements.txt pyproject.toml
	@echo "== Installing the full set, PyTorch first (a few minutes)"
	@[ "$$(uname)" != Linux ] || [ -n "$(TORCH_INDEX)" ] || $(BIN)/python -c 'import torch' 2>/dev/null \
	  || echo "   On Linux this brings CUDA, several GB. For a few hundred MB see 'CPU build' in README.md."
	@{ $(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' requirements.txt)" \
	  && $(PIP) -r requirements.txt && $(PIP) --no-deps --editable .; } \
	  $(call otherwise,Read the lines above and run make again: what is installed stays.)
	@touch $@ $(VENV)/book.stamp

book: $(VENV)/book.stamp
	@echo "== Building the book"
	@rm -rf _build
	@$(BIN)/jupyter-book build . --all -W -n --keep-going \
	  $(call otherwise,Warnings count as errors: look for WARNING and ERROR above.)
	@echo "The book is in _build/html: open _build/html/index.html, or run 'make serve'."

serve:
	@[ -d _build/html ] || { echo "There is no site yet: run make book first."; exit 1; }
	@echo "http://localhost:$(PORT) (stop with Ctrl+C)"
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

check: models
	@$(MAKE) --no-print-directory lint unit-fast nbval-changed
	@echo "Checks passed. Before you hand the change in: make test."

test: models
	@$(MAKE) --no-print-directory lint unit nbval pages
	@echo "All tests passed."

test-all: $(VENV)/test.stamp
	@ATTNBOOK_ALL=1 $(MAKE) --no-print-directory test
	@mine="$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')"; \
	for p in $(PYTHONS); do \
	  v="$$($$p -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" || { echo "== $$p is not at hand: skipped"; continue; }; \
	  [ "$$v" != "$$mine" ] || continue; \
	  echo "== Again with $$p"; \
	  $(MAKE) --no-print-directory test PYTHON="$$p" VENV=".venv/other/$$v" || exit 1; \
	done
	@echo "All tests passed with every Python at hand."

models: $(VENV)/test.stamp
	@ATTNBOOK_PROGRESS=1 $(BIN)/python -m attnbook.pretrained >/dev/null $(call otherwise,Published weights are fetched once; afterwards no network is needed.)

lint:
	@echo "== Lint and types"
	@$(BIN)/ruff check . $(call otherwise,Much of it is mended by $(BIN)/ruff check --fix .)
	@$(BIN)/ruff format --check . $(call otherwise,Run $(BIN)/ruff format .)
	@$(BIN)/mypy $(call otherwise,The types of attnbook do not agree.)

unit:
	@echo "== Unit tests, doctests, claims that must be able to fail"
	@$(BIN)/python -m pytest -q -n 2 -m "not timing" --doctest-modules attnbook tests --ignore=tests/pages --ignore=tests/live

unit-fast:
	@echo "== Unit tests and doctests"
	@$(BIN)/python -m pytest -q -n 2 -m "not timing" --doctest-modules attnbook tests --ignore=tests/pages --ignore=tests/live $(SLOW:%=--ignore=%)

nbval:
	@echo "== Notebooks: every cell runs again and is compared with what is stored"
	@$(NBVAL) chapters $(call otherwise,If the new outputs are right: make notebooks; look at git diff; commit.)

nbval-changed:
	@since="$$(git merge-base HEAD $(BASE) 2>/dev/null || git rev-parse --verify -q HEAD)"; \
	changed="$$( { git diff --name-only --diff-filter=d $$since -- 'chapters/*.ipynb'; \
	  git ls-files --others --exclude-standard -- 'chapters/*.ipynb'; } 2>/dev/null | sort -u)"; \
	if [ -z "$$changed" ]; then echo "== No notebook has changed (a change in attnbook is tried on all by make test)"; exit 0; fi; \
	echo "== Changed notebooks:" $$changed; \
	$(NBVAL) $$changed $(call otherwise,If the new outputs are right: make notebooks; look at git diff; commit.)

pages: book
	@$(BIN)/python -m tests.browser
	@echo "== Built pages and live figures, in a browser"
	@$(BIN)/python -m pytest -q -s -m timing tests/pages tests/live tests/pretrained
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not timing" tests/pages tests/live

notebooks: models
	@$(BIN)/python -m tests.notebook_tools execute chapters/*.ipynb \
	  $(call otherwise,The traceback above names the cell.)

$(VENV)/bench.stamp: $(VENV)/test.stamp benchmarks/requirements.txt
	@echo "== Installing what is compared"
	@$(PIP) --no-deps -r benchmarks/requirements.txt $(call otherwise,Read the lines above and run make again: what is installed stays.)
	@touch $@

bench: $(VENV)/bench.stamp
	@echo "== Measuring (about five minutes, on one thread)"
	@$(BIN)/python -m benchmarks $(call otherwise,Nothing was stored.)
	@echo "Stored in benchmarks/. Now make notebooks: the chapters that plot it are out of date."

clean:
	rm -rf _build .venv build attnbook.egg-info .pytest_cache .mypy_cache .ruff_cache
