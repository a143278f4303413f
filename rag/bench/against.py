"""Measure the plain pipeline that this project is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rag.bench.contestant import Contestant, QuestionCost, RebuildCost, SearchCost, timed
from rag.documents import Document
from rag.evaluation.plain import PlainRag, vector_store
from rag.generation import Generator
from rag.results import Message
from rag.settings import Settings


class Plain(Contestant):
    """Measure the plain pipeline."""

    def __init__(self, settings: Settings, rag: PlainRag | None = None) -> None:
        super().__init__(settings)
        self._rag = rag or PlainRag(settings)

    def ask(self, question: str, history: Sequence[Message]) -> QuestionCost:
        """Answer a question; its evidence counts as shown when the chain has retrieved its chunks."""
        spent = self._rag.answer(question, history).timings
        first = spent.first_token_s or spent.total_s
        tokens = spent.prompt_tokens, spent.read_tokens, spent.completion_tokens
        return QuestionCost(spent.retrieve_s, first, spent.total_s, *tokens)

    def search(self, question: str) -> SearchCost:
        """Embed a question, then search for its chunks."""
        embed_s, vectors = timed(lambda: self.fresh.queries([question]))
        search_s, _ = timed(lambda: self._rag.nearest(vectors[0]))
        return SearchCost(embed_s, search_s)

    def remake(self, documents: Sequence[Document], store: Path) -> RebuildCost:
        """Embed every chunk again, since this pipeline stores no index."""
        seconds, made = timed(lambda: vector_store(documents, self.fresh))
        return RebuildCost(seconds, int(made.index.ntotal))

    @property
    def engine(self) -> Generator:
        """Return the client of the pipeline's llama.cpp server."""
        return self._rag.engine

    @property
    def documents(self) -> Sequence[Document]:
        """Return the corpus."""
        return self._rag.documents
