"""Quote source sentences: word for word, or translated where the reader's language differs.

Quotes are written and introduced here; the sentences to quote are chosen in `completion.py` and `answering.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.english import English
from rag.grounding.claim import Claim
from rag.index import Index
from rag.replies import reply
from rag.text.script import Language, has_han, mostly_latin


@dataclass(frozen=True)
class Quotes:
    """Quote sentences of one corpus in one answer.

    english: the known translations. language: of the answer. translate: returns a sentence in that language, "" where its
    translation cannot be trusted.
    """

    index: Index
    english: English
    language: Language
    translate: Callable[[str], str]

    def of(self, number: int) -> Claim:
        """Return a sentence as a claim, in the original where no translation can be trusted.

        A translation by the model is marked as one: it may be clumsy, or wrong in ways that its numbers and names do not show.
        """
        sentence = self.index.sentences[number].text
        quote = sentence
        if self._foreign(sentence):
            translated = self.translated(sentence)
            own = self.language == "en" and self.english.has_own_translation(sentence)
            quote = translated + ("" if own else reply("translated", self.language)) if translated else f"“{sentence}”"
        return Claim("", quote, (number,), (1.0,), quoted=True)

    def translated(self, sentence: str) -> str:
        """Return the translation of a sentence into the reader's language, "" where none can be trusted."""
        return (self.english.translation_of(sentence) if self.language == "en" else "") or self.translate(sentence)

    def _foreign(self, sentence: str) -> bool:
        return has_han(sentence) if self.language == "en" else mostly_latin(sentence)

    def as_answer(self, numbers: Sequence[int]) -> list[Claim]:
        """Return quotes that are the whole answer."""
        return self._announced(numbers, "", self._gap)

    def after_decline(self, numbers: Sequence[int]) -> list[Claim]:
        """Return quotes of the sentences nearest to the question, to follow a decline."""
        return self._announced(numbers, self._gap + reply("nearest", self.language), self._gap)

    def after_draft(self, numbers: Sequence[int]) -> list[Claim]:
        """Return quotes that follow a draft which omits them or says little of them."""
        return self._announced(numbers, "\n" + reply("says", self.language), self._gap)

    def after_summary(self, numbers: Sequence[int]) -> list[Claim]:
        """Return quotes that follow a summary: several as a list below the words that introduce them."""
        if len(numbers) < 2:
            return self.after_draft(numbers)
        between = "\n- "
        return self._announced(numbers, "\n" + reply("says", self.language).rstrip() + between, between)

    @property
    def _gap(self) -> str:
        return " " if self.language == "en" else ""

    def _announced(self, numbers: Sequence[int], before: str, between: str) -> list[Claim]:
        """Return quotes, the first preceded by `before`, which introduces them all, and each of the others by `between`."""
        quotes = [self.of(number) for number in numbers]
        return [replace(quote, before=between if count else before) for count, quote in enumerate(quotes)]
