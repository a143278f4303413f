"""Present sentences, passages and the members of passages as sequences backed by integer arrays.

A value is created when it is accessed: a corpus of a million sentences is loaded without creating a million objects, and is
stored as arrays that can be memory-mapped.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

from rag.documents import Document, Passage, Sentence

Numbers = npt.NDArray[np.int64]
Value = TypeVar("Value")


class Places(Sequence[Value]):
    """A sequence of values that are created from the rows of an array of shape (values, columns)."""

    def __init__(self, places: Numbers) -> None:
        self.places = places

    @abstractmethod
    def _value(self, row: Numbers) -> Value:
        """Return the value that a row describes."""

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, number: int) -> Value: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Value]: ...

    def __getitem__(self, number: int | slice) -> Value | Sequence[Value]:
        if isinstance(number, slice):
            return [self._value(row) for row in self.places[number]]
        return self._value(self.places[number])


class Sentences(Places[Sentence]):
    """A sequence of sentences; the columns are document number, start, end and paragraph."""

    def __init__(self, documents: Sequence[Document], places: Numbers) -> None:
        super().__init__(places)
        self._documents = documents

    @classmethod
    def of(cls, documents: Sequence[Document], sentences: Sequence[Sentence]) -> Sentences:
        """Build the sequence from sentences of documents."""
        numbers = _numbers(documents)
        rows = [(numbers[s.source], s.start, s.end, s.paragraph) for s in sentences]
        return cls(documents, np.array(rows, dtype=np.int64).reshape(-1, 4))

    def _value(self, row: Numbers) -> Sentence:
        number, start, end, paragraph = row.tolist()
        document = self._documents[number]
        return Sentence(document.text[start:end], document.source, start, end, paragraph)


class Passages(Places[Passage]):
    """A sequence of passages; the columns are document number, start and end."""

    def __init__(self, documents: Sequence[Document], places: Numbers) -> None:
        super().__init__(places)
        self._documents = documents

    @classmethod
    def of(cls, documents: Sequence[Document], passages: Sequence[Passage]) -> Passages:
        """Build the sequence from passages of documents."""
        numbers = _numbers(documents)
        rows = [(numbers[p.source], p.start, p.end) for p in passages]
        return cls(documents, np.array(rows, dtype=np.int64).reshape(-1, 3))

    def _value(self, row: Numbers) -> Passage:
        number, start, end = row.tolist()
        document = self._documents[number]
        return Passage(document.text[start:end], document.source, start, end)


class Members(Places[tuple[int, ...]]):
    """A sequence of the sentence numbers of each passage; the columns are the first number and the one after the last."""

    def _value(self, row: Numbers) -> tuple[int, ...]:
        first, after = row.tolist()
        return tuple(range(first, after))


def _numbers(documents: Sequence[Document]) -> Mapping[str, int]:
    return {document.source: number for number, document in enumerate(documents)}
