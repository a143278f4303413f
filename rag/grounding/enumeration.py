"""Find the items of a list that a text spreads over several sentences: "There are three reasons. The first is …".

Items are recognised by how they begin, not by what they mean.
"""

from __future__ import annotations

import re

from rag.index import Index
from rag.text import fold
from rag.text.sentences import LIST_NUMBER

_ITEM = re.compile(
    r"\W*(?:第[一二三四五六七八九十](?![次届天年个名代批期章])|其[一二三四五六]\W|首先|其次|再次|再者|最后(?![一两])|"
    rf"[一二三四五六七八九](?:是|[、,:.)])|(?:{LIST_NUMBER}|\d{{1,2}}:)(?!\d)|"
    r"(?:the )?(?:first|second|third|fourth|fifth|sixth|last)(?:ly\b|,| (?:is|was|are|were|of|one|reason|problem|thing)\b))"
)
REACH = 12
"""Sentences, from the given one on in either direction, that are searched for items of its list."""
APART = 3
"""Sentences in a row that begin no item, after which a list has ended."""


def items(number: int, index: Index) -> tuple[int, ...]:
    """Return the numbers of the sentences that begin the items of the list that a sentence introduces or begins an item of.

    Empty for any other sentence. A list has at least two items, all in one source; its first item immediately follows the
    sentence that introduces it.
    """
    source = index.sentences[number].source
    begins = [_begins_item(place, source, index) for place in (number, number + 1)]
    if not any(begins):
        return ()
    before = _reached(range(number, number - REACH, -1), source, index) if begins[0] else []
    after = _reached(range(number + 1, number + REACH), source, index)
    found = sorted({*before, *after})
    return tuple(found) if len(found) > 1 else ()


def _reached(numbers: range, source: str, index: Index) -> list[int]:
    """Return the sentences that begin items, up to the first APART in a row that do not."""
    found: list[int] = []
    last = numbers.start
    for number in numbers:
        if _begins_item(number, source, index):
            found.append(number)
            last = number
        elif abs(number - last) >= APART:
            break
    return found


def _begins_item(number: int, source: str, index: Index) -> bool:
    if not 0 <= number < len(index.sentences) or index.sentences[number].source != source:
        return False
    return _ITEM.match(fold(index.sentences[number].text)) is not None
