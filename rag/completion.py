"""Find the source sentences that must follow an answer, since it passes them by or says too little of them.

It compares claims with sentences; how a sentence is quoted, or put into English, is `answering.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.english import English
from rag.grounding import Claim
from rag.index import Index
from rag.numbers import numbers_asked, stated
from rag.text import LATIN_WORD, content, mostly_latin, share_held, terms
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

    def unsaid(self, near: Sequence[tuple[int, float]], question: str, account: bool, sure: float) -> tuple[int, ...]:
        """Return the sentences to quote, by their numbers, in the order of the source.

        At least one claim has a source. near: sentences with their similarity to the question, nearest first. account: whether
        one is asked for. sure: the gate's probability that the text answers. It is the nearest sentence, where that is much
        nearer than all that are cited or where the answer is unsure; else the nearest of the cited ones. One that points back
        follows what it points at.
        """
        similarity = dict(near)
        nearest, closeness = near[0]
        cited = {source for claim in self.claims for source in claim.sources}
        best = max(cited, key=lambda source: similarity.get(source, 0.0))
        passed_by = closeness - similarity.get(best, 0.0) > self.tuned.passed_by
        if passed_by or (sure < self.tuned.unsure and self._share_said(nearest) < self.tuned.told):
            number = nearest
        elif self._terse(best, question, account):
            number = best
        else:
            return ()
        if self._share_said(number) >= VERBATIM:
            return ()
        before = self.index.pointed_at(number)
        return (before, number) if before >= 0 and self._share_said(before) < self.tuned.told else (number,)

    def left_out(self, read: Sequence[int]) -> tuple[int, ...]:
        """Return which of the sentences that were read a summary says too little of, in the order of the text."""
        return tuple(number for number in sorted(read) if self._share_said(number) < self.tuned.told)

    @cached_property
    def _said(self) -> str:
        return " ".join(claim.text for claim in self.claims)

    def _across_languages(self, number: int) -> bool:
        return mostly_latin(self._said) != mostly_latin(self.index.sentences[number].text)

    def _share_said(self, number: int) -> float:
        """Return the share of a sentence's terms that the answer holds; 0 across languages without a translation."""
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
