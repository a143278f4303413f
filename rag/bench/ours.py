"""Measure this project, both as started and after reading ahead."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rag.bench.contestant import Contestant, QuestionCost, RebuildCost, SearchCost, timed
from rag.documents import Document
from rag.embedding import embed_questions
from rag.generation import Generator
from rag.pipeline import Rag
from rag.results import Evidence, Final, Message, Token
from rag.retrieval import retrieve
from rag.settings import Settings
from rag.store import rebuild
from rag.tuned import tuned


class Ours(Contestant):
    """Measure this project."""

    def __init__(self, settings: Settings, rag: Rag | None = None) -> None:
        super().__init__(settings)
        self._rag = (rag or Rag(replace(settings, read_ahead=False))).warm()

    def ask(self, question: str, history: Sequence[Message]) -> QuestionCost:
        """Answer a question; without a draft, the first word comes with the whole answer."""
        started = time.perf_counter()
        evidence = first = 0.0
        for event in self._rag.stream(question, history):
            now = time.perf_counter() - started
            if isinstance(event, Evidence):
                evidence = now
            elif isinstance(event, Token):
                first = first or now
            elif isinstance(event, Final):
                spent = event.answer.timings
        return QuestionCost(evidence, first or now, now, spent.prompt_tokens, spent.read_tokens, spent.completion_tokens)

    def search(self, question: str) -> SearchCost:
        """Embed a question, then find its passages while its vector is cached."""
        answering = self._rag.answering()
        index = answering.index
        query = answering.query(question)
        embed_s, _ = timed(lambda: embed_questions(self.fresh, [query.text]))
        search_s, _ = timed(lambda: retrieve(query, index, self.fresh, tuned()))
        return SearchCost(embed_s, search_s)

    def remake(self, documents: Sequence[Document], store: Path) -> RebuildCost:
        """Rebuild the index in a store; only texts that are new are embedded."""
        _, embedder = self._rag.search_index()
        seconds, done = timed(lambda: rebuild(store, documents, embedder, tuned().longest_passage))
        return RebuildCost(seconds, done.embedded)

    @property
    def engine(self) -> Generator:
        """Return the engine."""
        return self._rag.answering().generator

    @property
    def documents(self) -> Sequence[Document]:
        """Return the corpus."""
        return self._rag.documents


class Ahead(Ours):
    """Measure this project after it has read ahead."""

    def __init__(self, settings: Settings, rag: Rag | None = None) -> None:
        super().__init__(settings, rag)
        self._rag.read_ahead()
