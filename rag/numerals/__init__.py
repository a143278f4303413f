"""Read numbers in all their notations: in digits, in Chinese numerals, in English words, and as shares.

Each module reads one notation in folded text. The sets of numbers that a text states or may mean are built in `numbers.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rag.numerals import chinese, digits, english, shares
from rag.numerals.reading import Reading


def readings(folded: str) -> Iterator[Reading]:
    """Yield every number of a folded text.

    Numbers that may be meant but are not `stated` are number words up to ten, a number without its scale ("1.8" of "1.8万亿"),
    both values of "三四十" (30 and 40), approximate numbers, and a month without a day or a year.
    """
    for way in (digits, chinese, english, shares):
        yield from way.readings(folded)


def with_decimals(folded: str) -> str:
    """Return a text with spelled-out decimals converted to digits: "1.8亿", "4.5米", "12.5%", "0.5 million"."""
    return english.with_decimals(chinese.with_decimals(folded))
