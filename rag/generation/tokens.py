"""Define the tokenizer protocol of the engines, and decode tokens to text as they are generated.

Tokenizers are in `vocabulary.py` and `transformers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from rag.generation import Piece
from rag.generation.worker import Emit


class Tokenizer(Protocol):
    """Convert text to tokens and back."""

    def chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Return the tokens of a chat, up to where the engine's answer begins."""

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text, without special tokens added."""

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; control tokens are skipped, and an incomplete character is �."""


class TextStream:
    """Pass on generated text piece by piece; text that ends in an incomplete character is withheld until it is complete.

    emit: called with each new Piece. `written` are the tokens so far.
    """

    def __init__(self, tokenizer: Tokenizer, emit: Emit) -> None:
        self._tokenizer = tokenizer
        self._emit = emit
        self._emitted = 0
        self.written: list[int] = []

    def add(self, tokens: Iterable[int]) -> None:
        """Add tokens, and pass on the text that they add."""
        self.written.extend(tokens)
        text = self._tokenizer.text(self.written)
        if not text.endswith("�"):
            self._emit_rest(text)

    def end(self) -> None:
        """Pass on the text that was withheld."""
        self._emit_rest(self._tokenizer.text(self.written))

    def _emit_rest(self, text: str) -> None:
        if len(text) > self._emitted:
            self._emit(Piece(text[self._emitted :]))
            self._emitted = len(text)


def ends(tokenizer: Tokenizer, tokens: Sequence[int]) -> tuple[int, ...]:
    """Return the offset in code points at which each token ends in their text; an incomplete character counts as one."""
    return tuple(len(tokenizer.text(tokens[:number])) for number in range(1, len(tokens) + 1))


def spellings(tokenizer: Tokenizer, word: str) -> set[int]:
    """Return the single tokens that spell a word, also with a space before it or a line break before or after it."""
    found: set[int] = set()
    for form in (word, f" {word}", f"{word}\n", f"\n{word}"):
        found.update(token for token in tokenizer.tokens(form) if tokenizer.text([token]).strip() == word)
    return found


def choice_probabilities(tokenizer: Tokenizer, choices: Sequence[str], chances: Sequence[float]) -> tuple[float, ...]:
    """Return the probability of each choice, given that of each token; zero for a choice that is not a single token."""
    return tuple(sum(float(chances[token]) for token in spellings(tokenizer, choice)) for choice in choices)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return the length of the longest common prefix of two token sequences."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
