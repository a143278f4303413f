"""Detect the script of Chinese text and the language of a question, and convert between the scripts by OpenCC's tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

import opencc

Script = Literal["zh-Hant", "zh-Hans"]
Language = Script | Literal["en"]
OWN_RUN = 3
"""Minimum length of a run of characters that a text takes from a source; shorter ones may coincide by chance."""
HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Chinese characters, for use in a character class of a regular expression."""
_HAN = re.compile(f"[{HAN}]")
_OF_BOTH_SCRIPTS = "台吃唇峰床灶痴皂秘粽群"
"""Characters that OpenCC converts to Traditional (臺, 喫, 脣, …) although Traditional texts use them too."""
_OF_ONE_SCRIPT = re.compile(f"(?![{_OF_BOTH_SCRIPTS}])[{HAN}]")
IN_PARENTHESES = re.compile(r"[(（][^()（）]*[)）]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
ENGLISH_FUNCTION = frozenset(
    "a an and are as at be by can could did do does for from had has have how i if in is it its many me much my of on or "
    "please so tell than that the their them there they this to was we were what when where which who whom whose why will "
    "with would you your explain about".split()
)
"""English function words."""
_ENGLISH_OPENING = frozenset(
    "are can compare could define describe did discuss do does explain give had has have introduce is list name outline show "
    "summarise summarize tell translate was were will would".split()
)
"""Verbs that indicate an English question if they are its first word."""
_CHINESE_FUNCTION = frozenset("的是了么吗嘛呢吧啊什怎为啥哪谁几多少在有和与跟把被这那你我他它们就都不没会能可以请说讲对从到于")


@cache
def _converter(name: str) -> opencc.OpenCC:
    return opencc.OpenCC(name)


def _converted(text: str, name: str) -> str:
    """Return text converted by a table of OpenCC; lone surrogates, which OpenCC rejects, become question marks."""
    return str(_converter(name).convert(text.encode("utf-8", "replace").decode()))


def to_simplified(text: str) -> str:
    """Return the text in Simplified characters."""
    return _converted(text, "t2s")


def own_characters(name: str, text: str) -> str:
    """Return a name, given in Simplified characters, as a text writes it; "" if it does not occur or cannot be located."""
    simplified = to_simplified(text)
    place = simplified.find(name)
    return text[place : place + len(name)] if place >= 0 and len(simplified) == len(text) else ""


def with_own_characters(text: str, sources: Sequence[str]) -> str:
    """Return Traditional text with its sources' characters in what it shares with them: 余承東, which tables write 餘承東."""
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
    """Return the longest run at a place of a Simplified text that a source contains, in the source's own characters.

    folded: the source in Simplified characters.
    """
    found, length = -1, 0
    while place + length < len(simplified):
        further = folded.find(simplified[place : place + length + 1], max(found, 0))
        if further < 0:
            break
        found, length = further, length + 1
    return source[found : found + length]


def to_traditional(text: str) -> str:
    """Return the text, in whatever mixture of scripts, in Traditional characters (Taiwan's standard forms)."""
    return _converted(to_simplified(text), "s2tw")


def to_script(text: str, language: Language) -> str:
    """Return Chinese text in the script of a language; for English, the text is unchanged."""
    if language == "en":
        return text
    return to_traditional(text) if language == "zh-Hant" else to_simplified(text)


def has_function_word(text: str) -> bool:
    """Return whether a Chinese text contains a function word, such as 的."""
    return not _CHINESE_FUNCTION.isdisjoint(to_simplified(text))


def has_han(text: str) -> bool:
    """Return whether a text contains a Chinese character."""
    return _HAN.search(text) is not None


def mostly_latin(text: str) -> bool:
    """Return whether more than half of a text's characters are ASCII letters."""
    return sum(character.isascii() and character.isalpha() for character in text) > len(text) / 2


def script(text: str) -> Script | None:
    """Return the Chinese script of a text, None if its characters are common to both or evenly divided."""
    han = "".join(_OF_ONE_SCRIPT.findall(text))
    traditional = sum(a != b for a, b in zip(han, to_simplified(han), strict=False))
    simplified = sum(a != b for a, b in zip(han, _converted(han, "s2t"), strict=False))
    if traditional == simplified:
        return None
    return "zh-Hant" if traditional > simplified else "zh-Hans"


def is_traditional(text: str) -> bool:
    """Return whether a text was written in Traditional characters, not converted to them character by character.

    A converted text has 于 for every 於, and its other characters are unreliable too.
    """
    return script(text) == "zh-Hant" and not ("于" in text and "於" not in text)


def language(text: str, default: Script) -> Language:
    """Return the language in which a question is to be answered.

    default: the script for a Chinese question of ambiguous script. A mixed question has the language of most of its function
    words ("deepseek为啥…" is Chinese, "What does 雙聘制 mean?" is English); an English verb that opens it counts twice. A
    question whose only Chinese is in parentheses is English.
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
