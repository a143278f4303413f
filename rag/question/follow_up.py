"""Tell whether a question leans on the one before it, or stands alone.

What counts is in the question (a pointer such as 那…呢 or "what about", and how little it says) and in the text (how near its
nearest sentence is: where the question alone finds its place, nothing has to be added). No model is asked. What is done
with a question that leans is `retrieval.py`'s.
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


def leaning(question: str, nearest: float, language: Language, tuned: Tuned) -> float:
    """Return the probability that a question leans on the turn before it.

    nearest: similarity of the sentence or passage of the text that is nearest to the question alone.
    """
    score = tuned.lean_bias + tuned.lean_length * log_length(question) + tuned.lean_nearest * nearest
    score += tuned.lean_pointer if holds_pointer(question, language) else 0.0
    return logistic(score)


def holds_pointer(question: str, language: Language) -> bool:
    """Tell whether a question holds a word that points at something said before."""
    pointer = _ENGLISH_POINTER if language == "en" else _CHINESE_POINTER
    return pointer.search(fold(question)) is not None


def log_length(question: str) -> float:
    """Return the logarithm of how much a question says, in Chinese characters."""
    return math.log1p(sum(LATIN_WORD if word.isascii() else 1 for word in _WORD.findall(fold(question))))
