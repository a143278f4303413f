"""Read Chinese numerals, in Simplified characters: exact and approximate ones, decimals, halves and decades."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from rag.numerals.reading import LOOSE, Reading

DIGITS = {"零": 0, "〇": 0, "○": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
PERCENT = "百分之"
_SCALES = "(?:万亿|千亿|百亿|千万|百万|万|亿)"
SCALE = (
    f"[多余几]?{_SCALES}|"
    r"(?<=\d)(?<!\d\d\d)千(?![米克瓦卡帕伏赫人])|(?<=\d)(?<!\d\d\d)百(?![分帕强货])"
)
"""Scales after digits: "100多万"; not in 3千米, 2023百强 or 2024千人计划."""
DIGIT = "".join(DIGITS)
NUMERAL = f"[{DIGIT}十百千][{DIGIT}十百千万亿]*"
ONE_TO_NINE = "一二三四五六七八九"
COUNTED = f"两{ONE_TO_NINE}"
_NUMERAL = re.compile(NUMERAL)
_EXACT = re.compile(
    rf"(?:十[万亿]*)?(?:[零〇]?[{COUNTED}][十百千万亿]+)*(?:[零〇]?[{COUNTED}])?|[一二][零〇○{ONE_TO_NINE}]{{3}}"
)
_ONE_OF = re.compile(
    rf"(?<![数几上成以十百千万亿好{COUNTED}\d\s.])(百万|百亿|千亿|千万(?![不别要注小当记莫勿得切可]))(?![{COUNTED}十百千万亿富])"
)
"""A scale without a number, which means one of it: "百万人"; not in "数百万" or "千万不要"."""
_AT_LEAST = re.compile(r"(?<=[上近过逾超破])[万亿]")
"""The same in an approximate amount: "上万"."""
_OVER = re.compile(rf"({NUMERAL})[多余几]([万亿]+)")
_ABOUT = re.compile(rf"([{COUNTED}])(?=[{COUNTED}]([十百千万亿]+))")
_AND_A_HALF = re.compile(rf"(\d+|[{DIGIT}十])(?:[个年月天倍]|小时)半")
_PLAN = re.compile(rf"(十[{ONE_TO_NINE}]?|[{ONE_TO_NINE}])五(?=规划|计划|期间|时期|\W|$)")
"""A five-year plan by its number: "十四五" is the fourteenth."""
_DECADE = re.compile(rf"(?:(\d+|[{DIGIT}十]+)世纪)?(?<!\d)(?<![一二][八九])(?<![一二])([二三四五六七八九][十零〇○]|[2-9]0)年代")
_AFTERNOON = re.compile(rf"(?:下午|晚上|傍晚|夜[里间]|晚间)(\d+|[{DIGIT}十]+)[点时:]|(?<!\d)(1[3-9]|2[0-3])(?=[:时])")
_UNIT = (
    "毫米|厘米|千米|公里|米|公尺|公分|毫克|千克|公斤|克|吨|毫升|升|公顷|亩|平方|立方|倍|度|级|岁|元|块钱|美元|欧元|英镑|个百分点|个?小时|秒|分贝|"
    "千瓦|兆瓦|瓦|节|海里"
)
_DECIMAL = re.compile(
    rf"({PERCENT})?(?<![.\d{DIGIT}十百千万亿])(\d+|[{DIGIT}十百千万亿]+)(?:"
    rf"点([{DIGIT}]+)(?<!两)(?=(?(1)(?![{DIGIT}十百千])|(?:{SCALE}|{_UNIT})))|"
    rf"([米块])(\d\d|[{DIGIT}]{{1,2}})(?=$|\W|[的高长宽深钱多]))"
)
"""A decimal with a scale or a unit: "一点八亿", or in spoken form "四米五" and "三块二"; not "四点一声", which is a time."""


def readings(folded: str) -> Iterator[Reading]:
    """Yield the numbers in numerals; for approximate ones, the values that may be meant."""
    for match in _NUMERAL.finditer(folded.replace(PERCENT, " ")):
        number = Decimal(value(match[0]))
        yield Reading(number, number > LOOSE and exact(match[0]))
    for match in _ONE_OF.finditer(folded):
        yield Reading(Decimal(value(match[0])), True)
    for meant in _meant(folded):
        yield Reading(Decimal(meant), False)


def _meant(folded: str) -> Iterator[int | Decimal]:
    """Yield the values that may be meant by approximate numerals, halves, five-year plans, decades and hours."""
    yield from (UNITS[match[0]] for match in _AT_LEAST.finditer(folded))
    yield from (value(match[1] + match[2]) for pattern in (_OVER, _ABOUT) for match in pattern.finditer(folded))
    yield from (_whole(match[1]) + Decimal("0.5") for match in _AND_A_HALF.finditer(folded))
    yield from (value(match[1]) for match in _PLAN.finditer(folded))
    for match in _DECADE.finditer(folded):  # "二十年代" alone may be the 1920s or the 2020s
        for centuries in (_whole(match[1]) - 1,) if match[1] else (19, 20):
            yield 100 * centuries + _whole(match[2])
    for match in _AFTERNOON.finditer(folded):
        yield _whole(match[1]) + 12 if match[1] else int(match[2]) - 12
    if "点半" in folded:
        yield 30


def exact(numeral: str) -> bool:
    """Return whether a numeral is exact: every digit has its unit, or it is a year.

    Not exact are "二三十", which is approximate, and "成千上万".
    """
    return _EXACT.fullmatch(numeral) is not None


def value(numeral: str) -> int:
    """Return the value of a numeral.

    Without a unit, its digits are read one by one (二〇二三). A last digit directly after a unit counts tenths of that unit, as
    in spoken Chinese (一万二 for 12,000).
    """
    if all(character in DIGITS for character in numeral):
        return int("".join(str(DIGITS[character]) for character in numeral))
    total = section = digit = 0
    for character in numeral:
        if character in DIGITS:
            digit = DIGITS[character]
            continue
        unit = UNITS[character]
        if unit < 10**4:
            section += (digit or 1) * unit
        elif unit == 10**4:
            section = ((section + digit) or 1) * unit
        elif section + digit:
            total, section = total + (section + digit) * unit, 0
        else:
            total = (total or 1) * unit
        digit = 0
    if (before := UNITS.get(numeral[-2:-1], 0)) > 10:
        digit *= before // 10
    return total + section + digit


def _whole(digits: str) -> int:
    return int(digits) if digits.isdecimal() else value(digits)


def with_decimals(folded: str) -> str:
    """Return a text with the decimals in numerals converted to digits."""
    return _DECIMAL.sub(_decimal, folded)


def _decimal(match: re.Match[str]) -> str:
    percent, whole, rest, unit, behind = match.groups()
    digits = "".join(str(DIGITS.get(character, character)) for character in rest or behind)
    return f"{_whole(whole)}.{digits}{unit or ''}{'%' if percent else ''}"


_ONE_WAY = (
    (re.compile(r"(?<=[\d一二两三四五六七八九十百千])兆(?![瓦赫欧帕字位比焦电像])"), "万亿"),
    (re.compile(r"(?<=[\d一二两三四五六七八九十百])个亿"), "亿"),
    (
        re.compile(
            r"(?<!\d)(?<!\d[.,])(\d+(?:\.\d+)?)(?=(?:[-~～–—至到]{1,2}| to )\d+(?:\.\d+)?"
            rf"({_SCALES}| (?:m|b|tr)illion\b))"
        ),
        r"\1\2",
    ),
    (
        re.compile(rf"([{ONE_TO_NINE}]|十[一二]?)月(?=[{ONE_TO_NINE}十]{{1,3}}[日号])"),
        lambda match: f"{value(match[1])}月",
    ),
    (
        re.compile(r"(?<![\d.])([1-9])成([1-9])?(?!\d)"),
        lambda match: "成".join(ONE_TO_NINE[int(digit) - 1] if digit else "" for digit in match.groups()),
    ),
)
"""Notations of an amount, with the one that replaces them: 兆 and 个亿, a scale that two numbers share, 九月十日, 6成."""


def in_one_way(text: str) -> str:
    """Return a text with amounts that have several notations converted to one of them."""
    for pattern, written in _ONE_WAY:
        text = pattern.sub(written, text)
    return text
