# Needs Python 3.11 or newer, make, and nothing else: `make` lists what can be done.

PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2
RUN     ?= cost quickstart --out runs/quickstart

# A python3 that is too old is common, and a pyenv shim can exist without the version behind it.
CANDIDATES := $(PYTHON)
ifeq ($(origin PYTHON),file)
CANDIDATES += python3.13 python3.12 python3.11
endif

PY    := $(VENV)/bin/python
PIP   := $(PY) -m pip --disable-pip-version-check
PINNED := $(PIP) install -qq --no-compile --only-binary :all: --require-hashes
STEP  := @printf '==> %s\n'
UV    := uv==0.13.9
COMPILE = $(PY) -m uv --no-config pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' $(UPGRADE)
# Mesa resolves to another version from Python 3.12 on.
OTHERS ?= python3.13 python3.12 \
	$(wildcard $(shell pyenv root 2>/dev/null)/versions/3.1[2-9].*/bin/python3)
SMOKE := tests/unit/sim/test_agents.py tests/unit/sim/test_model.py \
	tests/unit/sim/optimizers/test_optimizers.py \
	tests/reference/test_by_hand.py

MADE      := $(VENV)/.made
INSTALLED := $(VENV)/.installed
WARM      := $(VENV)/.warm
DOCUMENTS := $(VENV)/.documents
REFERENCES := $(VENV)/.references
KERNELS   := $(shell find sim -name '*.py')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install run test smoke app nightly smoke-tests lint docs docs-check site bench \
	validation lock clean

help:
	@echo 'make run         install into $(VENV), then: remanence $(RUN)'
	@echo 'make test        the test suite'
	@echo 'make smoke       a few tests on another Python (and with it another Mesa), where there is one'
	@echo 'make app         the model in the browser app of Mesa'
	@echo 'make lint        ruff and mypy'
	@echo 'make docs        regenerate the tables in docs/ that come from the code'
	@echo 'make docs-check  fail where those tables are stale'
	@echo 'make site        the documentation as a site in build/site; runs the notebook in it'
	@echo 'make bench       benchmarks'
	@echo 'make validation  published results once more, written to docs/validation.md (some minutes)'
	@echo 'make nightly     the test suite with many more examples, slow tests included'
	@echo 'make lock        all locks from pyproject.toml (UPGRADE=--upgrade for newer versions)'
	@echo 'make clean       remove $(VENV), build and every cache'

install: $(WARM)
	@:

run: $(WARM)
	$(STEP) 'remanence $(RUN)'
	@$(VENV)/bin/remanence $(RUN)

test: $(WARM) $(REFERENCES)
	REMANENCE_PROFILE=ci OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS)

smoke:
	@for candidate in $(OTHERS); do \
		if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
			$(MAKE) PYTHON=$$candidate VENV=$(VENV)-other smoke-tests; exit; \
		fi; \
	done; \
	echo 'smoke: no other Python found; tried: $(OTHERS)'

# Kernels are compiled as these few tests need them.
smoke-tests: $(INSTALLED)
	$(PY) -m pytest -n $(WORKERS) $(SMOKE)

app: $(WARM)
	@$(PIP) install -qq --no-build-isolation -e '.[app]'
	SOLARA_TELEMETRY_MIXPANEL_ENABLE=False $(VENV)/bin/solara run examples/mesa_app.py --production

nightly: $(WARM) $(REFERENCES)
	REMANENCE_PROFILE=nightly OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS)

lint: $(INSTALLED)
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy --strict sim analysis

docs: $(INSTALLED)
	$(PY) -m sim.docs

docs-check: $(INSTALLED)
	$(PY) -m sim.docs --check

# The site is made anew each time: what autodoc reads is not among the files that Sphinx compares.
site: $(WARM) $(DOCUMENTS)
	rm -rf build
	IPYTHONDIR=$(CURDIR)/build/ipython $(PY) -m sphinx -c docs -d build/doctrees --fail-on-warning \
		--keep-going --quiet --show-traceback . build/site
	$(PY) tools/check_site.py
	$(STEP) 'made build/site/index.html'

bench: $(WARM)
	$(PY) -m benchmarks

validation: $(WARM) $(REFERENCES)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PY) -m tests.validation

lock: $(INSTALLED)
	$(PIP) install -q $(UV)
	$(COMPILE) --group dev pyproject.toml -o requirements.lock
	$(COMPILE) --group docs -c requirements.lock -o requirements-docs.lock
	$(COMPILE) --group validation -c requirements.lock -o requirements-validation.lock

clean:
	rm -rf $(VENV) $(VENV)-other build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@for candidate in $(CANDIDATES); do \
		if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "==> making $(VENV) with $$($$candidate --version)"; \
			$$candidate -m venv --clear $(VENV) && touch $@; exit; \
		fi; \
	done; \
	echo 'remanence needs Python 3.11 or newer; tried: $(CANDIDATES).' >&2; \
	echo 'Name another with: make PYTHON=/path/to/python3.12 ...' >&2; \
	exit 1

# --no-compile halves the time: a module is byte-compiled when it is first imported.
$(INSTALLED): requirements.lock pyproject.toml | $(MADE)
	$(STEP) 'installing the pinned packages (once; about a minute)'
	@$(PINNED) -r requirements.lock
	$(STEP) 'installing remanence'
	@$(PIP) install -qq --no-deps --no-build-isolation -e .
	@$(PIP) check
	@touch $@

$(DOCUMENTS): requirements-docs.lock | $(INSTALLED)
	$(STEP) 'installing the pinned packages of the site (once)'
	@$(PINNED) -r requirements-docs.lock
	@$(PIP) check
	@touch $@

$(REFERENCES): requirements-validation.lock | $(INSTALLED)
	$(STEP) 'installing the pinned packages that results are compared with (once)'
	@$(PINNED) -r requirements-validation.lock
	@$(PIP) check
	@touch $@

$(WARM): $(INSTALLED) $(KERNELS)
	$(STEP) 'compiling the kernels'
	@$(PY) -m sim.warm
	@touch $@
