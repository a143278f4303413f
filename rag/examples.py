"""Embed the example questions that lie below `prompts/`: what a question is like shows in its nearness to them."""

from __future__ import annotations

from rag.embedding import Embedder, Vectors
from rag.prompting import Templates
from rag.text import fold


def embed_examples(templates: Templates, name: str, embedder: Embedder) -> Vectors:
    """Return the vectors of a file's lines, shape (lines, dimensions)."""
    return embedder.queries([fold(line) for line in templates.lines(name)])
