"""Give tests a small article, settings that point at it, and a chatbot on fakes. Nothing here loads a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from fakes import ARTICLE, FakeEmbedder, ScriptedGenerator
from hypothesis import HealthCheck, settings

from rag.pipeline import Rag
from rag.settings import Settings

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

settings.register_profile(
    "unit", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.load_profile("unit")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _not_skipped_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _not_skipped_in_ci((yield))


def _not_skipped_in_ci(report: Report) -> Report:
    """Let a test that a missing tool skips fail where every tool must be there; a processor is what it is."""
    lacking = "this processor" in str(report.longrepr)
    if os.environ.get("CI") and report.skipped and not lacking and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Nothing may be skipped in CI: {report.longreprtext or report.longrepr}"
    return report


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
