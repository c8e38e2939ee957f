# Everything works from a fresh clone: each target makes the environment first where it is missing.
PYTHON ?= python3
VENV := .venv
BENCH := $(VENV)/bin/bench
SETUP := $(VENV)/.installed
JOBS ?= 2
# The demo always trains: the records that came with the clone are in results.
DEMO := .bench/demo

.PHONY: demo test tables leaderboard lint types clean

demo: $(SETUP)
	$(BENCH) run --methods all --data scenes --results $(DEMO)
	$(BENCH) tables --results $(DEMO)

test: lint types
	$(VENV)/bin/pytest -n $(JOBS) --dist loadfile

tables: $(SETUP)
	$(BENCH) tables

leaderboard: $(SETUP)
	$(BENCH) leaderboard

lint: $(SETUP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(SETUP)
	$(VENV)/bin/mypy

$(SETUP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
