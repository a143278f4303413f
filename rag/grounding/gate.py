"""Decide in code whether the text answers a question.

Signals are measured elsewhere; here they are weighed by a logistic model, whose weights were fitted on the tune half and on
questions of other texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from rag.embedding import Vectors
from rag.grounding.probe import Probes
from rag.linear import logistic
from rag.text.script import Language
from rag.tuned import Tuned


class Verdict(NamedTuple):
    """Hold what a generator says to whether sentences answer a question.

    probability: of its yes, None of an engine that cannot weigh first words. state: what it held then, if it shows that.
    """

    probability: float | None
    state: Vectors | None


@dataclass(frozen=True)
class Signals:
    """Hold what is known once a draft is written.

    judged: the generator's probability that the sentences behind the draft answer the question; of an engine that cannot
    weigh first words, the share of the draft that is not invented. invented: the share of the draft's sentences that nothing
    supports, or with a number or a name that no evidence holds. Both lie between 0 and 1. account: how much more the question
    asks for an account than for a detail, between -1 and 1. judge_state, draft_state: the generator's when it judged, and when
    its draft was over, of an engine that shows them.
    """

    judged: float
    invented: float
    account: float
    judge_state: Vectors | None = None
    draft_state: Vectors | None = None


def hopeless(nearest: float, language: Language, tuned: Tuned) -> bool:
    """Tell whether nothing in the text is near enough to the question to be worth a draft.

    English questions lie farther from Chinese texts than Chinese ones do.
    """
    return nearest < (tuned.gate_hopeless_english if language == "en" else tuned.gate_hopeless)


def probability(signals: Signals, probes: Probes | None, tuned: Tuned) -> float:
    """Return the probability that the text answers the question.

    probes: read the generator's states, where both are there; a draft that was cut short left none. They are right more often
    than the verdict in words, which keeps a share of the score all the same, so that a question unlike those that the probes
    were fitted to is not left to them alone.
    """
    score = tuned.gate_bias + tuned.gate_judged * log_odds(signals.judged)
    score += tuned.gate_invented * signals.invented + tuned.gate_account * signals.account
    if probes is not None and signals.judge_state is not None and signals.draft_state is not None:
        probed = tuned.gate_probed_bias + tuned.gate_probed_judge * probes.judge.log_odds(signals.judge_state)
        probed += tuned.gate_probed_draft * probes.draft.log_odds(signals.draft_state)
        score += tuned.gate_probed_share * (probed - score)
    if math.isnan(score):  # of an engine whose numbers have run over: it says nothing for an answer
        return 0.0
    return logistic(score)


def log_odds(share: float) -> float:
    """Return the log odds of a probability, kept far enough from 0 and 1 to stay finite."""
    clipped = min(max(share, 0.001), 0.999)
    return math.log(clipped / (1 - clipped))
