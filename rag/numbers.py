"""Read the numbers of a text as values, so that "1.8万亿", "18,000亿" and "1.8 trillion" are one number.

It knows digits, Chinese numerals and English number words; it does not know what a number counts.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from rag.text import IN_PARENTHESES, LIST_NUMBER, fold

_CHINESE_DIGITS = {
    "零": 0,
    "〇": 0,
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
_CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}
_SCALES = {
    "万": 10**4,
    "亿": 10**8,
    "万亿": 10**12,
    "千": 1000,
    "百万": 10**6,
    "千万": 10**7,
    "百亿": 10**10,
    "千亿": 10**11,
}
_ENGLISH_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ENGLISH_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ENGLISH_VALUES = dict(zip([*_ENGLISH_WORDS, *_ENGLISH_TENS], [*range(20), *range(20, 100, 10)], strict=True))
_MONTHS = "january february march april may june july august september october november december".split()
_SCALE = "|".join(_ENGLISH_SCALES)
_CHINESE_SCALE = "万亿|千亿|百亿|千万|百万|万|亿"
_DIGITS = re.compile(rf"(?<![a-z\d])(\d+(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)\s*({_CHINESE_SCALE}|{_SCALE})?")
_CHINESE = re.compile(r"[零〇一二两三四五六七八九十百千][零〇一二两三四五六七八九十百千万亿]*")
_EXACT = re.compile(
    r"(?:十[万亿]*)?(?:[零〇]?[一二两三四五六七八九][十百千万亿]+)*(?:[零〇]?[一二两三四五六七八九])?|[一二][零〇一二三四五六七八九]{3}"
)
"""A Chinese numeral whose digits have their units, or a year: no "二三十", which is about so many, and no "成千上万"."""
_ABOUT = re.compile(r"([一二两三四五六七八九])(?=[一二两三四五六七八九]([十百千万亿]+))")
_TENTHS = re.compile(
    r"(?<![十百千万亿第之])([一二两三四五六七八九])成([一二三四五六七八九半])(?=$|\W|的|以上|以下|左右|上下|[多到至跌降升增涨减变])"
)
"""A share in tenths and hundredths, "六成二" for 62 %."""
_PERCENT = "百分之"
_DIGIT = "".join(_CHINESE_DIGITS).replace("两", "")
_UNIT = (
    "毫米|厘米|千米|公里|米|公尺|公分|毫克|千克|公斤|克|吨|毫升|升|公顷|亩|平方|立方|倍|度|级|岁|元|块钱|美元|欧元|英镑|个百分点|个?小时|秒|分贝|"
    "千瓦|兆瓦|瓦|节|海里"
)
_DECIMAL = re.compile(
    rf"({_PERCENT})?(?<![.\d{_DIGIT}两十百千万亿])(\d+|[{_DIGIT}两十百千万亿]+)(?:"
    rf"点([{_DIGIT}]+)(?=(?(1)(?![{_DIGIT}十百千])|(?:{_CHINESE_SCALE}|{_UNIT})))|"
    rf"([米块])(\d\d|[{_DIGIT}]{{1,2}})(?=$|\W|[的高长宽深钱多]))"
)
"""A Chinese decimal that counts something: "一点八亿", or as it is spoken, "四米五" and "三块二"; no "四点一声": a time."""
_WORD = "|".join(sorted(_ENGLISH_VALUES, key=len, reverse=True))
_AND = "|".join(rf"(?<={scale})\s+and\s+" for scale in _ENGLISH_SCALES)
_NUMERAL = rf"\b(?:{_WORD})\b(?:(?:[-\s]+|{_AND})(?:{_WORD}|{_SCALE})\b)*"
_ENGLISH = re.compile(rf"{_NUMERAL}(?![-\s](?:first|second|third|\w+th)\b)")
_ONES = "|".join(_ENGLISH_WORDS[:10])
_POINT = re.compile(rf"(?<!\bat )({_NUMERAL}) point ((?:{_ONES})(?: (?:{_ONES}))*)\b")
"""An English one: "twenty-three point five"; no "at one point"."""
_LOOSE = 10
"""Up to it, words for numbers are used loosely: "one of them", "十分"."""
_AMOUNT = re.compile(
    rf"({_PERCENT})?"
    rf"(\d[\d,.]*(?:{_CHINESE_SCALE})(?:\d[\d,.]*(?:千万|百万|万))?|{_CHINESE.pattern})(?=(年)?)"
)
"""An amount as Chinese writes it."""
_PARENTHESES = re.compile(f"({IN_PARENTHESES.pattern})")
_ASKED = re.compile(
    r"多少|(?<!哪)几(?!乎)|何时|什么时候|哪一?[年天]|哪个?月|\bhow (?:many|much)\b|\bwhat (?:percentage|share|number)\b|"
    r"\b(?:what|which) (?:year|date|day|month)\b|\bwhen (?:is|was|were|did|does|do|will|has|have)\b|"
    r"\bwhat (?:is|was|are|were)\b[^,;]*\b(?:amount|budget|income|percentage|population|price|profit|revenue|salary|share)s?\b"
)
_EACH = re.compile(r"各|分别|\beach\b|\brespectively\b")
_LIST_MARK = re.compile(rf"(?m)^\s*{LIST_NUMBER}\s*")


def numbers_asked(question: str) -> int:
    """Return how many numbers a question wants, at least: amounts and dates."""
    folded = fold(question)
    asked = len(_ASKED.findall(folded))
    return max(asked, 2) if asked and _EACH.search(folded) else asked


def stated(text: str) -> set[Decimal]:
    """Return the values of the numbers that a text states, in digits or, beyond ten, in words; list marks left out."""
    folded = _with_decimals(_LIST_MARK.sub("", fold(text)))
    words = {
        Decimal(_chinese(match.group()))
        for match in _CHINESE.finditer(folded.replace(_PERCENT, ""))
        if _EXACT.fullmatch(match.group())
    }
    words |= {_english(match.group()) for match in _ENGLISH.finditer(folded)} | _tenths(folded)
    return {value for value, _ in _digits(folded)} | {value for value in words if value > _LOOSE}


def values(text: str) -> set[Decimal]:
    """Return the values of every number in a text, whether in digits or in words.

    A number with a scale ("1.8万亿") also counts as its bare digits, "三四十" as both; months count as their numbers, and what
    may be a decimal as its parts too.
    """
    folded = fold(text)
    found: set[Decimal] = set()
    for value, bare in _digits(_with_decimals(folded)) + _digits(folded):
        found |= {value, bare}
    found |= {Decimal(_chinese(match.group())) for match in _CHINESE.finditer(folded)}
    found |= {Decimal(_chinese("".join(match.groups()))) for match in _ABOUT.finditer(folded)}
    found |= {_english(match.group()) for match in _ENGLISH.finditer(folded)} | _tenths(folded)
    found |= {Decimal(number) for number, month in enumerate(_MONTHS, start=1) if re.search(rf"\b{month}\b", folded)}
    return found


def in_english(text: str) -> str:
    """Return Chinese text in Simplified characters with its amounts beyond ten as English writes them: "38 million", "21%".

    What stands in parentheses stays as it is.
    """
    pieces = _PARENTHESES.split(text)
    return "".join(piece if place % 2 else _rendered(piece) for place, piece in enumerate(pieces))


def _rendered(text: str) -> str:
    def render(match: re.Match[str]) -> str:
        percent, amount, year = match.groups()
        if not (amount[0].isdigit() or _EXACT.fullmatch(amount)):
            return match.group()
        value = _digits(amount)[0][0] if amount[0].isdigit() else Decimal(_chinese(amount))
        if value <= _LOOSE and not percent:
            return match.group()
        return f"{value:f}" if year else f"{_short(value)}{'%' if percent else ''}"

    return _AMOUNT.sub(render, _TENTHS.sub(lambda match: f"{_share(match)}%", _DECIMAL.sub(_decimal, text)))


def _with_decimals(folded: str) -> str:
    """Return a text with the decimals that it has in words in digits: "1.8亿", "4.5米", "12.5%"."""

    def english(match: re.Match[str]) -> str:
        return f"{_english(match[1])}." + "".join(str(_ENGLISH_VALUES[word]) for word in match[2].split())

    return _POINT.sub(english, _DECIMAL.sub(_decimal, folded))


def _decimal(match: re.Match[str]) -> str:
    percent, whole, rest, unit, behind = match.groups()
    digits = "".join(str(_CHINESE_DIGITS.get(character, character)) for character in rest or behind)
    return f"{whole if whole.isdecimal() else _chinese(whole)}.{digits}{unit or ''}{'%' if percent else ''}"


def _short(value: Decimal) -> str:
    """Return a value in digits, with a scale where that leaves few of them."""
    for name in ("trillion", "billion", "million"):
        scaled = (value / _ENGLISH_SCALES[name]).normalize()
        if scaled >= 1 and scaled == round(scaled, 4):
            return f" {scaled:f} {name} "
    return f"{value:,f}"


def _digits(folded: str) -> list[tuple[Decimal, Decimal]]:
    """Return the numbers in digits, with their scale and bare; "1亿2千万" is one number."""
    found: list[tuple[Decimal, Decimal]] = []
    end, least = -1, Decimal(0)
    for match in _DIGITS.finditer(folded):
        try:
            bare = Decimal(match.group(1).replace(",", ""))
        except InvalidOperation:
            continue
        scale = Decimal(_SCALES.get(match.group(2)) or _ENGLISH_SCALES.get(match.group(2)) or 1)
        value = bare * scale
        if match.start() == end and value < least:
            value += found.pop()[0]
            bare = value
        found.append((value, bare))
        end, least = match.end(), scale
    return [(value.normalize(), bare.normalize()) for value, bare in found]


def _chinese(text: str) -> int:
    """Return the value of a Chinese numeral, its digits read one by one where it names no unit (二〇二三)."""
    if all(character in _CHINESE_DIGITS for character in text):
        return int("".join(str(_CHINESE_DIGITS[character]) for character in text))
    total = section = digit = 0
    for character in text:
        if character in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[character]
        elif character in _CHINESE_UNITS:
            section += (digit or 1) * _CHINESE_UNITS[character]
            digit = 0
        elif character == "万":
            section = (section + digit) * 10**4
            digit = 0
        else:
            total = (total + section + digit) * 10**8
            section = digit = 0
    return total + section + digit


def _tenths(folded: str) -> set[Decimal]:
    """Return the shares of a text that are told in tenths, per cent."""
    return {_share(match) for match in _TENTHS.finditer(folded)}


def _share(match: re.Match[str]) -> Decimal:
    tenths, rest = match.groups()
    return Decimal(10 * _CHINESE_DIGITS[tenths] + (5 if rest == "半" else _CHINESE_DIGITS[rest]))


def _english(text: str) -> Decimal:
    """Return the value of an English numeral; "nineteen ninety-nine" is a year."""
    total = part = 0
    for word in re.split(r"[-\s]+", text):
        if word in _ENGLISH_VALUES:
            value = _ENGLISH_VALUES[word]
            part = part * 100 + value if 10 <= part < 100 and value >= 10 else part + value
        elif word == "hundred":
            part *= 100
        elif word != "and":
            total, part = total + part * _ENGLISH_SCALES[word], 0
    return Decimal(total + part)
