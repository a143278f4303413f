"""Read TOML with the standard library's `tomllib` or, on Python 3.10, its backport `tomli`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def parse(text: str) -> dict[str, Any]:
    """Return the table in a TOML text; raise ValueError if it is not TOML."""
    table: dict[str, Any] = tomllib.loads(text)
    return table


def read(path: Path) -> dict[str, Any]:
    """Return the table in a UTF-8 TOML file; raise OSError or ValueError if there is none."""
    return parse(path.read_text(encoding="utf-8-sig"))


def texts(value: object) -> list[str]:
    """Return the items of a list in a table as strings; raise ValueError for anything else, including a string."""
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list")
    return [str(item) for item in value]
