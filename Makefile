# make alone prints what there is. Every tool comes from PyPI, pinned in requirements/, into .venvs/.

SHELL := /bin/sh
# Where an environment has none (env -i make run).
export PATH := $(or $(PATH),/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
.DEFAULT_GOAL := help

emulator_venv    := .venvs/emulator/.ready
sam_venv         := .venvs/sam/.ready
development_venv := .venvs/development/.ready
scan_venv        := .venvs/scan/.ready
report_venv      := .venvs/report/.ready

python := .venvs/development/bin/python
sam    := SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 .venvs/sam/bin/sam

# Every target that the help lists is a command, not a file.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile) tools

help: ## Print this list
	@awk -F ':.*## ' '/^# ── / { sub(/^# ── /, ""); sub(/ ──.*/, ""); print "\n" $$0 } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

# ── The local stack ──────────────────────────────────────────────────────────────────────────────────────────────────

run: tools ## Watch one link to its outcome: SCENARIO= SPEED=15 VIA=
	@$(python) -m local run

up: tools ## Keep a local stack running, print what to call: SPEED=1
	@$(python) -m local up

down: $(development_venv) ## End the stack that make up started
	@$(python) -m local down

env: $(development_venv) ## Exports of address, region, outputs, for eval: local, or ENV=
	@$(python) -m $(if $(ENV),deployment,local) env

send: $(development_venv) ## Send a link: SCENARIO= VIA=api|event CORRELATION=, with ENV= CLICK=
	@$(python) -m $(if $(ENV),deployment,local) send

watch: $(development_venv) ## Show the background stack's verifications live, or one: ID= or CORRELATION=
	@$(python) -m local watch

cancel: $(development_venv) ## Cancel a verification of the background stack: ID=
	@$(python) -m local cancel

logs: $(development_venv) ## Print a function's logs in the background stack: FUNCTION=
	@$(python) -m local logs

report: $(development_venv) $(report_venv) ## Write report.html: HOURS=24 SINCE= UNTIL= OUT= ENV=
	@.venvs/report/bin/python -m report

consumer: tools ## Deploy examples/consumer beside the background stack
	@$(python) -m local consumer

webhook: tools ## Deploy examples/webhook beside the background stack: URL=
	@$(python) -m local webhook

redrive: $(development_venv) ## Put the background stack's dead letters back into the queue
	@$(python) -m local redrive

recover: $(development_venv) ## Recover what was given up: the background stack, or ENV=
	@$(python) -m $(if $(ENV),deployment,local) recover

invoke: tools ## Run one in Lambda's container: FUNCTION= EVENT= SCENARIO=
	@$(python) -m local invoke

# ── Tests and checks ─────────────────────────────────────────────────────────────────────────────────────────────────

test: check test-unit test-static test-definition test-integration ## Everything CI runs

test-unit: $(development_venv) ## The functions, without AWS: seconds
	@$(python) -m pytest tests/unit

test-static: build ## Template, roles, alarms, queues and bundles, without deploying
	@$(python) -m pytest tests/static

test-definition: $(development_venv) ## The state machine and the handlers, in process
	@$(python) -m pytest tests/definition -n 2

test-integration: tools $(report_venv) ## The deployed stack, under an accelerated clock
	@$(python) -m pytest tests/integration -n 2 --dist loadfile --no-loadscope-reorder

test-acceptance: tools ## Show that make accept can fail: broken stacks, minutes
	@$(python) -m pytest tests/integration/test_acceptance.py -m slow

scenarios-deployed: tools ## Generated scenarios, deployed stack: N=200 SEED=1
	@$(python) -m tests.integration.scenarios --count $(or $(N),200) --seed $(or $(SEED),1) $(if $(ONLY),--only $(ONLY))

scenarios: $(development_venv) ## Generated scenarios, definition alone: N=1000 SEED=1
	@PYTHONPATH=functions $(python) -m tests.definition.engine scenarios --count $(or $(N),1000) --seed $(or $(SEED),1)

fault-pairs: $(development_venv) ## Every pair of faults, definition alone: minutes
	@PYTHONPATH=functions $(python) -m tests.definition.engine fault-pairs

check: tools $(scan_venv) ## ruff, pyright, cfn-lint, sam, checkov, pip-audit
	@.venvs/development/bin/ruff check
	@.venvs/development/bin/ruff format --check
	@.venvs/development/bin/pyright --pythonpath $(python)
	@.venvs/development/bin/cfn-lint template.yaml examples/consumer/template.yaml examples/webhook/template.yaml simulator/template.yaml
	@$(sam) validate --lint
	@.venvs/scan/bin/checkov --file template.yaml examples/webhook/template.yaml --framework cloudformation --skip-download --compact --quiet
	@$(python) -m requirements.audit .venvs/scan/bin/pip-audit functions/requirements.txt

# ── Your account ─────────────────────────────────────────────────────────────────────────────────────────────────────

deploy: tools ## Build, show what changes, deploy: ENV= PARAMETERS=
	@$(python) -m deployment deploy

simulator: tools ## A simulator of Signzy in the account: ENV=dev PARAMETERS=
	@$(python) -m deployment simulator

accept: tools ## Prove the guarantees on a stack of its own: ENV=dev|local BURST=100 FULL=1 KEEP=1
	@PYTHONPATH=functions $(python) -m acceptance

deployments: tools ## What deployments have replaced: ENV=
	@$(python) -m deployment deployments

rollback: tools ## Deploy again what was replaced last: ENV= TO=
	@$(python) -m deployment rollback

# ── Measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────

bench: $(development_venv) ## CheckLink's start and a check, beside the least that they need
	@$(python) -m benchmarks.check_link

cost: $(development_venv) ## USD per 1,000 verifications: WRITE=1 writes docs/cost.md
	@$(python) -m benchmarks.cost $(if $(WRITE),--write)

burst: $(development_venv) ## A burst against AWS's quotas: N=20000 SECONDS=60 WRITE=1
	@$(python) -m benchmarks.burst --links $(or $(N),20000) --seconds $(or $(SECONDS),60) $(if $(WRITE),--write)

sweep: $(development_venv) ## One sweep of recovery against AWS's quotas: N=20000 WRITE=1
	@$(python) -m benchmarks.sweep --count $(or $(N),20000) $(if $(WRITE),--write)

load: build ## Many at once on the emulator: N=200 SPEED=3 SEED=1
	@$(python) -m benchmarks.load --count $(or $(N),200) --speed $(or $(SPEED),3) --seed $(or $(SEED),1)

# ── Making things ────────────────────────────────────────────────────────────────────────────────────────────────────

build: tools ## What sam deploy deploys, into .aws-sam/
	@$(python) -m local build

sbom: .venvs/sbom/.ready ## Write sbom.json: what the functions bring along, as CycloneDX
	@.venvs/sbom/bin/cyclonedx-py requirements --output-reproducible --output-format JSON --output-file $(or $(SBOM),sbom.json) functions/requirements.txt

contracts: $(development_venv) ## Write schemas/, docs/openapi.yaml, docs/asyncapi.yaml
	@PYTHONPATH=functions $(python) -m contracts

pictures: build ## Draw the state machine and the time lines in docs/ anew
	@$(python) -m pictures

clean: ## Remove everything that make made, a kept stack, too
	@if [ -f .linkwatch/stack.json ] && [ -x $(python) ]; then $(python) -m local down; fi
	@rm -rf .venvs .aws-sam examples/*/.aws-sam .linkwatch .hypothesis .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Side by side: making one waits for the network most of the time.
tools:
	@$(MAKE) -j3 --no-print-directory -s $(emulator_venv) $(sam_venv) $(development_venv)

# The stamp is written last, so that an interrupted one is made anew.
.venvs/%/.ready: requirements/%.txt
	@echo "Making .venvs/$* (once; under a minute)" >&2
	@rm -rf .venvs/$* && python=$$(sh local/stack/find-python) && "$$python" -m venv .venvs/$*
	@.venvs/$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< 2>.venvs/$*/pip.log \
		|| { cat .venvs/$*/pip.log >&2; exit 1; }
	@touch $@
