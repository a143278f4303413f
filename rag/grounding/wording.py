"""Detect a text that is made of its source's words but combines them differently.

Words are aligned; their meaning is not considered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from rag.text import fold
from rag.text.script import HAN, has_function_word
from rag.text.sentences import clauses

_WORD = re.compile(rf"\d+(?:[.,]\d+)*%?|[a-z][a-z0-9'’]*|[{HAN}]")
NEARLY = 0.9
"""Share of a text's words that must align with its source's for the text to be made of them."""
NAME = 2
"""Fewest words, or Chinese characters, of what may be a name."""


def misquotes(text: str, source: str) -> bool:
    """Return whether a text says of one thing what its source, in the same words, says of another.

    The text consists almost entirely of the source's words, but puts one of its names in the place of another ("A teaches and
    A trades" for "B teaches and A trades"), or continues with a later clause without its subject ("A has Z" for "A has X, B
    has Z").
    """
    text_words, parts = _words(text), [_words(clause) for clause in clauses(fold(source))]
    source_words = [word for part in parts for word in part]
    matcher = SequenceMatcher(None, source_words, text_words, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if sum(block.size for block in blocks) < NEARLY * len(text_words):
        return False
    clause_of = [number for number, part in enumerate(parts) for _ in part]
    starts = list(accumulate(map(len, parts), initial=0))
    for left, right in pairwise(blocks):
        end = left.a + left.size
        leaving, entering = clause_of[end - 1], clause_of[right.a]
        if leaving == entering or left.b + left.size != right.b:
            continue
        tail, head = source_words[end : starts[leaving + 1]], source_words[starts[entering] : right.a]
        if _may_be_name(tail) and _may_be_name(head) and not set(head) & set(text_words):
            return True
    return any(
        _swapped(source_words[a:b][-(d - c) :] if c == 0 else source_words[a:b], text_words[c:d], source_words)
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind == "replace"
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text))


def _may_be_name(words: Sequence[str]) -> bool:
    """Return whether words may be a name: there are at least NAME, and not all are function words."""
    return len(words) >= NAME and not all(has_function_word(word) for word in words)


def _swapped(own: Sequence[str], other: Sequence[str], source_words: Sequence[str]) -> bool:
    """Return whether a text replaces words of its source (`own`) with others (`other`) from elsewhere in that source."""
    size = len(other)
    elsewhere = any(list(source_words[place : place + size]) == list(other) for place in range(len(source_words) - size + 1))
    return _may_be_name(own) and _may_be_name(other) and elsewhere
