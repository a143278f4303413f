"""Build and search the index of a corpus: its sentences, its passages, their vectors (FAISS) and their terms (BM25).

An Index is a value in memory; `store.py` saves and loads it. Queries are vectors and lists of terms; questions are turned into
them in `retrieval.py`.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import bm25s
import faiss
import numpy as np
import numpy.typing as npt

from rag.documents import Document, Passage, Sentence, group, pull_quotes, split_document
from rag.embedding import Embedder, Report, Vectors
from rag.places import Members, Passages, Sentences
from rag.text import has_letters, terms
from rag.text.script import Script, is_traditional, script
from rag.text.stance import asks, refers_back

PARTS = 8
"""Parts into which a text is divided for its outline, which has one sentence from each."""
OUTLINE_LENGTHS = range(20, 111)
"""Lengths, in code points, of the sentences preferred for an outline."""
OUTLINE_SAMPLE = 4_000
"""Minimum number of evenly spaced sentences from which the outline of a large corpus is chosen; at most twice that are used."""
EXACT_UP_TO = 20_000
"""Rows up to which the search is exhaustive."""
NPROBE = 48
"""Inverted lists that are searched, of the 2√rows lists of a larger index."""
REFINE_FACTOR = 8
"""Candidates per requested result that are re-ranked by their float16 vectors."""
TRAINING_ROWS_PER_LIST = 64
"""Training rows per inverted list."""


@dataclass(frozen=True)
class Hit:
    """A passage found by one search method: its number in the index, and its score."""

    passage: int
    score: float


@dataclass(frozen=True)
class Index:
    """The searchable form of a corpus.

    documents, sentences, passages: the text and its pieces, in order. sentences_of_passage: the numbers of each passage's
    sentences. passage_of_row: the number of the passage that each row of `vectors` belongs to. row_of_sentence: the row of each
    sentence, -1 for sentences that are not searched: pull quotes, and those without a letter or digit. vectors: FAISS index of
    the vectors of passages and their sentences. lexicon: BM25 index of the passages' terms. analyse: function that splits a
    text into such terms.
    """

    documents: tuple[Document, ...]
    sentences: Sentences
    passages: Passages
    sentences_of_passage: Members
    passage_of_row: npt.NDArray[np.int64]
    row_of_sentence: npt.NDArray[np.int64]
    vectors: Any
    lexicon: Any
    analyse: Callable[[str], list[str]] = terms

    def dense(self, query: Vectors, limit: int) -> list[Hit]:
        """Return the passages nearest to a query vector of shape (dimensions,), best first, at most `limit`.

        A passage has the score of its best row: its own vector or that of one of its sentences.
        """
        depth = min(4 * limit + 8, len(self.passage_of_row))
        scores, rows = self.vectors.search(query.reshape(1, -1), depth)
        best: dict[int, float] = {}
        for row, score in zip(rows[0], scores[0], strict=True):
            if row >= 0:
                best.setdefault(int(self.passage_of_row[row]), float(score))
        return [Hit(passage, score) for passage, score in list(best.items())[:limit]]

    def lexical(self, query: Sequence[str], limit: int) -> list[Hit]:
        """Return at most `limit` passages that share terms with a query, best first by BM25 (Robertson & Zaragoza 2009)."""
        known = [term for term in query if term in self.lexicon.vocab_dict]
        if not known:
            return []
        scores = self.lexicon.get_scores(known)
        least = np.partition(scores, -limit)[-limit] if limit < len(scores) else 0.0
        best = np.flatnonzero(scores >= max(least, np.finfo(scores.dtype).tiny))
        order = best[np.argsort(-scores[best], kind="stable")][:limit]
        return [Hit(int(passage), float(scores[passage])) for passage in order]

    def rarity(self, term: str) -> float:
        """Return the inverse document frequency of a term; it is highest for a term that occurs in no passage."""
        total = len(self.passages)
        number = self.lexicon.vocab_dict.get(term)
        count = 0 if number is None else self._frequency(number)
        return float(np.log(1 + (total - count + 0.5) / (count + 0.5)))

    def _frequency(self, number: int) -> int:
        pointers = self.lexicon.scores["indptr"]
        return int(pointers[number + 1] - pointers[number])

    def sentence_vectors(self, numbers: Sequence[int]) -> Vectors:
        """Return the vectors of sentences, shape (len(numbers), dimensions)."""
        rows = self.row_of_sentence[list(numbers)]
        found = [self.vectors.reconstruct(int(row)) for row in rows]
        return np.stack(found) if found else np.empty((0, self.vectors.d), np.float32)

    def in_context(self, numbers: Sequence[int], weight: float) -> Vectors:
        """Return the vectors of sentences, with the weighted vectors of their neighbours in the same paragraph added.

        The topic of a sentence is often named in the one before it. Shape (len(numbers), dimensions), of unit length.
        """
        vectors = self.sentence_vectors(numbers)
        for step in (-1, 1):
            beside = [(place, number + step) for place, number in enumerate(numbers) if self._joined(number, number + step)]
            if beside:
                places, neighbours = zip(*beside, strict=True)
                vectors[list(places)] += weight * self.sentence_vectors(neighbours)
        return cast(Vectors, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))

    def _joined(self, number: int, other: int) -> bool:
        """Return whether another sentence is searched and in the same paragraph."""
        if not 0 <= other < len(self.sentences) or not self.is_searched(other):
            return False
        return self.paragraph_of(number) == self.paragraph_of(other)

    @cached_property
    def searched(self) -> npt.NDArray[np.int64]:
        """Return the numbers of the sentences that can be found by their vectors."""
        return np.flatnonzero(self.row_of_sentence >= 0)

    def is_searched(self, number: int) -> bool:
        """Return whether a sentence can be found by its vector."""
        return bool(self.row_of_sentence[number] >= 0)

    def paragraph_of(self, number: int) -> tuple[str, int]:
        """Return the source of a sentence and the number of its paragraph."""
        sentence = self.sentences[number]
        return sentence.source, sentence.paragraph

    def near(self, numbers: Sequence[int], limit: int) -> list[int]:
        """Return the given sentences, followed by others in descending order of their highest similarity to any of these.

        limit: nearest rows that are examined for each sentence; those of passages with several sentences are skipped.
        """
        if not numbers:
            return []
        scores, rows = self.vectors.search(self.sentence_vectors(numbers), min(limit, len(self.passage_of_row)))
        order = np.lexsort((rows.ravel(), -scores.ravel()))
        found = (int(self._sentence_of[row]) for row in rows.ravel()[order] if row >= 0)
        return list(dict.fromkeys(number for number in found if number >= 0))

    def sentence_at(self, source: str, start: int) -> int:
        """Return the number of the sentence that begins at an offset of a source, -1 if none does."""
        places, wanted = self.sentences.places, (self._numbers.get(source, -1), start)
        number = bisect_left(places, wanted, key=lambda row: (int(row[0]), int(row[1])))
        return number if number < len(places) and tuple(places[number, :2].tolist()) == wanted else -1

    def antecedent_of(self, number: int) -> int:
        """Return the number of the sentence that another refers back to, the one before it; -1 if it refers to none."""
        before = number - 1
        if before < 0 or not self.is_searched(before) or not refers_back(self.sentences[number].text):
            return -1
        return before if self.sentences[before].source == self.sentences[number].source else -1

    def source_text(self, source: str) -> str:
        """Return the whole text of a source."""
        return self.documents[self._numbers[source]].text

    @cached_property
    def outline(self) -> tuple[int, ...]:
        """Return the numbers of the sentences that represent the whole text, one from each of PARTS parts."""
        return self.outlined(PARTS)

    def outlined(self, count: int) -> tuple[int, ...]:
        """Return the numbers of the sentences that represent the whole text, in its order: the most central one of each part.

        count: number of parts. The most central sentence is the nearest to the mean vector of its part (Radev, Jing, Styś & Tam
        2004). Questions, sentences that refer back, and short or long ones (`OUTLINE_LENGTHS`) are used only if a part has no
        others.
        """
        searched = self.searched[:: max(1, len(self.searched) // OUTLINE_SAMPLE)]
        lengths = np.array([len(self.sentences[int(number)].text) for number in searched])
        middles = np.cumsum(lengths) - lengths / 2
        parts = np.minimum(middles / max(1, lengths.sum()) * count, count - 1).astype(int)
        return tuple(self._central(searched[parts == part].tolist()) for part in np.unique(parts))

    def _central(self, numbers: Sequence[int]) -> int:
        telling = [number for number in numbers if _fits_outline(self.sentences[number].text)] or list(numbers)
        middle = self.sentence_vectors(numbers).mean(axis=0)
        return telling[int(np.argmax(self.sentence_vectors(telling) @ middle))]

    @cached_property
    def script(self) -> Script | None:
        """Return the Chinese script of the first source, None if it is ambiguous or there is none."""
        return script(self.documents[0].text)

    @cached_property
    def traditional_sources(self) -> frozenset[str]:
        """Return the sources that are written in Traditional characters, as determined by `text.script.is_traditional`."""
        return frozenset(document.source for document in self.documents if is_traditional(document.text))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {document.source: number for number, document in enumerate(self.documents)}

    @cached_property
    def _sentence_of(self) -> npt.NDArray[np.int64]:
        """Return the number of each row's sentence, -1 for a passage of several sentences."""
        sentence_of = np.full(len(self.passage_of_row), -1, dtype=np.int64)
        sentence_of[self.row_of_sentence[self.searched]] = self.searched
        return sentence_of


def build(
    documents: Sequence[Document],
    embedder: Embedder,
    longest: int,
    known: Mapping[str, Vectors] | None = None,
    report: Report | None = None,
) -> tuple[Index, int]:
    """Build the index of documents; return it with the number of texts that had to be embedded.

    longest: maximum extent (`text.han_length`) of a passage of several sentences. known: vectors by text, from an earlier build
    with the same embedder. report: called with (done, total) while embedding.
    """
    sentences: list[Sentence] = []
    passages: list[Passage] = []
    sentences_of_passage: list[tuple[int, int]] = []
    searched: list[int] = []
    for document in documents:
        first = len(sentences)
        own = split_document(document)
        left_out = pull_quotes(own) | {i for i, sentence in enumerate(own) if not has_letters(sentence.text)}
        sentences += own
        searched += [first + i for i in range(len(own)) if i not in left_out]
        starts = [sentence.start for sentence in own]
        for passage in group(document, own, longest, left_out):
            passages.append(passage)
            sentences_of_passage.append((first + bisect_left(starts, passage.start), first + bisect_left(starts, passage.end)))
    units = [passage.text for passage in passages]
    passage_of_row = list(range(len(passages)))
    row_of_sentence = np.full(len(sentences), -1, dtype=np.int64)
    owner_of = {sentence: number for number, (start, end) in enumerate(sentences_of_passage) for sentence in range(start, end)}
    for sentence in searched:
        owner = owner_of[sentence]
        if sentences_of_passage[owner] == (sentence, sentence + 1):
            row_of_sentence[sentence] = owner
            continue
        row_of_sentence[sentence] = len(units)
        units.append(sentences[sentence].text)
        passage_of_row.append(owner)
    vectors, embedded = _embed(units, embedder, known or {}, report)
    index = Index(
        documents=tuple(documents),
        sentences=Sentences.of(documents, sentences),
        passages=Passages.of(documents, passages),
        sentences_of_passage=Members(np.array(sentences_of_passage, dtype=np.int64).reshape(-1, 2)),
        passage_of_row=np.asarray(passage_of_row, dtype=np.int64),
        row_of_sentence=row_of_sentence,
        vectors=vector_index(vectors),
        lexicon=term_index([terms(passage.text) for passage in passages]),
    )
    return index, embedded


def _fits_outline(text: str) -> bool:
    return len(text) in OUTLINE_LENGTHS and not asks(text) and not refers_back(text)


def _embed(
    texts: Sequence[str], embedder: Embedder, known: Mapping[str, Vectors], report: Report | None
) -> tuple[Vectors, int]:
    fresh = [text for text in dict.fromkeys(texts) if text not in known]
    made = dict(zip(fresh, embedder.passages(fresh, report), strict=True)) if fresh else {}
    return np.stack([made[text] if text in made else known[text] for text in texts]), len(fresh)


def vector_index(vectors: Vectors) -> Any:
    """Return a FAISS index of unit vectors by inner product, of a type that suits their number.

    Up to EXACT_UP_TO vectors the search is exhaustive. More are stored in an inverted file (Jégou, Douze & Schmid 2011) of
    4-bit codes that are compared in registers (André, Kermarrec & Le Scouarnec 2015); the best candidates are then re-ranked by
    their float16 vectors, which `reconstruct` returns as well.
    """
    count, dimensions = vectors.shape
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if count <= EXACT_UP_TO:
        index: Any = faiss.IndexFlatIP(dimensions)
    else:
        lists = 2 * math.isqrt(count)
        pieces = dimensions // 2 if dimensions % 2 == 0 else dimensions
        index = faiss.index_factory(dimensions, f"IVF{lists},PQ{pieces}x4fs,Refine(SQfp16)", faiss.METRIC_INNER_PRODUCT)
        index.k_factor = REFINE_FACTOR
        inverted = faiss.extract_index_ivf(index)
        inverted.nprobe = NPROBE
        inverted.cp.niter = 10
        index.train(vectors[:: max(1, count // (TRAINING_ROWS_PER_LIST * lists))])
    index.add(vectors)
    return index


def term_index(passages: Sequence[Sequence[str]]) -> Any:
    """Return a BM25 index over the terms of passages."""
    lexicon = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lexicon.index([list(words) or [""] for words in passages], show_progress=False)
    return lexicon
