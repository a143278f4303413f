"""Store the answers of a batch in a JSON-lines file that is only ever appended to.

A file with any other content is refused, so swapped arguments destroy nothing. Questions are read and answered in `batch.py`.
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
"""How the line of an answer begins: the text before its id, and the text after it."""


class AnswerFile:
    """Open a file of answers for appending; a last line that an interruption cut short is removed.

    Raises RagError if the file contains anything else, or cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ids: set[Identity] = set()
        """Ids of the questions that have an answer."""
        there = os.path.exists(path)
        if there and not path.is_file():
            raise RagError(f"The results path {path} is not a file; name a file.")
        try:
            data = path.read_bytes() if there else b""
        except OSError as error:
            raise RagError(f"The results file {path} cannot be read: {error.strerror}.") from error
        whole = self._take_in(data)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(path, "a")  # unbuffered: no write is left that could fail on closing
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
        """Append one answer; it is on disk when this returns. Raise RagError if it cannot be written."""
        try:
            if os.fstat(self._file.fileno()).st_size != self._bytes:
                raise RagError(
                    f"Another program has written to the results file {self._path}; stop it and run this command again."
                )
            self._write(journal.line(_row(identity, answer)))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        self.ids.add(identity)

    def _take_in(self, data: bytes) -> int:
        """Record the ids of a file's rows, and return the number of bytes that its complete rows take."""
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
                f"{self._path}, line {number} was not written by this command; nothing was changed. Name another file for "
                "the results."
            )
        self.ids.add(row["id"])

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            done = self._file.write(left)
            left = left[done:]
            self._bytes += done

    def _unwritable(self, error: OSError) -> RagError:
        return RagError(
            f"The results file {self._path} cannot be written: {error.strerror}; free space or allow writing there."
        )


def parsed(line: str | bytes) -> Any:
    """Return the value of a line of JSON; None if the line is invalid, as NaN is."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        return json.loads(line, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def is_identity(value: object) -> bool:
    """Return whether a value can be an id in a UTF-8 JSON file: a string without lone surrogates, or a finite number."""
    if isinstance(value, str):
        return value == value.encode("utf-8", "replace").decode()
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and math.isfinite(value))


def _is_answer(value: object) -> bool:
    return isinstance(value, Mapping) and value.keys() >= set(ROW) and is_identity(value["id"])


def _begins_an_answer(data: bytes) -> bool:
    """Return whether a line is an answer cut short by an interruption: it begins like one, and is not valid JSON."""
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
