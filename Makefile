# What the README names. `make report` and `make test` work on a machine with git, make and Python >= 3.11.
.DELETE_ON_ERROR:
.PHONY: install report test lint check bench validate lock clean

PYTHON ?= python3
BIN := .venv/bin
CORES ?= all

install: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "picobench needs Python 3.11 or newer; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	grep -A 1000 '^uv==' requirements.lock | sed '1!{/^[a-z]/,$$d}' > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	# The second try is for machines behind a proxy with a certificate of its own, which the system knows.
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock || \
	  $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --system-certs requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

report: install
	$(BIN)/snakemake --cores $(CORES) report
	@echo "The report: $(CURDIR)/results/demo/report/index.html"

test: install
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: lint test

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Slow proofs: they write the figures that docs/performance.md and docs/validation.md show.
bench: install
	$(BIN)/python -m picobench.benchmarks

validate: install
	$(BIN)/python -m picobench.validation

# Takes the newest versions that pyproject.toml allows, for every Python and platform alike.
lock: install
	$(BIN)/uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --no-emit-index-url --no-header --upgrade -o requirements.lock

clean:
	rm -rf .venv results .snakemake
