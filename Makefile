# Two commands do all set-up: `make chat` serves the page, `make test` runs the tests. Both are safe to repeat.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7860

# `make unit`: the tests on fakes alone, in seconds; tests/integration holds those with real libraries and sockets.
.PHONY: chat test unit check fix setup soak screenshots clean

chat: setup
	$(BIN)/python app.py --port $(PORT)

test: setup
	$(BIN)/python -m rag weights fetch qwen2.5-coder-0.5b
	$(BIN)/python -m pytest -m "not soak"

unit: $(VENV)/installed
	$(BIN)/python -m pytest tests/unit

check: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: setup
	$(BIN)/python -m pytest -m soak

screenshots: setup
	$(BIN)/python docs/screenshots.py

setup: $(VENV)/installed
	$(BIN)/python -m rag weights fetch
	$(BIN)/python index/rebuild.py

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) index/store
