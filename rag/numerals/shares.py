"""Read shares as percentages: tenths and hundredths in Chinese, fractions in both languages, halves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from rag.numerals import chinese
from rag.numerals.chinese import COUNTED, DIGIT, DIGITS, ONE_TO_NINE, PERCENT
from rag.numerals.english import COUNT, VALUES, WORD, count
from rag.numerals.reading import Reading

TENTHS = re.compile(
    rf"(?<![十百千万亿第之])([{COUNTED}])成([{ONE_TO_NINE}半])(?=$|\W|的|以上|以下|左右|上下|[多到至跌降升增涨减变])"
)
"""A share in tenths and hundredths: "六成二" is 62 %."""
_TENTH = re.compile(
    rf"(?<![十百千万亿第之几唯统{ONE_TO_NINE}])([{COUNTED}])成"
    rf"(?![{ONE_TO_NINE}半不功为立本员绩果就长熟交都语分品型人年天行群了活名家多])"
)
"""A share in tenths alone: "三成" is 30 %; not in 唯一成活 or 三五成群."""
_HUNDREDTHS = re.compile(rf"{PERCENT}([{DIGIT}十百]+)(?![点几多余])")
_ABOUT = re.compile(rf"([{ONE_TO_NINE}])([{ONE_TO_NINE}])成|百分之([{ONE_TO_NINE}])([{ONE_TO_NINE}])(?![十百])")
_PER_CENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|per ?cent)")
_FRACTION = re.compile(rf"(?<![\d/])(\d+)/(\d+)(?![\d/])|([{DIGIT}十]+)分之([{DIGIT}十]+)")
_PARTS = {"third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10}
_ROUGH = "[近约过逾超到大半]"
_ROUGHLY = "".join(
    f"(?<!{word} )" for word in "about almost around below least less than most nearly over roughly some to under".split()
)
"""Lookbehinds that exclude approximate shares: "more than half of them"."""
_PART = re.compile(
    rf"{_ROUGHLY}\b(?:({WORD})[-\s](third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)s?(?![-\w])|"
    rf"(?:({WORD})[- ]|a )(quarter|third|fifth|tenth)s? of (?!an? |the (?:year|time|century)))"
)
_MAY_BE_PART = re.compile(rf"\b(?:({WORD})[-\s]|a )({'|'.join(_PARTS)})s?\b")
_OUT_OF = re.compile(rf"\b({COUNT}) (?:in|out of)(?: every)? ({COUNT})\b")
_HALF = re.compile(rf"(?<!{_ROUGH})一半(?!以[上下]|多)|{_ROUGHLY}\bhalf (?:of|the|its|their)\b")
_MAY_BE_HALF = re.compile(r"一半|半数|[过对各大小上下前后]半|半(?=价|年|数|壁)|\bhalf\b(?!-)")


def readings(folded: str) -> Iterator[Reading]:
    """Yield the shares; a percentage may also mean a simple fraction close to it."""
    yield from (Reading(hundredths(match), True) for match in TENTHS.finditer(folded))
    yield from (Reading(Decimal(10 * DIGITS[match[1]]), True) for match in _TENTH.finditer(folded))
    for match in _HUNDREDTHS.finditer(folded):
        yield Reading(Decimal(chinese.value(match[1])), chinese.exact(match[1]))
        yield from _fractions(Decimal(chinese.value(match[1])))
    for match in _ABOUT.finditer(folded):
        times = 10 if match[1] else 1
        yield from (Reading(Decimal(times * DIGITS[digit]), False) for digit in match.groups() if digit)
    for match in _PER_CENT.finditer(folded):
        yield from _fractions(Decimal(match[1]))
    for match in _FRACTION.finditer(folded):
        part, whole = (int(match[1]), int(match[2])) if match[1] else (chinese.value(match[4]), chinese.value(match[3]))
        told = not match[1] and re.match(_ROUGH, folded[match.start() - 1 : match.start()]) is None
        yield from _share(part, whole, told)
    for match in _PART.finditer(folded):
        yield from _share(count(match[1] or match[3] or "a"), _PARTS[match[2] or match[4]], True)
    for match in _MAY_BE_PART.finditer(folded):
        yield from _share(VALUES.get(match[1], 1), _PARTS[match[2]], False)
    for match in _OUT_OF.finditer(folded):
        yield from _share(count(match[1]), count(match[2]), False)
    if _MAY_BE_HALF.search(folded):
        yield Reading(Decimal(50), _HALF.search(folded) is not None)


def hundredths(match: re.Match[str]) -> Decimal:
    """Return the share in a match of TENTHS, in per cent."""
    tenths, rest = match.groups()
    return Decimal(10 * DIGITS[tenths] + (5 if rest == "半" else DIGITS[rest]))


def _share(part: int, whole: int, stated: bool) -> Iterator[Reading]:
    if 0 < part < whole:
        yield Reading(Decimal(100 * part / whole).quantize(Decimal("0.01")).normalize(), stated)


def _fractions(per_cent: Decimal) -> Iterator[Reading]:
    """Yield the simple fractions that differ from a share by less than one percentage point."""
    for whole in range(2, 11):
        for part in range(1, whole):
            yield from (reading for reading in _share(part, whole, False) if abs(reading.value - per_cent) < 1)
