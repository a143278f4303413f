# `make chat` serves the page and `make test` runs the tests. Both do all set-up first, and are safe to repeat.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7860

# `make unit` runs only the tests on fakes, in seconds; those with real libraries and sockets are in tests/integration.
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
