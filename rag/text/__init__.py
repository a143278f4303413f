"""Fold text for comparison, and take its words.

Folding (NFKC, lower case, Traditional to Simplified) is for matching only; nothing folded is ever shown as a quote. Scripts,
sentences and what a sentence does are modules of their own; none of them knows documents or models.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from rag.text.script import ENGLISH_FUNCTION, HAN, has_han, to_simplified

LATIN_WORD = 1.5
"""Chinese characters that a Latin word or a number is as long as."""
LATIN_LETTERS = 3
"""Code points of a text without Chinese that say as much as a Chinese character."""
_TERM = re.compile(rf"\d+(?:[.,]\d+)*%?|[A-Za-z][A-Za-z0-9'’]*|[{HAN}]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Return text without control, zero-width and direction characters, lone surrogates replaced."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _CONTROL.sub(" ", _INVISIBLE.sub("", text))


def fold(text: str) -> str:
    """Return the form in which texts are compared: normalized, and lower case."""
    return normalize(text).lower()


def normalize(text: str) -> str:
    """Return the form in which questions are embedded: NFKC, Simplified, no invisible characters; case tells names."""
    return to_simplified(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))


def terms(text: str, folding: Callable[[str], str] = fold) -> list[str]:
    """Return the words of a text for lexical search: folded character bigrams, Latin words and numbers, in order.

    A run of one Chinese character is its own term. Numbers lose their thousands separators.
    """
    found: list[str] = []
    for piece in _TERM.findall(folding(text)):
        if has_han(piece):
            found += [piece[i : i + 2] for i in range(len(piece) - 1)] or [piece]
        else:
            found.append(piece.replace(",", "") if piece[0].isdigit() else piece)
    return found


def content(text: str) -> set[str]:
    """Return the terms of a text that carry its meaning: English function words are left out."""
    return set(terms(text)) - ENGLISH_FUNCTION


def share_held(words: set[str], text: str) -> float:
    """Return the share of some terms that the content of a text holds; 0 of none."""
    return len(words & content(text)) / len(words) if words else 0.0


def has_letters(text: str) -> bool:
    """Tell whether a text says anything at all: whether it holds a letter or a digit."""
    return any(character.isalnum() for character in text)


def extent(text: str) -> float:
    """Return how much a text says: its code points, or, without Chinese, as many Chinese characters as would say it."""
    return len(text) if has_han(text) else len(text) / LATIN_LETTERS
