"""Read numbers in digits, with the scale that follows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from rag.numerals import chinese, english
from rag.numerals.reading import Reading

NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?"
_SUFFIXES = {"k": 10**3, "mn": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
"""Scales directly after digits; without "m", which may be a metre."""
_DIGITS = re.compile(
    rf"(?:(?<![a-z\d])|(?<=rmb)|(?<=cny)|(?<=usd)|(?<=eur))({NUMBER})"
    rf"(?:\s*({chinese.SCALE}|(?:{english.SCALE})\b)|({'|'.join(_SUFFIXES)})(?![a-z\d]))?"
)


def readings(folded: str) -> Iterator[Reading]:
    """Yield the numbers in digits, each with its scale and without it; "1亿2千万" is one number, and so is "3万5"."""
    amounts: list[tuple[Decimal, Decimal]] = []
    end, least = -1, Decimal(0)
    for match in _DIGITS.finditer(folded):
        digits, scaled, suffix = match.groups()
        try:
            bare = Decimal(digits.replace(",", ""))
        except InvalidOperation:
            continue
        scale = Decimal(_scale(scaled, suffix))
        value = bare * scale
        if match.start() == end and value < least:
            spoken = scale == 1 and len(digits) == 1
            value = amounts.pop()[0] + (value * least / 10 if spoken else value)
            bare = value
        amounts.append((value, bare))
        end, least = match.end(), scale
    for value, bare in amounts:
        yield Reading(value.normalize(), True)
        yield Reading(bare.normalize(), False)


def _scale(scaled: str | None, suffix: str | None) -> int:
    """Return the factor of a scale in words or of a suffix, 1 if there is neither."""
    if suffix:
        return _SUFFIXES[suffix]
    if not scaled:
        return 1
    return english.SCALES[scaled] if scaled in english.SCALES else chinese.value(scaled.lstrip("多余几"))
