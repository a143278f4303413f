"""Read numbers as they are written: in digits, in Chinese numerals, in English words, and as shares and dates.

It reads folded text, piece by piece; what is made of the values of a text is `numbers.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

CHINESE_DIGITS = {
    "零": 0,
    "〇": 0,
    "○": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
ENGLISH_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_IN_WORDS = "零一二三四五六七八九"
LOOSE = 10
"""Up to it, words for numbers are used loosely: "one of them", "十分"."""
PERCENT = "百分之"

_SUFFIXES = {"k": 10**3, "mn": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
"""What stands right behind digits; no "m", which may be a metre."""
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ENGLISH_VALUES = dict(zip([*_WORDS, *_TENS], [*range(20), *range(20, 100, 10)], strict=True))
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"
).split()
_ORDINAL_VALUES = dict(zip(_ORDINALS, [*range(1, 20), *range(20, 100, 10)], strict=True))
_PARTS = {"third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10}
_MONTHS = "january february march april may june july august september october november december".split()
_ABBREVIATED = "jan feb mar apr may jun jul aug sept? oct nov dec".split()

DIGIT = "".join(CHINESE_DIGITS)
SCALE = (
    "[多余几]?(?:万亿|千亿|百亿|千万|百万|万|亿)|"
    r"(?<=\d)(?<!\d\d\d)千(?![米克瓦卡帕伏赫人])|(?<=\d)(?<!\d\d\d)百(?![分帕强货])"
)
"""Chinese scales behind digits: "100多万"; there is none in 3千米, in 2023百强 or in 2024千人计划."""
NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?"
NUMERAL = f"[{DIGIT}十百千][{DIGIT}十百千万亿]*"
_ENGLISH_SCALE = "|".join(ENGLISH_SCALES)
_DIGITS = re.compile(
    rf"(?:(?<![a-z\d])|(?<=rmb)|(?<=cny)|(?<=usd)|(?<=eur))({NUMBER})"
    rf"(?:\s*({SCALE}|(?:{_ENGLISH_SCALE})\b)|({'|'.join(_SUFFIXES)})(?![a-z\d]))?"
)
_HUNDREDTHS = re.compile(rf"{PERCENT}([{DIGIT}十百]+)(?![点几多余])")
_PER_CENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|per ?cent)")
_FRACTION = re.compile(rf"(?<![\d/])(\d+)/(\d+)(?![\d/])|([{DIGIT}十]+)分之([{DIGIT}十]+)")
_CHINESE = re.compile(NUMERAL)
_EXACT = re.compile(
    r"(?:十[万亿]*)?(?:[零〇]?[一二两三四五六七八九][十百千万亿]+)*(?:[零〇]?[一二两三四五六七八九])?|"
    r"[一二][零〇○一二三四五六七八九]{3}"
)
_ONE_OF = re.compile(
    r"(?<![数几上成以十百千万亿好一二两三四五六七八九\d\s.])(百万|百亿|千亿|千万(?![不别要注小当记莫勿得切可]))"
    r"(?![一二两三四五六七八九十百千万亿富])"
)
"""A scale that stands for one of it: "百万人"; no "数百万", and no "千万不要"."""
_OVER = re.compile(rf"({NUMERAL})[多余几]([万亿]+)")
_HALF_MORE = re.compile(rf"(\d+|[{DIGIT}十])(?:[个年月天倍]|小时)半")
_AT_LEAST = re.compile(r"(?<=[上近过逾超破])[万亿]")
_PLAN = re.compile(r"(十[一二三四五六七八九]?|[一二三四五六七八九])五(?=规划|计划|期间|时期|\W|$)")
"""A five-year plan by its number: "十四五" is the fourteenth."""
_ABOUT = re.compile(r"([一二两三四五六七八九])(?=[一二两三四五六七八九]([十百千万亿]+))")
_DECADE = re.compile(rf"(?:(\d+|[{DIGIT}十]+)世纪)?(?<!\d)(?<![一二][八九])(?<![一二])([二三四五六七八九][十零〇○]|[2-9]0)年代")
_DECADES = re.compile(r"(?<!\d)(?:19|20)([2-9]0)(?:'?s\b|年代)")
TENTHS = re.compile(
    r"(?<![十百千万亿第之])([一二两三四五六七八九])成([一二三四五六七八九半])(?=$|\W|的|以上|以下|左右|上下|[多到至跌降升增涨减变])"
)
"""A share in tenths and hundredths, "六成二" for 62 %."""
_TENTH = re.compile(
    r"(?<![十百千万亿第之几唯统一二三四五六七八九])([一二两三四五六七八九])成"
    r"(?![一二三四五六七八九半不功为立本员绩果就长熟交都语分品型人年天行群了活名家多])"
)
"""One in tenths alone, "三成" for 30 %."""
_ABOUT_TENTHS = re.compile(
    r"([一二三四五六七八九])([一二三四五六七八九])成|百分之([一二三四五六七八九])([一二三四五六七八九])(?![十百])"
)
_WORD = "|".join(sorted(_ENGLISH_VALUES, key=len, reverse=True))
_ORDINAL_WORD = "|".join(_ORDINALS)
_AND = "|".join(rf"(?<={scale})\s+and\s+" for scale in ENGLISH_SCALES)
ENGLISH_NUMERAL = rf"\b(?:{_WORD})\b(?:(?:[-\s]+|{_AND})(?:{_WORD}|{_ENGLISH_SCALE})\b)*"
_ENGLISH = re.compile(rf"{ENGLISH_NUMERAL}(?![-\s](?:{_WORD}|{_ENGLISH_SCALE}|{_ORDINAL_WORD})\b)")
_ORDINAL = re.compile(rf"\b(?:({'|'.join(_TENS)})-)?({_ORDINAL_WORD})\b")
_ROUGHLY = "".join(
    f"(?<!{word} )" for word in "about almost around below least least than most nearly over roughly some to under".split()
)
"""Words behind which a share is not told exactly: "more than half of them"."""
_PART = re.compile(
    rf"{_ROUGHLY}\b(?:({_WORD})[-\s](third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)s?(?![-\w])|"
    rf"(?:({_WORD})[- ]|a )(quarter|third|fifth|tenth)s? of (?!an? |the (?:year|time|century)))"
)
_COUNT = rf"{_WORD}|\d+"
_MAY_BE_PART = re.compile(rf"\b(?:({_WORD})[-\s]|a )({'|'.join(_PARTS)})s?\b")
_OUT_OF = re.compile(rf"\b({_COUNT}) (?:in|out of)(?: every)? ({_COUNT})\b")
_SPAN = re.compile(rf"\b({_COUNT}|a) (decade|centur)(?:s|y|ies)?\b")
_AND_A_HALF = re.compile(rf"\b({_WORD}|an?)(?: \w+)?[- ]and[- ]a[- ]half\b")
_AFTERNOON = re.compile(
    rf"(?:下午|晚上|傍晚|夜[里间]|晚间)(\d+|[{DIGIT}十]+)[点时:]|\b(\d{{1,2}})(?::\d\d)? ?p\.?m\b|"
    r"(?<!\d)(1[3-9]|2[0-3])(?=[:时])"
)
_ROUGH = "[近约过逾超到大半]"
_HALF = re.compile(rf"(?<!{_ROUGH})一半(?!以[上下]|多)|{_ROUGHLY}\bhalf (?:of|the|its|their)\b")
_MAY_BE_HALF = re.compile(r"一半|半数|[过对各大小上下前后]半|半(?=价|年|数|壁)|\bhalf\b(?!-)|\b50 ?%|百分之五十")
_ALWAYS = "|".join(name for name in (*_MONTHS, *_ABBREVIATED) if name not in ("march", "may", "mar"))
_AT_TIMES = "march|may"
"""Names of months that are other words too."""
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b({_ALWAYS})\b\.?,?\s+(?:{_DAY}|\d{{4}})\b|\b{_DAY}\s+(?:of\s+)?({_ALWAYS})\b|"
    rf"\b(?:on|since|until|by|from|before|after) ({_AT_TIMES}) \d{{1,2}}\b|"
    rf"\b({_AT_TIMES}),? (?:(?:{_DAY},? )?(?:19|20)\d\d|\d{{1,2}}(?:st|nd|rd|th))\b|"
    rf"\b(?:{_DAY} (?={_AT_TIMES},? (?:19|20)\d\d\b)|\d{{1,2}}(?:st|nd|rd|th) of )({_AT_TIMES})\b"
)
_ONES = "|".join(_WORDS[:10])
_POINT = re.compile(rf"(?<!\bat )({ENGLISH_NUMERAL}) point ((?:{_ONES})(?: (?:{_ONES}))*)\b")
"""An English decimal: "twenty-three point five"; no "at one point"."""
_SPOKEN = re.compile(
    rf"(?<![\w-])(?:(?:(half) an?|(?:an?|({_WORD}))( and a half)?) ({_ENGLISH_SCALE})|(?!one )({_WORD}) dozen)\b"
)
"""An English amount as it is spoken: "half a million", "two and a half billion", "a hundred", "three dozen"."""
_DOZEN = re.compile(r"\b(half )?an? dozen\b")
_UNIT = (
    "毫米|厘米|千米|公里|米|公尺|公分|毫克|千克|公斤|克|吨|毫升|升|公顷|亩|平方|立方|倍|度|级|岁|元|块钱|美元|欧元|英镑|个百分点|个?小时|秒|分贝|"
    "千瓦|兆瓦|瓦|节|海里"
)
_DECIMAL = re.compile(
    rf"({PERCENT})?(?<![.\d{DIGIT}十百千万亿])(\d+|[{DIGIT}十百千万亿]+)(?:"
    rf"点([{DIGIT}]+)(?<!两)(?=(?(1)(?![{DIGIT}十百千])|(?:{SCALE}|{_UNIT})))|"
    rf"([米块])(\d\d|[{DIGIT}]{{1,2}})(?=$|\W|[的高长宽深钱多]))"
)
"""A Chinese decimal that counts something: "一点八亿", or as it is spoken, "四米五" and "三块二"; no "四点一声": a time."""


class Reading(NamedTuple):
    """Hold the value of a number, and whether it is stated or only may be meant."""

    value: Decimal
    stated: bool


def readings(folded: str) -> Iterator[Reading]:
    """Yield every number of a folded text.

    Only meant, perhaps: words up to ten, a number without its scale ("1.8" of "1.8万亿"), both of "三四十", what is told
    roughly, and a month that stands alone.
    """
    yield from in_digits(folded)
    yield from _in_chinese(folded)
    yield from _in_english(folded)
    yield from _shares(folded)
    yield from _times(folded)
    if _DOZEN.search(folded):
        yield from (Reading(Decimal(number), False) for number in (6, 12))
    for match in _DATE.finditer(folded):
        yield Reading(Decimal(_month(next(filter(None, match.groups())))), True)
    for number, month in enumerate(_MONTHS, start=1):
        if re.search(rf"\b{month}\b", folded):
            yield Reading(Decimal(number), False)


_ONE_WAY = (
    (re.compile(r"(?<=[\d一二两三四五六七八九十百千])兆(?![瓦赫欧帕字位比焦电像])"), "万亿"),
    (re.compile(r"(?<=[\d一二两三四五六七八九十百])个亿"), "亿"),
    (
        re.compile(
            r"(?<!\d)(?<!\d[.,])(\d+(?:\.\d+)?)(?=(?:[-~～–—至到]{1,2}| to )\d+(?:\.\d+)?"
            r"((?:万亿|千亿|百亿|千万|百万|万|亿)| (?:m|b|tr)illion\b))"
        ),
        r"\1\2",
    ),
    (
        re.compile(r"([一二三四五六七八九]|十[一二]?)月(?=[一二三四五六七八九十]{1,3}[日号])"),
        lambda match: f"{chinese(match[1])}月",
    ),
    (
        re.compile(r"(?<![\d.])([1-9])成([1-9])?(?!\d)"),
        lambda match: f"{_IN_WORDS[int(match[1])]}成{_IN_WORDS[int(match[2])] if match[2] else ''}",
    ),
)
"""Ways of writing an amount that give way to another: 兆 and 个亿, a scale that two numbers share, 九月十日, 6成."""


def in_one_way(text: str) -> str:
    """Return Chinese in Simplified characters, or English, with amounts that can be written in several ways in one of them."""
    for pattern, written in _ONE_WAY:
        text = pattern.sub(written, text)
    return text


def with_decimals(folded: str) -> str:
    """Return a text with the decimals that it has in words in digits: "1.8亿", "4.5米", "12.5%", "0.5 million"."""
    return _POINT.sub(_point, _SPOKEN.sub(_spoken, decimals(folded)))


def decimals(folded: str) -> str:
    """Return a text with the decimals in Chinese words in digits."""
    return _DECIMAL.sub(_decimal, folded)


def in_digits(folded: str) -> Iterator[Reading]:
    """Yield the numbers in digits, with their scale and bare; "1亿2千万" is one number, and so is "3万5"."""
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
    """Return what a scale in words, or one right behind the digits, multiplies by."""
    if suffix:
        return _SUFFIXES[suffix]
    if not scaled:
        return 1
    return ENGLISH_SCALES[scaled] if scaled in ENGLISH_SCALES else chinese(scaled.lstrip("多余几"))


def _in_chinese(folded: str) -> Iterator[Reading]:
    for match in _CHINESE.finditer(folded.replace(PERCENT, " ")):
        value = Decimal(chinese(match[0]))
        yield Reading(value, value > LOOSE and exact(match[0]))
    for match in _ONE_OF.finditer(folded):
        yield Reading(Decimal(chinese(match[0])), True)
    for match in _ABOUT.finditer(folded):
        yield Reading(Decimal(chinese("".join(match.groups()))), False)
    for match in _OVER.finditer(folded):
        yield Reading(Decimal(chinese(match[1] + match[2])), False)
    for match in _HALF_MORE.finditer(folded):
        yield Reading(Decimal(_whole(match[1])) + Decimal("0.5"), False)
    for match in _PLAN.finditer(folded):
        yield Reading(Decimal(chinese(match[1])), False)
    for match in _AT_LEAST.finditer(folded):
        yield Reading(Decimal(CHINESE_UNITS[match[0]]), False)
    if "点半" in folded:
        yield Reading(Decimal(30), False)
    yield from _decades(folded)


def _decades(folded: str) -> Iterator[Reading]:
    """Yield the years that decades begin with, "九十年代" in either of two centuries, and those of "the 1990s" alone."""
    for match in _DECADE.finditer(folded):
        years = _whole(match[2])
        for before in (_whole(match[1]) - 1,) if match[1] else (19, 20):
            yield Reading(Decimal(100 * before + years), False)
    for match in _DECADES.finditer(folded):
        yield Reading(Decimal(match[1]), False)
        yield Reading(Decimal(int(match[0][:2]) + 1), False)  # of its century


def _whole(digits: str) -> int:
    return int(digits) if digits.isdecimal() else chinese(digits)


def exact(numeral: str) -> bool:
    """Tell whether the digits of a Chinese numeral have their units, or it is a year.

    There is no "二三十", which is about so many, and no "成千上万".
    """
    return _EXACT.fullmatch(numeral) is not None


def chinese(numeral: str) -> int:
    """Return the value of a Chinese numeral.

    Its digits are read one by one where it names no unit (二〇二三); a last one right behind a unit counts tenths of that, as
    it is spoken (一万二 for 12,000).
    """
    if all(character in CHINESE_DIGITS for character in numeral):
        return int("".join(str(CHINESE_DIGITS[character]) for character in numeral))
    total = section = digit = 0
    for character in numeral:
        if character in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[character]
            continue
        unit = CHINESE_UNITS[character]
        if unit < 10**4:
            section += (digit or 1) * unit
        elif unit == 10**4:
            section = ((section + digit) or 1) * unit
        elif section + digit:
            total, section = total + (section + digit) * unit, 0
        else:
            total = (total or 1) * unit
        digit = 0
    if (before := CHINESE_UNITS.get(numeral[-2:-1], 0)) > 10:
        digit *= before // 10
    return total + section + digit


def _in_english(folded: str) -> Iterator[Reading]:
    for match in _ENGLISH.finditer(folded):
        value = english(match[0])
        yield Reading(value, value > LOOSE)
    for match in _ORDINAL.finditer(folded):
        value = Decimal(_ENGLISH_VALUES.get(match[1], 0) + _ORDINAL_VALUES[match[2]])
        yield Reading(value, value > LOOSE)


def english(numeral: str) -> Decimal:
    """Return the value of an English numeral; "nineteen ninety-nine" is a year."""
    total = part = 0
    for word in re.split(r"[-\s]+", numeral):
        if word in _ENGLISH_VALUES:
            value = _ENGLISH_VALUES[word]
            part = part * 100 + value if 10 <= part < 100 and value >= 10 else part + value
        elif word == "hundred":
            part *= 100
        elif word != "and":
            total, part = total + part * ENGLISH_SCALES[word], 0
    return Decimal(total + part)


def _shares(folded: str) -> Iterator[Reading]:
    """Yield shares as what they are per cent; what is told per cent may be the fraction that it is nearest to."""
    for match in TENTHS.finditer(folded):
        yield Reading(share(match), True)
    for match in _TENTH.finditer(folded):
        yield Reading(Decimal(10 * CHINESE_DIGITS[match[1]]), True)
    for match in _ABOUT_TENTHS.finditer(folded):
        times = 10 if match[1] else 1
        yield from (Reading(Decimal(times * CHINESE_DIGITS[digit]), False) for digit in match.groups() if digit)
    for match in _HUNDREDTHS.finditer(folded):
        yield Reading(Decimal(chinese(match[1])), exact(match[1]))
    for match in _FRACTION.finditer(folded):
        part, whole = (int(match[1]), int(match[2])) if match[1] else (chinese(match[4]), chinese(match[3]))
        exactly = not match[1] and folded[match.start() - 1 : match.start()] not in tuple("近约过逾超")
        yield from _share(part, whole, exactly)
    for match in _PART.finditer(folded):
        parts = _ENGLISH_VALUES[match[1] or match[3]] if match[1] or match[3] else 1
        yield from _share(parts, _PARTS[match[2] or match[4]], True)
    for match in _MAY_BE_PART.finditer(folded):
        yield from _share(_ENGLISH_VALUES.get(match[1], 1), _PARTS[match[2]], False)
    for match in _OUT_OF.finditer(folded):
        yield from _share(_count(match[1]), _count(match[2]), False)
    if _MAY_BE_HALF.search(folded):
        yield Reading(Decimal(50), _HALF.search(folded) is not None)
    for match in _PER_CENT.finditer(folded):
        yield from _fractions(Decimal(match[1]))
    for match in _HUNDREDTHS.finditer(folded):
        yield from _fractions(Decimal(chinese(match[1])))


def _count(word: str) -> int:
    return int(word) if word.isdecimal() else _ENGLISH_VALUES.get(word, 1)


def _times(folded: str) -> Iterator[Reading]:
    """Yield what a span of years or hours in English, or an hour of the afternoon, is in other words."""
    for match in _SPAN.finditer(folded):
        yield Reading(Decimal(_count(match[1]) * (10 if match[2] == "decade" else 100)), False)
    for match in _AND_A_HALF.finditer(folded):
        yield Reading(_count(match[1]) + Decimal("0.5"), False)
    for match in _AFTERNOON.finditer(folded):
        said, early, late = match.groups()
        yield Reading(Decimal(int(late) - 12 if late else _whole(said or early) + 12), False)


def _fractions(hundredths: Decimal) -> Iterator[Reading]:
    """Yield the simple fractions, per cent, that differ from a share by less than one per cent."""
    for whole in range(2, 11):
        for part in range(1, whole):
            yield from (reading for reading in _share(part, whole, False) if abs(reading.value - hundredths) < 1)


def _share(part: int, whole: int, stated: bool) -> Iterator[Reading]:
    if 0 < part < whole:
        yield Reading(Decimal(100 * part / whole).quantize(Decimal("0.01")).normalize(), stated)


def share(match: re.Match[str]) -> Decimal:
    """Return a share in tenths and hundredths, in per cent."""
    tenths, rest = match.groups()
    return Decimal(10 * CHINESE_DIGITS[tenths] + (5 if rest == "半" else CHINESE_DIGITS[rest]))


def _month(name: str) -> int:
    return next(number for number, month in enumerate(_MONTHS, start=1) if month.startswith(name[:3]))


def _point(match: re.Match[str]) -> str:
    return f"{english(match[1])}." + "".join(str(_ENGLISH_VALUES[word]) for word in match[2].split())


def _spoken(match: re.Match[str]) -> str:
    half, count, more, scale, dozens = match.groups()
    if dozens:
        return str(12 * _ENGLISH_VALUES[dozens])
    number = 0.5 if half else _ENGLISH_VALUES.get(count, 1) + (0.5 if more else 0)
    return f"{number:g} {scale}" if half or more else f"{count or 'one'} {scale}"


def _decimal(match: re.Match[str]) -> str:
    percent, whole, rest, unit, behind = match.groups()
    digits = "".join(str(CHINESE_DIGITS.get(character, character)) for character in rest or behind)
    return f"{whole if whole.isdecimal() else chinese(whole)}.{digits}{unit or ''}{'%' if percent else ''}"
