"""Write claims down for their reader: with marks, in the reader's script, names beside their originals.

What is claimed, and in which order, is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.english.names import Names
from rag.english.romanization import as_written, glossed
from rag.grounding.claim import Claim
from rag.index import Index
from rag.results import Citation
from rag.text.script import Language, to_script, with_own_characters
from rag.text.sentences import FOOTNOTE

_FOOTNOTE = re.compile(rf"{FOOTNOTE}(?![\dA-Za-z])")
"""A mark of the source, which would be taken for one of ours."""
_NUMBERED = re.compile(r"\d+")
_END = "\x1e"
"""What stands between sentences while they are one text: a name has its original beside it where it comes first."""


def compose(claims: Sequence[Claim], index: Index) -> tuple[tuple[str, ...], tuple[Citation, ...]]:
    """Return claims as the sentences of a text, each with what stands before it and with `[1]`-style marks, and the citations.

    One source sentence has one mark.

    A numbered list is counted anew, since claims may have been left out of it, from one behind a blank line.
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
    """Return sentences as the reader of a language wants them: their script, and originals beside English names."""
    text = to_script(_END.join(sentence.replace(_END, " ") for sentence in sentences), language)
    if language == "zh-Hant":
        own = [citation.quote for citation in citations if citation.source in index.traditional]
        text = with_own_characters(text, own)
    if language == "en":
        quotes = " ".join(citation.quote for citation in citations)
        text = glossed(as_written(names.gloss(text), quotes), quotes)
    return tuple(text.split(_END))
