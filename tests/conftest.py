"""Provide a small article, settings for it, and a chatbot with fake models. Nothing here loads a real model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from fakes import ARTICLE, FakeEmbedder, ScriptedGenerator
from hypothesis import HealthCheck, settings

from rag.documents import Document
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
    """Turn a skip for a missing tool into a failure in CI, where only features of the processor may be missing."""
    lacking = "this processor" in str(report.longrepr)
    if os.environ.get("CI") and report.skipped and not lacking and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Nothing may be skipped in CI: {report.longreprtext or report.longrepr}"
    return report


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a store with the indexed small article, built once; tests have hard links to its files and must not alter them."""
    folder = tmp_path_factory.mktemp("indexed")
    store = folder / "store"
    corpus = [Document("article.txt", ARTICLE)]
    own = Settings.load(environ={}, store=store, weights=folder / "weights", offline=True, read_ahead=False)
    Rag(own, FakeEmbedder(), ScriptedGenerator(), documents=corpus).answering()
    yield store
    Rag(replace(own, rebuild="never"), FakeEmbedder(), ScriptedGenerator(), documents=corpus).search_index()  # fails if altered


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "article.txt").write_text(ARTICLE, encoding="utf-8")
    return folder


@pytest.fixture
def chosen(tmp_path: Path, corpus: Path, indexed: Path) -> Settings:
    """Return settings confined to the test's own folder, where the article is already indexed."""
    shutil.copytree(indexed, tmp_path / "store", copy_function=os.link)
    return Settings.load(
        environ={}, corpus=corpus, store=tmp_path / "store", weights=tmp_path / "weights", offline=True, read_ahead=False
    )


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def make_rag(chosen: Settings, embedder: FakeEmbedder) -> Iterator[Callable[..., Rag]]:
    """Yield a factory of chatbots: make_rag(generator, **changed settings)."""
    opened: list[Rag] = []

    def make(generator: ScriptedGenerator | None = None, **changes: object) -> Rag:
        values = {name: getattr(chosen, name) for name in chosen.__dataclass_fields__} | changes
        rag = Rag(Settings(**values), embedder, generator or ScriptedGenerator())
        opened.append(rag)
        return rag

    yield make
    for rag in opened:
        rag.close()
