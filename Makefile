# `make run` starts the shop, `make test` and `make prove` prove it, `make chaos` tries to break it, `make bench`
# measures it. Nothing is needed but Python and make; `make help` lists every target.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Some images of Python set it. Hundreds of processes start here, and each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := run
.PHONY: help run up down status demo test prove bench chaos docs s3 dataset lock sbom clean

help: ## list the targets
	@sed -n 's/^\([a-z][a-z0-9]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do \
	    printf '%-16s%s\n' "$$name" "$$what"; done
	@echo
	@echo "  EVERGREEN_PORT=9000 make run     on another port; docs/configuration.md lists every variable"
	@echo "  ./manage.py help                 the commands of a shop that runs"

run: $(VENV)/embedded ## start the shop, and stop it on Ctrl-C
	@exec $(BIN)/python manage.py stack run

up: $(VENV)/embedded ## start the shop in the background
	@exec $(BIN)/python manage.py stack up

down: ## stop the shop, with all data saved
	@$(PYTHON) manage.py stack down

status: ## show what runs where
	@$(PYTHON) manage.py stack status

demo: $(VENV)/embedded ## a shop of its own that sells while its primary is killed every 30 s
	@exec $(BIN)/python manage.py demo

# PHASE=unit is one phase of it.
test: $(VENV)/dev ## run the tests: 18 minutes on two cores
	@$(BIN)/python -m tests test $(if $(PHASE),--phase "$(PHASE)")

# Every row of the fault table, containers, monitoring, the long fuzz. PHASE=fuzz is one phase of it; with MINUTES=30
# it ends after so many, and phases for which there is no time are left out, others each day.
prove: $(VENV)/dev ## run what takes longer: 50 minutes more
	@$(BIN)/python -m tests prove $(if $(PHASE),--phase "$(PHASE)") $(if $(MINUTES),--minutes "$(MINUTES)")

# A quarter of an hour: what a request costs beside plain DRF, FastAPI and nginx. SHORT=1 takes a minute; OUTPUT=DIRECTORY
# saves the figures and plots.
bench: $(VENV)/dev ## measure what a request costs beside plain DRF, FastAPI and nginx
	@$(BIN)/python -m benchmarks $(if $(SHORT),--short) $(if $(OUTPUT),--output $(OUTPUT))

# FAULT=primary-killed COUNT=3 is one of the faults, three times; every one twenty times takes hours.
chaos: $(VENV)/dev ## try to break it, and check every answer: FAULT=primary-killed COUNT=3
	$(BIN)/python -m chaos $(if $(FAULT),--fault $(FAULT)) $(if $(COUNT),--count $(COUNT)) \
	    $(if $(TARGET),--target $(TARGET) --staff $(STAFF) --staff-password-file $(STAFF_PASSWORD_FILE))

# With SERVE=1 it is served at http://127.0.0.1:8000/, and built anew at each change. MkDocs advertises its next version.
docs: export NO_MKDOCS_2_WARNING := 1
docs: $(VENV)/dev ## build the documentation site into build/docs
	@$(BIN)/python -m mkdocs $(if $(SERVE),serve,build) --strict

s3: $(VENV)/s3 ## install the client of object stores, for backups to s3://

dataset: $(VENV)/dataset ## install the year of a real grocer, for `./manage.py seed --dataset completejourney`

# After a change of requirements*.txt. Needs uv.
lock: ## write the locks anew
	@command -v uv >/dev/null || { echo "uv is needed: https://docs.astral.sh/uv/" >&2; exit 2; }
	for list in requirements requirements-s3 requirements-embedded requirements-dev requirements-dataset \
	    requirements-clients; do \
	    uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet \
	        --output-file $$list.lock $$list.txt || exit; \
	done

# Of what the image of the API installs, in CycloneDX.
sbom: $(VENV)/dev ## write a bill of materials
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON \
	    --output-file sbom.cdx.json requirements-s3.lock

clean: ## remove what was installed and what tools left
	rm -rf $(VENV) build dist *.egg-info sbom.cdx.json .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Goals that start a shop: a port in use is named before anything is installed.
SERVE := $(if $(filter run up,$(or $(MAKECMDGOALS),run)),--serve)
MIN_PYTHON := import sys; sys.exit(sys.version_info < (3, 11))

# The locks have every package with the hashes of its files, and devstack/install.py requires them of uv and of pip;
# `make lock` makes the locks from the lists that are written by hand.
$(VENV)/embedded: requirements-embedded.lock
	@$(call INSTALL,embedded $(SERVE))
	@touch $@

$(VENV)/dev: requirements-dev.lock
	@$(call INSTALL,dev)
	@touch $@ $(VENV)/embedded

$(VENV)/s3: requirements-s3.lock | $(VENV)/embedded
	@$(call INSTALL,s3)
	@touch $@

$(VENV)/dataset: requirements-dataset.lock | $(VENV)/embedded
	@$(call INSTALL,dataset)
	@touch $@

define INSTALL
$(PYTHON) -c '$(MIN_PYTHON)' || \
    { echo "Python 3.11 or later is needed: make PYTHON=/path/to/one $(MAKECMDGOALS)" >&2; exit 2; }; \
$(PYTHON) -m devstack.install $(1)
endef
