# `make` lists the targets. Every tool comes from PyPI, in the versions and with the hashes of requirements/, into .venvs/.

SHELL := /bin/sh
# Where the environment has none (env -i make run).
export PATH := $(or $(PATH),/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
.DEFAULT_GOAL := help

# A choice counts where it is typed on make's command line (make deploy ENV=prod), or exported with the prefix LINKWATCH_
# (LINKWATCH_ENV=prod). Many shells and pipelines export ENV or CONFIRM for reasons of their own; those must not choose an account or
# answer a question.
choices := BURST CLICK CONFIRM CORRELATION ENV FULL FUNCTION HOURS ID KEEP LINK_SENT_AT N OFFLINE OUT PARAMETERS PLAN RELEASE \
	REQUEST_ID SCENARIO SEED SESSION_ID SINCE SPEED TAGS TO UNTIL VIA WHAT WRITE YES
typed := $(foreach name,$(choices),$(if $(filter command,$(origin $(name))),$(name)))
# Programs read the prefixed name alone, so that the same is true of a program that is started without make.
$(foreach name,$(typed),$(eval override LINKWATCH_$(name) := $$($(name))))
$(foreach name,$(choices),$(eval override $(name) := $$(LINKWATCH_$(name))))
$(foreach name,$(choices),$(eval unexport $(name))$(eval $(if $($(name)),export,unexport) LINKWATCH_$(name)))

# The virtual environments see nothing of the shell's Python. Of pip's settings, those remain that say how to reach a package index.
unexport $(filter PYTHON% VIRTUAL_ENV __PYVENV_LAUNCHER__,$(.VARIABLES))
index_settings := PIP_CACHE_DIR PIP_CERT PIP_CLIENT_CERT PIP_CONFIG_FILE PIP_DEFAULT_TIMEOUT PIP_DISABLE_PIP_VERSION_CHECK \
	PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_INDEX_URL PIP_KEYRING_PROVIDER PIP_NO_CACHE_DIR PIP_NO_INDEX PIP_PROXY PIP_RETRIES \
	PIP_TRUSTED_HOST
unexport $(filter-out $(index_settings),$(filter PIP_%,$(.VARIABLES)))

# sam runs and deploys stacks, development tests and checks, emulator is AWS on this machine.
sam         := .venvs/sam/.ready
emulator    := .venvs/emulator/.ready
development := .venvs/development/.ready
checkov     := .venvs/checkov/.ready

# Several at the same time.
install     = MAKEFLAGS= $(MAKE) -j4 --no-print-directory -s

run_python := .venvs/sam/bin/python
python     := .venvs/development/bin/python
# What acts on the local stack, or on the account of ENV.
target     := $(run_python) -m $(if $(ENV),operations,local)

# Every target that the help lists is a command, not a file.
.PHONY: $(shell PATH='$(PATH)' sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile)

help: ## Print this list
	@awk -F ':.*## ' '/^# ── / { sub(/^# ── /, ""); sub(/ ──.*/, ""); print "\n" $$0 } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

# ── The local stack ──────────────────────────────────────────────────────────────────────────────────────────────────

run: ## Watch one verification until its outcome: SCENARIO= SPEED= VIA=api|event
	@$(install) $(sam) $(emulator)
	@$(run_python) -m local run

up: ## Keep a local stack running, print what to call: SPEED=1
	@$(install) $(sam) $(emulator)
	@$(run_python) -m local up

down: $(sam) ## Stop the stack that make up started
	@$(run_python) -m local down

watch: $(sam) ## Print the checks and outcomes of the local stack's verifications, or of one: ID= or CORRELATION=
	@$(run_python) -m local watch

logs: $(sam) ## Print a function's logs from the local stack: FUNCTION=
	@$(run_python) -m local logs

# ── The local stack, or with ENV= the one in your account ────────────────────────────────────────────────────────────

env: $(sam) ## Print the stack's outputs as shell exports, for eval: ENV=
	@$(target) env

send: $(sam) ## Start a verification at the simulator: SCENARIO= VIA=api|event CORRELATION= ENV= CLICK=
	@$(target) send

recover: $(sam) ## Resume the verifications that recovery has given up: ENV=
	@$(target) recover

report: $(development) ## Write report.html: HOURS=24 SINCE= UNTIL= OUT= ENV=
	@$(python) -m $(if $(ENV),operations,local) report

# ── Your account ─────────────────────────────────────────────────────────────────────────────────────────────────────

build: $(sam) ## Build what sam deploy deploys, into .aws-sam/
	@$(run_python) -m local build

release: build $(development) ## Write dist/linkwatch-<version>/, which plain CloudFormation deploys
	@$(run_python) -m operations.release

deploy: $(sam) $(if $(RELEASE),,$(development)) ## Build or take a release, show the changes, deploy: ENV= PARAMETERS= TAGS= RELEASE= CONFIRM=no
	@$(run_python) -m operations deploy

rollback: $(sam) ## Deploy again what the last deployment replaced: ENV= TO= PLAN=1 CONFIRM=no
	@$(run_python) -m operations rollback

accept: ## Check the guarantees on a stack of its own: ENV=dev|local BURST=100 FULL=1 KEEP=1 PARAMETERS=
	@$(install) $(sam) $(if $(filter local,$(ENV)),$(emulator))
	@$(run_python) -m $(if $(filter local,$(ENV)),local,operations) accept

# ── Tests and checks ─────────────────────────────────────────────────────────────────────────────────────────────────

test: ## Everything that CI runs
	@$(install) $(sam) $(emulator) $(development) $(checkov)
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-integration test-on-idle-time

# The integration tests mostly wait, but check times. What only computes gets the processor time that they leave.
.PHONY: test-on-idle-time
test-on-idle-time:
	@nice -n 10 $(MAKE) --no-print-directory check test-unit test-static test-definition

test-unit: $(development) ## The functions and tools, without AWS
	@$(python) -m pytest tests/unit -n 2

test-static: build $(development) $(checkov) ## The template and the bundles, without deploying
	@$(python) -m pytest tests/static -n 2

test-definition: $(development) ## The state machine, in the in-process engine
	@$(python) -m pytest tests/definition -n 2

test-integration: ## The deployed stack, under an accelerated clock
	@$(install) $(sam) $(emulator) $(development)
	@$(python) -m pytest tests/integration -n 3 --dist loadfile --no-loadscope-reorder

# checkov scans the stack's own as a release (tests/static/test_release.py), where the reasons for what it skips are kept.
other_templates := examples/consumer/template.yaml examples/consumer_account/template.yaml examples/consumer_account/forward.yaml \
	examples/webhook/template.yaml simulator/template.yaml

check: ## Linters, types, templates, documents, known vulnerabilities: OFFLINE=1 leaves those out
	@$(install) $(sam) $(development) $(checkov)
	@.venvs/development/bin/ruff check
	@.venvs/development/bin/ruff format --check
	@.venvs/development/bin/pyright --pythonpath $(python)
	@PYTHONPATH=functions .venvs/development/bin/lint-imports --no-cache --no-logo
	@.venvs/development/bin/rumdl check --quiet .
	@.venvs/development/bin/zizmor --offline --quiet .github
	@.venvs/development/bin/cfn-lint template.yaml $(other_templates)
	@.venvs/checkov/bin/python -m checkov.main --file $(other_templates) --framework cloudformation --skip-download --compact --quiet
ifeq ($(OFFLINE),)
	@.venvs/development/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement functions/requirements.txt
else
	@echo "pip-audit: not run, because OFFLINE is set"
endif

scenarios: $(development) ## Random scenarios in the in-process engine: N=1000 SEED=1
	@PYTHONPATH=functions $(python) -m tests.definition.engine scenarios --count $(or $(N),1000) --seed $(or $(SEED),1)

bench: $(development) ## Measure: WHAT=start|cost|capacity; WRITE=1 updates docs/cost.md
	@$(if $(filter start cost capacity,$(WHAT)),:,echo "say what: make bench WHAT=start, cost or capacity" >&2; exit 2)
	@$(python) -m benchmarks.$(WHAT) $(if $(and $(WRITE),$(filter cost,$(WHAT))),--write)

# ── The checkout ─────────────────────────────────────────────────────────────────────────────────────────────────────

locked := sam emulator development checkov
others := functions examples/webhook/receiver

lock: $(development) ## Lock the packages of pyproject.toml, all that they need, and their hashes
	@$(python) -m uv lock --quiet --python $(python)
	@for group in $(locked) $(others); do \
		case "$$group" in */*|functions) file=$$group/requirements.txt ;; *) file=requirements/$$group.txt ;; esac; \
		case "$$group" in sam) without="--prune boto3-stubs --prune cfn-lint" ;; *) without= ;; esac; \
		$(python) -m uv export --quiet --frozen --no-annotate --only-group "$$(basename $$group)" $$without --output-file "$$file" >/dev/null || exit 1; \
	done
	@rm uv.lock # it names a package index

clean: ## Remove installed tools, builds and caches, and stop the local stack; releases and reports stay
	@if [ -f .linkwatch/stack.json ] && [ -x $(run_python) ]; then $(run_python) -m local down; fi
	@rm -rf .venvs .aws-sam examples/*/.aws-sam .linkwatch .hypothesis .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last, so that an interrupted installation starts again.
.venvs/%/.ready: requirements/%.txt
	@echo "Installing .venvs/$* (once; under a minute)" >&2
	@rm -rf .venvs/$* && python=$$(sh requirements/find-python) && "$$python" -m venv .venvs/$*
	@.venvs/$*/bin/python -m pip install --quiet --disable-pip-version-check --no-user --no-deps --no-compile --only-binary :all: \
		--require-hashes --requirement $< 2>.venvs/$*/pip.log || { cat .venvs/$*/pip.log >&2; exit 1; }
	@touch $@
