# Needs Python 3.11 or later with its venv module, and nothing else: environments are made on demand in .local/,
# or in $DNA_LM_ENVIRONMENTS.
PYTHON ?= python3
PORT ?= 8080
export PORT

RUN = $(PYTHON) dev/environments.py run
TOOLS ?= $(wildcard tools/*.xml)
DATA_MANAGERS = $(wildcard data_managers/*)
MANAGER_TOOLS = $(wildcard data_managers/*/data_manager/*.xml)
WORKFLOWS = $(wildcard workflows/*/*.ga)
# A workflow that is a test alone: each network of the library, trained, evaluated and applied.
TEST_WORKFLOWS = $(wildcard tests/workflows/*.ga)
CHECKED = scripts tests dev browser_tests
# Tests of one file run in one process, since they share what its fixtures trained.
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
PYTEST = $(RUN) checks pytest --numprocesses=$(CORES) --dist=loadfile

.PHONY: help setup lint quick unit nightly tools-test workflow-test galaxy-test test test-install test-browser demo serve pretrain clean

help:
	@echo 'make demo           run the workflow on real ChIP-seq peaks in a real Galaxy; results in .local/demo'
	@echo 'make serve          the same Galaxy in the browser, with the example data (PORT=8080); Ctrl-C ends it'
	@echo 'make test           everything below: lint, unit, then tools-test and workflow-test together'
	@echo 'make quick          ruff and the fast tests of pytest (two minutes)'
	@echo 'make lint           ruff on the Python, planemo lint on tools, workflows and Tool Shed repository'
	@echo 'make unit           pytest on the library and the command lines'
	@echo 'make nightly        make unit, with ten times as many examples of each property'
	@echo 'make tools-test     planemo tests of all tools, or of some: make tools-test TOOLS=tools/dna_lm_predict.xml'
	@echo 'make workflow-test  planemo tests of the workflows'
	@echo 'make test-install   the tools from a Tool Shed in a new Galaxy, their jobs there and on a Pulsar server (long);'
	@echo '                    some of the tests: make test-install TESTS="dna_lm_predict dna_lm_scan:2"'
	@echo 'make test-browser   forms, reports, tour and workflow in a real Galaxy, in Chromium; pictures in .local/reports/browser'
	@echo 'make setup          make the virtual environments (4 to 8 minutes, 5 GB); every target does what it needs'
	@echo 'make pretrain       make the built-in model again (dev/pretrain)'
	@echo 'make clean          remove what the targets left behind, environments aside'

setup:
	$(PYTHON) dev/environments.py make galaxy planemo tools checks

lint:
	$(RUN) checks ruff check $(CHECKED)
	$(RUN) checks ruff format --check $(CHECKED)
	$(RUN) planemo python dev/toolshed/lint_package.py
	$(RUN) planemo planemo workflow_lint --iwc --fail_level warn $(WORKFLOWS)
	$(RUN) planemo planemo shed_lint --fail_level warn --skip version_bumped . $(DATA_MANAGERS) # skipped: asks the Tool Shed

unit:
	$(PYTEST)

# What takes long is left out: trainings, command lines in processes of their own, properties with many examples.
quick:
	$(RUN) checks ruff check $(CHECKED)
	$(RUN) checks ruff format --check $(CHECKED)
	$(PYTEST) -m 'not slow'

# With ten times as many examples of each property as `make unit` tries.
nightly:
	HYPOTHESIS_PROFILE=nightly $(PYTEST)

tools-test:
	$(RUN) planemo python dev/galaxy/run_planemo_tests.py $(TOOLS)

workflow-test:
	$(RUN) planemo python dev/galaxy/run_planemo_tests.py $(WORKFLOWS) $(TEST_WORKFLOWS)

# All together, in one Galaxy.
galaxy-test:
	$(RUN) planemo python dev/galaxy/run_planemo_tests.py $(TOOLS) $(MANAGER_TOOLS) $(WORKFLOWS) $(TEST_WORKFLOWS)

# One after the other, also with `make --jobs`: each uses all cores.
test:
	$(MAKE) setup
	$(MAKE) lint
	$(MAKE) unit
	$(MAKE) galaxy-test

# Not in `make test`: it runs the tools' tests twice more.
test-install:
	$(RUN) planemo python dev/toolshed/test_install.py $(TESTS)

test-browser:
	$(RUN) browser pytest browser_tests

demo:
	$(RUN) planemo python dev/galaxy/demo.py

serve:
	$(RUN) planemo python dev/galaxy/serve.py

pretrain:
	$(RUN) tools python dev/pretrain/pretrain.py

clean:
	rm -rf .local/run .local/logs .local/reports .local/home .local/demo .local/pytest .local/ruff
	find scripts tests dev -name __pycache__ -prune -exec rm -rf {} +
