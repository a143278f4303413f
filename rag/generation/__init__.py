"""Say what a generator is: the one protocol behind which every engine works.

A generator turns a prompt into pieces of text as they are written. It knows nothing of passages, citations or readers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from rag.embedding import Vectors
from rag.results import Message

Stop = Callable[[], bool]
"""Asked often while an engine works; True ends the work at once."""


@dataclass(frozen=True)
class Prompt:
    """Hold what an engine is to continue.

    messages: chat messages, oldest first. grammar: what the answer may look like, in llama.cpp's GBNF; engines that cannot
    be held to one ignore it.
    """

    messages: tuple[Message, ...]
    grammar: str = ""

    def chat(self) -> list[dict[str, str]]:
        """Return the messages as an engine takes them."""
        return [dict(message) for message in self.messages]


@dataclass(frozen=True)
class Reading:
    """Tell how much of the prompt has been read, between 0 and 1."""

    fraction: float


@dataclass(frozen=True)
class Piece:
    """Hold some new text of the answer."""

    text: str


@dataclass(frozen=True)
class Trace:
    """Hold what a network held at the tokens of a text that it wrote.

    ends: where in the text each token ends, in code points, ascending. states: float32 (tokens, hidden).
    """

    ends: tuple[int, ...]
    states: Vectors

    def over(self, start: int, end: int) -> Vectors | None:
        """Return the mean state of the tokens that spell text[start:end], float32 (hidden,); None where one is not known."""
        if not self.ends or end > self.ends[-1]:
            return None
        mean: Vectors = self.states[bisect_right(self.ends, start) : bisect_left(self.ends, end) + 1].mean(0)
        return mean


@dataclass(frozen=True)
class Usage:
    """Hold what one generation cost, in tokens, and what it leaves behind.

    read: those prompt tokens that no cache held. state: the hidden state after the last token of the prompt, or of the text
    that was written behind it where that came to its own end, float32 (hidden,); None of an engine that does not show it.
    trace: of the text that was written, None of such an engine.
    """

    prompt: int
    read: int
    written: int
    state: Vectors | None = field(default=None, compare=False)
    trace: Trace | None = field(default=None, compare=False)


Step = Reading | Piece | Usage


@dataclass(frozen=True)
class Choice:
    """Hold the probability of each choice as the first token, in the order asked, and what it cost to find them."""

    chances: tuple[float, ...]
    usage: Usage


class Generator(Protocol):
    """Write text after a prompt, one request at a time."""

    name: str

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield the reading's progress, the text as it is written, and last the usage.

        Raises Cancelled when `stop` said so, GenerationError when the engine failed.
        """

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return the probability of each choice as the first token of the answer; zeros where an engine cannot tell."""

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Read a prompt without writing, so that a later one that begins alike is read faster."""

    def close(self) -> None:
        """End the engine and free what it holds."""
