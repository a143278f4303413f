"""Append rows to JSON Lines files and read them back; a crash while writing loses only the row being written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from rag.errors import RagError

_BREAKS = {number: f"\\u{number:04x}" for number in (0x85, 0x2028, 0x2029)}
"""Escapes of the line separators (NEL, LS, PS) that some readers recognise and `json.dumps` leaves as they are."""


def line(row: Mapping[str, Any]) -> bytes:
    """Return a row as one line of UTF-8 JSON, including its line end; other line separators in it are escaped."""
    return json.dumps(row, ensure_ascii=False).translate(_BREAKS).encode("utf-8", "replace") + b"\n"


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row and flush it to disk. Raises OSError if it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"), path.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a crash or a full disk has truncated the last line
                file.write(b"\n")
        file.write(line(row))
        file.flush()
        os.fsync(file.fileno())


def keep(path: Path, row: Mapping[str, Any], what: str, remedy: str) -> None:
    """Append a row; raise RagError if it cannot be written.

    what: what the message calls the rows. remedy: what it advises to do.
    """
    try:
        append(path, row)
    except OSError as error:
        raise RagError(f"The {what} cannot be written to {path} ({error.strerror}); {remedy}.") from error


def rows(path: Path, strict: bool = False) -> Iterator[tuple[int, Any]]:
    """Yield each line's number, from 1, and its row; skip lines that are not JSON, and yield nothing if the file is missing.

    strict: raise ValueError for a line that is not JSON, unless it is empty, and for text that is not UTF-8. Raises OSError if
    the file cannot be read.
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
                raise ValueError(f"line {number} is not JSON") from error
