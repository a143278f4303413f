"""Tie each sentence of a draft to the source sentences that support it, and find what none supports.

A draft's sentence is supported when its meaning is near a source sentence (one vector space for all languages) or made of
its words or of its translation's. Citations are computed here, never asked of a model. What a claim says that its sources do
not is `grounds.py`'s to tell; what to do with it is `answering.py`'s to decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from rag.embedding import Embedder
from rag.english import English
from rag.english.romanization import names
from rag.grounding.claim import Claim
from rag.grounding.draft import Sentence
from rag.grounding.grounds import FEW, Fault, Grounds, added_terms, few, without_glosses
from rag.grounding.probe import Probe
from rag.index import Index
from rag.linear import logistic
from rag.numbers import stated, values
from rag.question import Query
from rag.text import content, fold, share_held
from rag.text.script import has_han, mostly_latin
from rag.text.stance import asks
from rag.tuned import Tuned

FIRST = 3
"""Sentences likeliest to answer, one of which must hold a claim of a few words."""
CITED = 3
"""Sentences that one claim may cite because they add to it."""
ADDED = 0.3
"""Share of a claim's terms from which another sentence adds much of it."""
ECHO = 0.5
"""Share of a question's terms from which it repeats another."""
_BEGUN = re.compile(r"^(?:because\b|因为)\s*", re.IGNORECASE)
"""The words that a reason begins with, which no source need hold."""


def ground(
    draft: Sequence[Sentence],
    query: Query,
    candidates: Sequence[int],
    index: Index,
    embedder: Embedder,
    tuned: Tuned,
    english: English,
    probe: Probe | None = None,
) -> list[Claim]:
    """Return the claims of a draft that answers a question.

    candidates: numbers of the source sentences that the model was shown, those likeliest to answer first. A claim of a few
    words, which many a sentence may hold by chance, counts as said only by the first of them. english: the translations that
    the model read instead of them, where there are some. probe: reads in the state of a sentence whether it stands; without
    that, likeness and words decide.
    """
    usable = [number for number in candidates if index.rows[number] >= 0]
    if not draft or not usable:
        return []
    near = embedder.passages([sentence.text for sentence in draft]) @ index.sentence_vectors(usable).T
    grounds = Grounds.of(candidates, query.language == "en", index, english)
    question = query.together
    claims = []
    for (before, drafted, state), similarities in zip(draft, near, strict=True):
        text = without_glosses(drafted, grounds.words) if grounds.for_english else drafted
        said = _BEGUN.sub("", text)
        words = content(said)
        scores = np.maximum(similarities, _shared(said, words, usable, grounds))
        sources = _sources(said, scores, usable, grounds.said, tuned.support)
        added = added_terms(said, question)
        sources += grounds.further(added, sources, usable, tuned.cover)
        if asks(text) and (share_held(words, question) > ECHO or not sources or not asks(index.sentences[sources[0]].text)):
            continue  # a question is a claim where the source asks it, not where it is the reader's own
        support = tuple(min(1.0, float(scores[usable.index(number)])) for number in sources)
        fault = grounds.fault(said, question, sources) if words else ""
        chance = None if probe is None or state is None else logistic(probe.log_odds(state))
        strangers = grounds.missing_names(said)
        claims.append(
            Claim(
                before,
                text,
                sources,
                support,
                missing=(*grounds.missing_numbers(said, sources), *strangers),
                fault=fault or _strays(text, chance, support, sources, index, tuned),
                coverage=grounds.coverage(said, added, sources) if chance is None else None,
                invented=not sources or grounds.invents(said, strangers, question),
            )
        )
    return claims


def _strays(
    text: str, chance: float | None, support: Sequence[float], sources: Sequence[int], index: Index, tuned: Tuned
) -> Fault:
    """Return the fault of a claim, unless it only introduces others, that the generator doubted, or whose best source is far.

    chance: that it stands, as its state tells; where that is not known, likeness decides. Two languages are far from each other
    anyway.
    """
    if not sources or text.endswith((":", "：")):
        return ""
    if chance is not None:
        return "doubted" if chance < tuned.doubted else ""
    across = mostly_latin(text) != mostly_latin(index.sentences[sources[0]].text)
    return "far" if max(support) < (tuned.near_across if across else tuned.near) else ""


def _shared(text: str, words: set[str], usable: Sequence[int], grounds: Grounds) -> np.ndarray:
    """Return how much of a claim each source sentence says in the same words."""
    shared = np.zeros(len(usable))
    if few(text):
        shared[:FIRST] = [_stands_in(text, number, grounds) for number in usable[:FIRST]]
    else:
        shared[:] = [share_held(words, grounds.said[number]) for number in usable]
    return shared


def _stands_in(text: str, number: int, grounds: Grounds) -> float:
    """Return 1 where a claim of a few words stands whole in a source sentence, or each of them does.

    Of an English claim about a Chinese sentence without a translation it is enough that its numbers stand there, and
    characters that are read as its names are.
    """
    source = grounds.said[number]
    said = _letters(text)
    words = content(text)
    if len(said) > 1 and (said in _letters(source) or (len(words) > 1 and words <= content(source))):
        return 1.0
    if grounds.english[number] or has_han(text) or mostly_latin(source):
        return 0.0
    numbers, people = stated(text), list(names(text, source))
    held = numbers <= values(source) and (not numbers or bool(numbers & stated(source)))
    return float(bool(numbers or people) and held and all(person.original for person in people))


def _letters(text: str) -> str:
    return "".join(character for character in fold(text) if character.isalnum())


def _sources(text: str, scores: np.ndarray, usable: Sequence[int], said: Mapping[int, str], least: float) -> tuple[int, ...]:
    """Return the best source sentence and, where it lacks a number or much of a claim, the next that adds it.

    A sentence that shares nothing but a number with a claim speaks of something else.
    """
    order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] >= least]
    if not order:
        return ()
    chosen = [order[0]]
    needed = stated(text)
    words = content(text)
    for i in order[1:]:
        held = " ".join(said[usable[j]] for j in chosen)
        other = said[usable[i]]
        new = (words - content(held)) & content(other)
        tells = has_han(text) != has_han(other) or any(not term[0].isdigit() for term in new)
        adds_number = tells and bool((needed - values(held)) & values(other))
        if len(chosen) < CITED and (adds_number or len(new) >= max(FEW, ADDED * len(words))):
            chosen.append(i)
    return tuple(usable[i] for i in chosen)
