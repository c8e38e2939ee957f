# Everything works from a fresh clone: each target makes the environment first where it is missing.
PYTHON ?= python3
VENV := .venv
BENCH := $(VENV)/bin/bench
SETUP := $(VENV)/.installed
JOBS ?= 4
# In the order of tests/conftest.py: slow files first.
SIDE_BY_SIDE := -n $(JOBS) --dist loadfile --no-loadscope-reorder
# The demo always trains: the records that came with the clone are in results.
DEMO := .bench/demo
# An environment with the lowest versions that pyproject.toml allows: 8.4.* where it says >=8.4.
LOWEST := .venv-lowest

# Tests start hundreds of processes: what these import is compiled once.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lowest tables leaderboard parity coverage-simulation faults speeds demo-backbone lint types clean

demo: $(SETUP)
	$(BENCH) run --methods seeds --data scenes --results $(DEMO)
	$(BENCH) tables --results $(DEMO)

test: lint types
	$(VENV)/bin/pytest $(SIDE_BY_SIDE) --durations 25

lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/pytest $(SIDE_BY_SIDE)

tables: $(SETUP)
	$(BENCH) tables
	$(BENCH) tables context --results results/context

leaderboard: $(SETUP)
	$(BENCH) leaderboard

# How far the heads are from the published implementations, case by case: some minutes.
parity: $(SETUP)
	$(VENV)/bin/python tests/helpers/parity_table.py results/parity.md

# How often intervals hold the truth, simulated: about six minutes on two cores.
coverage-simulation: $(SETUP)
	$(VENV)/bin/python tests/helpers/coverage_simulation.py results/coverage.md

# A hundred kills, bad files for every reader, a full disk at every write: about an hour on two cores. Some of it:
# make faults FAULTS="--part killed --kills 20"; the table keeps what it says of the rest.
faults: $(SETUP)
	$(VENV)/bin/python tests/helpers/faults_table.py results/faults.md $(FAULTS)

# The table of speeds in bench/README.md, from the reports of `bench profile PART --out results/perf/NAME.json`.
speeds: $(SETUP)
	$(BENCH) profile table --into bench/README.md

# The weights that the demo starts from, about half an hour on two cores; committed, and made again by this.
OBJECTS := .bench/objects
demo-backbone: $(SETUP)
	$(BENCH) run --methods resnet --data scenes-objects --schedule demo --weights none --epochs 30 --results $(OBJECTS)
	$(VENV)/bin/python -m bench.engine.models.keep_backbone .bench/runs/$$(ls $(OBJECTS)/runs | grep resnet)/model.safetensors \
		methods/backbones/scenes_objects.safetensors

lint: $(SETUP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(SETUP)
	$(VENV)/bin/mypy

$(SETUP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[dev]'
	touch $@

$(LOWEST)/.installed: pyproject.toml tests/helpers/lowest_versions.py
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) tests/helpers/lowest_versions.py pyproject.toml > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --quiet --editable '.[dev]' --constraint $(LOWEST)/constraints.txt
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
