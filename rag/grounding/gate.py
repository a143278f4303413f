"""Decide whether the text answers a question.

The signals are measured elsewhere; here a logistic model weighs them. Its weights were fitted on the tune half of the
project's questions and on questions about other texts.
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
    """A generator's verdict on whether sentences answer a question.

    probability: of "yes", None from an engine that does not return probabilities of the first token. state: the hidden state
    after the prompt, float32 (hidden,), None from an engine that does not return it.
    """

    probability: float | None
    state: Vectors | None


@dataclass(frozen=True)
class Signals:
    """The signals that the gate weighs once a draft is written.

    judged: the generator's probability that the draft's sources and the likeliest sentence answer the question; from an engine
    that does not return probabilities of the first token, the share of the draft that is not invented. invented: the share of
    the draft's sentences that nothing supports, or with a number or a name that no evidence contains; 1 where a number is
    asked for and the draft gives none. Both are between 0 and 1. account: the question's similarity to questions for an account
    minus that to questions for a detail, usually between -1 and 1. judge_state, draft_state: the generator's hidden states
    at its verdict and at the end of its draft, float32 (hidden,), None from an engine that does not return them.
    """

    judged: float
    invented: float
    account: float
    judge_state: Vectors | None = None
    draft_state: Vectors | None = None


def too_distant(nearest: float, language: Language, tuned: Tuned) -> bool:
    """Return whether nothing in the text is similar enough to the question to be worth a draft.

    nearest: the highest similarity found. English questions are less similar to Chinese texts than Chinese ones are, so their
    threshold is lower.
    """
    return nearest < (tuned.gate_least_similarity_english if language == "en" else tuned.gate_least_similarity)


def probability(signals: Signals, probes: Probes | None, tuned: Tuned) -> float:
    """Return the probability that the text answers the question.

    probes: used where both hidden states are known; a draft that was cut short has none. They are right more often than the
    verdict in words, which keeps a share of the score all the same: the probes alone must not decide about questions unlike
    those that they were fitted to.
    """
    score = tuned.gate_bias + tuned.gate_judged * log_odds(signals.judged)
    score += tuned.gate_invented * signals.invented + tuned.gate_account * signals.account
    if probes is not None and signals.judge_state is not None and signals.draft_state is not None:
        probed = tuned.gate_probed_bias + tuned.gate_probed_judge * probes.judge.log_odds(signals.judge_state)
        probed += tuned.gate_probed_draft * probes.draft.log_odds(signals.draft_state)
        score += tuned.gate_probed_share * (probed - score)
    if math.isnan(score):  # the engine's numbers overflowed: no evidence for an answer
        return 0.0
    return logistic(score)


def log_odds(share: float) -> float:
    """Return the log odds of a probability, finite since it is clipped to [0.001, 0.999]."""
    clipped = min(max(share, 0.001), 0.999)
    return math.log(clipped / (1 - clipped))
