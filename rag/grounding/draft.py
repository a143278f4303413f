"""Split a draft into sentences, without the emphasis, headings and citation marks that models write."""

from __future__ import annotations

import re
from typing import NamedTuple

from rag.embedding import Vectors
from rag.generation import Trace
from rag.text import has_letters
from rag.text.sentences import LIST_NUMBER, split_sentences

_MARKUP = re.compile(r"\*\*|__|^#+\s*|\[\d+\]", re.MULTILINE)
_BULLET = re.compile(rf"^\s*(?:[-*•]|{LIST_NUMBER})\s*")


class Sentence(NamedTuple):
    """A sentence of a draft, of any length.

    before: the text between the previous sentence and this one (a space, a line break, a list mark). state: the mean of the
    generator's hidden states over the tokens of the sentence, float32 (hidden,), None where unknown.
    """

    before: str
    text: str
    state: Vectors | None = None


def split_draft(draft: str, trace: Trace | None = None) -> list[Sentence]:
    """Return a draft's sentences without the model's own citation marks and markup; trace: hidden states of its tokens."""
    sentences: list[Sentence] = []
    marked = {place for mark in _MARKUP.finditer(draft) for place in range(*mark.span())}
    places = [place for place in range(len(draft)) if place not in marked]  # the offset in the draft of each kept character
    first = 0
    for line in "".join(draft[place] for place in places).splitlines(keepends=True):
        bullet = _BULLET.match(line)
        lead = bullet.group() if bullet else ""
        body = line[len(lead) :]
        offset = first + len(lead)
        for count, (start, end) in enumerate(split_sentences(body, longest=len(body))):
            if count == 0:
                before = ("\n" if sentences else "") + lead.lstrip()
            else:
                before = " " if body[start - 1].isspace() else ""
            if has_letters(body[start:end]):
                state = trace.over(places[offset + start], places[offset + end - 1] + 1) if trace else None
                sentences.append(Sentence(before, body[start:end], state))
        first += len(line)
    return sentences
