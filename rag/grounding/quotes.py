"""Quote source sentences to a reader: word for word, or in a translation where the reader has another language.

It knows how a sentence is told and announced; which one is to be quoted is not its to say.
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
    """Quote sentences of one text to the reader of one answer.

    english: the translations that are there. translate: returns a sentence in the reader's language, "" where it cannot be
    relied on.
    """

    index: Index
    english: English
    language: Language
    translate: Callable[[str], str]

    def of(self, number: int) -> Claim:
        """Return a sentence as a claim of its own, in the original where no translation can be relied on.

        A translation that the model made is called one: it may be clumsy, or wrong where no number or name tells.
        """
        sentence = self.index.sentences[number].text
        quote = sentence
        if self._foreign(sentence):
            told = self.told(sentence)
            own = self.language == "en" and self.english.brings(sentence)
            quote = told + ("" if own else reply("translated", self.language)) if told else f"“{sentence}”"
        return Claim("", quote, (number,), (1.0,), quoted=True)

    def told(self, sentence: str) -> str:
        """Return a foreign sentence in the reader's language, "" where no translation can be relied on."""
        return (self.english.sentence(sentence) if self.language == "en" else "") or self.translate(sentence)

    def _foreign(self, sentence: str) -> bool:
        return has_han(sentence) if self.language == "en" else mostly_latin(sentence)

    def alone(self, numbers: Sequence[int]) -> list[Claim]:
        """Return sentences that are the whole answer."""
        return self._announced(numbers, "", self._gap)

    def nearest(self, numbers: Sequence[int]) -> list[Claim]:
        """Return the nearest that the text says, to follow a decline."""
        return self._announced(numbers, self._gap + reply("nearest", self.language), self._gap)

    def said(self, numbers: Sequence[int]) -> list[Claim]:
        """Return what the text says, to follow a draft that passed it by or says little of it."""
        return self._announced(numbers, "\n" + reply("says", self.language), self._gap)

    def listed(self, numbers: Sequence[int]) -> list[Claim]:
        """Return what the text says, each of several sentences in a line of its own below the words that announce them."""
        if len(numbers) < 2:
            return self.said(numbers)
        between = "\n- "
        return self._announced(numbers, "\n" + reply("says", self.language).rstrip() + between, between)

    @property
    def _gap(self) -> str:
        return " " if self.language == "en" else ""

    def _announced(self, numbers: Sequence[int], before: str, between: str) -> list[Claim]:
        """Return quotes, the first behind the words that announce them all, the others each behind `between`."""
        quotes = [self.of(number) for number in numbers]
        return [replace(quote, before=between if count else before) for count, quote in enumerate(quotes)]
