"""Say what the page works with: an answerer, and which readers' answers are under way.

It knows neither models nor HTML.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from rag.documents import Document
from rag.results import Event, Evidence, Message


class Answerer(Protocol):
    """Answer questions; `rag.pipeline.Rag` does."""

    @property
    def documents(self) -> tuple[Document, ...]:
        """Return the sources."""

    def stream(
        self, question: str, history: Sequence[Message] = (), cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Event]:
        """Yield an answer's events."""

    def retrieve(self, question: str, history: Sequence[Message] = ()) -> Evidence:
        """Return the evidence alone."""

    def status(self) -> tuple[Literal["ready", "warming", "broken"], str]:
        """Return whether questions can be answered, and why not."""

    def metrics(self) -> str:
        """Return counts in Prometheus' text format."""


@dataclass
class Desk:
    """Hold what the page works with, and which readers' answers are under way."""

    answerer: Answerer
    feedback_path: Path
    stops: dict[str, threading.Event] = field(default_factory=dict)

    def start(self, session: str) -> threading.Event:
        """Return a fresh stop for a reader, ending what the same reader had under way."""
        self.stop(session)
        self.stops[session] = threading.Event()
        return self.stops[session]

    def stop(self, session: str) -> None:
        """End a reader's answer."""
        event = self.stops.pop(session, None)
        if event is not None:
            event.set()
