"""Find the evidence for what is asked, be it one question, several at once or a summary, and show it before the words.

It knows what kind of question needs how much; how passages are found is `retrieval.py`'s, whether they answer the gate's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from rag.documents import Passage
from rag.embedding import Embedder
from rag.index import Index
from rag.question import Query
from rag.question.asking import Asking, asks_summary, asks_summary_of_all, sentences_asked
from rag.question.parts import asked_at_once
from rag.results import Citation, Evidence
from rag.retrieval import Found, Summary, retrieve, survey
from rag.tuned import Tuned

SHOWN = 3
"""Sentences that light up before the answer."""


def find(query: Query, index: Index, embedder: Embedder, asking: Asking, tuned: Tuned) -> tuple[Found, ...]:
    """Return what is found for a question, or for each of several that are asked at once, one behind the other.

    For one that asks for the whole text it is an outline; for one that asks for a summary it is more sentences than for others,
    ranked without their similarity, which would take them from one paragraph.
    """
    everything = []
    for asked in _asked(query):
        most = sentences_asked(asked.text)
        if asks_summary_of_all(asked.text) or asking.wholeness(asked.text, embedder) >= tuned.whole:
            found = survey(asked, index, embedder, tuned, most)
        elif asks_summary(asked.text):
            found = retrieve(asked, index, embedder, replace(tuned, reading=tuned.reading_summary, similarity=0.0))
            found = replace(found, summary=Summary(found.chosen, most))
        else:
            found = retrieve(asked, index, embedder, tuned)
        everything.append(found)
    return tuple(everything)


def _asked(query: Query) -> Iterator[Query]:
    """Yield the questions that are asked at once, each behind the one before it."""
    first, *others = asked_at_once(query.text, query.language)
    asked = replace(query, text=first)
    yield asked
    for text in others:
        asked = Query(text, asked.text, query.language, (asked.previous, *asked.earlier), beside=True)
        yield asked


def evidence(parts: Sequence[Found], index: Index, seconds: float) -> Evidence:
    """Return what was found as a reader sees it first: the passages, and the sentences likeliest to answer.

    Of several questions that are asked at once each has its share.
    """
    likely = dict(pair for rank in zip_longest(*(found.likely[:SHOWN] for found in parts)) for pair in rank if pair)
    shown = []
    for marker, (number, similarity) in enumerate(list(likely.items())[:SHOWN], start=1):
        source = index.sentences[number]
        support = round(min(1.0, max(0.0, similarity)), 3)
        shown.append(Citation(marker, source.text, source.source, source.start, source.end, 0, support))
    return Evidence(passages(parts), tuple(shown), seconds)


def passages(parts: Sequence[Found]) -> tuple[Passage, ...]:
    """Return the passages that were found, each once."""
    places: dict[tuple[str, int], Passage] = {}
    for passage in (passage for found in parts for passage in found.passages):
        places.setdefault((passage.source, passage.start), passage)
    return tuple(places.values())


def likeliest(found: Found, index: Index) -> list[int]:
    """Return the sentence likeliest to answer, behind the one that it points back at, without which it says little."""
    number, _ = found.likely[0]
    before = index.pointed_at(number)
    return [number] if before < 0 else [before, number]
