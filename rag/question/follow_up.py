"""Estimate the probability that a question is a follow-up, which cannot be understood without the one before it.

A logistic model weighs three features: whether the question has a pointer (那…呢, "what about"), its length, and the highest
similarity of the text to the question alone (where that is high, nothing has to be added). No language model is called.
Follow-ups are joined with the question before them in `retrieval.py`.
"""

from __future__ import annotations

import math
import re

from rag.linear import logistic
from rag.text import LATIN_WORD, fold
from rag.text.script import HAN, Language
from rag.tuned import Tuned

_CHINESE_POINTER = re.compile(
    r"[它他她]|这|那|其(?!中|实|他|余)|该|此|上述|前者|后者|呢[？?]?$|^(?:还有|然后|再|又|所以|除了|另外|里面|里头|其中|当中)"
)
_ENGLISH_POINTER = re.compile(
    r"\b(?:it|its|he|she|him|his|her|hers|they|them|their|theirs|that|those|these|this|one|ones|former|latter|same|else)\b"
    r"|^(?:and|what about|how about|but|so|then|also|or)\b"
)
_WORD = re.compile(rf"[a-z0-9'%.-]+|[{HAN}]")


def follow_up_probability(question: str, nearest: float, language: Language, tuned: Tuned) -> float:
    """Return the probability that a question is a follow-up to the one before it.

    nearest: the similarity of the question alone to the nearest sentence or passage of the text.
    """
    score = tuned.lean_bias + tuned.lean_length * log_length(question) + tuned.lean_nearest * nearest
    score += tuned.lean_pointer if has_pointer(question, language) else 0.0
    return logistic(score)


def has_pointer(question: str, language: Language) -> bool:
    """Return whether a question has a word that refers to something said before."""
    pointer = _ENGLISH_POINTER if language == "en" else _CHINESE_POINTER
    return pointer.search(fold(question)) is not None


def log_length(question: str) -> float:
    """Return log(1 + length) of a question, in Chinese characters; a Latin word or a number counts as LATIN_WORD of them."""
    return math.log1p(sum(LATIN_WORD if word.isascii() else 1 for word in _WORD.findall(fold(question))))
