"""Give unit tests a small article, settings that point at it, and a chatbot on fakes. Nothing here loads a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import ARTICLE, FakeEmbedder, ScriptedGenerator
from hypothesis import HealthCheck, settings

from rag.pipeline import Rag
from rag.settings import Settings

settings.register_profile(
    "unit", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.load_profile("unit")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "article.txt").write_text(ARTICLE, encoding="utf-8")
    return folder


@pytest.fixture
def chosen(tmp_path: Path, corpus: Path) -> Settings:
    """Return settings that touch nothing outside the test's own folder."""
    return Settings.load(
        environ={}, corpus=corpus, store=tmp_path / "store", weights=tmp_path / "weights", offline=True, read_ahead=False
    )


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def make_rag(chosen: Settings, embedder: FakeEmbedder) -> Iterator[Callable[..., Rag]]:
    """Return a maker of chatbots: make_rag(generator, **changed settings)."""
    opened: list[Rag] = []

    def make(generator: ScriptedGenerator | None = None, **changes: object) -> Rag:
        values = {name: getattr(chosen, name) for name in chosen.__dataclass_fields__} | changes
        rag = Rag(Settings(**values), embedder, generator or ScriptedGenerator())
        opened.append(rag)
        return rag

    yield make
    for rag in opened:
        rag.close()
