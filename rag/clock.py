"""Measure the time and count the tokens of one answer."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rag.generation import Usage
from rag.results import Timings


@dataclass
class Clock:
    """The time and the tokens of one answer so far.

    started: `time.monotonic()` when the question arrived. retrieve_s, first_token_s: seconds from then to the evidence and to
    the first token. prompt, read, written: tokens of all prompts, those of them that no cache contained, and generated tokens.
    """

    started: float = field(default_factory=time.monotonic)
    retrieve_s: float = 0.0
    first_token_s: float = 0.0
    prompt: int = 0
    read: int = 0
    written: int = 0

    def now(self) -> float:
        """Return the seconds since the question arrived."""
        return time.monotonic() - self.started

    def timings(self) -> Timings:
        """Return the measurements so far."""
        first = self.first_token_s or self.now()
        return Timings(self.retrieve_s, first, self.now(), self.prompt, self.written, self.read)

    def add(self, usage: Usage) -> None:
        """Add the token counts of one generation."""
        self.prompt += usage.prompt
        self.read += usage.read
        self.written += usage.written
