"""Keep the answers of a batch in a file of JSON lines that is only ever appended to.

It refuses a file that holds anything but such answers, so that a swapped argument costs nothing. It knows nothing of how
questions are read or answered.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from typing import Any, NoReturn

from rag import journal
from rag.errors import RagError
from rag.results import Answer

Identity = str | int | float

ROW = ("id", "text", "answerable", "reason", "passages", "citations", "ttft", "total")
"""The fields of an answer, in order."""
_BEGINNING = ('{"id": ', ', "text": ')
"""How an answer begins, its id between the two."""


class AnswerFile:
    """Hold a file of answers open; the line that an interruption cut short is removed from its end.

    Raises RagError for a file that holds anything else, and where it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ids: set[Identity] = set()
        """The questions that have an answer."""
        there = os.path.exists(path)
        if there and not path.is_file():
            raise RagError(f"The results {path} are not a file; name a file for them.")
        try:
            data = path.read_bytes() if there else b""
        except OSError as error:
            raise RagError(f"The results {path} cannot be read: {error.strerror}.") from error
        whole = self._take_in(data)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(path, "a")  # unbuffered: nothing is left to be written, and to fail, at its end
            if whole < len(data):
                self._file.truncate(whole)
            self._bytes = whole
            if data[:whole] and not data[:whole].endswith(b"\n"):
                self._write(b"\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> AnswerFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, identity: Identity, answer: Answer) -> None:
        """Write one answer; it is on disk when this returns."""
        try:
            if os.fstat(self._file.fileno()).st_size != self._bytes:
                raise RagError(f"Another program has written to the results {self._path}; end it, and run this again.")
            self._write(journal.line(_row(identity, answer)))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        self.ids.add(identity)

    def _take_in(self, data: bytes) -> int:
        """Note the ids of a file's rows, and return how many of its bytes are whole rows."""
        *lines, last = data.split(b"\n")
        for number, line in enumerate(lines, start=1):
            if line.strip():
                self._note(line, number)
        if not _is_answer(parsed(last)) and _begins_an_answer(last):
            return len(data) - len(last)
        if last.strip():
            self._note(last, len(lines) + 1)
        return len(data)

    def _note(self, line: bytes, number: int) -> None:
        row = parsed(line)
        if not _is_answer(row):
            raise RagError(
                f"{self._path}, line {number} is not an answer of this command; nothing was changed. Name another file for the "
                "results."
            )
        self.ids.add(row["id"])

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            done = self._file.write(left)
            left = left[done:]
            self._bytes += done

    def _unwritable(self, error: OSError) -> RagError:
        return RagError(f"The results {self._path} cannot be written: {error.strerror}; free space or allow writing there.")


def parsed(line: str | bytes) -> Any:
    """Return the value that a line spells, None where it spells none (NaN is no JSON)."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        return json.loads(line, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def is_identity(value: object) -> bool:
    """Tell whether a value can stand as an id in a JSON file of UTF-8: a text without half characters, or a number."""
    if isinstance(value, str):
        return value == value.encode("utf-8", "replace").decode()
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and math.isfinite(value))


def _is_answer(value: object) -> bool:
    return isinstance(value, Mapping) and value.keys() >= set(ROW) and is_identity(value["id"])


def _begins_an_answer(data: bytes) -> bool:
    """Tell whether a line is what an interruption left of an answer: it begins like one, and is no JSON yet."""
    line = data.decode("utf-8", "ignore")
    opening, second = _BEGINNING
    place = line.find(', "')
    after = line[place:] if place >= 0 else ""
    begins = line.startswith(opening[: len(line)]) and after[: len(second)] == second[: len(after)]
    return begins and parsed(data) is None


def _row(identity: Identity, answer: Answer) -> dict[str, Any]:
    values = (
        identity,
        answer.text,
        answer.answerable,
        answer.reason,
        [passage.text for passage in answer.passages],
        [asdict(citation) for citation in answer.citations],
        round(answer.timings.first_token_s, 3),
        round(answer.timings.total_s, 3),
    )
    return dict(zip(ROW, values, strict=True))
