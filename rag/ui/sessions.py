"""Define the answerer that the page needs, and keep track of the answers in progress, to stop them.

Models are loaded in `rag.pipeline`; HTML is in `render.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from rag.documents import Document
from rag.results import Event, Evidence, Message


class Answerer(Protocol):
    """The interface through which the page asks questions; `rag.pipeline.Rag` implements it."""

    @property
    def documents(self) -> tuple[Document, ...]:
        """Return the sources."""

    def stream(
        self, question: str, history: Sequence[Message] = (), cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Event]:
        """Yield an answer's events."""

    def retrieve(self, question: str, history: Sequence[Message] = ()) -> Evidence:
        """Return the evidence for a question, without generating an answer."""

    def suggest(self, language: str, cited: Sequence[Sequence[Mapping[str, Any]]] = (), asked: Sequence[str] = ()) -> list[str]:
        """Return suggested questions that the text answers, given the citations so far and the questions asked."""

    def status(self) -> tuple[Literal["ready", "warming", "broken"], str]:
        """Return whether questions can be answered, and the reason if not."""

    def metrics(self) -> str:
        """Return counts in Prometheus' text format."""


class AnswerSessions:
    """Pass questions to an answerer, and stop a session's answers on demand.

    feedback_path: file to which readers' feedback is appended.
    """

    def __init__(self, answerer: Answerer, feedback_path: Path) -> None:
        self.answerer = answerer
        self.feedback_path = feedback_path
        self._lock = threading.Lock()
        self._under_way: dict[str, set[threading.Event]] = {}

    def stream(self, session: str, question: str, history: Sequence[Message]) -> Iterator[Event]:
        """Return an iterator over an answer's events.

        The answer is registered at the call, before the first event is read; from then on `stop` ends it.
        """
        stopped = threading.Event()
        with self._lock:
            self._under_way.setdefault(session, set()).add(stopped)
        return self._stream(session, question, history, stopped)

    def _stream(self, session: str, question: str, history: Sequence[Message], stopped: threading.Event) -> Iterator[Event]:
        try:
            yield from self.answerer.stream(question, history, stopped.is_set)
        finally:
            with self._lock:
                others = self._under_way.get(session, set())
                others.discard(stopped)
                if not others:
                    self._under_way.pop(session, None)

    def stop(self, session: str) -> None:
        """Stop all answers in progress of a session."""
        with self._lock:
            under_way = self._under_way.pop(session, set())
        for stopped in under_way:
            stopped.set()
