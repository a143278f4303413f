"""Classify messages as questions, small talk or instructions to the chatbot, by their embeddings.

Whether the text answers a question is decided in `gate.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, cast, get_args

import numpy as np

from rag.embedding import Embedder, Vectors, embed_questions
from rag.examples import Examples
from rag.linear import Linear
from rag.text.sentences import split_sentences

Intent = Literal["question", "small talk", "instruction"]
INTENTS: tuple[Intent, ...] = get_args(Intent)
SHIPPED = Path(__file__).parent / "intents.npz"
SURE = 0.9
"""Probability from which a sentence is a question although the message as a whole is not."""
MOST = 16
"""Most sentences of a message that are classified one by one; a longer message is classified as a whole."""


class IntentModel(Protocol):
    """Classify messages by their intent."""

    def chances(self, messages: Vectors) -> Vectors:
        """Return the probability of each of INTENTS for embedded messages (messages, dimensions), float32 (messages, 3)."""


class FittedIntents(Linear):
    """A multinomial logistic model of one embedder's vectors, a row for each of INTENTS.

    Fitted by `python -m rag tune --intents`.
    """

    def chances(self, messages: Vectors) -> Vectors:
        """Return the probabilities, as `IntentModel.chances` does."""
        odds = messages @ self.weights.T + self.biases
        likely = np.exp(odds - odds.max(axis=1, keepdims=True))
        return cast(Vectors, likely / likely.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class NearestExamples:
    """Embedded examples of small talk and instructions, for an embedder without a fitted model.

    near: similarity to the nearest example above which a message has the intent of that one; otherwise it is a question.
    """

    small_talk: Vectors
    instruction: Vectors
    near: float

    def chances(self, messages: Vectors) -> Vectors:
        """Return the probabilities, as `IntentModel.chances` does: 1 for one intent, 0 for the others."""
        closest = [(messages @ examples.T).max(axis=1) for examples in (self.small_talk, self.instruction)]
        likeliest = np.stack([np.full(len(messages), self.near), *closest], axis=1).argmax(axis=1)
        return cast(Vectors, np.eye(len(INTENTS), dtype=np.float32)[likeliest])


@cache
def _shipped() -> FittedIntents:
    return FittedIntents.load(SHIPPED)


def intent_model(embedder: Embedder, examples: Examples, near: float) -> IntentModel:
    """Return the model fitted to an embedder, or else `NearestExamples`, with the similarity `near`, over the examples."""
    fitted = _shipped()
    if fitted.fits == embedder.identity:
        return fitted
    return NearestExamples(examples["intents/small_talk"], examples["intents/instruction"], near)


@dataclass(frozen=True)
class IntentClassifier:
    """Decide whether a message is a question.

    threshold: the probability from which a message is a question. follow_up_threshold: the same for a message that follows a
    question and is likelier small talk than an instruction, such as "really?".
    """

    model: IntentModel
    threshold: float
    follow_up_threshold: float

    def classify(self, message: str, embedder: Embedder, follows: bool = False) -> tuple[Intent, str]:
        """Return a message's intent and, if it is a question, its text without small talk and instructions, else "".

        follows: whether a question was asked before it.
        """
        sentences = [message[start:end] for start, end in split_sentences(message)]
        if not 1 < len(sentences) <= MOST:
            sentences = [message]
        texts = [message, *sentences] if len(sentences) > 1 else [message]
        chances = self.model.chances(embed_questions(embedder, texts))
        of_question = chances[:, 0].tolist()
        enough = self.follow_up_threshold if follows and chances[0, 1] > chances[0, 2] else self.threshold
        asked = of_question[0] >= enough
        least = enough if asked else SURE
        kept = [sentence for sentence, chance in zip(sentences, of_question[-len(sentences) :], strict=True) if chance >= least]
        if asked or kept:
            return "question", " ".join(kept) or message
        return INTENTS[1 + int(chances[0, 1:].argmax())], ""
