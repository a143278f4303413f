"""Provide fixtures for tests with fake models: no waiting for the disk, and an index store for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import FakeEmbedder
from stores import LONGEST, article, recipe

from rag.store import load, rebuild


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace fsync, which takes time and matters only after a power failure."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a store that is built once; tests have hard links to its files and must not modify them."""
    made = tmp_path_factory.mktemp("built") / "store"
    rebuild(made, article(), FakeEmbedder(), LONGEST)
    yield made
    load(made, recipe())  # raises if a test has modified it


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    """Return a store for one test, with hard links to the files of `built`."""
    return Path(shutil.copytree(built, tmp_path / "store", copy_function=os.link))
