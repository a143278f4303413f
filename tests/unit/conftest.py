"""Make tests on fakes quick, and give a test an index store of its own."""

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
    """None of these tests pulls the plug, so nothing they write has to reach the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a store that is made once: each test has links to its files, which none may alter."""
    made = tmp_path_factory.mktemp("built") / "store"
    rebuild(made, article(), FakeEmbedder(), LONGEST)
    yield made
    load(made, recipe())  # it is unharmed


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    """Return a store of the test's own."""
    return Path(shutil.copytree(built, tmp_path / "store", copy_function=os.link))
