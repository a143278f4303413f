"""Choose the source sentences that support a claim, by similarity and shared terms.

Whether what they say suffices is checked in `grounds.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rag.embedding import Vectors
from rag.english.romanization import names
from rag.grounding.grounds import FEW, Grounds, few
from rag.numbers import possible_numbers, stated_numbers
from rag.text import content_terms, fold, term_recall
from rag.text.script import has_han, mostly_latin

FIRST = 3
"""Likeliest sentences with which the words of a short claim are compared; in others they may occur by chance."""
CITED = 3
"""Most sentences that `supporting` returns for one claim."""
ADDED = 0.3
"""Share of a claim's terms that a further sentence must add to be cited too."""


def shared_terms(text: str, words: set[str], usable: Sequence[int], grounds: Grounds) -> Vectors:
    """Return the share of a claim's content terms, `words`, that each usable source sentence contains, shape (len(usable),).

    For a short claim it is 1 or 0, and only the first sentences count.
    """
    shared = np.zeros(len(usable), np.float32)
    if few(text):
        shared[:FIRST] = [_contains_short_claim(text, words, number, grounds) for number in usable[:FIRST]]
    else:
        shared[:] = [term_recall(words, grounds.texts[number]) for number in usable]
    return shared


def _contains_short_claim(text: str, words: set[str], number: int, grounds: Grounds) -> float:
    """Return 1 where a source sentence contains a claim of a few words, as a whole or each of its terms, else 0.

    For an English claim about a Chinese sentence without a translation it is enough that the sentence contains its numbers,
    and the Chinese originals of its names.
    """
    source = grounds.texts[number]
    letters = _letters(text)
    if len(letters) > 1 and (letters in _letters(source) or (len(words) > 1 and words <= content_terms(source))):
        return 1.0
    if grounds.english[number] or has_han(text) or mostly_latin(source):
        return 0.0
    numbers, people = stated_numbers(text), list(names(text, source))
    contained = numbers <= possible_numbers(source) and (not numbers or bool(numbers & stated_numbers(source)))
    return float(bool(numbers or people) and contained and all(person.original for person in people))


def _letters(text: str) -> str:
    return "".join(character for character in fold(text) if character.isalnum())


def supporting(
    text: str, words: set[str], scores: Vectors, usable: Sequence[int], texts: Mapping[int, str], least: float
) -> tuple[int, ...]:
    """Return the best source sentence, and further ones that add a number or many terms of the claim.

    A sentence that adds nothing but a number is assumed to be about something else. least: lowest score of a source.
    """
    order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] >= least]
    if not order:
        return ()
    chosen = [order[0]]
    needed = stated_numbers(text)
    for i in order[1:]:
        chosen_text = " ".join(texts[usable[j]] for j in chosen)
        other = texts[usable[i]]
        new = (words - content_terms(chosen_text)) & content_terms(other)
        tells = has_han(text) != has_han(other) or any(not term[0].isdigit() for term in new)
        adds_number = tells and bool((needed - possible_numbers(chosen_text)) & possible_numbers(other))
        if len(chosen) < CITED and (adds_number or len(new) >= max(FEW, ADDED * len(words))):
            chosen.append(i)
    return tuple(usable[i] for i in chosen)
