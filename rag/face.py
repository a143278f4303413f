"""Offer `answer()` and `stream()` with one shared Rag, opened at the first question."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator, Sequence
from functools import cache

from rag.pipeline import Rag
from rag.results import Answer, Event, Message

_OPENING = threading.Lock()


@cache
def _opened() -> Rag:
    rag = Rag()
    atexit.register(rag.close)
    return rag


def _shared() -> Rag:
    with _OPENING:  # a cache alone lets several first questions each open their own
        return _opened()


def answer(question: str, history: Sequence[Message] = ()) -> Answer:
    """Return the checked answer to a question about the corpus.

    history: earlier turns as {"role": "user" or "assistant", "content": text}, oldest first. Raises RagError, whose text
    is one sentence for a person.
    """
    return _shared().answer(question, history)


def stream(question: str, history: Sequence[Message] = ()) -> Iterator[Event]:
    """Yield an answer's events: "evidence", "progress", "token" and last "answer".

    Whoever begins to read the events has the engine until they have read the last one or closed the iterator; others wait.

    history: as for `answer`. Raises QuestionError for what cannot be asked, GenerationError when the engine fails or takes too
    long, and any other RagError where the models or the index cannot be had.
    """
    return _shared().stream(question, history)
