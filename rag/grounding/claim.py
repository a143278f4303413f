"""Hold what an answer claims, sentence by sentence, and write claims down with marks.

Where a claim's sources come from is `ground`'s and `quotes.py`'s to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Claim:
    """Hold one sentence of an answer, be it drafted, quoted or a reply, with the source sentences that support it.

    before: what stands between it and the sentence before (a space, a line break, a list mark, words that announce a quote).
    sources: numbers of sentences in the index, best first, each with its share of `support`, between 0 and 1. missing: numbers
    that its sources lack, and names that all evidence lacks. fault: why else it may not stand, "" for nothing. coverage: the
    share of its words that its sources hold, None where these are in another language or were not asked. invented: whether
    nothing supports it, or it has a number that no evidence holds, or a name that the question does not hold either. quoted:
    whether it is its source, word for word but for footnote marks, or translated.
    """

    before: str
    text: str
    sources: tuple[int, ...]
    support: tuple[float, ...]
    missing: tuple[str, ...] = ()
    fault: str = ""
    coverage: float | None = None
    invented: bool = False
    quoted: bool = False

    def holds(self, least: float) -> bool:
        """Tell whether its sources say it, with all its numbers and names, and at least such a share of its words."""
        return not self.missing and not self.fault and (self.coverage is None or self.coverage >= least)


def once(claims: Sequence[Claim]) -> list[Claim]:
    """Return claims without those that say again, to the letter, what one before says.

    Where a quote is left out, the words that announce it announce the next quote.
    """
    said: set[str] = set()
    kept: list[Claim] = []
    announced = ""
    for claim in claims:
        if claim.text in said:
            announced = claim.before if claim.quoted else ""
            continue
        said.add(claim.text)
        kept.append(replace(claim, before=max(announced, claim.before, key=len)) if claim.quoted else claim)
        announced = ""
    return kept
