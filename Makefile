# `make run` starts the shop, `make test` and `make prove` prove it, `make chaos` tries to break it, `make bench`
# measures it. Nothing is needed but Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test prove bench chaos lock sbom clean

run: $(VENV)/embedded
	@exec $(BIN)/python manage.py stack run

# Twelve minutes on two cores. PHASE=unit is one phase of it.
test: $(VENV)/dev
	@$(BIN)/python -m tests test $(if $(PHASE),--phase "$(PHASE)")

# What takes longer: every row of the fault table, containers, monitoring, the long fuzz. PHASE=fuzz is one phase of it.
prove: $(VENV)/dev
	@$(BIN)/python -m tests prove $(if $(PHASE),--phase "$(PHASE)")

# Every fault of the table twenty times, which takes hours; FAULT=primary-killed COUNT=3 is one of them, three times.
chaos: $(VENV)/dev
	$(BIN)/python -m chaos $(if $(FAULT),--fault $(FAULT)) $(if $(COUNT),--count $(COUNT)) \
	    $(if $(TARGET),--target $(TARGET) --staff $(STAFF) --staff-password-file $(STAFF_PASSWORD_FILE))

# A quarter of an hour: what a request costs beside plain DRF, FastAPI and nginx. SHORT=1 takes a minute; OUTPUT=DIRECTORY
# saves the figures and plots.
bench: $(VENV)/dev
	@$(BIN)/python -m benchmarks $(if $(SHORT),--short) $(if $(OUTPUT),--output $(OUTPUT))

# After a change of requirements*.txt. Needs uv.
lock:
	@command -v uv >/dev/null || { echo "uv is needed: https://docs.astral.sh/uv/" >&2; exit 2; }
	for list in requirements requirements-embedded requirements-dev requirements-dataset requirements-clients; do \
	    uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet \
	        --output-file $$list.lock $$list.txt || exit; \
	done

# A bill of materials of what the image of the API installs, in CycloneDX.
sbom: $(VENV)/dev
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON \
	    --output-file sbom.cdx.json requirements.lock

clean:
	rm -rf $(VENV) sbom.cdx.json .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed: make PYTHON=/path/to/one $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The locks have every package with the hashes of its files; `make lock` makes them from the lists that are written by hand.
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

$(VENV)/embedded: requirements-embedded.lock | $(VENV)/bin/python
	$(PIP_INSTALL) -r requirements-embedded.lock
	@touch $@

$(VENV)/dev: requirements-dev.lock | $(VENV)/bin/python
	$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@ $(VENV)/embedded
