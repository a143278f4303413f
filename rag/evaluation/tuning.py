"""Fit what is decided by logistic models, and show their curves: may it be answered; does it lean on another; is it a question.

The gate and the probes are fitted on the tune half of the project's questions and on questions of other texts, and tried on
texts that they were not fitted on. The weights go into `tuned.toml` by hand, after a look at the curves, and the probes into
their file; nothing of the test half is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from rag.answering import Answering
from rag.clock import Clock
from rag.embedding import Embedder, Vectors
from rag.errors import RagError
from rag.evaluation import messages, questions
from rag.evaluation.fitting import STRENGTH, curve, fit_logistic, fit_probe
from rag.evaluation.measures import Question, touches
from rag.evaluation.variants import Chatbots, Variant
from rag.grounding.gate import Signals, log_odds
from rag.grounding.probe import Probe, Probes
from rag.pipeline import Rag
from rag.progress import bar
from rag.question import Query
from rag.question.follow_up import holds_pointer, log_length
from rag.question.steering import INTENTS, Fitted
from rag.retrieval import Found
from rag.settings import Settings
from rag.text import normalize
from rag.text.script import Language

STRENGTH_OF_INTENTS = 10.0
"""Inverse strength of regularisation of a model of a message's embedding."""
LEFT_OUT = 2
"""Sentences that are judged where those that answer are left out."""
WEIGHT_LEFT_OUT = 0.25
"""What such a judgement counts, beside one of a draft."""
NO_QUESTIONS = ("injection", "small talk")
"""Types of the evaluation's questions that ask nothing of the text."""


@dataclass(frozen=True)
class Row:
    """Hold one question: its text, its signals (None where it was declined before a draft), and whether it has an answer."""

    text: str
    signals: Signals | None
    answerable: bool


class Collected(NamedTuple):
    """Hold what is fitted to: questions as they were asked, and judgements of which the evidence was left out.

    The second let a probe learn to look for the evidence instead of at what kind of question texts leave open.
    """

    asked: list[Row]
    left_out: list[Row]


def _asked(others: int | None) -> list[Question]:
    """Return the tune half, and the first questions on other texts, so many or all."""
    return questions("tune") + questions("other")[:others]


def collect(settings: Settings, others: int | None) -> tuple[Collected, str]:
    """Return the signals of every tune question and of the first `others` on other texts, and the curve of leaning questions.

    others: None for all.
    """
    shared = Rag(settings).warm()
    models = shared.answering()
    rags = Chatbots(settings, models.embedder, models.generator, Variant())
    collected = Collected([], [])
    try:
        asked = _asked(others)
        report = bar("drafts", "question")
        for number, question in enumerate(asked, start=1):
            answering = rags.of(question).answering()
            query = answering.query(question.question, question.history)
            found, *second = answering.find(query)
            if not second:  # of two questions at once each may be answered or not
                signals = _signals(query, answering)
                collected.asked.append(Row(question.text, signals, question.answerable))
                if signals is not None and question.answerable:
                    collected.left_out.append(Row(question.text, _without_evidence(question, found, answering), False))
            report(number, len(asked))
        return collected, _fit_leaning(rags)
    finally:
        shared.close()


def _signals(query: Query, answering: Answering) -> Signals | None:
    """Return what the gate weighs for a question, None where it is declined before a draft."""
    seen: list[Signals] = []
    for _ in replace(answering, watch=seen.append).stream(query, Clock(), lambda: False):
        if seen:  # what follows is how the reader is told
            break
    return seen[0] if seen else None


def _without_evidence(question: Question, found: Found, answering: Answering) -> Signals:
    """Return the judge's signals on the likeliest sentences but those that answer the question."""
    texts = [answering.index.sentences[number].text for number, _ in found.likely]
    others = [text for text in texts if not any(touches(places, text) for places in question.evidence)]
    judged, state = answering.judge.verdict(found.query, others[:LEFT_OUT], Clock(), lambda: False)
    return Signals(0.0 if judged is None else judged, 0.0, 0.0, state)


def fit_gate(asked: Sequence[Row]) -> str:
    """Return the weights of the gate that hears the verdict in words, as lines for tuned.toml, and its curve."""
    drafted = [row for row in asked if row.signals is not None]
    features = np.array([[log_odds(s.judged), s.invented, s.account] for row in drafted if (s := row.signals)])
    fitted, held_out = _fit(features, drafted)
    lines = _weights("gate", ("judged", "invented", "account"), fitted)
    return "\n".join([*lines, *_gate_curve(asked, drafted, held_out)])


def fit_probes(collected: Collected, fits: str) -> tuple[Probes, str]:
    """Return probes of the states of these rows, and the gate's weights that go with them, as `fit_gate` does.

    fits: what the states are of, as `probe.fitted_to` says. The gate is fitted to what probes say of texts that they were not
    fitted on. Drafts that were cut short, which leave no state, are left aside. Raises RagError where no draft left one.
    """
    drafted = [row for row in collected.asked if row.signals is not None and row.signals.draft_state is not None]
    if not drafted:
        raise RagError("The engine shows no state, so no probe can be fitted; leave out --probes, or set RAG_ENGINE=int8.")
    judge, judged = _fit_probe(drafted, collected.left_out, lambda signals: signals.judge_state)
    draft, written = _fit_probe(drafted, [], lambda signals: signals.draft_state)
    features = np.array([[log_odds(chance) for chance in pair] for pair in zip(judged, written, strict=True)])
    fitted, held_out = _fit(features, drafted)
    lines = _weights("gate_probed", ("judge", "draft"), fitted)
    return Probes(judge, draft, fits), "\n".join([*lines, *_gate_curve(collected.asked, drafted, held_out)])


def _fit_probe(asked: list[Row], left_out: list[Row], state: Callable[[Signals], Vectors | None]) -> tuple[Probe, Any]:
    """Return a probe of a state, and the probability of an answer that it gives each row asked when its text is held out."""
    rows = asked + left_out
    states = [state(row.signals) for row in rows if row.signals]
    counts = np.array([1.0] * len(asked) + [WEIGHT_LEFT_OUT] * len(left_out))
    probe, held_out = fit_probe(states, _labels(rows), [row.text for row in rows], counts)
    return probe, held_out[: len(asked)]


def _fit(features: Any, rows: Sequence[Row]) -> tuple[Any, Any]:
    """Return a model of whether rows have an answer, and the probability that `fit_logistic` gives each when it is held out."""
    fitted, held_out = fit_logistic(features, _labels(rows), [row.text for row in rows], STRENGTH)
    return fitted, held_out[:, 1]


def _labels(rows: Sequence[Row]) -> Any:
    return np.array([row.answerable for row in rows], bool)


def _gate_curve(asked: Sequence[Row], drafted: Sequence[Row], held_out: Any) -> Iterator[str]:
    """Yield what each threshold gives; what was declined before a draft counts as declined.

    held_out: of the rows with a draft, the probability that the text answers.
    """
    labels, others = _labels(drafted), _labels([row for row in asked if row.signals is None])

    def declines(threshold: float) -> tuple[float, float]:
        right = np.sum(~others) + np.sum((held_out < threshold) & ~labels)
        wrong = np.sum(others) + np.sum((held_out < threshold) & labels)
        return float(right / (np.sum(~others) + np.sum(~labels))), float(wrong / (np.sum(others) + np.sum(labels)))

    yield from curve("declined rightly", "false declines", declines)


def _fit_leaning(rags: Chatbots) -> str:
    """Return the weights that tell whether a question leans on the one before, and their curve; all on other texts count."""
    asked = questions("other")
    features = np.array(list(_leaning_features(asked, rags)))
    labels = np.array([question.leans for question in asked])
    fitted, chances = fit_logistic(features, labels, [question.text for question in asked], STRENGTH)
    held_out = chances[:, 1]
    lines = _weights("lean", ("pointer", "length", "nearest"), fitted)

    def kept_apart(threshold: float) -> tuple[float, float]:
        return float(np.mean(held_out[labels] >= threshold)), float(np.mean(held_out[~labels] < threshold))

    return "\n".join([*lines, *curve("leaning heard", "alone kept", kept_apart)])


def fit_intents(embedder: Embedder) -> tuple[Fitted, str]:
    """Return what tells this embedder's messages apart, and its curve; all questions but those of the test half are heard."""
    told = [
        (row["question"], 0) if row["kind"] == "mixed" else (row["message"], INTENTS.index(row["kind"]))
        for row in messages("tune")
    ]
    asked = [question for question in (*questions("tune"), *questions("other")) if question.type not in NO_QUESTIONS]
    texts, labels = zip(*told, *((question.question, 0) for question in asked), strict=True)
    vectors = embedder.queries([normalize(text) for text in texts])
    fitted, held_out = fit_logistic(vectors, np.array(labels), texts, STRENGTH_OF_INTENTS)
    chance, steers = held_out[:, 0], np.array(labels) > 0

    def told_apart(threshold: float) -> tuple[float, float]:
        return float(np.mean(chance[steers] < threshold)), float(np.mean(chance[~steers] < threshold))

    model = Fitted(fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32), embedder.identity)
    return model, "\n".join(curve("told apart", "questions lost", told_apart))


def _leaning_features(asked: Sequence[Question], rags: Chatbots) -> Iterator[list[float]]:
    for question in asked:
        index, embedder = rags.of(question).search_index()
        nearest = index.dense(embedder.queries([normalize(question.question)])[0], 1)[0].score
        language: Language = "en" if question.language == "en" else "zh-Hans"
        yield [float(holds_pointer(question.question, language)), log_length(question.question), nearest]


def _weights(prefix: str, names: Sequence[str], fitted: Any) -> list[str]:
    lines = [f"{prefix}_bias = {fitted.intercept_[0]:.3f}"]
    return lines + [f"{prefix}_{name} = {value:.3f}" for name, value in zip(names, fitted.coef_[0], strict=True)]
