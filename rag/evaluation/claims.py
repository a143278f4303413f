"""Fit the claim probe, which predicts from hidden states whether the evidence supports a claim and it answers the question.

`tests/data/claims.jsonl` contains sentences of drafts, read and labelled one by one. The drafts are generated again to obtain
their hidden states; labelled sentences that do not occur in the new drafts are ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rag.clock import Clock
from rag.embedding import Vectors
from rag.errors import RagError
from rag.evaluation import CLAIMS, questions, rows
from rag.evaluation.fitting import curve, fit_probe
from rag.evaluation.variants import open_chatbots
from rag.linear import Linear
from rag.progress import bar
from rag.settings import Settings


class LabelledClaim(NamedTuple):
    """A labelled sentence of a draft.

    text: name of the text that it is about, "" for the article. state: the mean hidden state of its tokens, float32 (hidden,).
    is_right: whether the evidence supports it and it answers the question.
    """

    text: str
    state: Vectors
    is_right: bool


def collect(settings: Settings) -> list[LabelledClaim]:
    """Return the labelled sentences that this engine writes in its drafts, with their hidden states.

    Raises RagError if the engine exposes no hidden states, or writes none of the sentences.
    """
    is_right = {(row["question"], row["claim"]): row["said"] and row["right"] for row in rows(CLAIMS)}
    asked = {question for question, _ in is_right}
    to_ask = [question for split in ("tune", "other", "premises") for question in questions(split) if question.id in asked]
    labelled: list[LabelledClaim] = []
    report = bar("drafts", "question")
    with open_chatbots(settings) as chatbots:
        for number, question in enumerate(to_ask, start=1):
            answering = chatbots.of(question).answering()
            for found in answering.find(answering.query(question.question, question.history)):
                for sentence in answering.drafted(found, Clock(), lambda: False):
                    key = (question.id, sentence.text)
                    if sentence.state is not None and key in is_right:
                        labelled.append(LabelledClaim(question.text, sentence.state, is_right[key]))
            report(number, len(to_ask))
    if not labelled:
        raise RagError("The engine exposes no hidden states, or writes none of the labelled claims; set RAG_ENGINE=int8.")
    return labelled


def fit(labelled: Sequence[LabelledClaim], fits: str) -> tuple[Linear, str]:
    """Return the probe fitted to labelled sentences, and its curve as text.

    fits: identity of the model and prompts that the states come from, as `probe.fitted_to` returns it.
    """
    labels = np.array([claim.is_right for claim in labelled])
    probe, held_out = fit_probe([claim.state for claim in labelled], labels, [claim.text for claim in labelled])

    def kept_apart(threshold: float) -> tuple[float, float]:
        return float(np.mean(held_out[~labels] < threshold)), float(np.mean(held_out[labels] < threshold))

    model = Linear(probe.weights[np.newaxis], np.array([probe.bias]), fits)
    return model, "\n".join([f"{len(labelled)} claims", *curve("wrong rejected", "right rejected", kept_apart)])
