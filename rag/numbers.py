"""Extract the numbers that a text states, in whatever notation, and write Chinese amounts in English.

"1.8万亿", "18,000亿" and "1.8 trillion" have the same value. The notations are read by the `numerals` package. What a number
counts is not analysed, except for its unit in `unsupported_numbers`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from rag.numerals import chinese, digits, english, readings, with_decimals
from rag.numerals.chinese import NUMERAL, PERCENT, SCALE, in_one_way
from rag.numerals.digits import NUMBER
from rag.numerals.reading import LOOSE
from rag.numerals.shares import TENTHS, hundredths
from rag.numerals.units import other_units
from rag.text import fold
from rag.text.script import IN_PARENTHESES
from rag.text.sentences import FOOTNOTE, LIST_NUMBER

_EARLIEST = 10_000
"""Below this, a number before 年 is written as a calendar year; from this on, as an amount: 65 million years ago."""
_LONGEST = Decimal(10) ** 18
"""Upper bound (exclusive) of a number that is written with a scale after it; larger amounts are written in digits alone."""
_AMOUNT = re.compile(
    rf"(不到|不足)?({PERCENT})?((?:{NUMBER})(?:{SCALE})(?:(?:{NUMBER})(?:{SCALE}))*(?:\d+(?![\d.,]))?|{NUMERAL}[多余几][万亿]+|"
    rf"{NUMERAL}|(?:{NUMBER})(?=[多余几]))([多余几](?![万亿]))?(?=(年)?)"
)
"""A Chinese amount, with the words that make it a bound: "不到五十", "三百多", "三十多万"."""
_ROUGH = frozenset("多余几")
_PARENTHESES = re.compile(f"({IN_PARENTHESES.pattern})")
SOME = "近这那好前后过没头数"
"""Characters after which 几 means "some", not "how many": 近几年."""
_ASKED = re.compile(
    rf"多少|(?<![哪{SOME}])几(?![乎十百千万])|何时|什么时候|哪一?[年天]|哪个?月|"
    r"\bhow (?:many|much)\b|\bwhat (?:percentage|share|number)\b|"
    r"\b(?:what|which) (?:year|date|day|month)\b|\bwhen (?:is|was|were|did|does|do|will|has|have)\b|"
    r"\bwhat (?:is|was|are|were)\b[^,;]*\b(?:amount|budget|income|percentage|population|price|profit|revenue|salary|share)s?"
    r"(?=\W*$| (?:at|by|for|from|in|of|on|that|there|then|when)\b)"
)
_EACH = re.compile(r"各|分别|\beach\b|\brespectively\b")
_COMMA = re.compile(r"(?<=[0-9])，(?=[0-9])")
"""A full-width comma between ASCII digits, which separates two numbers; a thousands separator would be ASCII too."""
_PLACE = re.compile(r"(?<=第\d),(?=\d)|(?<=第\d\d),(?=\d)")
"""A comma after an ordinal, which is not a thousands separator: "第4,300家"."""
_NOT_SAID = re.compile(rf"{FOOTNOTE}(?![\dA-Za-z])|(?<=covid)-19\b", re.IGNORECASE)
"""Footnote marks, and the number in the name Covid-19."""
_FULL_HOUR = re.compile(r"(?<=\d):00(?![\d:])")
_MILLIONS = re.compile(r"(?<=[$£€])(\d[\d,.]*)m(?![a-z\d])")
_LIST_MARK = re.compile(rf"(?m)^\s*{LIST_NUMBER}\s*")


def numbers_asked(question: str) -> int:
    """Return the minimum number of amounts and dates that a question asks for."""
    folded = fold(question)
    asked = len(_ASKED.findall(folded))
    return max(asked, 2) if asked and _EACH.search(folded) else asked


def stated_numbers(text: str) -> set[Decimal]:
    """Return the values of the numbers that a text states, in digits or, above ten, in words; list numbers are ignored.

    Shares are in per cent: 30 for "三成", and 50 for "half of".
    """
    listless = _LIST_MARK.sub("•", _folded(text))
    return {reading.value for reading in readings(with_decimals(listless)) if reading.stated}


def possible_numbers(text: str) -> set[Decimal]:
    """Return the values of all numbers that a text states or may mean (see `numerals.readings`).

    For words that may spell a decimal, the values of its parts are included.
    """
    folded = _folded(text)
    ways = {folded, with_decimals(folded), fold(_NOT_SAID.sub("", text))}
    return {reading.value for way in ways for reading in readings(way)}


def _folded(text: str) -> str:
    folded = _PLACE.sub("、", fold(_NOT_SAID.sub("", _COMMA.sub("、", text))))
    return in_one_way(_MILLIONS.sub(r"\1 million", _FULL_HOUR.sub("", folded)))


def unsupported_numbers(claim: str, source: str) -> set[Decimal]:
    """Return the numbers that a claim states but its source cannot mean, or gives in another unit."""
    return (stated_numbers(claim) - possible_numbers(source)) | other_units(_folded(claim), _folded(source), stated_numbers)


def in_english(text: str) -> str:
    """Return Chinese text with its amounts above ten written in English: "38 million", "21%".

    text: in Simplified characters. Text in parentheses is unchanged.
    """
    pieces = _PARENTHESES.split(text)
    return "".join(piece if place % 2 else _rendered(piece) for place, piece in enumerate(pieces))


def _rendered(text: str) -> str:
    def render(match: re.Match[str]) -> str:
        below, percent, amount, above, year = match.groups()
        value = _amount(amount)
        if value is None or (value <= LOOSE and not percent):
            return match.group()
        if year and value < _EARLIEST and not (above or below):
            return f"{value:f}"
        short = _short(value)
        if below:
            short = f" less than {short.lstrip()}"
        elif above or not _ROUGH.isdisjoint(amount):
            short = f" more than {short.lstrip()}"
        return f"{short}{'%' if percent else ''}"

    return _AMOUNT.sub(render, TENTHS.sub(lambda match: f"{hundredths(match)}%", chinese.with_decimals(in_one_way(text))))


def _amount(amount: str) -> Decimal | None:
    """Return the value of an amount, or its lower bound if it is approximate; None if it is not exactly one number."""
    if not amount[0].isdigit():
        numeral = "".join(character for character in amount if character not in _ROUGH)
        return Decimal(chinese.value(numeral)) if chinese.exact(numeral) else None
    found = [reading.value for reading in digits.readings(amount) if reading.stated]
    return found[0] if len(found) == 1 else None


def _short(value: Decimal) -> str:
    """Return a value in digits, with a scale if that leaves at most four decimal places."""
    for name in ("trillion", "billion", "million"):
        scaled = (value / english.SCALES[name]).normalize()
        if 1 <= scaled < _LONGEST and scaled == round(scaled, 4):
            return f" {scaled:f} {name} "
    return f"{value:,f}"
