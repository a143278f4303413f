"""Add up the seconds and the tokens that one answer costs; it knows nothing of what they are spent on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rag.generation import Usage
from rag.results import Timings


@dataclass
class Clock:
    """Add up what one answer costs."""

    started: float = field(default_factory=time.monotonic)
    retrieve_s: float = 0.0
    first_token_s: float = 0.0
    prompt: int = 0
    read: int = 0
    written: int = 0

    def now(self) -> float:
        """Return the seconds since the question came."""
        return time.monotonic() - self.started

    def timings(self) -> Timings:
        """Return what was added up."""
        first = self.first_token_s or self.now()
        return Timings(self.retrieve_s, first, self.now(), self.prompt, self.written, self.read)

    def add(self, usage: Usage) -> None:
        """Add the tokens of one generation."""
        self.prompt += usage.prompt
        self.read += usage.read
        self.written += usage.written
