"""Append rows to a file of JSON lines, and read them back; what a crash cuts short costs its own row only.

It knows neither what the rows hold nor who reads them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from rag.errors import RagError

_BREAKS = {number: f"\\u{number:04x}" for number in (0x85, 0x2028, 0x2029)}
"""What some readers of lines take for their ends, and JSON leaves as it is."""


def line(row: Mapping[str, Any]) -> bytes:
    """Return a row as one line, its end included, whatever a reader takes for the end of a line."""
    return json.dumps(row, ensure_ascii=False).translate(_BREAKS).encode("utf-8", "replace") + b"\n"


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row; it is on disk when this returns. Raises OSError where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"), path.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a crash or a full disk cut the last line short
                file.write(b"\n")
        file.write(line(row))
        file.flush()
        os.fsync(file.fileno())


def keep(path: Path, row: Mapping[str, Any], what: str, mend: str) -> None:
    """Append a row; raise RagError, with what the rows are and what to do, where it cannot be written."""
    try:
        append(path, row)
    except OSError as error:
        raise RagError(f"The {what} cannot be written to {path} ({error.strerror}); {mend}.") from error


def rows(path: Path, strict: bool = False) -> Iterator[tuple[int, Any]]:
    """Yield each line's number, from 1, and its row; a line that is no JSON is left out, and so is a file that is not there.

    strict: raise ValueError for such a line instead, unless it is empty. Raises OSError where the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="strict" if strict else "replace")
    except (FileNotFoundError, NotADirectoryError):
        return
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            if strict and line.strip():
                raise ValueError(f"line {number} is no JSON") from error
