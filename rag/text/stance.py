"""Detect the stance of a sentence: whether it asks, refers back, denies, compares or only reports a guess."""

from __future__ import annotations

import re

from rag.text import fold

_POINTER = re.compile(
    r"^(?:这|那(?!么)|此(?!外)|该|它|其(?![中他它余实次]))|这[些几]|那[些几]|上述|^(?:this|these|that|those|such|it|they)\b|\bthese\b"
)
_DENIAL = re.compile(
    r"不(?![仅只但断少过论管同久妨愧由禁止得])|没(?!收)|未(?![来必])|无(?![论疑数比穷限人])|非(?![常洲])|"
    r"\b(?:not(?! only)|no(?! doubt)|none|never|neither|nor|cannot|nobody|nothing|hardly)\b|n't\b"
)
_COMPARISON = re.compile(
    r"不如|不及|胜过|(?<![占对分之])比(?![如例喻重赛特较])|更(?![新换改名替])|(?:[高低大小优强弱多少快慢早晚]于|超过)(?!约?[\d一二两三半])|"
    r"\b(?:more|less|fewer|better|worse|(?<!rather )(?<!other )than)\b(?!(?: than)? (?:\W?\d|half|an?\b|one\b|two\b|three\b))"
)
"""Words that compare one thing with another, except those that state an amount ("more than 200")."""
_DOUBT = re.compile(
    r"猜(?![谜拳灯字想])|(?<![引习赖信足不可难视])以为(?![然继荣耻傲豪戒鉴憾常例期社人])|疑心|怀疑|(?<![数依根证凭票])据[说称传悉]|传[说闻]|"
    r"谣传|听说|有人[说讲称]|说法|(?<![口耳代世脉手])相传|号称|声称|自称|"
    r"\b(?:guess(?:e[ds])?|suspect(?:ed)? (?:that|of|the|an?|it)|suppos(?:es?|edly)|allegedly|reportedly|rumou?red|said to|"
    r"(?:assum|believ)(?:es?|ed) (?:that|to|it|he|she|they)|mistaken(?:ly)?|thought (?!of\b)|"
    r"claim(?:s|ed) (?:that|to|it|he|she|they))\b"
)
"""Words that report somebody's guess, belief or claim."""


def asks(text: str) -> bool:
    """Return whether a sentence is a question."""
    return text.endswith(("?", "？"))


def refers_back(text: str) -> bool:
    """Return whether a sentence contains a word, such as an initial "it", that refers to what precedes the sentence."""
    return _POINTER.search(fold(text)) is not None


def denies(text: str) -> bool:
    """Return whether a text contains a negation."""
    return _DENIAL.search(fold(text).replace("’", "'")) is not None


def compares(text: str) -> bool:
    """Return whether a text compares one thing with another: more, less, better."""
    return _COMPARISON.search(fold(text)) is not None


def doubts(text: str) -> bool:
    """Return whether a text contains a word by which it only reports what somebody guesses, believes or claims."""
    return _DOUBT.search(fold(text)) is not None
