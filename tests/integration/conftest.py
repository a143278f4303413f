"""Make a toy model the only known one, with its weights in the test's own folder."""

from pathlib import Path

import pytest
from toy_weights import MODEL

from rag import weights
from rag.settings import Settings


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "models", lambda: {"toy": MODEL})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(weights=tmp_path / "weights")
