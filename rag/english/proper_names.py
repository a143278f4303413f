"""Find the proper names in English sentences by their capitals, so that a translation can be made to keep them.

A word that begins a sentence has a capital anyway; whether it is a name is told by the text that it comes from.
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
"""Words with a capital that Chinese has its own for."""


def proper_names(sentence: str, is_name: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the names in an English sentence, each once: words with capitals in a row.

    is_name: tells whether the word that begins a sentence, or what is quoted in one, is a name.
    """
    names: dict[str, None] = {}
    for match in _CAPITALS.finditer(sentence):
        words = [_POSSESSIVE.sub("", word) for word in match.group().split()]
        if _BEFORE_FIRST_WORD.search(sentence[: match.start()]) and not is_name(words[0]):
            words = words[1:]
        names |= {" ".join(run): None for title, run in groupby(words, _NO_NAMES.__contains__) if not title}
    return tuple(names)


def stands_as_name(word: str, texts: Iterable[str]) -> bool:
    """Tell whether texts have a word with its capital inside a sentence, and nowhere without."""
    inside, small = re.compile(rf"[a-z\d,] {re.escape(word)}\b"), re.compile(rf"\b{re.escape(word.lower())}\b")
    found = False
    for text in texts:
        if word.lower() in text and small.search(text):
            return False
        found = found or inside.search(text) is not None
    return found
