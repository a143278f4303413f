"""Define the claims of an answer, one for each sentence, and remove repeated ones.

Claims are made by `ground` and in `quotes.py`, and written out with citation marks in `composition.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Claim:
    """A sentence of an answer (drafted, quoted or a fixed reply) with the source sentences that support it.

    before: the text between the previous sentence and this one (a space, a line break, a list mark, words that introduce a
    quote). sources: numbers of sentences in the index, best first. support: how well each of them supports the claim, between
    0 and 1. missing: numbers that the sources lack, and names that all evidence lacks. fault: any other reason to replace the
    claim, "" for none. coverage: the share of its terms that its sources contain, None where these are in another language
    or it was not measured. invented: whether it has no source, or a number that no evidence contains, or a name that neither
    the evidence nor the question contains. quoted: whether it is its source sentence, word for word except for footnote
    marks, or a translation of it.
    """

    before: str
    text: str
    sources: tuple[int, ...] = ()
    support: tuple[float, ...] = ()
    missing: tuple[str, ...] = ()
    fault: str = ""
    coverage: float | None = None
    invented: bool = False
    quoted: bool = False

    def is_supported(self, least: float) -> bool:
        """Return whether the claim can stay: nothing missing, no fault, and a coverage, if known, of at least `least`."""
        return not self.missing and not self.fault and (self.coverage is None or self.coverage >= least)


@dataclass(frozen=True)
class PartAnswer:
    """The claims that answer, or decline to answer, one of the questions in a message."""

    claims: tuple[Claim, ...]
    declined: bool = False


def without_repeats(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims without those whose text exactly repeats an earlier one.

    Where a quote is left out, the words that introduce it introduce the next claim if that is a quote too.
    """
    seen: set[str] = set()
    kept: list[Claim] = []
    announced = ""
    for claim in claims:
        if claim.text in seen:
            announced = claim.before if claim.quoted else ""
            continue
        seen.add(claim.text)
        kept.append(replace(claim, before=max(announced, claim.before, key=len)) if claim.quoted else claim)
        announced = ""
    return kept
