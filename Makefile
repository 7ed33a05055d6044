# The only entrance. `make` says what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

DEV := .venv
DEMO := .venv-demo
CATALOG := .venv-catalog
INPUTS := tools/build_aws_catalog/inputs.txt
# A checkout of https://github.com/Azure/bicep-types-az: no package index has what is in it.
BICEP_TYPES ?= build/bicep-types-az
BINDINGS = $(shell grep ^cdk $(INPUTS))
wheel = build/catalog/$(subst ==,-,$(subst -,_,$(filter $(1)%,$(BINDINGS))))-py3-none-any.whl
BIN := $(DEV)/bin
# Two workers: the tests start real servers, and two is what a small machine carries.
WORKERS ?= 2
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.PHONY: help
help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

# A virtual environment is made once, and again when what it holds has changed.
$(DEV)/.made: pyproject.toml tools/make_venv.sh
	tools/make_venv.sh $(DEV) dev

$(DEMO)/.made: pyproject.toml tools/make_venv.sh
	tools/make_venv.sh $(DEMO) demo

.PHONY: dev
dev: $(DEV)/.made ## make .venv with everything needed to work on exitkit

.PHONY: demo
demo: $(DEMO)/.made ## tell the whole story on a small real estate on this machine
	$(DEMO)/bin/exitkit demo

.PHONY: test
test: $(DEV)/.made ## run the tests; brings the programs they need
	tools/install_test_parts.sh
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --durations 15 $(ARGS)

.PHONY: lint
lint: $(DEV)/.made ## check the form of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(DEV)/.made ## check the types
	$(BIN)/mypy

.PHONY: docs-check
docs-check: $(DEV)/.made ## check that the documents say what the code does
	$(BIN)/python tools/check_docs.py

.PHONY: check
check: lint types docs-check test ## everything a change has to pass

.PHONY: golden
golden: $(DEV)/.made ## write what is generated from the code anew; the diff is for the reviewer
	$(BIN)/python tools/check_docs.py --write || true
	git diff --stat -- docs/commands.md

# The catalog has an environment of its own, with its inputs at exactly the versions it was made of.
$(CATALOG)/.made: pyproject.toml tools/make_venv.sh $(INPUTS)
	UV_CONSTRAINT=$(INPUTS) PIP_CONSTRAINT=$(INPUTS) tools/make_venv.sh $(CATALOG) catalog

.PHONY: catalog
catalog: $(CATALOG)/.made ## generate the catalog of AWS calls anew; about a minute
	$(CATALOG)/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/catalog $(BINDINGS)
	$(CATALOG)/bin/python -m tools.build_aws_catalog
	$(CATALOG)/bin/python -m tools.build_aws_catalog.regions
	$(CATALOG)/bin/python -m tools.build_aws_catalog.actions
	$(CATALOG)/bin/python -m tools.build_aws_catalog.schemas
	$(CATALOG)/bin/python -m tools.build_aws_catalog.terraform_schemas $(call wheel,cdktf)
	$(CATALOG)/bin/python -m tools.build_aws_catalog.awscc_schemas $(call wheel,cdktn)
	git diff --stat -- exitkit/knowledge/aws

.PHONY: azure-types
azure-types: $(DEV)/.made ## generate the table of Azure types anew; BICEP_TYPES names a checkout
	$(BIN)/python -m tools.build_azure_types $(BICEP_TYPES)
	git diff --stat -- exitkit/knowledge/azure

.PHONY: bench
bench: $(DEV)/.made ## measure against what users would pick instead
	for script in benchmarks/*/run.sh; do echo "== $$script"; PATH="$(CURDIR)/$(BIN):$$PATH" bash "$$script"; done

.PHONY: release
release: $(DEV)/.made check ## join the change fragments and build the packages
	$(BIN)/python tools/join_changes.py $(VERSION)
	$(BIN)/uv build --out-dir dist
