"""Recognise what a question asks for: an account, a detail, one reason, several things, a summary, or one of the whole text.

Questions for an account, for a detail and about the whole text are recognised by the similarity of their embeddings to
examples (files in `prompts/asked/`), the others by regular expressions. Texts give accounts (reasons, meanings, lists,
comparisons) and omit many details (a name, a date, an amount), so a question for a detail needs better evidence before it is
answered. `gate.py` decides whether the text answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from rag.embedding import Embedder, Vectors, embed_questions
from rag.examples import Examples
from rag.numerals.chinese import value
from rag.text import fold

_SUMMARY = re.compile(
    r"总结(?!会)|概括|归纳|概述|简述|综述|概要|摘要|提要|大意(?!失)|要旨|(?<![第那这])[几两三]句话?|"
    r"\bsum(?:mari[sz]e|mary|s? up)\b|\btl;?dr\b|^\W*briefly\b|\b(?:describe|explain|say|tell)\b.*\bbriefly\b|"
    r"\bin short\b(?=\W*$|,)|\bin a nutshell\b|\bgist\b|\brecap\b|\boverview\b|\bsynopsis\b|\b(?:main|key) points\b|"
    r"\b(?:in|into|to) (?:a few|a couple of|two|three) (?:sentences|words|lines)\b"
)
_COUNTS = {"a": 1, "an": 1, "one": 1, "a couple of": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_COUNT = r"a couple of|a(?! few)|an|one|two|three|four|five|six|\d{1,2}"
_PIECE = "(?:sentence|line|bullet|point)"
_LENGTH = re.compile(
    r"(?<![第那这])(?:[一两二三四五六七八九\d][、到至或-]?)?([一两二三四五六七八九]|\d{1,2})(?:句话?|点|个?[要重]点)|"
    rf"\b(?:in|into|to|of|with) (?:\w+ or )?({_COUNT})(?: \w+)? {_PIECE}s?(?: or (two|three))?\b|\b(one)[- ]{_PIECE}r?\b|"
    rf"\b(two|three|four|five|\d{{1,2}}) {_PIECE}s?(?= (?:max|at most|or less|or fewer)|\W*$)"
)
"""The requested length of a summary, in sentences, lines or points; of a range, its upper end."""
_NO_VERB = "(?<![称作成名变定改认以视当列译分化选评设升誉喻])"
"""为 after one of these characters belongs to a verb: 成为什么 asks for no reason."""
_REASON = re.compile(
    rf"{_NO_VERB}为[什甚啥嘛]么?(?!样)|{_NO_VERB}为何(?![时种人物处地事]|\W*$)|"
    r"(?<![如任])何以|因何|缘何|凭(?:什么|啥)(?![证票条资])|点解|(?<![在是饼])干[嘛吗](?=\w)(?![用的])|"
    r"[怎咋]么?(?:会(?![面见合议师])|就(?![业医餐读学职近地])|反而|倒|偏|老是|总是|还是|没|不|这么|那么)|"
    r"(?<![经管处受])(?:原因|理由|起因|缘故)(?=[是为在呢]|\W|$)|(?<![地构插附张幅蓝])图(?:的是)?个?(?:什么|啥)(?=\W|$)|"
    r"\bwhy\b|\bhow come\b|\bwhat (?:made(?! up)|caused|prompted|went wrong)\b|"
    r"\bwhat(?:'s| is| was)? (?:the |his |her |its |their )?reason\b"
)
_OTHER_ASKED_BEFORE = re.compile(
    r"谁|哪|何时|什么时候|多少|几(?!乎)|^\W*(?:who|whom|whose|when|where|which|how(?! come)|what|in (?:what|which))\b|"
    r"^\W*(?:is|are|was|were|do|does|did|has|have|can|could|will|would)\b(?! you\b)"
)
"""Words that ask for something else before the reason is asked for; an answer that begins with a reason would omit it."""
_OTHER_ASKED_AFTER = re.compile(r"吗\W*$|谁|哪|多少|百分之几|\bhow (?:many|much)\b")
_WHY_ADDED = re.compile(r"(?:[,;:?，；：？]\s*|\band )(?:为什么|为何|为啥|why)\W*$")
_SEVERAL = re.compile(
    r"[几两俩二三四五六七八九十][个点条项大](?:\w{0,2})(?:原因|理由)|\b(?:two|three|four|five|several|many) (?:\w+ )?reasons?\b"
)
_SEVERAL_ASKED = re.compile(
    r"哪些|哪[几两二三四五六七八九]|(?<![近这那好前后])[几两二三四五六七八九][个点项条件道种样类步大]|列(?:出|举|一|下)|逐[一条项个]|分别|"
    r"都有(?:什么|啥)|\b(?:list|name (?:all|the)|all (?:of )?(?:the|them)|what (?:are|were)|which (?:\w+ ){0,2}\w+s|"
    r"several|reasons|things|points|steps|two|three|four|five|six)\b"
)
_WHOLE = re.compile(
    r"\b(?:whole|entire) (?:article|book|document|essay|interview|passage|piece|report|speech|story|text|thing)\b|"
    r"整篇|全文|通篇|从头到尾"
)
NEAREST = 3
"""Nearest examples of each kind over which a question's similarity is averaged."""


@dataclass(frozen=True)
class QuestionKinds:
    """The embedded examples of each kind of question, each of shape (examples, dimensions)."""

    account: Vectors
    detail: Vectors
    whole: Vectors

    @classmethod
    def of(cls, examples: Examples) -> QuestionKinds:
        """Return the examples of these kinds among all embedded examples."""
        return cls(examples["asked/account"], examples["asked/detail"], examples["asked/whole"])

    def account_over_detail(self, question: str, embedder: Embedder) -> float:
        """Return a question's similarity to examples that ask for an account minus that to examples that ask for a detail."""
        vector = embed_questions(embedder, [question])[0]
        return _nearness(vector, self.account) - _nearness(vector, self.detail)

    def wholeness(self, question: str, embedder: Embedder) -> float:
        """Return the similarity of a question to the nearest example that asks about the whole text."""
        return float((self.whole @ embed_questions(embedder, [question])[0]).max())


def asks_summary(question: str) -> bool:
    """Return whether a question asks for a summary."""
    return _SUMMARY.search(fold(question)) is not None


def asks_several(question: str) -> bool:
    """Return whether a question asks for several things."""
    return _SEVERAL_ASKED.search(fold(question)) is not None


def sentences_asked(question: str) -> int | None:
    """Return the most sentences, lines or points that a question asks for, None where it gives no number, or zero."""
    found = _LENGTH.search(fold(question))
    if found is None:
        return None
    counted = [group for group in found.groups() if group][-1]
    return (int(counted) if counted.isdecimal() else _COUNTS.get(counted) or value(counted)) or None


def asks_reason(question: str) -> bool:
    """Return whether a question explicitly asks for one reason and for nothing else."""
    folded = fold(question)
    asked = _REASON.search(folded)
    if asked is None or _WHY_ADDED.search(folded) or _SEVERAL.search(folded):
        return False
    return not (_OTHER_ASKED_BEFORE.search(folded[: asked.start()]) or _OTHER_ASKED_AFTER.search(folded[asked.end() :]))


def asks_summary_of_all(question: str) -> bool:
    """Return whether a question explicitly asks for a summary of the whole text."""
    return asks_summary(question) and _WHOLE.search(fold(question)) is not None


def _nearness(vector: Vectors, examples: Vectors) -> float:
    return float(np.sort(examples @ vector)[-NEAREST:].mean())
