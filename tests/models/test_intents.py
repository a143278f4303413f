"""Test that questions, instructions and small talk are told apart, on messages that were not used for fitting."""

import pytest

from rag.embedding import Embedder
from rag.evaluation import messages
from rag.models import open_embedder
from rag.question.intents import IntentClassifier, intent_model
from rag.settings import Settings
from rag.tuned import tuned

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return open_embedder(Settings.load())


@pytest.mark.parametrize(
    ("kind", "told", "least"),
    [
        ("instruction", "instruction", 0.75),
        ("small talk", "small talk", 0.8),
        ("mixed", "question", 0.9),
        ("question", "question", 0.98),
    ],
)
def test_most_messages_of_each_kind_are_classified_correctly(embedder: Embedder, kind: str, told: str, least: float) -> None:
    steering = IntentClassifier(intent_model(embedder, {}, 0.0), tuned().intent_question, tuned().intent_follow_up)
    judged = [steering.classify(row["message"], embedder)[0] for row in messages("test") if row["kind"] == kind]
    assert len(judged) >= 20
    assert judged.count(told) / len(judged) >= least
