# `make demo` and `make test` each work, alone, on a machine with Python 3.11 and make.
PYTHON ?= python3.11
SHELL  := /bin/bash
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install demo gallery paper zoo curves test test-slow lint format clean page docs nox

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# The stamp makes installation happen once, and again when a dependency changes.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

install: $(VENV)/.installed ## create .venv and install everything into it

demo: install ## train a scheduler for about a minute and compare it with the baselines
	$(BIN)/sushi train --scenario resnet50-steady --algo ppo --steps 1000000 --seed 0 --out runs/demo --overwrite

# What the gallery's pictures show: SushiSched, and beside it a policy as `sushi evaluate` takes it.
GALLERY_SCENARIO ?= $(shell $(BIN)/python -c "from sushi_env.scenario.suites import in_suite as n; print(n('resnet50-busy'))")
GALLERY_POLICY   ?= zoo
GALLERY_SEED     ?= 4
GALLERY          := render --scenario $(GALLERY_SCENARIO) --seed $(GALLERY_SEED) --queries 45 \
                    --policy sushisched-accuracy --policy $(GALLERY_POLICY) $(GALLERY_OPTIONS)

gallery: install ## draw the pictures of docs/gallery, against the zoo's agent
	mkdir -p docs/gallery
	$(BIN)/sushi $(GALLERY) --out docs/gallery/timeline.png
	$(BIN)/sushi $(GALLERY) --out docs/gallery/episode.gif

# Layers measured on a ZCU104 (CSV), for the page's section on them; left out where there are none.
MEASUREMENTS ?= $(wildcard ../shared/data/hw/zcu104_resnet50_layers.csv)

paper: install ## reproduce the paper's figures: rows, pictures, benchmarks/paper/README.md
	$(BIN)/sushi paper --page benchmarks/paper $(MEASUREMENTS:%=--measurements %)

# What is trained, and how, is in training.yaml of the suite's folder. An interrupted run goes on
# where it stopped.
JOBS ?= 2

zoo: install ## train the agents of the zoo anew (about 25 minutes on two cores)
	$(BIN)/sushi bench train --jobs $(JOBS) --zoo agents/sushi_agents/zoo_agents

curves: install ## learning curves over five seeds, with and without the cache's choice (half an hour)
	$(BIN)/sushi bench train --curves --jobs $(JOBS) --plot docs/gallery

page: install ## rebuild the leaderboard of benchmarks/page from benchmarks/results
	$(BIN)/sushi bench page benchmarks/results/* --out benchmarks/page

docs: install ## build the documentation's site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# One after another, each removed when it is done: together they would take gigabytes.
nox: install ## test in environments of their own: oldest and newest versions, EnvPool, RLlib, MO-Gymnasium
	for session in minimum newest envpool mo_gymnasium rllib; do \
	  $(BIN)/nox -s $$session && rm -rf .nox/$$session || exit 1; \
	done

test: install ## run the fast tests
	$(BIN)/pytest -n 2

# Ray is large, and nothing but a slow test needs it: `make install` and CI do without.
$(VENV)/.installed-ray: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,ray]'
	@touch $@

test-slow: $(VENV)/.installed-ray ## run the tests that take minutes
	$(BIN)/pytest -m slow

lint: install ## ruff (lint, format) and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: install ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the virtual environment, caches and runs
	rm -rf $(VENV) .nox runs dist site .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
