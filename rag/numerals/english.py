"""Read English number words in folded text: cardinals, ordinals, spoken amounts, dates, spans of years and hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from rag.numerals.reading import LOOSE, Reading

SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
SCALE = "|".join(SCALES)
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
VALUES = dict(zip([*_WORDS, *_TENS], [*range(20), *range(20, 100, 10)], strict=True))
WORD = "|".join(sorted(VALUES, key=len, reverse=True))
COUNT = rf"{WORD}|\d+"
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"
).split()
_ORDINAL_VALUES = dict(zip(_ORDINALS, [*range(1, 20), *range(20, 100, 10)], strict=True))
_ORDINAL_WORD = "|".join(_ORDINALS)
_AND = "|".join(rf"(?<={scale})\s+and\s+" for scale in SCALES)
_NUMERAL = rf"\b(?:{WORD})\b(?:(?:[-\s]+|{_AND})(?:{WORD}|{SCALE})\b)*"
_CARDINAL = re.compile(rf"{_NUMERAL}(?![-\s](?:{WORD}|{SCALE}|{_ORDINAL_WORD})\b)")
_ORDINAL = re.compile(rf"\b(?:({'|'.join(_TENS)})-)?({_ORDINAL_WORD})\b")
_ONES = "|".join(_WORDS[:10])
_POINT = re.compile(rf"(?<!\bat )({_NUMERAL}) point ((?:{_ONES})(?: (?:{_ONES}))*)\b")
"""A decimal: "twenty-three point five"; not "at one point"."""
_SPOKEN = re.compile(rf"(?<![\w-])(?:(?:(half) an?|(?:an?|({WORD}))( and a half)?) ({SCALE})|(?!one )({WORD}) dozen)\b")
"""A spoken amount: "half a million", "two and a half billion", "a hundred", "three dozen"."""
_DOZEN = re.compile(r"\b(half )?an? dozen\b")
_SPAN = re.compile(rf"\b({COUNT}|a) (decade|centur)(?:s|y|ies)?\b")
_AND_A_HALF = re.compile(rf"\b({WORD}|an?)(?: \w+)?[- ]and[- ]a[- ]half\b")
_DECADE = re.compile(r"(?<!\d)(?:19|20)([2-9]0)(?:'?s\b|年代)")
_AFTERNOON = re.compile(r"\b(\d{1,2})(?::\d\d)? ?p\.?m\b")
_MONTHS = "january february march april may june july august september october november december".split()
_SHORT_MONTHS = "jan feb apr jun jul aug sept? oct nov dec".split()
_NO_OTHER_WORD = "|".join([*(month for month in _MONTHS if month not in ("march", "may")), *_SHORT_MONTHS])
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b({_NO_OTHER_WORD})\b\.?,?\s+(?:{_DAY}|\d{{4}})\b|\b{_DAY}\s+(?:of\s+)?({_NO_OTHER_WORD})\b|"
    r"\b(?:on|since|until|by|from|before|after) (march|may) \d{1,2}\b|"
    rf"\b(march|may),? (?:(?:{_DAY},? )?(?:19|20)\d\d|\d{{1,2}}(?:st|nd|rd|th))\b|"
    rf"\b(?:{_DAY} (?=(?:march|may),? (?:19|20)\d\d\b)|\d{{1,2}}(?:st|nd|rd|th) of )(march|may)\b"
)
"""A month with a day or a year; "march" and "may", which are also other words, need more context."""


def readings(folded: str) -> Iterator[Reading]:
    """Yield the numbers in words, the months of dates, and the values that spans of time and the like may mean."""
    for match in _CARDINAL.finditer(folded):
        number = value(match[0])
        yield Reading(number, number > LOOSE)
    for match in _ORDINAL.finditer(folded):
        number = Decimal(VALUES.get(match[1], 0) + _ORDINAL_VALUES[match[2]])
        yield Reading(number, number > LOOSE)
    for match in _DATE.finditer(folded):
        yield Reading(Decimal(_month(next(filter(None, match.groups())))), True)
    for meant in _meant(folded):
        yield Reading(Decimal(meant), False)


def _meant(folded: str) -> Iterator[int | Decimal]:
    """Yield the values that may be meant by months, spans of time, halves, afternoon hours, decades and "a dozen"."""
    yield from (number for number, month in enumerate(_MONTHS, start=1) if re.search(rf"\b{month}\b", folded))
    yield from (count(match[1]) * (10 if match[2] == "decade" else 100) for match in _SPAN.finditer(folded))
    yield from (count(match[1]) + Decimal("0.5") for match in _AND_A_HALF.finditer(folded))
    yield from (int(match[1]) + 12 for match in _AFTERNOON.finditer(folded))
    for match in _DECADE.finditer(folded):
        yield from (int(match[1]), int(match[0][:2]) + 1)  # the 1990s: the nineties of the twentieth century
    if _DOZEN.search(folded):
        yield from (6, 12)


def value(numeral: str) -> Decimal:
    """Return the value of a numeral; "nineteen ninety-nine" is 1999."""
    total = part = 0
    for word in re.split(r"[-\s]+", numeral):
        if word in VALUES:
            added = VALUES[word]
            part = part * 100 + added if 10 <= part < 100 and added >= 10 else part + added
        elif word == "hundred":
            part *= 100
        elif word != "and":
            total, part = total + part * SCALES[word], 0
    return Decimal(total + part)


def count(word: str) -> int:
    """Return the value of a single number word or of digits; 1 for "a"."""
    return int(word) if word.isdecimal() else VALUES.get(word, 1)


def _month(name: str) -> int:
    return next(number for number, month in enumerate(_MONTHS, start=1) if month.startswith(name[:3]))


def with_decimals(folded: str) -> str:
    """Return a text with spelled-out decimals and spoken amounts normalised: "0.5 million" for "half a million"."""
    return _POINT.sub(_point, _SPOKEN.sub(_spoken, folded))


def _point(match: re.Match[str]) -> str:
    return f"{value(match[1])}." + "".join(str(VALUES[word]) for word in match[2].split())


def _spoken(match: re.Match[str]) -> str:
    half, counted, more, scale, dozens = match.groups()
    if dozens:
        return str(12 * VALUES[dozens])
    number = 0.5 if half else VALUES.get(counted, 1) + (0.5 if more else 0)
    return f"{number:g} {scale}" if half or more else f"{counted or 'one'} {scale}"
