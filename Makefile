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

demo: install ## train a scheduler for about three minutes and compare it with the baselines
	$(BIN)/sushi train --scenario resnet50-steady --algo ppo --steps 1000000 --seed 0 --out runs/demo

# What the gallery's pictures show: SushiSched, and beside it a policy as `sushi evaluate` takes it.
GALLERY_SCENARIO ?= v1-resnet50-busy
GALLERY_POLICY   ?= zoo
GALLERY_SEED     ?= 4
GALLERY          := render --scenario $(GALLERY_SCENARIO) --seed $(GALLERY_SEED) --queries 45 \
                    --policy sushisched-accuracy --policy $(GALLERY_POLICY) $(GALLERY_OPTIONS)

gallery: install ## draw the pictures of docs/gallery, against the zoo's agent
	mkdir -p docs/gallery
	$(BIN)/sushi $(GALLERY) --out docs/gallery/timeline.png
	$(BIN)/sushi $(GALLERY) --out docs/gallery/episode.gif

paper: install ## reproduce the paper's figures: rows, pictures, benchmarks/paper/README.md
	$(BIN)/sushi paper --page benchmarks/paper

# `make -j2 zoo` trains two at a time; an interrupted run goes on where it stopped.
ZOO       := agents/sushi_agents/zoo_agents
V1        := $(basename $(notdir $(wildcard sushi_env/scenarios/v1-*.yaml)))
SUPERNETS := resnet50 mobilenetv3
ZOO_RUNS  := $(V1:%=runs/zoo/%/comparison.json) $(SUPERNETS:%=runs/zoo/generalist-%/comparison.json)
STEPS     := 800000
SEED      := 0
MIXTURE   := --mixture 32
MIXED     := 1000000
RESUMED    = $(if $(wildcard $(@D)/checkpoint.pkl),--resume)

zoo: $(ZOO_RUNS) ## train the agents of the zoo anew (about 25 minutes with -j2)

runs/zoo/generalist-%/comparison.json: | install
	$(BIN)/sushi train --scenario v1-$*-shift $(MIXTURE) --steps $(MIXED) --out $(@D) $(RESUMED)
	cp $(@D)/agent.json $(ZOO)/generalist-$*.json
	cp $(@D)/agent.safetensors $(ZOO)/generalist-$*.safetensors

runs/zoo/v1-resnet50-overload/comparison.json: STEPS := 1600000
# Seeds differ most here: the best of four on validation episodes.
runs/zoo/v1-resnet50-diurnal/comparison.json: SEED := 3

runs/zoo/%/comparison.json: | install
	$(BIN)/sushi train --scenario $* --steps $(STEPS) --seed $(SEED) --out $(@D) $(RESUMED)
	cp $(@D)/agent.json $(ZOO)/$*.json
	cp $(@D)/agent.safetensors $(ZOO)/$*.safetensors

# Five seeds each of agents that choose what to cache, that hold one SubGraph for good, that hold
# nothing, and of generalists; a run's folder is runs/curves/SUPERNET/KIND-SEED.
SEEDS      := 0 1 2 3 4
KINDS      := choose shared none mixture
CURVE_RUNS := $(foreach k,$(KINDS),$(foreach n,$(SUPERNETS),$(SEEDS:%=runs/curves/$n/$k-%/comparison.json)))
OF_KIND     = $(firstword $(subst -, ,$(notdir $(@D))))
OF_SEED     = $(lastword $(subst -, ,$(notdir $(@D))))
OF_SUPERNET = $(notdir $(patsubst %/,%,$(dir $(@D))))

curves: $(CURVE_RUNS) ## learning curves over five seeds, with and without the cache's choice (half an hour with -j2)
	for n in $(SUPERNETS); do \
	  $(BIN)/sushi curves runs/curves/$$n/{choose,shared,none}-* --plot docs/gallery/caching-$$n.png && \
	  $(BIN)/sushi curves runs/curves/$$n/mixture-* --plot docs/gallery/generalist-$$n.png || exit; \
	done

runs/curves/%/comparison.json: | install
	$(BIN)/sushi train --scenario v1-$(OF_SUPERNET)-shift --seed $(OF_SEED) --out $(@D) --episodes 1 \
	  $(if $(filter mixture,$(OF_KIND)),$(MIXTURE) --steps $(MIXED),--steps 200000 --hyper cache=$(OF_KIND)) $(RESUMED)

page: install ## rebuild the leaderboard of benchmarks/page from benchmarks/results
	$(BIN)/sushi bench page benchmarks/results/v1 --out benchmarks/page


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
