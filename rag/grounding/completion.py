"""Find the source sentences to quote after an answer that omits them or says too little of them.

Claims are compared with sentences here; sentences are quoted and translated in `quotes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.english import English
from rag.grounding.claim import Claim
from rag.grounding.enumeration import items
from rag.index import Index
from rag.numbers import numbers_asked, stated_numbers
from rag.question.kinds import asks_several
from rag.text import LATIN_WORD, content_terms, term_recall, terms
from rag.text.script import mostly_latin
from rag.text.stance import asks
from rag.tuned import Tuned

VERBATIM = 0.9
"""Share of a sentence's terms in the answer from which the answer contains the sentence."""


@dataclass(frozen=True)
class Completion:
    """Compare the claims of an answer with the source sentences."""

    claims: Sequence[Claim]
    index: Index
    english: English
    tuned: Tuned

    def sentences_to_quote(self, likely: Sequence[tuple[int, float]], question: str, account: bool) -> tuple[int, ...]:
        """Return the numbers of the sentences to quote, in the order of the source; at least one claim must have a source.

        likely: sentences with their similarity to the question, likeliest to answer first. account: whether the question asks
        for an account. Quoted are (1) the likeliest sentences, no questions, that the answer neither cites nor says (only the
        likeliest where a number is asked for); (2) where several things are asked for, the unsaid items of a list that a cited
        or the likeliest sentence belongs to; (3) the cited sentence most similar to the question, where the answer says too
        little of it; (4) the unsaid sentences that these refer back to.
        """
        similarity = dict(likely)
        most = 1 if numbers_asked(question) else self.tuned.appended
        telling = [(number, like) for number, like in likely if not asks(self.index.sentences[number].text)][:most]
        quoted = self._neither_cited_nor_said(
            number for number, like in telling if telling[0][1] - like <= self.tuned.appended_within
        )
        if asks_several(question):
            listed = [*self._cited, *(number for number, _ in telling[:1])]
            quoted |= self._neither_cited_nor_said({item for number in listed for item in items(number, self.index)})
        best = max(self._cited, key=lambda source: similarity.get(source, 0.0))
        if self._share_said(best) < VERBATIM and self._terse(best, question, account):
            quoted.add(best)
        pointed_at = {self.index.antecedent_of(number) for number in quoted} - {-1}
        return tuple(sorted(quoted | self._neither_cited_nor_said(pointed_at)))

    def left_out(self, listed: Sequence[int], most: int) -> tuple[int, ...]:
        """Return the sentences of which a summary says too little, at most `most` of them, in the order of the text.

        listed: the sentences to consider, best first. A sentence in another language without a translation cannot be compared
        by its words: the summary says enough of it if it cites it.
        """
        cited = {source for source in self._cited if self._untranslated(source)}
        omitted = [number for number in listed if number not in cited and self._share_said(number) < self.tuned.covered]
        return tuple(sorted(omitted[:most]))

    def _neither_cited_nor_said(self, numbers: Iterable[int]) -> set[int]:
        return {number for number in numbers if number not in self._cited and self._share_said(number) < self.tuned.covered}

    @cached_property
    def _cited(self) -> set[int]:
        return {source for claim in self.claims for source in claim.sources}

    @cached_property
    def _said(self) -> str:
        return " ".join(claim.text for claim in self.claims)

    def _across_languages(self, number: int) -> bool:
        return mostly_latin(self._said) != mostly_latin(self.index.sentences[number].text)

    def _untranslated(self, number: int) -> bool:
        return self._across_languages(number) and not self.english.translation_of(self.index.sentences[number].text)

    def _share_said(self, number: int) -> float:
        """Return the share of a sentence's terms in the answer; 1 if quoted, 0 across languages without a translation."""
        if any(claim.quoted and number in claim.sources for claim in self.claims):
            return 1.0
        source = self.index.sentences[number].text
        return term_recall(
            content_terms(self.english.translation_of(source) if self._across_languages(number) else source), self._said
        )

    def _terse(self, number: int, question: str, account: bool) -> bool:
        """Return whether the answer says so little of a sentence that the reader needs the source's own words.

        An answer with fewer numbers than asked for always does. Across languages terms cannot be compared, so the length of
        the answer and its best support decide.
        """
        if len(stated_numbers(self._said)) < numbers_asked(question):
            return True
        if self._across_languages(number):
            loose = max(support for claim in self.claims for support in claim.support) < self.tuned.loose_support
            words = len(self._said.split()) if mostly_latin(self._said) else len(terms(self._said)) / LATIN_WORD
            return words < self.tuned.bare_words or loose
        return self._share_said(number) < (self.tuned.terse_account if account else self.tuned.terse)
