"""Decide in code whether a question may be answered from what was found.

Signals are measured elsewhere; here they are weighed by a logistic model whose weights were fitted on the tune half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rag.tuned import Tuned


@dataclass(frozen=True)
class Signals:
    """Hold what is known before a word is written.

    model: the generator's own probability of "yes, it is there". nearest: similarity of the nearest passage. cover:
    share of the question's terms that the passages hold. All lie between 0 and 1.
    """

    model: float
    nearest: float
    cover: float


def probability(signals: Signals, tuned: Tuned) -> float:
    """Return the probability that the text answers the question."""
    score = (
        tuned.gate_bias
        + tuned.gate_model * signals.model
        + tuned.gate_nearest * signals.nearest
        + tuned.gate_cover * signals.cover
    )
    return 1.0 / (1.0 + math.exp(-score))
