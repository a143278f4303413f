"""Hold what the chatbot itself says to a reader, in the reader's language (`replies.toml`)."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from rag.text import Language

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "replies.toml").read_text(encoding="utf-8"))
    return table


def reply(name: str, language: Language, **values: str) -> str:
    """Return one reply with its values put in."""
    return _table()[language][name].format(**values)
