"""Fold text for comparison, and split it into terms.

Folding (NFKC, lower case, Traditional to Simplified) is for matching only; folded text is never shown as a quote. Scripts and
languages are in `script.py`, sentence boundaries in `sentences.py`, and questions, negations and the like in `stance.py`. The
package depends on neither documents nor models.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from rag.text.script import ENGLISH_FUNCTION, HAN, has_han, to_simplified

LATIN_WORD = 1.5
"""Length of a Latin word or a number, in Chinese characters."""
LATIN_LETTERS = 3
"""Code points of a text without Chinese that count as one Chinese character."""
_TERM = re.compile(rf"\d+(?:[.,]\d+)*%?|[A-Za-z][A-Za-z0-9'’]*|[{HAN}]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Return text without zero-width and direction characters; control characters become spaces, lone surrogates U+FFFD."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _CONTROL.sub(" ", _INVISIBLE.sub("", text))


def fold(text: str) -> str:
    """Return the form in which texts are compared: normalised, and lower case."""
    return normalize(text).lower()


def normalize(text: str) -> str:
    """Return the form in which questions are embedded: NFKC, Simplified, no invisible characters.

    Case is kept, since it marks names.
    """
    return to_simplified(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))


def terms(text: str, folding: Callable[[str], str] = fold) -> list[str]:
    """Return the terms of a text for lexical search: folded bigrams of Chinese characters, Latin words and numbers, in order.

    A run of one Chinese character is a term. Thousands separators are removed from numbers. folding: function applied first.
    """
    found: list[str] = []
    for piece in _TERM.findall(folding(text)):
        if has_han(piece):
            found += [piece[i : i + 2] for i in range(len(piece) - 1)] or [piece]
        else:
            found.append(piece.replace(",", "") if piece[0].isdigit() else piece)
    return found


def content_terms(text: str) -> set[str]:
    """Return the set of content terms of a text: all but English function words."""
    return set(terms(text)) - ENGLISH_FUNCTION


def term_recall(words: set[str], text: str) -> float:
    """Return the share of some terms that are among the content terms of a text, 0 if there are none."""
    return len(words & content_terms(text)) / len(words) if words else 0.0


def has_letters(text: str) -> bool:
    """Return whether a text contains a letter or a digit."""
    return any(character.isalnum() for character in text)


def han_length(text: str) -> float:
    """Return the length of a text in Chinese characters: its code points, divided by LATIN_LETTERS if none is Chinese."""
    return len(text) if has_han(text) else len(text) / LATIN_LETTERS
