# Every target does its own set-up: Python 3.11 to 3.13 and make are all it takes. The first one installs into .venv, in
# the versions of requirements.lock and without a system's compiler; later ones find it there. The demo installs what a
# user has, all others what a developer needs too.
#
#   make demo        train CartPole before your eyes, evaluate it and render a GIF of it
#   make test        the quick tests, a few minutes
#   make check       what CI runs: lint, format, types, quick tests
#   make test-slow   all others: those below, and what takes many seconds (hours)
#   make learning    the tests that train real environments until they are solved (minutes)
#   make torture     the torture tests: hundreds of runs killed and resumed, disks filled, signals sent (hours)
#   make torture-release   faults of twenty classes by the thousand; goes on where it was stopped (hours)
#   make docs        write the tables of README.md and docs/ from code and results
#   make bench       measure again how fast it is and whether it learns (an hour or more)
#   make studies     what was found out with it, all of it again (hours)
#   make shaping-study   which reward teaches a lander to land: train, compare, report, render (minutes)
#   make ranking     which algorithm is best where: train all, compare, write tables and plot (long)
#   make preferences what comparisons teach, and its nulls (long)
#   make figures     make the pictures again (long)
#   make kernels     compile the kernels again if their sources changed (all targets above do)
#   make wheels      build a wheel for each platform, with its compiled kernels, into dist/ (minutes)
#   make clean       remove what these targets made; runs/ stays
#   make lock        resolve the dependencies anew and write requirements.lock

VENV ?= .venv
BIN := $(VENV)/bin
USER_STAMP := $(VENV)/.installed
STAMP := $(VENV)/.installed-for-development
KERNELS := $(VENV)/.kernels
READY = $(STAMP) $(KERNELS)
# The first interpreter of these names that runs and is of a supported version; PYTHON=... chooses another.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c '$(SUPPORTED)' 2>/dev/null && echo "$$python" && break; done)
# Wheels only, but for rliable, which has none and nothing to compile. Quiet twice: pip's warnings about a machine's own
# configuration are no concern of a demo.
PIP_FLAGS ?= --quiet --quiet
WHEELS := --only-binary :all: --no-binary rliable
PIP = $(BIN)/python -m pip install $(PIP_FLAGS) --disable-pip-version-check $(WHEELS)
# Programs of benchmarks/, the quick ones first; after a colon an option. Those that say how fast it is, and whether it
# learns what it should:
BENCHMARKS ?= startup one_page roofline engines env_steps:--peer=envpool time_to_solve scale throughput:--peer=rejax \
	growth solved sweep_speed
# What was found out with it:
STUDIES ?= gradient_variance learning_curve sweeps_shown shaping_study policies pruning gradient_clip healthy ranking \
	solved:--long
# What answers teach:
PREFERENCES ?= preferences_pendulum preferences_cartpole preferences_memory preferences_teachers preferences_hover \
	preferences_lander
# The programs that make pictures.
FIGURES ?= learning_curve growth gradient_variance sweeps_shown shaping_study ranking
MEASURE = for program in $(1); do echo "== $$program"; \
	$(BIN)/python benchmarks/$$(echo $$program.py | sed 's/:\(.*\)\.py/.py \1/') || exit 1; done
# Tests of one file stay together, with what they share, until a process has nothing left to do.
PYTEST = $(BIN)/python -m pytest -n auto --dist worksteal
# Seconds after which a test hangs: a hundred times what the longest takes, for no load may do that.
HANGS = 1200
SLOW_HANGS = 36000

.PHONY: demo test test-slow learning torture torture-release lint check docs bench studies figures shaping-study ranking \
	preferences clean lock setup kernels wheels
.DEFAULT_GOAL := check

demo: $(USER_STAMP) $(KERNELS)
	$(BIN)/ppo train --env CartPole-v1
	$(BIN)/ppo eval latest
	$(BIN)/ppo render latest --force

test: $(READY)
	$(PYTEST) --timeout $(HANGS)

test-slow: $(READY)
	$(PYTEST) --timeout $(SLOW_HANGS) -m "slow or learning or torture"

learning torture: $(READY)
	$(PYTEST) --timeout $(SLOW_HANGS) -m $@

torture-release: $(READY)
	$(BIN)/python benchmarks/torture; status=$$?; $(BIN)/python docs/generate.py && exit $$status

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

docs: $(STAMP)
	$(BIN)/python docs/generate.py

# What is measured goes into the pages.
bench: WHAT = $(BENCHMARKS)
studies: WHAT = $(STUDIES)
preferences: WHAT = $(PREFERENCES)
figures: WHAT = $(FIGURES)
ranking: WHAT = ranking
bench studies preferences figures ranking: $(READY)
	@$(call MEASURE,$(WHAT))
	$(BIN)/python docs/generate.py

shaping-study: $(READY)
	$(BIN)/python benchmarks/shaping_study.py --runs-dir runs

setup: $(READY)

# torch has a call of its own, before anything that asks for "some torch": on Linux a machine set up for the CPU build
# then gets that build, once. Where several builds are offered pip takes the one its configuration prefers.
$(USER_STAMP): requirements.lock pyproject.toml
	@"$(or $(PYTHON),false)" -c '$(SUPPORTED)' 2>/dev/null || { \
	    echo "ppo needs Python 3.11, 3.12 or 3.13, and '$(or $(PYTHON),python3)' is none of them." >&2; \
	    echo "Install one, or say where it is: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing into $(VENV), once; this takes a minute or more, and longer where torch has to be downloaded."
	@$(PYTHON) -m venv "$(VENV)" || { \
	    echo "Could not make $(VENV). On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@$(PIP) --constraint requirements.lock "$$(grep '^torch==' requirements.lock)"
	@$(PIP) --constraint requirements.lock hatchling
	@$(PIP) --constraint requirements.lock --no-build-isolation --editable ".[plots,search,html]"
	@touch "$@"

$(STAMP): $(USER_STAMP)
	@echo "Installing what tests and benchmarks need."
	@$(PIP) --requirement requirements.lock
	@touch "$@"

# The compiler is a package of 100 MB. Developers have it; for a user it comes for this moment. Whatever fails, torch
# does the same work, and what was in the way is said.
$(KERNELS): requirements.lock $(wildcard ppo_cli/kernels/*.py ppo_cli/kernels/c/*) | $(USER_STAMP)
	@$(BIN)/python -c "import ziglang" 2>/dev/null || { \
	    echo "Fetching a compiler for the kernels, for this once."; \
	    $(PIP) --no-deps --target "$(VENV)/compiler" "$$(grep '^ziglang==' requirements.lock)" || true; }
	@PYTHONPATH="$(abspath $(VENV))/compiler$${PYTHONPATH:+:$$PYTHONPATH}" $(BIN)/python -m ppo_cli.kernels.build || true
	@rm -rf "$(VENV)/compiler"
	@touch "$@"

kernels: $(KERNELS)

wheels: $(STAMP)
	@rm -rf dist
	@for target in $$($(BIN)/python -c "from ppo_cli.kernels.targets import TARGETS; print(*TARGETS)"); do \
	    PPO_WHEEL_TARGET=$$target $(BIN)/python -m hatchling build --target wheel || exit 1; done

clean:
	rm -rf "$(VENV)" "$(VENV)-lock" build dist ppo_cli/kernels/lib .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What a clean environment ends up with is the lock: the pinned torch, this package with all extras, and its build tool.
# On Python 3.11, the oldest supported: what it gets has wheels for the newer ones too. Local labels ("+cpu") and the
# package itself are left out; Box2D gets the markers of pyproject.toml and its twin for the other machines.
TORCH ?= torch==2.13.0
LOCK_PYTHON ?= python3.11
LOCK_PIP = $(VENV)-lock/bin/python -m pip
lock:
	rm -rf "$(VENV)-lock"
	$(LOCK_PYTHON) -m venv "$(VENV)-lock"
	$(LOCK_PIP) install --quiet --quiet $(WHEELS) $(TORCH)
	$(LOCK_PIP) install --quiet --quiet $(WHEELS) $(TORCH) hatchling ".[dev,bench]"
	{ echo "# Every package, direct and transitive, for Python 3.11 to 3.13; written by 'make lock'."; \
	  echo "$(TORCH)"; \
	  $(LOCK_PIP) freeze --all --exclude pip --exclude ppo-cli --exclude torch | sed -E \
	    -e "s/\+[a-z0-9.]+$$//" \
	    -e "s/^[Bb]ox2[Dd]==.*/&; sys_platform != 'linux' or platform_machine == 'x86_64'/"; \
	  echo "ufal-pybox2d==2.3.10.5; sys_platform == 'linux' and platform_machine != 'x86_64'"; \
	} > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf "$(VENV)-lock"
