"""Fit the logistic models of the gate, of follow-ups and of intents, and the gate's probes; tabulate rates by threshold.

The gate decides whether the text answers a question, the follow-up model whether a question leans on the one before it, and
the intent model whether a message is a question. The gate and the probes are fitted on the tune half of the project's
questions and on questions about other texts; their curves are measured on held-out texts. The test half is not used. After a
look at the curves, the weights are copied into `tuned.toml` by hand; the probes are saved to a file. The probe of claims is in
`claims.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from rag.answering import Answering
from rag.clock import Clock
from rag.embedding import Embedder, Vectors, embed_questions
from rag.errors import RagError
from rag.evaluation import messages, questions
from rag.evaluation.fitting import STRENGTH, curve, fit_logistic, fit_probe
from rag.evaluation.measures import Question, touches
from rag.evaluation.variants import Chatbots, open_chatbots
from rag.grounding.gate import Signals, log_odds
from rag.grounding.probe import Probe, Probes
from rag.progress import bar
from rag.question import Query
from rag.question.follow_up import has_pointer, log_length
from rag.question.intents import INTENTS, FittedIntents
from rag.retrieval import Found
from rag.settings import Settings
from rag.text.script import Language

STRENGTH_OF_INTENTS = 10.0
"""Inverse regularisation strength (scikit-learn's C) of the model of a message's embedding."""
LEFT_OUT = 2
"""Sentences shown to the judge, at most, when those that answer the question are left out."""
WEIGHT_LEFT_OUT = 0.25
"""Sample weight of a judgement without the evidence; one of a draft counts 1."""
NO_QUESTIONS = ("injection", "small talk")
"""Types of evaluation questions that ask nothing about the text."""


@dataclass(frozen=True)
class Row:
    """A training row: a question's text, its signals, and whether it has an answer.

    text: name of the text asked about, "" for the article. signals: None if the question was declined before a draft.
    """

    text: str
    signals: Signals | None
    answerable: bool


class Collected(NamedTuple):
    """Training rows of the gate and its probes.

    asked: questions as they were asked. left_out: judgements of sentences without the evidence. From these a probe learns to
    look for the evidence, not to recognise the kinds of question that texts usually leave open.
    """

    asked: list[Row]
    left_out: list[Row]


def _asked(others: int | None) -> list[Question]:
    """Return the tune half, and the first `others` questions on other texts, all of them for None."""
    return questions("tune") + questions("other")[:others]


def collect(settings: Settings, others: int | None) -> tuple[Collected, str]:
    """Return the signals of the tune half and of questions on other texts, and the follow-up model's weights and curve.

    others: number of questions on other texts, the first ones; None for all. The follow-up model is fitted to all of them.
    """
    collected = Collected([], [])
    asked = _asked(others)
    report = bar("drafts", "question")
    with open_chatbots(settings) as chatbots:
        for number, question in enumerate(asked, start=1):
            answering = chatbots.of(question).answering()
            query = answering.query(question.question, question.history)
            found, *second = answering.find(query)
            if not second:  # of two questions asked at once, only one may have an answer
                signals = _signals(query, answering)
                collected.asked.append(Row(question.text, signals, question.answerable))
                if signals is not None and question.answerable:
                    collected.left_out.append(Row(question.text, _without_evidence(question, found, answering), False))
            report(number, len(asked))
        return collected, _fit_leaning(chatbots)


def _signals(query: Query, answering: Answering) -> Signals | None:
    """Return the gate's signals for a question, None if it is declined before a draft."""
    seen: list[Signals] = []
    for _ in replace(answering, watch=seen.append).stream(query, Clock(), lambda: False):
        if seen:  # the rest of the stream is not needed
            break
    return seen[0] if seen else None


def _without_evidence(question: Question, found: Found, answering: Answering) -> Signals:
    """Return the judge's signals on the likeliest sentences, without those that answer the question."""
    texts = [answering.index.sentences[number].text for number, _ in found.ranked]
    others = [text for text in texts if not any(touches(places, text) for places in question.evidence)]
    judged, state = answering.judge.verdict(found.query, others[:LEFT_OUT], Clock(), lambda: False)
    return Signals(0.0 if judged is None else judged, 0.0, 0.0, state)


def fit_gate(asked: Sequence[Row]) -> str:
    """Return the weights of the gate without probes, as lines for tuned.toml, and its curve."""
    drafted = [row for row in asked if row.signals is not None]
    features = np.array([[log_odds(s.judged), s.invented, s.account] for row in drafted if (s := row.signals)])
    fitted, held_out = _fit(features, drafted)
    lines = _weights("gate", ("judged", "invented", "account"), fitted)
    return "\n".join([*lines, *_gate_curve(asked, drafted, held_out)])


def fit_probes(collected: Collected, fits: str) -> tuple[Probes, str]:
    """Return probes fitted to the hidden states of these rows, and the gate's weights for them and its curve as text.

    fits: identity of the model and prompts that the states come from, as `probe.fitted_to` returns it. The gate is fitted to
    the probes' held-out predictions. Drafts that were cut short have no state and are ignored. Raises RagError if no draft has
    one.
    """
    drafted = [row for row in collected.asked if row.signals is not None and row.signals.draft_state is not None]
    if not drafted:
        raise RagError(
            "The engine exposes no hidden states, so no probe can be fitted; leave out --probes, or set RAG_ENGINE=int8."
        )
    judge, judged = _fit_probe(drafted, collected.left_out, lambda signals: signals.judge_state)
    draft, written = _fit_probe(drafted, [], lambda signals: signals.draft_state)
    features = np.array([[log_odds(chance) for chance in pair] for pair in zip(judged, written, strict=True)])
    fitted, held_out = _fit(features, drafted)
    lines = _weights("gate_probed", ("judge", "draft"), fitted)
    return Probes(judge, draft, fits), "\n".join([*lines, *_gate_curve(collected.asked, drafted, held_out)])


def _fit_probe(asked: list[Row], left_out: list[Row], state: Callable[[Signals], Vectors | None]) -> tuple[Probe, Any]:
    """Return a probe of a state, and for each row of `asked` the held-out probability that the text answers."""
    rows = asked + left_out
    states = [state(row.signals) for row in rows if row.signals]
    counts = np.array([1.0] * len(asked) + [WEIGHT_LEFT_OUT] * len(left_out))
    probe, held_out = fit_probe(states, _labels(rows), [row.text for row in rows], counts)
    return probe, held_out[: len(asked)]


def _fit(features: Any, rows: Sequence[Row]) -> tuple[Any, Any]:
    """Return a logistic model of whether a row has an answer, and each row's held-out probability."""
    fitted, held_out = fit_logistic(features, _labels(rows), [row.text for row in rows], STRENGTH)
    return fitted, held_out[:, 1]


def _labels(rows: Sequence[Row]) -> Any:
    return np.array([row.answerable for row in rows], bool)


def _gate_curve(asked: Sequence[Row], drafted: Sequence[Row], held_out: Any) -> Iterator[str]:
    """Yield the rates of right and false declines by threshold; questions without a draft always count as declined.

    held_out: for each row of `drafted`, the held-out probability that the text answers.
    """
    labels, others = _labels(drafted), _labels([row for row in asked if row.signals is None])

    def declines(threshold: float) -> tuple[float, float]:
        right = np.sum(~others) + np.sum((held_out < threshold) & ~labels)
        wrong = np.sum(others) + np.sum((held_out < threshold) & labels)
        return float(right / (np.sum(~others) + np.sum(~labels))), float(wrong / (np.sum(others) + np.sum(labels)))

    yield from curve("declined rightly", "false declines", declines)


def _fit_leaning(rags: Chatbots) -> str:
    """Return the weights and the curve of the follow-up model, fitted to all questions on other texts."""
    asked = questions("other")
    features = np.array(list(_leaning_features(asked, rags)))
    labels = np.array([question.leans for question in asked])
    fitted, chances = fit_logistic(features, labels, [question.text for question in asked], STRENGTH)
    held_out = chances[:, 1]
    lines = _weights("lean", ("pointer", "length", "nearest"), fitted)

    def kept_apart(threshold: float) -> tuple[float, float]:
        return float(np.mean(held_out[labels] >= threshold)), float(np.mean(held_out[~labels] < threshold))

    return "\n".join([*lines, *curve("follow-ups found", "others kept", kept_apart)])


def fit_intents(embedder: Embedder) -> tuple[FittedIntents, str]:
    """Return the intent model for an embedder's vectors, and its curve.

    It is fitted to the tune half of the messages and of the questions, and to the questions on other texts.
    """
    labelled = [
        (row["question"], 0) if row["kind"] == "mixed" else (row["message"], INTENTS.index(row["kind"]))
        for row in messages("tune")
    ]
    asked = [question for question in (*questions("tune"), *questions("other")) if question.type not in NO_QUESTIONS]
    texts, labels = zip(*labelled, *((question.question, 0) for question in asked), strict=True)
    vectors = embed_questions(embedder, texts)
    fitted, held_out = fit_logistic(vectors, np.array(labels), texts, STRENGTH_OF_INTENTS)
    chance, steers = held_out[:, 0], np.array(labels) > 0

    def told_apart(threshold: float) -> tuple[float, float]:
        return float(np.mean(chance[steers] < threshold)), float(np.mean(chance[~steers] < threshold))

    model = FittedIntents(fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32), embedder.identity)
    return model, "\n".join(curve("others found", "questions lost", told_apart))


def _leaning_features(asked: Sequence[Question], rags: Chatbots) -> Iterator[list[float]]:
    for question in asked:
        index, embedder = rags.of(question).search_index()
        nearest = index.dense(embed_questions(embedder, [question.question])[0], 1)[0].score
        language: Language = "en" if question.language == "en" else "zh-Hans"
        yield [float(has_pointer(question.question, language)), log_length(question.question), nearest]


def _weights(prefix: str, names: Sequence[str], fitted: Any) -> list[str]:
    lines = [f"{prefix}_bias = {fitted.intercept_[0]:.3f}"]
    return lines + [f"{prefix}_{name} = {value:.3f}" for name, value in zip(names, fitted.coef_[0], strict=True)]
