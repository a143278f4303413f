"""Find the source sentences that must follow an answer, since it passes them by or says too little of them.

It compares claims with sentences; how a sentence is quoted, or put into English, is `quotes.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.english import English
from rag.grounding.claim import Claim
from rag.grounding.enumeration import items
from rag.index import Index
from rag.numbers import numbers_asked, stated
from rag.question.asking import asks_several
from rag.text import LATIN_WORD, content, share_held, terms
from rag.text.script import mostly_latin
from rag.text.stance import asks
from rag.tuned import Tuned

VERBATIM = 0.9
"""Share of a sentence's terms from which an answer is that sentence."""


@dataclass(frozen=True)
class Completion:
    """Hold the claims of an answer, and what they are compared with."""

    claims: Sequence[Claim]
    index: Index
    english: English
    tuned: Tuned

    def unsaid(self, likely: Sequence[tuple[int, float]], question: str, account: bool) -> tuple[int, ...]:
        """Return the sentences to quote, by their numbers, in the order of the source.

        At least one claim has a source. likely: sentences with their similarity to the question, likeliest to answer first.
        account: whether one is asked for. They are the likeliest ones that the answer neither cites nor says and that ask
        nothing themselves, of which a question for a number needs one alone, and the nearest of the cited ones where it says
        too little of that. One that points back follows what it points at; where several things are asked for, the items of a
        list follow each other.
        """
        similarity = dict(likely)
        most = 1 if numbers_asked(question) else self.tuned.beside
        telling = [(number, like) for number, like in likely if not asks(self.index.sentences[number].text)][:most]
        quoted = self._neither_cited_nor_said(
            number for number, like in telling if telling[0][1] - like <= self.tuned.beside_within
        )
        if asks_several(question):
            listed = [*self._cited, *(number for number, _ in telling[:1])]
            quoted |= self._neither_cited_nor_said({item for number in listed for item in items(number, self.index)})
        best = max(self._cited, key=lambda source: similarity.get(source, 0.0))
        if self._share_said(best) < VERBATIM and self._terse(best, question, account):
            quoted.add(best)
        pointed_at = {self.index.pointed_at(number) for number in quoted} - {-1}
        return tuple(sorted(quoted | self._neither_cited_nor_said(pointed_at)))

    def left_out(self, listed: Sequence[int], most: int) -> tuple[int, ...]:
        """Return which of some sentences a summary says too little of, at most so many, in the order of the text.

        listed: best first. Of a sentence in another language without a translation, whose words tell nothing, the summary says
        enough where it cites it.
        """
        said = {source for source in self._cited if self._untranslated(source)}
        unsaid = [number for number in listed if number not in said and self._share_said(number) < self.tuned.told]
        return tuple(sorted(unsaid[:most]))

    def _neither_cited_nor_said(self, numbers: Iterable[int]) -> set[int]:
        return {number for number in numbers if number not in self._cited and self._share_said(number) < self.tuned.told}

    @cached_property
    def _cited(self) -> set[int]:
        return {source for claim in self.claims for source in claim.sources}

    @cached_property
    def _said(self) -> str:
        return " ".join(claim.text for claim in self.claims)

    def _across_languages(self, number: int) -> bool:
        return mostly_latin(self._said) != mostly_latin(self.index.sentences[number].text)

    def _untranslated(self, number: int) -> bool:
        return self._across_languages(number) and not self.english.sentence(self.index.sentences[number].text)

    def _share_said(self, number: int) -> float:
        """Return the share of a sentence's terms that the answer holds; 0 across languages without a translation."""
        if any(claim.quoted and number in claim.sources for claim in self.claims):
            return 1.0
        source = self.index.sentences[number].text
        return share_held(content(self.english.sentence(source) if self._across_languages(number) else source), self._said)

    def _terse(self, number: int, question: str, account: bool) -> bool:
        """Tell whether the answer says so little of a sentence that its reader needs the source's own words.

        Across languages that cannot be told by its words, so its length counts, and how loosely it follows its sources.
        """
        if len(stated(self._said)) < numbers_asked(question):
            return True
        if self._across_languages(number):
            loose = max(support for claim in self.claims for support in claim.support) < self.tuned.loose
            words = len(self._said.split()) if mostly_latin(self._said) else len(terms(self._said)) / LATIN_WORD
            return words < self.tuned.bare_words or loose
        return self._share_said(number) < (self.tuned.terse_account if account else self.tuned.terse)
