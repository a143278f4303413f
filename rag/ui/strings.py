"""Look up the page's texts in each of its languages (`strings.toml`), and choose a reader's language."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from rag import tables

DEFAULT = "en"
_WEIGHT = re.compile(r"\s*;\s*q=", re.IGNORECASE)


@cache
def _table() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = tables.read(Path(__file__).parent / "strings.toml")
    return table


def languages() -> list[tuple[str, str]]:
    """Return each language as (its own name, its code)."""
    return [(str(words["name"]), code) for code, words in _table().items()]


def say(name: str, language: str, **values: object) -> str:
    """Return one text of the page, formatted with values."""
    return str(_table()[language][name]).format(**values)


def say_error(kind: str, language: str) -> str:
    """Return what happened and what to do, in a sentence or two; the text is a general one for unexpected errors.

    kind: class name of the error.
    """
    words = _table()[language]
    return str(words.get(f"error_{kind}", words["unforeseen"]))


def preferred(accept_language: str) -> str:
    """Return the page's language for a browser's Accept-Language header (RFC 9110, section 12.5.4)."""
    ranges: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:20]:
        tag, *quality = _WEIGHT.split(part)
        try:
            ranges.append((float(quality[0]) if quality else 1.0, tag.strip().lower()))
        except ValueError:
            continue
    for weight, tag in sorted(ranges, key=lambda item: -item[0]):
        if weight <= 0:
            break  # not acceptable
        if tag.startswith("zh"):
            traditional = "hans" not in tag and any(mark in tag for mark in ("hant", "tw", "hk", "mo"))
            return "zh-Hant" if traditional else "zh-Hans"
        if tag.startswith("en"):
            return "en"
    return DEFAULT
