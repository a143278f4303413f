"""Find the proper names in English sentences by their capitals, for translations that must keep them.

The first word of a sentence has a capital in any case; `stands_as_name` decides from the whole text whether it is a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import groupby

_CAPITALS = re.compile(r"[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*")
_POSSESSIVE = re.compile(r"['’]s?$")
_BEFORE_FIRST_WORD = re.compile(r"(?:^|[.!?:;]|[\"“‘(—])\W*$")
_NO_NAMES = frozenset(
    "I January February March April May June July August September October November December Monday Tuesday Wednesday "
    "Thursday Friday Saturday Sunday Mr Mrs Ms Miss Dr Prof Professor Sir Lady Lord".split()
)
"""Capitalised words that have Chinese translations."""


def proper_names(sentence: str, is_name: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the names in an English sentence, each once: runs of capitalised words.

    is_name: returns whether a word is a name; called for the first word of a sentence, clause, quotation or parenthesis.
    """
    names: dict[str, None] = {}
    for match in _CAPITALS.finditer(sentence):
        words = [_POSSESSIVE.sub("", word) for word in match.group().split()]
        if _BEFORE_FIRST_WORD.search(sentence[: match.start()]) and not is_name(words[0]):
            words = words[1:]
        names |= {" ".join(run): None for title, run in groupby(words, _NO_NAMES.__contains__) if not title}
    return tuple(names)


def stands_as_name(word: str, texts: Iterable[str]) -> bool:
    """Return whether a word occurs with a capital inside a sentence of some texts, and in lower case in none of them."""
    inside, small = re.compile(rf"[a-z\d,] {re.escape(word)}\b"), re.compile(rf"\b{re.escape(word.lower())}\b")
    found = False
    for text in texts:
        if word.lower() in text and small.search(text):
            return False
        found = found or inside.search(text) is not None
    return found
