"""Tell small talk and instructions from questions by their nearness to examples.

The examples are files below `prompts/intents/`. Whether a question has an answer is not judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rag.embedding import Embedder, Vectors
from rag.examples import Examples
from rag.text import normalize, split_sentences

Intent = Literal["question", "small talk", "instruction"]


@dataclass(frozen=True)
class Steering:
    """Hold the embedded examples of each intent, and the similarity from which a sentence is one of them."""

    small_talk: Vectors
    instruction: Vectors
    threshold: float

    @classmethod
    def of(cls, examples: Examples, threshold: float) -> Steering:
        """Return the intents that embedded examples show."""
        return cls(examples["intents/small_talk"], examples["intents/instruction"], threshold)

    def judge(self, question: str, embedder: Embedder) -> tuple[Intent, str]:
        """Return a question's intent, and what is left of it without the sentences that steer."""
        pieces = [question[start:end] for start, end in split_sentences(question)] or [question]
        vectors = embedder.queries([normalize(piece) for piece in pieces])
        talk = (vectors @ self.small_talk.T).max(axis=1)
        steer = (vectors @ self.instruction.T).max(axis=1)
        kept = [piece for piece, t, s in zip(pieces, talk, steer, strict=True) if max(t, s) < self.threshold]
        if kept:
            return "question", " ".join(kept)
        return ("instruction" if steer.max() >= talk.max() else "small talk"), ""
