"""Tell Chinese scripts and the language of a question, and write Chinese in either script, by OpenCC's tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

import opencc

Script = Literal["zh-Hant", "zh-Hans"]
Language = Script | Literal["en"]
OWN_RUN = 3
"""Characters in a row that a text shares with a source, from which they are the source's: fewer may meet by chance."""
HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Chinese characters, to stand in a character class of a regular expression."""
_HAN = re.compile(f"[{HAN}]")
_OF_BOTH_SCRIPTS = "台吃唇峰床灶痴皂秘粽群"
"""What OpenCC writes otherwise in Traditional (臺, 喫, 脣, …), though texts in Traditional characters write it as it is."""
_OF_ONE_SCRIPT = re.compile(f"(?![{_OF_BOTH_SCRIPTS}])[{HAN}]")
IN_PARENTHESES = re.compile(r"[(（][^()（）]*[)）]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
ENGLISH_FUNCTION = frozenset(
    "a an and are as at be by can could did do does for from had has have how i if in is it its many me much my of on or "
    "please so tell than that the their them there they this to was we were what when where which who whom whose why will "
    "with would you your explain about".split()
)
"""Words of English that carry no meaning of their own."""
_ENGLISH_OPENING = frozenset(
    "are can compare could define describe did discuss do does explain give had has have introduce is list name outline show "
    "summarise summarize tell translate was were will would".split()
)
"""Verbs that make a question English by standing first."""
_CHINESE_FUNCTION = frozenset("的是了么吗嘛呢吧啊什怎为啥哪谁几多少在有和与跟把被这那你我他它们就都不没会能可以请说讲对从到于")


@cache
def _converter(name: str) -> opencc.OpenCC:
    return opencc.OpenCC(name)


def _converted(text: str, name: str) -> str:
    """Return text as a table of OpenCC's converts it; lone surrogates, which that refuses, become question marks."""
    return str(_converter(name).convert(text.encode("utf-8", "replace").decode()))


def to_simplified(text: str) -> str:
    """Return the text in Simplified characters."""
    return _converted(text, "t2s")


def own_characters(name: str, text: str) -> str:
    """Return a name, in Simplified characters, as a text writes it, "" where it has it not or that cannot be told."""
    simplified = to_simplified(text)
    place = simplified.find(name)
    return text[place : place + len(name)] if place >= 0 and len(simplified) == len(text) else ""


def with_own_characters(text: str, sources: Sequence[str]) -> str:
    """Return Traditional text, its sources' own characters in what they hold: 余承東, which tables write 餘承東."""
    simplified = to_simplified(text)
    if len(simplified) != len(text):
        return text
    known = [(folded, source) for source in sources if len(folded := to_simplified(source)) == len(source)]
    own, place = "", 0
    while place < len(text):
        run = max((_run(simplified, place, *pair) for pair in known), key=len, default="")
        own += run if len(run) >= OWN_RUN else text[place]
        place += len(run) if len(run) >= OWN_RUN else 1
    return own


def _run(simplified: str, place: int, folded: str, source: str) -> str:
    """Return the longest run that stands at a place of a text in Simplified characters and in a source, in that one's own."""
    found, length = -1, 0
    while place + length < len(simplified):
        further = folded.find(simplified[place : place + length + 1], max(found, 0))
        if further < 0:
            break
        found, length = further, length + 1
    return source[found : found + length]


def to_traditional(text: str) -> str:
    """Return the text in Traditional characters (Taiwan's standard forms), whatever mixture it came in."""
    return _converted(to_simplified(text), "s2tw")


def to_script(text: str, language: Language) -> str:
    """Return Chinese text in the script of a language; English readers get the text as it is."""
    if language == "en":
        return text
    return to_traditional(text) if language == "zh-Hant" else to_simplified(text)


def functional(text: str) -> bool:
    """Tell whether a Chinese text holds a function word, such as 的."""
    return not _CHINESE_FUNCTION.isdisjoint(to_simplified(text))


def has_han(text: str) -> bool:
    """Tell whether a text holds a Chinese character."""
    return _HAN.search(text) is not None


def mostly_latin(text: str) -> bool:
    """Tell whether more than half of a text is Latin letters."""
    return sum(character.isascii() and character.isalpha() for character in text) > len(text) / 2


def script(text: str) -> Script | None:
    """Return the Chinese script of a text, or None where its characters belong to both."""
    han = "".join(_OF_ONE_SCRIPT.findall(text))
    traditional = sum(a != b for a, b in zip(han, to_simplified(han), strict=False))
    simplified = sum(a != b for a, b in zip(han, _converted(han, "s2t"), strict=False))
    if traditional == simplified:
        return None
    return "zh-Hant" if traditional > simplified else "zh-Hans"


def traditional(text: str) -> bool:
    """Tell whether a text is written in Traditional characters, and not converted to them from others one by one.

    A text that was has 于 for every 於, and its other characters are not to be relied on either.
    """
    return script(text) == "zh-Hant" and not ("于" in text and "於" not in text)


def language(text: str, default: Script) -> Language:
    """Return the language in which a question wants its answer.

    default: the script for Chinese whose characters belong to both. A mixed question follows the language of its function
    words ("deepseek为啥…" is Chinese, "What does 雙聘制 mean?" is English), a verb that opens it counting twice, and not its
    explanations in parentheses.
    """
    spoken = IN_PARENTHESES.sub("", text) if has_han(text) else text
    if not has_han(spoken) and _LATIN_WORD.search(spoken):
        return "en"
    words = [re.split("['’]", word)[0] for word in _LATIN_WORD.findall(text.lower())]
    opens = _LATIN_WORD.match(text.lstrip()) is not None and words[0] in _ENGLISH_OPENING
    english = sum(word in ENGLISH_FUNCTION for word in words[opens:]) + 2 * opens
    chinese = sum(character in _CHINESE_FUNCTION for character in to_simplified(text))
    if english > chinese:
        return "en"
    return script(text) or default
