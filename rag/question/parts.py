"""Split a message that asks several questions at once: "where was it built, and who paid for it?".

A small model that is asked two things answers one, so each question is searched and answered on its own. Questions are
recognised by their words alone.
"""

from __future__ import annotations

import re

from rag.numbers import SOME
from rag.question.kinds import asks_summary, asks_summary_of_all
from rag.text import fold
from rag.text.script import Language

_WORDS = "how|what|who|whose|whom|when|where|which|why"
_ASKS = re.compile(
    r"[什甚]么|啥|谁|哪|边[个度]|(?<!十)几(?!乎)|多少|怎么|怎样|为何|如何|何时|(?<!不)多[久长大高远]|是否|有没有|在不在|(.)不\1|[吗呢]|"
    rf"\b(?:{_WORDS})\b"
)
_INDEFINITE = re.compile(
    r"(?:无论|不管|不论|没过?|不知道?)[^，,？?]{0,3}(?:谁|什么|啥|怎么|哪|多久|多少|几)|"
    rf"(?:谁|什么|啥|哪[里儿]?|怎么\w{{0,4}})[也都]|[{SOME}][上下]?几|几[十百千万]"
)
"""Question words that here mean "anyone" or "some": 谁也不愿意, 近几年."""
_TAG = re.compile(r"(?:是|对|好|行|可以|真的)?(?:吗|吧|不是|不对|么|是不是|对不对|有没有|好不好)?\W*")
"""A question tag, which only stresses what precedes it: "right?"."""
_TOPIC = re.compile(r"呢\W*$")
"""The end of a first part that may only name a topic, and then asks nothing itself: "and the second one?"."""
_SUBORDINATE = re.compile(
    r"\W*(?:(?:so|and|but|well),? )?(?:when(?:ever)?|where|while)\b"
    r"(?!\s+(?:is|was|are|were|do|does|did|has|have|had|can|could|will|would|should)\b)"
)
"""The beginning of an English clause that gives a time or a place and is no question: its subject precedes its verb."""
_CUT = re.compile(
    r"(?P<mark>[?？]+)\s*|(?:[,，;；]\s*|\s+)(?P<joins>(?:(?:and|plus|also|then)\s+)+|还有|還有|另外|以及)|[,，;；]\s*|还有|還有|以及",
    re.IGNORECASE,
)
_OPENS = re.compile(rf"(?:(?:at|by|for|from|in|of|on|to|with) (?:\w+ )?)?(?:{_WORDS})\b", re.IGNORECASE)
_OPENS_ALONE = re.compile(r"(?:how|what|why)\b", re.IGNORECASE)
"""What may begin a second question after a comma alone; there, "who" and "when" begin a clause of the first question."""
_TELLS_WHEN = re.compile(r"(?:[前后]|(?<![何几])时|(?<!什么)时候|的话|期间)$")
"""The end of a Chinese clause that only gives the time or the condition of the question after it."""
_PAIRS = (("《", "》"), ("「", "」"), ("『", "』"), ("“", "”"), ("（", "）"), ("(", ")"))
SHORTEST = 3
"""Fewest characters, without punctuation, of a Chinese question."""
FEWEST_WORDS = 3
"""Fewest words of an English question."""
LONGEST = 40
"""Most characters of each of two Chinese questions that no question mark separates; longer ones are narrative."""


def asked_at_once(question: str, language: Language) -> tuple[str, ...]:
    """Return the questions in a message, at most three, or the whole message where it asks only one.

    It is split at the first question mark, comma, semicolon or conjunction with a question on both sides, one of which may be
    a request for a summary of the whole text; the rest is split once more at a question mark only. In English the second
    question must begin with a question word, unless a question mark ends the first: "who founded the firm that makes what
    everyone wants" is one question.
    """
    first, second = _cut(question, language)
    if not second:
        return (question,)
    third = _cut(second, language, at_marks_alone=True)
    return first, *filter(None, third)


def _cut(question: str, language: Language, at_marks_alone: bool = False) -> tuple[str, str]:
    """Return the first question in a message and the rest, "" where it asks only one."""
    for cut in _CUT.finditer(question):
        first, second = question[: cut.start()].strip(), question[cut.end() :].lstrip("?？ ")
        if (at_marks_alone and not cut["mark"]) or _quoting(first) or not _ask(first, second, language):
            continue
        if cut["mark"]:
            return first + cut["mark"][0], second
        if language != "en":
            if max(len(first), len(second)) <= LONGEST and not _TELLS_WHEN.search(fold(first)):
                return first, second
        elif (_OPENS if cut["joins"] else _OPENS_ALONE).match(second):
            return first, second
    return question, ""


def _quoting(text: str) -> bool:
    """Return whether a text ends inside a title, a quotation or parentheses."""
    return text.count('"') % 2 == 1 or any(text.count(left) > text.count(right) for left, right in _PAIRS)


def _ask(first: str, second: str, language: Language) -> bool:
    """Return whether both parts ask: two questions, or a question and a request for a summary of the whole text."""
    if asks_summary(first) or asks_summary(second):
        of_all, other = (first, second) if asks_summary(first) else (second, first)
        return asks_summary_of_all(of_all) and not asks_summary(other) and _asks(other, language)
    return _asks(_TOPIC.sub("", first), language) and _asks(second, language)


def _asks(part: str, language: Language) -> bool:
    """Return whether a part of a message is a question on its own."""
    folded = fold(part)
    if language == "en":
        return len(part.split()) >= FEWEST_WORDS and not _SUBORDINATE.match(folded) and _ASKS.search(folded) is not None
    letters = sum(character.isalnum() for character in part)
    return letters >= SHORTEST and not _TAG.fullmatch(folded) and _ASKS.search(_INDEFINITE.sub(" ", folded)) is not None
