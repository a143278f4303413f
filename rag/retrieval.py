"""Find the passages that a question needs: dense and lexical search over folded text, fused by rank.

It knows questions and passages. It does not decide whether they answer, and it says nothing to a reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.documents import Passage
from rag.embedding import Embedder, Vectors
from rag.index import Hit, Index
from rag.names import Names
from rag.results import Message
from rag.text import Language, fold, language, script, terms
from rag.tuned import Tuned

DEPTH = 30
"""Passages that each way of searching contributes to the fusion."""


@dataclass(frozen=True)
class Query:
    """Hold a question as it is searched.

    text: the question, in English with the originals of names behind them. previous: what a follow-up leans on, "" where
    there is nothing. language: that of the answer.
    """

    text: str
    previous: str
    language: Language


@dataclass(frozen=True)
class Found:
    """Hold what retrieval found.

    passages: best first, `score` is the fused one. numbers: their places in the index. vector: the query's, shape
    (dimensions,). nearest: the best inner product of any passage. cover: the share of the question's terms, weighted by
    rarity, that the best passages hold.
    """

    query: Query
    passages: tuple[Passage, ...]
    numbers: tuple[int, ...]
    vector: Vectors
    nearest: float
    cover: float


def read_question(question: str, history: Sequence[Message], source: str, names: Names) -> Query:
    """Return a question with what it leans on.

    source: some text of the corpus, whose script decides for a question that could be either. names: of the corpus.
    """
    asked = [turn["content"] for turn in history if turn["role"] == "user"]
    wanted: Language = language(question, script(" ".join(asked[-1:])) or script(source) or "zh-Hans")
    previous = asked[-1].strip() if asked else ""
    if wanted == "en":
        question, previous = names.expand(question), names.expand(previous)
    return Query(question.strip(), previous, wanted)


def retrieve(query: Query, index: Index, embedder: Embedder, tuned: Tuned) -> Found:
    """Return the passages for a query, best first, at most `tuned.passages` of them.

    Ways of searching are joined by weighted reciprocal rank fusion (Cormack, Clarke & Buettcher 2009). A way of lexical
    search counts as much as the question's terms occur in the corpus at all: an English question over Chinese text
    leaves it little to say.
    """
    texts = [query.text] + ([f"{query.previous} {query.text}"] if query.previous else [])
    vectors = embedder.queries([fold(text) for text in texts])
    weights = (1.0,) if len(texts) == 1 else (tuned.alone, 1.0)
    fused: dict[int, float] = {}
    nearest = 0.0
    for text, vector, weight in zip(texts, vectors, weights, strict=True):
        dense = index.dense(vector, DEPTH)
        nearest = max([nearest, *(hit.score for hit in dense[:1])])
        words = terms(text)
        _fuse(fused, dense, weight * tuned.dense, tuned.rank_constant)
        _fuse(fused, index.lexical(words, DEPTH), weight * tuned.lexical * _known(words, index), tuned.rank_constant)
    best = sorted(fused, key=lambda number: -fused[number])[: tuned.passages]
    passages = tuple(replace(index.passages[number], score=fused[number]) for number in best)
    cover = lexical_cover(query.text, "\n".join(passage.text for passage in passages), index)
    return Found(query, passages, tuple(best), vectors[-1], nearest, cover)


def _fuse(fused: dict[int, float], hits: Sequence[Hit], weight: float, constant: float) -> None:
    for rank, hit in enumerate(hits, start=1):
        fused[hit.passage] = fused.get(hit.passage, 0.0) + weight / (constant + rank)


def _known(words: Sequence[str], index: Index) -> float:
    """Return the share of a question's terms that the corpus holds."""
    return sum(word in index.lexicon.vocab_dict for word in words) / len(words) if words else 0.0


def lexical_cover(question: str, evidence: str, index: Index) -> float:
    """Return the share of a question's terms that the evidence holds, each weighted by its rarity in the corpus."""
    words = set(terms(question))
    held = set(terms(evidence))
    weights = {word: index.rarity(word) for word in words}
    total = sum(weights.values())
    return sum(weight for word, weight in weights.items() if word in held) / total if total else 0.0


def likely_sentences(found: Found, index: Index, limit: int | None = None) -> list[tuple[int, float]]:
    """Return the sentences of the found passages nearest to the question, as (sentence number, similarity)."""
    numbers = [s for passage in found.numbers for s in index.members[passage] if index.rows[s] >= 0]
    if not numbers:
        return []
    scores = index.sentence_vectors(numbers) @ found.vector
    return [(numbers[i], float(scores[i])) for i in np.argsort(-scores)[:limit]]
