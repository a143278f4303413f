"""Test eight concurrent readers on the real models: each gets its own answers in turn, and memory does not grow."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import App, Scripted
from readers import QuestionCost, load
from test_load import assert_healthy, level, told

from rag.settings import Settings

pytestmark = [pytest.mark.soak, pytest.mark.models]
READERS = 8
SALARY = [
    {"role": "user", "content": "杭州企业平均招聘月薪是多少元？"},
    {"role": "assistant", "content": "杭州企业平均招聘月薪为11662元。"},
]
ASKED: list[QuestionCost] = [
    ("杭州企业平均招聘月薪是多少元？", [], ["11662"]),
    ("那薪酬中位数呢？", SALARY, ["9500"]),
    ("2023年南京國有企業營收佔百強企業營收總額的多少？", [], ["71.89"]),
    ("浙江大學計算機學院每年畢業多少名碩博生？", [], ["2000"]),
    ("世界500強企業中有幾家總部在杭州？", [], ["9家"]),
]
"""Questions, each with a word that occurs in no answer to the others."""


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    """Return a starter of the unmodified programs, with the shipped article."""
    (tmp_path / "corpus").symlink_to(Settings().corpus)
    return Scripted(tmp_path, real=True)


def test_eight_readers_get_their_own_answers_on_the_real_models(
    start_app: Callable[..., App], figures: Callable[..., None]
) -> None:
    app = start_app(XDG_CACHE_HOME=Settings().weights.parents[1])
    started = time.monotonic()
    numbers = itertools.count()
    seen = load(
        app.url,
        READERS,
        lambda: ASKED[next(numbers) % len(ASKED)],
        lambda answers: time.monotonic() - started > 60,
        lambda answers: time.monotonic() - started > 300,
        lambda: level(app),
    )
    growth = told(seen, figures)
    assert max(seen.counts) - min(seen.counts) <= 2
    assert_healthy(seen)
    assert growth < 0.05
