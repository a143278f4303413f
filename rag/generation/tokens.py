"""Say what an engine needs of a tokenizer, and turn tokens into text as they are written.

It knows nothing of networks, nor where a tokenizer comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from rag.generation import Piece
from rag.generation.listening import Tell


class Tokenizer(Protocol):
    """Turn text into tokens and back."""

    def chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Return the tokens of a chat, ending where an engine goes on."""

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text by itself."""

    def text(self, tokens: Sequence[int]) -> str:
        """Return what tokens spell; those that only steer spell nothing, half a character is �."""


class Voice:
    """Say what is written, piece by piece; a character whose bytes are not all there is held back.

    tell: called with each new Piece. `written` are the tokens so far.
    """

    def __init__(self, tokenizer: Tokenizer, tell: Tell) -> None:
        self._tokenizer = tokenizer
        self._tell = tell
        self._said = 0
        self.written: list[int] = []

    def say(self, tokens: Iterable[int]) -> None:
        """Say what new tokens add."""
        self.written.extend(tokens)
        text = self._tokenizer.text(self.written)
        if not text.endswith("�"):
            self._tell_rest(text)

    def end(self) -> None:
        """Say what was held back."""
        self._tell_rest(self._tokenizer.text(self.written))

    def _tell_rest(self, text: str) -> None:
        if len(text) > self._said:
            self._tell(Piece(text[self._said :]))
            self._said = len(text)


def ends(tokenizer: Tokenizer, tokens: Sequence[int]) -> tuple[int, ...]:
    """Return where in the text that tokens spell each of them ends, in code points; half a character counts as one."""
    return tuple(len(tokenizer.text(tokens[:number])) for number in range(1, len(tokens) + 1))


def spellings(tokenizer: Tokenizer, word: str) -> set[int]:
    """Return the tokens that alone spell a word, with a space or a line's end around it or without."""
    found: set[int] = set()
    for form in (word, f" {word}", f"{word}\n", f"\n{word}"):
        found.update(token for token in tokenizer.tokens(form) if tokenizer.text([token]).strip() == word)
    return found


def weighed(tokenizer: Tokenizer, choices: Sequence[str], chances: Sequence[float]) -> tuple[float, ...]:
    """Return the probability of each choice, given that of each token; zero for one that is not a single token."""
    return tuple(sum(float(chances[token]) for token in spellings(tokenizer, choice)) for choice in choices)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens two texts have in common at their beginnings."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
