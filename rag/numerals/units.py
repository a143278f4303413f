"""Compare the units of amounts: 12公里 is not 12里, and 14 months are not 14 years.

Only the words are compared. Nothing is converted, since an amount that is converted to another unit has another number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal

from rag.numerals import chinese, english
from rag.numerals.digits import NUMBER

_WORDS = {
    "year": "年(?![级代度]) years? 周年 岁",
    "month": "个月 months?",
    "week": "周(?!年) 星期 weeks?",
    "day": "天 日(?![前后元]) days?",
    "hour": "个?小时 个?钟头 hours?",
    "minute": "分钟 minutes? mins?",
    "second": "秒 seconds?",
    "kilometre": "公里 千米 kilomet(?:er|re)s? km",
    "metre": "米(?![粉饭酒]) 公尺 met(?:er|re)s?",
    "centimetre": "厘米 公分 centimet(?:er|re)s? cm",
    "millimetre": "毫米 millimet(?:er|re)s? mm",
    "li": "里(?![面头程边])",
    "foot": "英尺 feet foot",
    "mile": "英里 miles?",
    "kilogram": "公斤 千克 kilo(?:gram(?:me)?)?s? kg",
    "catty": "斤 catt(?:y|ies)",
    "tonne": "吨 tonn?es? tons?",
    "gram": "克(?![里服]) gram(?:me)?s?",
    "yuan": "元(?![旦月素]) 块钱 人民币 yuan rmb",
    "dollar": r"美元 美金 dollars? us\sdollars?",
    "euro": "欧元 euros?",
    "pound": "英镑",
    "per cent": r"% percent(?!age) per\scent",
    "percentage point": r"个百分点 percentage\spoints?",
    "times": "倍",
}
"""Patterns for the names of each unit; the English word "pound" is missing, since it may be money or a weight."""
_SIGNS = {"$": "dollar", "£": "pound", "€": "euro"}
_SPELLED = [
    (re.compile(rf"(?:{word})(?![a-z])"), unit)
    for unit, words in _WORDS.items()
    for word in sorted(words.split(), key=len, reverse=True)
]
_AMOUNT = re.compile(
    rf"([$£€])?\s?((?:{NUMBER}|{chinese.NUMERAL})(?:\s?(?:{chinese.SCALE}|{english.SCALE}))*)[多余几]?(?:\s|-)?(?=(.{{0,24}}))",
    re.DOTALL,
)


def other_units(claim: str, source: str, stated: Callable[[str], Iterable[Decimal]]) -> set[Decimal]:
    """Return the values that a claim and its source both give, but in different known units.

    claim, source: folded text. stated: function that returns the values of an amount, shares in per cent.
    """
    told, held = _units(claim, stated), _units(source, stated)
    return {value for value, units in told.items() if "" not in held.get(value, {""}) and units - {""} - held[value]}


def _units(text: str, stated: Callable[[str], Iterable[Decimal]]) -> dict[Decimal, set[str]]:
    """Return the units of each amount in a text, by its value; "" is an unknown unit."""
    units: dict[Decimal, set[str]] = defaultdict(set)
    for sign, amount, behind in _AMOUNT.findall(text):
        unit = _SIGNS.get(sign) or next((unit for word, unit in _SPELLED if word.match(behind)), "")
        for value in stated(amount):
            units[value].add(unit)
    return units
