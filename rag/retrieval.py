"""Retrieve the passages for a question, and choose the sentences that the generator reads.

Dense search and lexical search over folded terms are combined by rank fusion. Whether the passages answer the question is
decided by the gate (`grounding/gate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.documents import Passage
from rag.embedding import Embedder, Vectors, embed_questions
from rag.index import Hit, Index
from rag.question import Query
from rag.question.follow_up import follow_up_probability
from rag.text import han_length
from rag.tuned import Tuned

DEPTH = 30
"""Passages that each search method contributes to the rank fusion."""
MAX_PRECEDING_QUESTIONS = 3
"""Maximum number of preceding questions that are joined to a follow-up question."""


@dataclass(frozen=True)
class Summary:
    """The sentences that may complete a summary.

    listed: numbers of the sentences to quote after a summary that omits them, in order of preference. most: maximum number of
    sentences in the answer, None if the question names none.
    """

    listed: tuple[int, ...]
    most: int | None


@dataclass(frozen=True)
class Found:
    """The result of retrieval for one question.

    query: the question, without the previous one if it does not depend on it. passages: best first, with their fusion scores.
    top_similarity: the highest inner product of the query with a passage or one of its sentences. ranked: pairs of sentence
    number and similarity to the query, most likely to answer first. chosen: numbers of the sentences for the generator to read,
    best first. summary: set if a summary is asked for. In an outline (`survey`), passages and chosen sentences are in the order
    of the text, without scores, and top_similarity is 1.
    """

    query: Query
    passages: tuple[Passage, ...]
    top_similarity: float
    ranked: tuple[tuple[int, float], ...]
    chosen: tuple[int, ...]
    summary: Summary | None = None


def retrieve(query: Query, index: Index, embedder: Embedder, tuned: Tuned) -> Found:
    """Return the passages for a query, best first and at most `tuned.passages`, with the sentences to read.

    The search methods are combined by weighted reciprocal rank fusion (Cormack, Clarke & Buettcher 2009). The weight of lexical
    search grows with the share of the query's terms that occur in the corpus: an English question has few terms in common with
    a Chinese text. It is higher for ranking sentences than for ranking passages, since a name that occurs in both the question
    and a sentence distinguishes that sentence from its neighbours.
    """
    texts, weights = [query.text], [1.0]
    vectors = embed_questions(embedder, [query.text])
    query = replace(query, previous=_questions_depended_on(query, vectors[0], index, embedder, tuned), earlier=())
    if query.previous:
        texts, weights = [query.text, query.with_previous], [tuned.follow_up_alone, 1.0]
        vectors = embed_questions(embedder, texts)
    fused: dict[int, float] = {}
    by_words: dict[int, float] = {}
    nearest = 0.0
    for text, vector, weight in zip(texts, vectors, weights, strict=True):
        dense = index.dense(vector, DEPTH)
        nearest = max([nearest, *(hit.score for hit in dense[:1])])
        words = index.analyse(text)
        lexical, known = index.lexical(words, DEPTH), _known(words, index)
        for scores, share in ((fused, known**2), (by_words, known)):
            _fuse(scores, dense, weight * tuned.dense, tuned.rank_constant)
            _fuse(scores, lexical, weight * tuned.lexical * share, tuned.rank_constant)
    top = _best(fused)[: tuned.passages]
    passages = tuple(replace(index.passages[number], score=fused[number]) for number in top)
    best = {number: by_words[number] for number in _best(by_words)[:DEPTH]}
    ranked = _likely_sentences(best, texts, vectors, weights, index, tuned)
    chosen = _choose([number for number, _ in ranked], index, tuned)
    return Found(query, passages, nearest, ranked, chosen)


def survey(query: Query, index: Index, embedder: Embedder, tuned: Tuned, most: int | None) -> Found:
    """Return an outline of the whole text, in its order, for a question about all of it.

    most: maximum number of sentences that the question asks for, None if it names none.
    """
    chosen = index.outline
    owners = dict.fromkeys(int(index.passage_of_row[index.row_of_sentence[number]]) for number in chosen)
    passages = tuple(index.passages[number] for number in owners)
    vector = embed_questions(embedder, [query.text])[0]
    summary = Summary(index.outlined(most) if most else chosen, most)
    likeness = index.in_context(chosen, tuned.context) @ vector
    ranked = tuple(sorted(zip(chosen, map(float, likeness), strict=True), key=lambda pair: -pair[1]))
    return Found(replace(query, previous="", earlier=()), passages, 1.0, ranked, chosen, summary)


def _questions_depended_on(query: Query, vector: Vectors, index: Index, embedder: Embedder, tuned: Tuned) -> str:
    """Return the preceding questions that a follow-up question depends on, joined, oldest first; "" if it depends on none."""
    needed: list[str] = []
    text, least = query.text, tuned.lean_same_message if query.same_message else tuned.lean_threshold
    for before in (query.previous, *query.earlier)[:MAX_PRECEDING_QUESTIONS]:
        nearest = index.dense(vector, 1)
        if not before or follow_up_probability(text, nearest[0].score if nearest else 0.0, query.language, tuned) < least:
            break
        needed.insert(0, before)
        text, vector, least = before, embed_questions(embedder, [before])[0], tuned.lean_threshold
    return " ".join(needed)


def _likely_sentences(
    fused: Mapping[int, float],
    texts: Sequence[str],
    vectors: Vectors,
    weights: Sequence[float],
    index: Index,
    tuned: Tuned,
) -> tuple[tuple[int, float], ...]:
    """Return the sentences of the found passages, most likely to answer first, each with its similarity to the question.

    A sentence's score is a weighted sum of its similarity, the similarity of the best sentence in its paragraph, the fusion
    score of its passage, and its reciprocal ranks among these sentences by similarity and by the rarity of the question's terms
    that it contains.
    """
    scores = {
        number: tuned.inherited * score
        for passage, score in fused.items()
        for number in index.sentences_of_passage[passage]
        if index.is_searched(number)
    }
    numbers = list(scores)
    rows = index.in_context(numbers, tuned.context)
    held = [set(index.analyse(index.sentences[number].text)) for number in numbers]
    for text, vector, weight in zip(texts, vectors, weights, strict=True):
        words = index.analyse(text)
        rarity = {word: index.rarity(word) for word in words if word in index.lexicon.vocab_dict}
        overlap = [sum(value for word, value in rarity.items() if word in sentence) for sentence in held]
        for values, share in ((rows @ vector, tuned.dense), (overlap, tuned.lexical * _known(words, index))):
            for rank, place in enumerate(np.argsort(-np.asarray(values), kind="stable"), start=1):
                if values[place] > 0:
                    scores[numbers[place]] += weight * share / (tuned.rank_constant + rank)
    similarity = dict(zip(numbers, (rows @ vectors[-1]).tolist(), strict=True))
    paragraphs = [index.paragraph_of(number) for number in numbers]
    best: dict[tuple[str, int], float] = {}
    for paragraph, alone in zip(paragraphs, (index.sentence_vectors(numbers) @ vectors[-1]).tolist(), strict=True):
        best[paragraph] = max(best.get(paragraph, 0.0), alone)
    for number, paragraph in zip(numbers, paragraphs, strict=True):
        scores[number] += tuned.dense * tuned.similarity * (similarity[number] + tuned.paragraph * best[paragraph])
    return tuple((number, similarity[number]) for number in _best(scores))


def _choose(ranked: Sequence[int], index: Index, tuned: Tuned) -> tuple[int, ...]:
    """Return the sentences to read, most likely first, until their extent reaches `tuned.reading`; the last may exceed it.

    If the first one refers back, the sentence that it refers to is the second.
    """
    pointed_at = index.antecedent_of(ranked[0])
    first = ranked[:1] if pointed_at < 0 else [ranked[0], pointed_at]
    chosen: list[int] = []
    read = 0.0
    for number in dict.fromkeys([*first, *ranked]):
        if read >= tuned.reading:
            break
        chosen.append(number)
        read += han_length(index.sentences[number].text)
    return tuple(chosen)


def context_passages(found: Found, index: Index) -> tuple[Passage, ...]:
    """Return the text for the generator to read, best first.

    The best sentence is a piece of its own, since a prompt that begins with it may be in the prefix cache. The other chosen
    sentences follow, with neighbours in one paragraph joined.
    """
    runs: list[list[int]] = []
    for number in found.chosen[1:]:
        paragraph = index.paragraph_of(number)
        near = [run for run in runs if run[0] - 1 <= number <= run[-1] + 1 and index.paragraph_of(run[0]) == paragraph]
        joined = sorted({number, *(other for run in near for other in run)})
        place = runs.index(near[0]) if near else len(runs)
        runs = [run for run in runs if run not in near]
        runs.insert(place, joined)
    return tuple(joined_passage(run, index) for run in [list(found.chosen[:1]), *runs] if run)


def joined_passage(run: Sequence[int], index: Index) -> Passage:
    """Return neighbouring sentences, given by their numbers, as one passage."""
    first, last = index.sentences[run[0]], index.sentences[run[-1]]
    return Passage(index.source_text(first.source)[first.start : last.end], first.source, first.start, last.end)


def _best(scores: Mapping[int, float]) -> list[int]:
    return sorted(scores, key=lambda number: -scores[number])


def _fuse(fused: dict[int, float], hits: Sequence[Hit], weight: float, constant: float) -> None:
    for rank, hit in enumerate(hits, start=1):
        fused[hit.passage] = fused.get(hit.passage, 0.0) + weight / (constant + rank)


def _known(words: Sequence[str], index: Index) -> float:
    """Return the share of a question's terms that occur in the corpus."""
    return sum(word in index.lexicon.vocab_dict for word in words) / len(words) if words else 0.0
