"""Tell whether a question asks for an account, for a detail, for a reason, for the whole text in short or for some of it.

The first two and the whole are told by nearness to examples; a reason and a summary are asked for in so many words.
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
_REASON = re.compile(
    r"为[什甚]么|为何|为[啥嘛]|何以|因何|缘何|凭[什啥]|点解|(?<![在是])干[嘛吗](?![用的])|"
    r"[怎咋]么?(?:会|就|反|偏|老是|总是|还是|没|不|都|这么|那么)|原因|理由|图(?:的是)?个?(?:什么|啥)|"
    r"\bwhy\b|\bhow come\b|\bwhat (?:made|caused|prompted|went wrong)\b|\b(?:the|what|any)(?: \w+)? reason\b"
)
_NOT_ALONE = re.compile(
    r"哪[些几一二两三四五]|[几两二三四五六][个点条项大](?:原因|理由)|多少|\breasons\b|\bhow (?:many|much)\b|"
    r"[,;:?，；：？]\s*(?:为什么|为何|为啥|and why|why)\W*$|\band why\W*$"
)
"""What asks for several reasons, or for an amount or a choice too: an answer that began with a reason would leave that out."""
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


def asks_reason(question: str) -> bool:
    """Tell whether a question asks, in so many words, for one reason."""
    folded = fold(question)
    return _REASON.search(folded) is not None and _NOT_ALONE.search(folded) is None


def asks_summary_of_all(question: str) -> bool:
    """Tell whether a question asks, in so many words, to have the whole text summed up."""
    return asks_summary(question) and _WHOLE.search(fold(question)) is not None


def _nearness(vector: Vectors, examples: Vectors) -> float:
    return float(np.sort(examples @ vector)[-NEAREST:].mean())
