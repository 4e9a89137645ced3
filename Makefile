# `make demo` and `make test` each work, alone, on a machine with Python 3.11 and make.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install demo gallery paper docs nox test test-slow lint format clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# The stamp makes installation happen once, and again when a dependency changes.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

install: $(VENV)/.installed ## create .venv and install everything into it

demo: install ## train a scheduler for about a minute and compare it with the baselines
	$(BIN)/sushi train --scenario resnet50-steady --algo ppo --steps 1000000 --seed 0 --out runs/demo

# What the gallery's pictures show: SushiSched, and beside it a policy as `sushi evaluate` takes it.
GALLERY_SCENARIO ?= resnet50-busy
GALLERY_POLICY   ?= slackfit
GALLERY_SEED     ?= 4
GALLERY          := render --scenario $(GALLERY_SCENARIO) --seed $(GALLERY_SEED) --queries 45 \
                    --policy sushisched-accuracy --policy $(GALLERY_POLICY) $(GALLERY_OPTIONS)

gallery: install ## draw the pictures of docs/gallery, against GALLERY_POLICY=slackfit
	mkdir -p docs/gallery
	$(BIN)/sushi $(GALLERY) --out docs/gallery/timeline.png
	$(BIN)/sushi $(GALLERY) --out docs/gallery/episode.gif

paper: install ## reproduce the paper's figures: rows, pictures, benchmarks/paper/README.md
	$(BIN)/sushi paper --page benchmarks/paper

docs: install ## build the documentation's site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# One after another, each removed when it is done: together they would take gigabytes.
nox: install ## test in environments of their own: oldest and newest versions, RLlib, MO-Gymnasium
	for session in minimum newest mo_gymnasium rllib; do \
	  $(BIN)/nox -s $$session && rm -rf .nox/$$session || exit 1; \
	done

test: install ## run the fast tests
	$(BIN)/pytest -n 2

test-slow: install ## run the tests that take minutes
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
