"""Format claims for the reader: with citation marks, in the reader's script, and with originals after English names.

Which claims an answer makes, and in which order, is decided in `answering.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.english.names import Names
from rag.english.romanization import in_source_script, with_originals
from rag.grounding.claim import Claim, PartAnswer
from rag.index import Index
from rag.replies import reply
from rag.results import Citation
from rag.text.script import Language, to_script, with_own_characters
from rag.text.sentences import FOOTNOTE

_FOOTNOTE = re.compile(rf"{FOOTNOTE}(?![\dA-Za-z])")
"""A footnote mark of the source, which could be mistaken for a citation mark."""
_NUMBERED = re.compile(r"\d+")
_ORDER = ("first", "second", "third")
"""Prefixes of the `…_not_in_text` replies, by a question's position in a message with several."""
_END = "\x1e"
"""Separator of sentences while they are one text, in which only the first mention of a name is followed by its original."""


def merge(answers: Sequence[PartAnswer], language: Language) -> list[Claim]:
    """Return the claims of the answers to the questions of one message; if all are declined, only of the first.

    The nearest sentences that follow a decline are left out if the answer to another of the questions cites one of them.
    """
    answered = [answer for answer in answers if not answer.declined]
    cited = {source for answer in answered for claim in answer.claims for source in claim.sources}
    claims: list[Claim] = []
    for number, answer in enumerate(answers if answered else answers[:1]):
        first, *others = answer.claims
        if answer.declined and answered:
            first = replace(first, text=reply(f"{_ORDER[number]}_not_in_text", language))
            others = [] if any(cited.intersection(quote.sources) for quote in others) else others
        claims += [replace(first, before=f"\n\n{first.before}") if number else first, *others]
    return claims


def compose(claims: Sequence[Claim], index: Index) -> tuple[tuple[str, ...], tuple[Citation, ...]]:
    """Return claims as sentences with `[1]`-style citation marks, and the citations.

    A sentence begins with the text that precedes its claim, such as a space or a list mark. All citations of a source sentence
    have the same mark. Numbered lists are renumbered, since claims may have been dropped from them; after a blank line the
    count restarts at 1.
    """
    items = 0
    markers: dict[int, int] = {}
    citations: list[Citation] = []
    sentences: list[str] = []
    for number, claim in enumerate(claims):
        marks = ""
        for source, support in zip(claim.sources, claim.support, strict=True):
            marker = markers.setdefault(source, len(markers) + 1)
            sentence = index.sentences[source]
            citations.append(
                Citation(
                    marker,
                    sentence.text,
                    sentence.source,
                    sentence.start,
                    sentence.end,
                    number,
                    round(support, 3),
                )
            )
            marks += f"[{marker}]"
        before = claim.before if sentences else claim.before.lstrip()
        if _NUMBERED.search(before):
            items = 1 if "\n\n" in before else items + 1
            before = _NUMBERED.sub(str(items), before)
        sentences.append(before + _FOOTNOTE.sub("", claim.text) + marks)
    return tuple(sentences), tuple(citations)


def localized(
    sentences: Sequence[str], citations: Sequence[Citation], language: Language, index: Index, names: Names
) -> tuple[str, ...]:
    """Return sentences in the script of the reader's language or, for English, with originals after names."""
    text = to_script(_END.join(sentence.replace(_END, " ") for sentence in sentences), language)
    if language == "zh-Hant":
        own = [citation.quote for citation in citations if citation.source in index.traditional_sources]
        text = with_own_characters(text, own)
    if language == "en":
        quotes = " ".join(citation.quote for citation in citations)
        text = with_originals(in_source_script(names.gloss(text), quotes), quotes)
    return tuple(text.split(_END))
