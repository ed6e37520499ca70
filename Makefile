# `make run` starts the shop, `make test` and `make prove` prove it, `make chaos` tries to break it, `make bench`
# measures it. Nothing is needed but Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test prove bench chaos clean

run: $(VENV)/embedded
	@exec $(BIN)/python manage.py stack run

# Eight minutes on two cores. PHASE=unit is one phase of it.
test: $(VENV)/dev
	@$(BIN)/python -m tests test $(if $(PHASE),--phase "$(PHASE)")

# What takes longer: every row of the fault table, containers, monitoring, the long fuzz. PHASE=fuzz is one phase of it.
prove: $(VENV)/dev
	@$(BIN)/python -m tests prove $(if $(PHASE),--phase "$(PHASE)")

# Every fault of the table twenty times, which takes hours; FAULT=primary-killed COUNT=3 is one of them, three times.
chaos: $(VENV)/dev
	$(BIN)/python -m chaos $(if $(FAULT),--fault $(FAULT)) $(if $(COUNT),--count $(COUNT)) \
	    $(if $(TARGET),--target $(TARGET) --staff $(STAFF) --staff-password-file $(STAFF_PASSWORD_FILE))

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed: make PYTHON=/path/to/one $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/embedded: requirements-embedded.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-embedded.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt requirements-embedded.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/embedded
