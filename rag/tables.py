"""Read TOML tables, with the standard library's reader or, on Python 3.10, the package it came from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def parse(text: str) -> dict[str, Any]:
    """Return the table that a text spells; raise ValueError where it is not TOML."""
    table: dict[str, Any] = tomllib.loads(text)
    return table


def read(path: Path) -> dict[str, Any]:
    """Return the table in a UTF-8 file; raise OSError or ValueError where there is none."""
    return parse(path.read_text(encoding="utf-8-sig"))


def texts(value: object) -> list[str]:
    """Return what a list in a table holds, as texts; raise ValueError for what is no list, a text's letters among them."""
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is no list")
    return [str(item) for item in value]
