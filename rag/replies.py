"""Provide the chatbot's fixed replies (`replies.toml`) in the reader's language."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rag import tables
from rag.text import content_terms
from rag.text.script import Language


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = tables.read(Path(__file__).parent / "replies.toml")
    return table


def reply(name: str, language: Language) -> str:
    """Return a reply, by its name in `replies.toml`, in a language."""
    return _table()[language][name]


@cache
def own_words() -> frozenset[str]:
    """Return the content terms of all fixed replies."""
    return frozenset(term for said in _table().values() for text in said.values() for term in content_terms(text))
