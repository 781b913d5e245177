# Two commands do everything: `make book` builds the site, `make test` proves it. `make` lists all.
PYTHON ?= python3
TORCH_INDEX ?=
PORT ?= 8000
BIN := .venv/bin
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MKL_NUM_THREADS = 1
export ATTNBOOK_PROGRESS = 0
export PYTHONDONTWRITEBYTECODE = 1

.PHONY: help book serve test check lint unit notebooks-test pages notebooks clean
help:
	@echo "make book       build the site into _build/html (installs what it needs)"
	@echo "make serve      show the site at http://localhost:$(PORT)"
	@echo "make test       every test (installs what it needs)"
	@echo "make check      the daily part: lint and unit tests"
	@echo "make notebooks  re-execute the chapters in place"
	@echo "make clean      remove _build and .venv"

.venv/python.stamp:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	@echo "== Making .venv"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/book.stamp: .venv/python.stamp requirements-book.txt
	@echo "== Installing what the site needs (about a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-book.txt \
	  || { echo "The installation failed: read the lines above, then run make again."; exit 1; }
	@touch $@

.venv/test.stamp: .venv/python.stamp requirements.txt pyproject.toml
	@echo "== Installing the full set, PyTorch first (a few minutes)"
	@[ "$$(uname)" != Linux ] || [ -n "$(TORCH_INDEX)" ] || $(BIN)/python -c 'import torch' 2>/dev/null \
	  || echo "   Linux: for PyTorch without CUDA (hundreds of MB, not several GB) see 'CPU build' in the README."
	@$(BIN)/pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0 \
	  && $(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt \
	  && $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable . \
	  || { echo "The installation failed: read the lines above, then run make again."; exit 1; }
	@touch $@ .venv/book.stamp

book: .venv/book.stamp
	@echo "== Building the book"
	@rm -rf _build
	@$(BIN)/jupyter-book build . --all -W -n --keep-going
	@echo "The book is in _build/html: open _build/html/index.html, or run 'make serve'."

serve:
	@[ -d _build/html ] || { echo "There is no site yet: run make book first."; exit 1; }
	@echo "http://localhost:$(PORT) (stop with Ctrl+C)"
	@$(PYTHON) -m http.server --directory _build/html $(PORT)

test: .venv/test.stamp
	@$(MAKE) --no-print-directory lint unit notebooks-test pages
	@echo "All tests passed."

check: .venv/test.stamp
	@$(MAKE) --no-print-directory lint unit

lint:
	@echo "== Lint and types"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

unit:
	@echo "== Unit tests, doctests, claims that must be able to fail"
	@$(BIN)/pytest -q -n 2 --doctest-modules attnbook tests --ignore=tests/pages

notebooks-test:
	@echo "== Notebooks: every cell runs again and is compared with what is stored"
	@$(BIN)/pytest -q --nbval --nbval-current-env --nbval-cell-timeout 300 -n 2 --dist loadfile chapters

pages: book
	@echo "== Built pages"
	@$(BIN)/pytest -q tests/pages

notebooks: .venv/test.stamp
	@$(BIN)/python -m tests.notebook_tools execute chapters/*.ipynb

clean:
	rm -rf _build .venv
