# make demo: from nothing to a trained, evaluated model; make test: the whole suite.
# PYTHON chooses the interpreter: make test PYTHON=python3.12
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN := runs/demo

.PHONY: install demo test lint clean

# The stamp is remade when the requirements change or another interpreter is asked for.
STAMP := $(VENV)/.installed-$(subst /,_,$(PYTHON))

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "imtrans needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt -e .
	@touch $@

install: $(STAMP)

$(STAMP)-dev: $(STAMP)
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

demo: install
	$(BIN)/imtrans train --config configs/pix2pix_openmoji.py:cpu --workdir $(RUN)
	$(BIN)/imtrans evaluate --workdir $(RUN)

test: $(STAMP)-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check

clean:
	rm -rf runs .cache $(VENV)
