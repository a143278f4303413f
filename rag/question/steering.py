"""Tell small talk and instructions from questions by their embeddings.

Whether a question has an answer is not judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, cast, get_args

import numpy as np

from rag.embedding import Embedder, Vectors
from rag.examples import Examples
from rag.linear import Linear
from rag.text import normalize
from rag.text.sentences import split_sentences

Intent = Literal["question", "small talk", "instruction"]
INTENTS: tuple[Intent, ...] = get_args(Intent)
SHIPPED = Path(__file__).parent / "intents.npz"
SURE = 0.9
"""Chance from which a sentence is a question although the whole message is none."""
MOST = 16
"""Sentences that are told apart, each by a vector of its own; a message of more is judged as a whole."""


class Intents(Protocol):
    """Tell what messages are for."""

    def chances(self, messages: Vectors) -> Vectors:
        """Return the chance of each of INTENTS for embedded messages (messages, dimensions), float32 (messages, 3)."""


class Fitted(Linear):
    """Hold a logistic model of one embedder's vectors, a row for each of INTENTS; `python -m rag tune --intents` fits it."""

    def chances(self, messages: Vectors) -> Vectors:
        """Return what `Intents.chances` does."""
        odds = messages @ self.weights.T + self.biases
        likely = np.exp(odds - odds.max(axis=1, keepdims=True))
        return cast(Vectors, likely / likely.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Nearest:
    """Hold embedded examples, for an embedder that nothing was fitted to.

    near: similarity to the most similar example above which a message is what that one is; below, it is a question.
    """

    small_talk: Vectors
    instruction: Vectors
    near: float

    def chances(self, messages: Vectors) -> Vectors:
        """Return what `Intents.chances` does: 1 for one of them."""
        closest = [(messages @ examples.T).max(axis=1) for examples in (self.small_talk, self.instruction)]
        likeliest = np.stack([np.full(len(messages), self.near), *closest], axis=1).argmax(axis=1)
        return cast(Vectors, np.eye(len(INTENTS), dtype=np.float32)[likeliest])


@cache
def _shipped() -> Fitted:
    return Fitted.load(SHIPPED)


def intents(embedder: Embedder, examples: Examples, near: float) -> Intents:
    """Return what tells an embedder's messages apart: what was fitted to it, else examples, as `Nearest` says."""
    fitted = _shipped()
    if fitted.fits == embedder.identity:
        return fitted
    return Nearest(examples["intents/small_talk"], examples["intents/instruction"], near)


@dataclass(frozen=True)
class Steering:
    """Hold what tells intents apart, and the chance below which a message is no question.

    question: of a message that begins a conversation. behind: of one that follows a question; "really?" asks there.
    """

    intents: Intents
    question: float
    behind: float

    def judge(self, message: str, embedder: Embedder, follows: bool = False) -> tuple[Intent, str]:
        """Return a message's intent, and what is left of it without the sentences that steer.

        follows: whether a question was asked before it.
        """
        sentences = [message[start:end] for start, end in split_sentences(message)]
        if not 1 < len(sentences) <= MOST:
            sentences = [message]
        texts = [message, *sentences] if len(sentences) > 1 else [message]
        chances = self.intents.chances(embedder.queries([normalize(text) for text in texts]))
        of_question = chances[:, 0].tolist()
        enough = self.behind if follows and chances[0, 1] > chances[0, 2] else self.question
        asked = of_question[0] >= enough
        least = enough if asked else SURE
        kept = [sentence for sentence, chance in zip(sentences, of_question[-len(sentences) :], strict=True) if chance >= least]
        if asked or kept:
            return "question", " ".join(kept) or message
        return INTENTS[1 + int(chances[0, 1:].argmax())], ""
