"""What is no question is told from what is one, on messages that nothing was fitted to."""

import json
from collections.abc import Iterator

import pytest

from rag.evaluation import MESSAGES
from rag.pipeline import Rag
from rag.settings import Settings

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def rag() -> Iterator[Rag]:
    opened = Rag(Settings.load(read_ahead=False))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("kind", "told", "least"),
    [
        ("instruction", "instruction", 0.75),
        ("small talk", "small talk", 0.8),
        ("mixed", "question", 0.9),
        ("question", "question", 1),
    ],
)
def test_messages_are_told_apart(rag: Rag, kind: str, told: str, least: float) -> None:
    rows = [json.loads(line) for line in MESSAGES.read_text(encoding="utf-8").splitlines()]
    messages = [row["message"] for row in rows if (row["split"], row["kind"]) == ("test", kind)]
    answering = rag.warm().answering()
    judged = [answering.steering.judge(message, answering.embedder)[0] for message in messages]
    assert len(messages) >= 20
    assert judged.count(told) / len(messages) >= least
