"""Fit the gate on the tune half of the project's questions, and show its curve.

The weights go into `tuned.toml` by hand, after a look at the curve; nothing of the test half is seen here.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.answering import Clock
from rag.evaluation import questions
from rag.gate import Signals, clipped
from rag.names import Names
from rag.pipeline import Rag
from rag.results import Final
from rag.retrieval import read_question
from rag.settings import Settings


@dataclass(frozen=True)
class Row:
    """Hold one tune question: its signals, None where it was declined before a draft, and whether it has an answer."""

    signals: Signals | None
    answerable: bool


def collect(settings: Settings) -> list[Row]:
    """Return the signals of every tune question, as the pipeline measures them."""
    rag = Rag(settings).warm()
    rows: list[Row] = []
    try:
        names = Names.read(settings.corpus)
        asked = questions("tune")
        for number, question in enumerate(asked, start=1):
            seen: list[Signals] = []
            answering = replace(rag.answering(), watch=seen.append)
            query = read_question(question.question, question.history, answering.index.documents[0].text, names)
            for event in answering.stream(query, Clock(), lambda: False):
                if isinstance(event, Final):
                    rows.append(Row(seen[-1] if seen else None, question.answerable))
            print(f"\r{number}/{len(asked)}", end="", file=sys.stderr, flush=True)
    finally:
        rag.close()
    return rows


def fit(rows: Sequence[Row]) -> str:
    """Return the fitted weights as lines for tuned.toml, and what each threshold gives in ten-fold cross-validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    drafted = [(row.signals, row.answerable) for row in rows if row.signals is not None]
    features = np.array([[math.log(clipped(s.judged) / (1 - clipped(s.judged))), s.invented] for s, _ in drafted])
    labels = np.array([answerable for _, answerable in drafted])
    model = LogisticRegression(C=2, class_weight="balanced")
    held_out = cross_val_predict(model, features, labels, cv=10, method="predict_proba")[:, 1]
    weights = model.fit(features, labels)
    names = ("gate_judged", "gate_invented")
    lines = [f"gate_bias = {weights.intercept_[0]:.3f}"]
    lines += [f"{name} = {value:.3f}" for name, value in zip(names, weights.coef_[0], strict=True)]
    unanswerable = sum(not row.answerable for row in rows)
    early = sum(not row.answerable for row in rows if row.signals is None)
    lost = sum(row.answerable for row in rows if row.signals is None)
    lines.append(f"{'threshold':>10}{'declined rightly':>18}{'false declines':>16}")
    for threshold in np.arange(0.1, 0.7, 0.05):
        right = (early + int(np.sum((held_out < threshold) & ~labels))) / unanswerable
        wrong = (lost + int(np.sum((held_out < threshold) & labels))) / (len(rows) - unanswerable)
        lines.append(f"{threshold:>10.2f}{right:>18.3f}{wrong:>16.3f}")
    return "\n".join(lines)
