"""Find the evidence for a question, for several asked at once or for a summary, and present it before the answer.

This module chooses how much evidence each kind of question needs. Retrieval is in `retrieval.py`; whether the evidence answers
the question is decided by the gate (`grounding/gate.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from rag.documents import Passage
from rag.embedding import Embedder
from rag.index import Index
from rag.question import Query
from rag.question.kinds import QuestionKinds, asks_summary, asks_summary_of_all, sentences_asked
from rag.question.parts import asked_at_once
from rag.results import Citation, Evidence
from rag.retrieval import Found, Summary, retrieve, survey
from rag.tuned import Tuned

SHOWN = 3
"""Sentences that are highlighted before the answer."""


def find(query: Query, index: Index, embedder: Embedder, kinds: QuestionKinds, tuned: Tuned) -> tuple[Found, ...]:
    """Return the evidence for a question, or for each of several that are asked at once, in their order.

    A question about the whole text gets an outline. A question that asks for a summary gets more sentences than others, ranked
    without their similarity to it, which would select them from one paragraph.
    """
    everything = []
    for asked in _asked(query):
        most = sentences_asked(asked.text)
        if asks_summary_of_all(asked.text) or kinds.wholeness(asked.text, embedder) >= tuned.whole:
            found = survey(asked, index, embedder, tuned, most)
        elif asks_summary(asked.text):
            found = retrieve(asked, index, embedder, replace(tuned, reading=tuned.reading_summary, similarity=0.0))
            found = replace(found, summary=Summary(found.chosen, most))
        else:
            found = retrieve(asked, index, embedder, tuned)
        everything.append(found)
    return tuple(everything)


def _asked(query: Query) -> Iterator[Query]:
    """Yield the questions that are asked at once, each with the one before it as its previous question."""
    first, *others = asked_at_once(query.text, query.language)
    asked = replace(query, text=first)
    yield asked
    for text in others:
        asked = Query(text, asked.text, query.language, (asked.previous, *asked.earlier), same_message=True)
        yield asked


def evidence(parts: Sequence[Found], index: Index, seconds: float) -> Evidence:
    """Return what the reader sees before the answer: the passages, and the sentences most likely to answer.

    The sentences of several questions asked at once are interleaved. seconds: time since the question arrived.
    """
    likely = dict(pair for rank in zip_longest(*(found.ranked[:SHOWN] for found in parts)) for pair in rank if pair)
    shown = []
    for marker, (number, similarity) in enumerate(list(likely.items())[:SHOWN], start=1):
        source = index.sentences[number]
        support = round(min(1.0, max(0.0, similarity)), 3)
        shown.append(Citation(marker, source.text, source.source, source.start, source.end, 0, support))
    return Evidence(passages(parts), tuple(shown), seconds)


def passages(parts: Sequence[Found]) -> tuple[Passage, ...]:
    """Return the passages that were found, without duplicates."""
    places: dict[tuple[str, int], Passage] = {}
    for passage in (passage for found in parts for passage in found.passages):
        places.setdefault((passage.source, passage.start), passage)
    return tuple(places.values())


def best_with_antecedent(found: Found, index: Index) -> list[int]:
    """Return the sentence most likely to answer, after the one it refers back to, if any, without which it would be unclear."""
    number, _ = found.ranked[0]
    before = index.antecedent_of(number)
    return [number] if before < 0 else [before, number]
