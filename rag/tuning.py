"""Fit what is decided by logistic models, and show their curves: may it be answered; does a question lean on another.

The gate and the probe are fitted on the tune half of the project's questions and on questions of other texts, and tried on
texts that they were not fitted on. The weights go into `tuned.toml` by hand, after a look at the curves, and the probe into
its file; nothing of the test half is seen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rag.answering import Answering
from rag.clock import Clock
from rag.evaluation import questions
from rag.follow_up import holds_pointer, log_length
from rag.gate import Signals, log_odds
from rag.measures import Question, touches
from rag.pipeline import Rag
from rag.probe import Probe
from rag.progress import bar
from rag.results import Final
from rag.retrieval import Query
from rag.settings import Settings
from rag.text import Language, normalize
from rag.variants import Chatbots, Variant

FOLDS = 7
STRENGTH = 10.0
"""Inverse strength of regularisation (scikit-learn's C) of a model of a few signals."""
STRENGTH_OF_STATES = 0.004
"""The same of a model of a state, which has more numbers than there are questions."""
LEFT_OUT = 2
"""Sentences that are judged where those that answer are left out."""
WEIGHT_LEFT_OUT = 0.25
"""What such a judgement counts, beside one of a draft."""


@dataclass(frozen=True)
class Row:
    """Hold one question: its text, its signals (None where it was declined before a draft), and whether it has an answer.

    left_out: whether the sentences that answer it were kept from the judge, so that a probe learns to look for them instead
    of at what kind of question texts leave open.
    """

    text: str
    signals: Signals | None
    answerable: bool
    left_out: bool = False


def _asked(others: int) -> list[Question]:
    """Return the tune half, and a sample of the questions on other texts."""
    more = questions("other")
    return questions("tune") + random.Random(0).sample(more, min(others, len(more)))


def collect(settings: Settings, others: int) -> tuple[list[Row], str]:
    """Return the signals of every tune question and of so many on other texts, and the curve of leaning questions."""
    shared = Rag(settings).warm()
    models = shared.answering()
    rags = Chatbots(settings, models.embedder, models.generator, Variant())
    rows: list[Row] = []
    try:
        asked = _asked(others)
        report = bar("drafts", "question")
        for number, question in enumerate(asked, start=1):
            seen: list[Signals] = []
            answering = replace(rags.of(question).answering(), watch=seen.append)
            query = answering.query(question.question, question.history)
            for event in answering.stream(query, Clock(), lambda: False):
                if isinstance(event, Final) and len(seen) < 2:  # of two questions at once each may be answered or not
                    rows.append(Row(question.text, seen[-1] if seen else None, question.answerable))
                    if seen and question.answerable:
                        rows.append(Row(question.text, _without_evidence(question, query, answering), False, left_out=True))
            report(number, len(asked))
        return rows, _fit_leaning(rags)
    finally:
        shared.close()


def _without_evidence(question: Question, query: Query, answering: Answering) -> Signals:
    """Return the judge's signals on the sentences nearest to a question without those that answer it."""
    (found, near), *_ = answering.find(query)
    texts = [answering.index.sentences[number].text for number, _ in near]
    others = [text for text in texts if not any(touches(places, text) for places in question.evidence)]
    judged, state = answering.judged(found.query, others[:LEFT_OUT], Clock(), lambda: False)
    return Signals(0.0 if judged is None else judged, 0.0, 0.0, state)


def fit_gate(rows: Sequence[Row]) -> str:
    """Return the fitted weights as lines for tuned.toml, and what each threshold gives on texts that were held out."""
    rows = [row for row in rows if not row.left_out]
    drafted = [(row, row.signals) for row in rows if row.signals is not None]
    features = np.array([[log_odds(s.judged), s.invented, s.account] for _, s in drafted])
    labels = np.array([row.answerable for row, _ in drafted])
    fitted, held_out = _logistic(features, labels, [row.text for row, _ in drafted], STRENGTH)
    lines = _weights("gate", ("judged", "invented", "account"), fitted)
    return "\n".join([*lines, *_gate_curve(rows, labels, held_out)])


def fit_probe(rows: Sequence[Row], fits: str) -> tuple[Probe, str]:
    """Return the probe of the states in these rows, and the gate's weights that go with it, as `fit_gate` does.

    fits: what the states are of, as `probe.fitted_to` says. The gate is fitted to what probes say of texts that they were not
    fitted on.
    """
    drafted = [(row, s, s.state) for row in rows if (s := row.signals) is not None and s.state is not None]
    states = np.array([state for _, _, state in drafted], np.float32)
    labels, texts = np.array([row.answerable for row, _, _ in drafted]), np.array([row.text for row, _, _ in drafted])
    asked = np.array([not row.left_out for row, _, _ in drafted])
    mean, spread = states.mean(0), states.std(0) + 1e-6
    counts = np.where(asked, 1.0, WEIGHT_LEFT_OUT)
    fitted, held_out = _logistic((states - mean) / spread, labels, texts, STRENGTH_OF_STATES, counts)
    weights = fitted.coef_[0] / spread
    probe = Probe(weights.astype(np.float32), float(fitted.intercept_[0] - weights @ mean), fits)
    features = np.array([[log_odds(chance), s.invented] for chance, (_, s, _) in zip(held_out, drafted, strict=True)])
    fitted, held_out = _logistic(features[asked], labels[asked], texts[asked], STRENGTH)
    lines = _weights("gate_probed", ("state", "invented"), fitted)
    told = _gate_curve([row for row in rows if not row.left_out], labels[asked], held_out)
    return probe, "\n".join([*lines, *told])


def _gate_curve(rows: Sequence[Row], labels: Any, held_out: Any) -> Iterator[str]:
    """Yield what each threshold gives; what was declined before a draft counts as declined.

    labels, held_out: of the rows with a draft, whether the text answers and the probability that it does.
    """
    unanswerable = sum(not row.answerable for row in rows)
    early = sum(not row.answerable for row in rows if row.signals is None)
    lost = sum(row.answerable for row in rows if row.signals is None)

    def declines(threshold: float) -> tuple[float, float]:
        right = (early + int(np.sum((held_out < threshold) & ~labels))) / unanswerable
        wrong = (lost + int(np.sum((held_out < threshold) & labels))) / (len(rows) - unanswerable)
        return right, wrong

    yield from _curve("declined rightly", "false declines", declines)


def _fit_leaning(rags: Chatbots) -> str:
    """Return the same for questions that lean on the one before, or stand alone; every one on other texts counts."""
    asked = questions("other")
    features = np.array(list(_leaning_features(asked, rags)))
    labels = np.array([question.leans for question in asked])
    fitted, held_out = _logistic(features, labels, [question.text for question in asked], STRENGTH)
    lines = _weights("lean", ("pointer", "length", "nearest"), fitted)

    def kept_apart(threshold: float) -> tuple[float, float]:
        return float(np.mean(held_out[labels] >= threshold)), float(np.mean(held_out[~labels] < threshold))

    return "\n".join([*lines, *_curve("leaning heard", "alone kept", kept_apart)])


def _leaning_features(asked: Sequence[Question], rags: Chatbots) -> Iterator[list[float]]:
    for question in asked:
        index, embedder = rags.of(question).search_index()
        nearest = index.dense(embedder.queries([normalize(question.question)])[0], 1)[0].score
        language: Language = "en" if question.language == "en" else "zh-Hans"
        yield [float(holds_pointer(question.question, language)), log_length(question.question), nearest]


def _logistic(features: Any, labels: Any, texts: Any, strength: float, counts: Any = None) -> tuple[Any, Any]:
    """Return a model fitted on everything, and the probabilities that models give to texts they were not fitted on.

    texts: the text that each row is about. strength: scikit-learn's C. counts: what each row counts; 1 if it is None.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    model = LogisticRegression(C=strength, max_iter=1000)
    folds = GroupKFold(min(FOLDS, len(set(texts))))
    counted = {"sample_weight": np.ones(len(labels)) if counts is None else counts}
    held_out = cross_val_predict(model, features, labels, groups=texts, cv=folds, method="predict_proba", params=counted)
    return model.fit(features, labels, **counted), held_out[:, 1]


def _curve(first: str, second: str, rates: Callable[[float], tuple[float, float]]) -> Iterator[str]:
    """Yield a table of two rates by threshold."""
    yield f"{'threshold':>10}{first:>18}{second:>16}"
    for threshold in np.arange(0.05, 0.95, 0.05):
        one, other = rates(threshold)
        yield f"{threshold:>10.2f}{one:>18.3f}{other:>16.3f}"


def _weights(prefix: str, names: Sequence[str], fitted: Any) -> list[str]:
    lines = [f"{prefix}_bias = {fitted.intercept_[0]:.3f}"]
    return lines + [f"{prefix}_{name} = {value:.3f}" for name, value in zip(names, fitted.coef_[0], strict=True)]
