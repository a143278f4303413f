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


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row; it is on disk when this returns. Raises OSError where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"), path.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a crash or a full disk cut the last line short
                file.write(b"\n")
        file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield each line's number, from 1, and its row; a line that is no JSON is left out, and so is a file that is not there."""
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        yield number, row
