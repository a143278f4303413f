"""Read numbers as they are written: in digits, in Chinese numerals, in English words, and as shares.

Each module reads folded text in one of these ways; what is made of the values of a text is `numbers.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from rag.numerals import chinese, digits, english, shares
from rag.numerals.reading import Reading


def readings(folded: str) -> Iterator[Reading]:
    """Yield every number of a folded text.

    Not `stated` but perhaps meant are words up to ten, a number without its scale ("1.8" of "1.8万亿"), both of "三四十", what
    is told roughly, and a month that stands alone.
    """
    for way in (digits, chinese, english, shares):
        yield from way.readings(folded)


def with_decimals(folded: str) -> str:
    """Return a text with the decimals that it has in words in digits: "1.8亿", "4.5米", "12.5%", "0.5 million"."""
    return english.with_decimals(chinese.with_decimals(folded))
