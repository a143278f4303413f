"""Tell whether a question asks for an account, for a detail, for the whole text in short or for a summary of some of it.

All but the last is told by nearness to examples; a summary is asked for in so many words, whatever it is to be of.
Texts give accounts (reasons, meanings, lists, comparisons) and leave out many details (a name, a date, an amount), so a
question for a detail needs better evidence before it is answered. The examples are files below `prompts/asked/`. Whether
the text answers is the gate's to decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from rag.embedding import Embedder, Vectors
from rag.examples import Examples
from rag.text import fold, normalize

_SUMMARY = re.compile(
    r"总结|概括|归纳|概述|简述|综述|概要|摘要|提要|大意|要旨|[几两三]句话?|\bsum(?:mari[sz]e|mary|s? up)\b|\btl;?dr\b|"
    r"\bbriefly\b|\bin short\b|\bin a nutshell\b|\bgist\b|\brecap\b|\boverview\b|\bsynopsis\b|\b(?:main|key) points\b|"
    r"\b(?:in|into|to) (?:a few|a couple of|two|three) (?:sentences|words|lines)\b"
)
_WHOLE = re.compile(r"\b(?:whole|entire)\b|整篇|全文|通篇|从头到尾")
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
        vector = embedder.queries([normalize(question)])[0]
        return _nearness(vector, self.account) - _nearness(vector, self.detail)

    def wholeness(self, question: str, embedder: Embedder) -> float:
        """Return the similarity of a question to the nearest example that asks what the whole text says."""
        return float((self.whole @ embedder.queries([normalize(question)])[0]).max())


def asks_summary(question: str) -> bool:
    """Tell whether a question asks to have something summed up."""
    return _SUMMARY.search(fold(question)) is not None


def asks_summary_of_all(question: str) -> bool:
    """Tell whether a question asks, in so many words, to have the whole text summed up."""
    return asks_summary(question) and _WHOLE.search(fold(question)) is not None


def _nearness(vector: Vectors, examples: Vectors) -> float:
    return float(np.sort(examples @ vector)[-NEAREST:].mean())
