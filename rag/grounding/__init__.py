"""Find the source sentences that support each sentence of a draft, and the sentences that no source supports.

A draft sentence is supported when it is similar in meaning to a source sentence (one vector space for all languages) or
shares the words of that sentence or of its translation. Citations are computed here; the model is never asked for them. What
a claim says that its sources do not is checked in `grounds.py`; what becomes of the claim is decided in `answering.py`.
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
from rag.numbers import possible_numbers, stated_numbers
from rag.question import Query
from rag.text import content_terms, fold, term_recall
from rag.text.script import has_han, mostly_latin
from rag.text.stance import asks
from rag.tuned import Tuned

FIRST = 3
"""Likeliest sentences with which the words of a short claim are compared; in others they may occur by chance."""
CITED = 3
"""Most sentences that `_sources` returns for one claim."""
ADDED = 0.3
"""Share of a claim's terms that a further sentence must add to be cited too."""
ECHO = 0.5
"""Share of its terms in the reader's question above which a question in the draft only repeats that one."""
_BEGUN = re.compile(r"^(?:because\b|因为)\s*", re.IGNORECASE)
"""The words that a reason begins with; the sources need not contain them."""


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

    candidates: numbers of the source sentences that the model was shown, those likeliest to answer first. The words of a
    short claim are compared with the first of them alone, since many sentences may contain them by chance. english: known
    translations of the source sentences, whose words count too. probe: predicts from the hidden state of a draft sentence
    whether it is correct; without it, similarity and shared words decide.
    """
    usable = [number for number in candidates if index.is_searched(number)]
    if not draft or not usable:
        return []
    near = embedder.passages([sentence.text for sentence in draft]) @ index.sentence_vectors(usable).T
    grounds = Grounds.of(candidates, query.language == "en", index, english)
    question = query.with_previous
    claims = []
    for (before, drafted, state), similarities in zip(draft, near, strict=True):
        text = without_glosses(drafted, grounds.words) if grounds.for_english else drafted
        said = _BEGUN.sub("", text)
        words = content_terms(said)
        scores = np.maximum(similarities, _shared(said, words, usable, grounds))
        sources = _sources(said, scores, usable, grounds.texts, tuned.support)
        added = added_terms(said, question)
        sources += grounds.further(added, sources, usable, tuned.cover)
        if asks(text) and (term_recall(words, question) > ECHO or not sources or not asks(index.sentences[sources[0]].text)):
            continue  # a question in the draft is kept only where the source asks it and it does not repeat the reader's
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
                fault=fault or _support_fault(text, chance, support, sources, index, tuned),
                coverage=grounds.coverage(said, added, sources) if chance is None else None,
                invented=not sources or grounds.invents(said, strangers, question),
            )
        )
    return claims


def _support_fault(
    text: str, chance: float | None, support: Sequence[float], sources: Sequence[int], index: Index, tuned: Tuned
) -> Fault:
    """Return the fault of a claim that is doubted or far from its best source; "" for none, or where it introduces others.

    chance: the probability that the claim is correct, by the probe; where it is None, the support decides. Across languages
    support is lower, and so is its threshold.
    """
    if not sources or text.endswith((":", "：")):
        return ""
    if chance is not None:
        return "doubted" if chance < tuned.doubted else ""
    across = mostly_latin(text) != mostly_latin(index.sentences[sources[0]].text)
    return "far" if max(support) < (tuned.near_across if across else tuned.near) else ""


def _shared(text: str, words: set[str], usable: Sequence[int], grounds: Grounds) -> np.ndarray:
    """Return the share of a claim's terms that each usable source sentence contains, shape (len(usable),).

    For a short claim it is 1 or 0, and only the first sentences count.
    """
    shared = np.zeros(len(usable))
    if few(text):
        shared[:FIRST] = [_contains_short_claim(text, number, grounds) for number in usable[:FIRST]]
    else:
        shared[:] = [term_recall(words, grounds.texts[number]) for number in usable]
    return shared


def _contains_short_claim(text: str, number: int, grounds: Grounds) -> float:
    """Return 1 where a source sentence contains a claim of a few words, as a whole or each of its terms, else 0.

    For an English claim about a Chinese sentence without a translation it is enough that the sentence contains its numbers,
    and the Chinese originals of its names.
    """
    source = grounds.texts[number]
    said = _letters(text)
    words = content_terms(text)
    if len(said) > 1 and (said in _letters(source) or (len(words) > 1 and words <= content_terms(source))):
        return 1.0
    if grounds.english[number] or has_han(text) or mostly_latin(source):
        return 0.0
    numbers, people = stated_numbers(text), list(names(text, source))
    held = numbers <= possible_numbers(source) and (not numbers or bool(numbers & stated_numbers(source)))
    return float(bool(numbers or people) and held and all(person.original for person in people))


def _letters(text: str) -> str:
    return "".join(character for character in fold(text) if character.isalnum())


def _sources(text: str, scores: np.ndarray, usable: Sequence[int], said: Mapping[int, str], least: float) -> tuple[int, ...]:
    """Return the best source sentence, and further ones that add a number or many terms of the claim.

    A sentence that adds nothing but a number is assumed to be about something else. least: lowest score of a source.
    """
    order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] >= least]
    if not order:
        return ()
    chosen = [order[0]]
    needed = stated_numbers(text)
    words = content_terms(text)
    for i in order[1:]:
        held = " ".join(said[usable[j]] for j in chosen)
        other = said[usable[i]]
        new = (words - content_terms(held)) & content_terms(other)
        tells = has_han(text) != has_han(other) or any(not term[0].isdigit() for term in new)
        adds_number = tells and bool((needed - possible_numbers(held)) & possible_numbers(other))
        if len(chosen) < CITED and (adds_number or len(new) >= max(FEW, ADDED * len(words))):
            chosen.append(i)
    return tuple(usable[i] for i in chosen)
