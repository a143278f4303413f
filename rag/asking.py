"""Tell whether a question asks for an account, for a detail or for the whole text in short, by its nearness to examples.

Texts give accounts (reasons, meanings, lists, comparisons) and leave out many details (a name, a date, an amount), so a
question for a detail needs better evidence before it is answered. The examples are files below `prompts/asked/`. Whether
the text answers is the gate's to decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rag.embedding import Embedder, Vectors
from rag.examples import Examples
from rag.text import fold

NEAREST = 3
"""Examples of each kind that a question is compared with: those nearest to it."""


@dataclass(frozen=True)
class Asking:
    """Hold the embedded examples of each kind, each of shape (examples, dimensions)."""

    account: Vectors
    detail: Vectors
    whole: Vectors

    @classmethod
    def of(cls, examples: Examples) -> Asking:
        """Return the kinds that embedded examples show."""
        return cls(examples["asked/account"], examples["asked/detail"], examples["asked/whole"])

    def account_over_detail(self, question: str, embedder: Embedder) -> float:
        """Return how much nearer a question is to examples that ask for an account than to those that ask for a detail."""
        vector = embedder.queries([fold(question)])[0]
        return _nearness(vector, self.account) - _nearness(vector, self.detail)

    def wholeness(self, question: str, embedder: Embedder) -> float:
        """Return the similarity of a question to the nearest example that asks what the whole text says."""
        return float((self.whole @ embedder.queries([fold(question)])[0]).max())


def _nearness(vector: Vectors, examples: Vectors) -> float:
    return float(np.sort(examples @ vector)[-NEAREST:].mean())
