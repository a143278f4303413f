"""Define the protocol that every generation engine implements, and its data types.

A generator turns a prompt into pieces of text as they are written. It does not deal with passages, citations or readers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from rag.embedding import Vectors
from rag.results import Message

Stop = Callable[[], bool]
"""Called often while an engine works; returning True ends the work at once."""


@dataclass(frozen=True)
class Prompt:
    """A chat for an engine to continue.

    messages: chat messages, oldest first. grammar: constrains the answer, in llama.cpp's GBNF, "" for none; engines without
    support for grammars ignore it.
    """

    messages: tuple[Message, ...]
    grammar: str = ""

    def chat(self) -> list[dict[str, str]]:
        """Return the messages as the dicts that engines take."""
        return [dict(message) for message in self.messages]


@dataclass(frozen=True)
class Reading:
    """The progress of reading the prompt: the fraction read so far, between 0 and 1."""

    fraction: float


@dataclass(frozen=True)
class Piece:
    """A new piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class Trace:
    """The hidden states of a network at the tokens of a text that it generated.

    ends: offset in the text at which each token ends, in code points, ascending. states: float32 (tokens, hidden).
    """

    ends: tuple[int, ...]
    states: Vectors

    def over(self, start: int, end: int) -> Vectors | None:
        """Return the mean state of the tokens that spell text[start:end], float32 (hidden,); None if any is missing."""
        if not self.ends or end > self.ends[-1]:
            return None
        mean: Vectors = self.states[bisect_right(self.ends, start) : bisect_left(self.ends, end) + 1].mean(0)
        return mean


@dataclass(frozen=True)
class Usage:
    """The cost of one generation in tokens, and its hidden states where the engine exposes them.

    read: prompt tokens that were not in a cache. state: float32 (hidden,); of `choose`, the state at the last token of the
    prompt; of `stream`, the state at the end-of-text token, None if the text was cut off before it. trace: states of the
    generated text. Both are None for engines that do not expose hidden states.
    """

    prompt: int
    read: int
    written: int
    state: Vectors | None = field(default=None, compare=False)
    trace: Trace | None = field(default=None, compare=False)


Step = Reading | Piece | Usage


@dataclass(frozen=True)
class Choice:
    """The probability of each choice as the first token, in the order given, and the cost of computing them."""

    chances: tuple[float, ...]
    usage: Usage


class Generator(Protocol):
    """Generate text from prompts, one request at a time."""

    name: str

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield the progress of reading, the text as it is written, and finally the usage.

        Raises Cancelled if `stop` returns True, GenerationError if the engine fails.
        """

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return the probability of each choice as the first token of the answer; zeros if the engine gives none."""

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Read a prompt without generating, which makes reading a later prompt with the same prefix faster."""

    def close(self) -> None:
        """Stop the engine and free its memory."""
