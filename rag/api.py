"""Provide `answer()` and `stream()` on one shared Rag, which is opened by the first call."""

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
    with _OPENING:  # with `cache` alone, concurrent first calls would each open one
        return _opened()


def answer(question: str, history: Sequence[Message] = ()) -> Answer:
    """Return the checked answer to a question about the corpus.

    history: earlier turns as {"role": "user" or "assistant", "content": text}, oldest first. Raises RagError, with a
    one-sentence message for the user.
    """
    return _shared().answer(question, history)


def stream(question: str, history: Sequence[Message] = ()) -> Iterator[Event]:
    """Yield the events of an answer: "evidence", "progress", "token" and last "answer".

    A caller who begins to read the events has the engine until the last one is read or the iterator is closed; others wait.

    history: as for `answer`. Raises QuestionError for an invalid question or history, GenerationError when the engine fails or
    takes too long, and other RagErrors when the models or the index cannot be loaded.
    """
    return _shared().stream(question, history)
