"""Tie each sentence of a draft to the source sentences that support it, and find what none supports.

A draft's sentence is supported when its meaning is near a source sentence (one vector space for all languages) or made of
its words, and every number and Latin name in it stands in the evidence. Citations are computed here, never asked of a
model. This module judges; what to do with a sentence that fails is the pipeline's to decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.documents import Sentence
from rag.embedding import Embedder
from rag.index import Index
from rag.numbers import values, written
from rag.results import Citation
from rag.text import fold, has_han, split_sentences, terms
from rag.tuned import Tuned

_LATIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
_MARKUP = re.compile(r"\*\*|__|^#+\s*|\[\d+\]", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*•]|[（(]?\d{1,2}(?:\.(?!\d)|[、)）]))\s*")
_NUMBERED = re.compile(r"\d+")
FEW = 4
"""Terms below which a claim may stand in many a sentence by chance."""
FIRST = 3
"""Sentences likeliest to answer, one of which must hold a claim of a few words."""
_PARENTHESES = re.compile(r"\s*[(（][^()（）]*[)）]")
_ORIGINAL = re.compile(r"[(（]([^()（）]*[\u3400-\u9fff][^()（）]*)[)）]")


@dataclass(frozen=True)
class Claim:
    """Hold one sentence of a draft with the source sentences that support it.

    before: what stands between it and the sentence before (a space, a line break, a list mark). sources: numbers of
    sentences in the index, best first. support: between 0 and 1. missing: numbers and names that no evidence holds.
    cover: share of the claim's terms that its sources and the question hold; 1 where the languages differ.
    """

    before: str
    text: str
    sources: tuple[int, ...]
    support: float
    missing: tuple[str, ...] = ()
    cover: float = 1.0


def split_draft(draft: str) -> list[tuple[str, str]]:
    """Return a draft's sentences, each with what stands before it.

    The model's own marks and markup are left out, and so are questions: an echo is no claim.
    """
    pieces: list[tuple[str, str]] = []
    for line in _MARKUP.sub("", draft).splitlines():
        bullet = _BULLET.match(line)
        lead = bullet.group() if bullet else ""
        body = line[len(lead) :]
        for count, (start, end) in enumerate(split_sentences(body)):
            before = (
                (("\n" if pieces else "") + lead.lstrip())
                if count == 0
                else body[max(0, start - 1) : start].strip("。！？") and " "
            )
            says = any(character.isalnum() for character in body[start:end])
            if says and not body[start:end].endswith(("?", "？")):
                pieces.append((before, body[start:end]))
    return pieces


def ground(draft: str, question: str, candidates: Sequence[int], index: Index, embedder: Embedder, tuned: Tuned) -> list[Claim]:
    """Return the claims of a draft.

    candidates: numbers of the source sentences that the model was shown, those likeliest to answer first. A claim of a few
    words, which many a sentence may hold by chance, counts as said only by the first of them.
    """
    pieces = split_draft(draft)
    usable = [number for number in candidates if index.rows[number] >= 0]
    if not pieces or not usable:
        return []
    near = embedder.passages([text for _, text in pieces]) @ index.sentence_vectors(usable).T
    evidence = " ".join(index.sentences[number].text for number in candidates)
    allowed_numbers = values(evidence) | values(question)
    allowed_names = fold(evidence + " " + question)
    allowed_words = {part for name in _LATIN_NAME.findall(allowed_names) for part in (name, *name.split("-"))}
    claims = []
    for (before, drafted), similarities in zip(pieces, near, strict=True):
        text = _without_glosses(drafted, allowed_words)
        words = set(terms(text))
        said_by = usable[:FIRST] if len(words) < FEW else usable
        shared = np.zeros(len(usable))
        shared[: len(said_by)] = [_shared(text, words, index.sentences[number]) for number in said_by]
        scores = np.maximum(similarities, shared)
        missing = [str(value) for value in sorted(written(text) - allowed_numbers)]
        missing += [] if not has_han(text) or mostly_latin(text) else _foreign_names(text, allowed_words)
        missing += [name for name in _ORIGINAL.findall(text) if fold(name) not in allowed_names]
        sources = _sources(text, scores, usable, index, tuned.support)
        support = float(min(1.0, max(0.0, scores.max())))
        held = " ".join([question, *(index.sentences[number].text for number in sources)])
        claims.append(Claim(before, text, sources, support, tuple(missing), _cover(text, held)))
    return claims


def _shared(text: str, words: set[str], sentence: Sentence) -> float:
    """Return the share of a claim's terms that a source sentence holds; a few words count when they stand there whole."""
    if len(words) < FEW:
        words_only = "".join(character for character in fold(text) if character.isalnum())
        return float(len(words_only) > 1 and words_only in "".join(c for c in fold(sentence.text) if c.isalnum()))
    return len(words & set(terms(sentence.text))) / len(words)


def _cover(text: str, held: str) -> float:
    """Return the share of a Chinese claim's terms in what supports it; English over Chinese cannot be told by its words."""
    words = set(terms(text))
    if not words or (not has_han(_ORIGINAL.sub("", text)) and has_han(held)):
        return 1.0
    return len(words & set(terms(held))) / len(words)


def mostly_latin(text: str) -> bool:
    """Tell whether more than half of a text is Latin letters."""
    return sum(character.isascii() and character.isalpha() for character in text) > len(text) / 2


def _without_glosses(text: str, allowed: set[str]) -> str:
    """Return a claim without Latin words in parentheses that the evidence lacks: a name is glossed by its original alone."""

    def kept(gloss: re.Match[str]) -> str:
        return "" if not has_han(gloss.group()) and _foreign_names(gloss.group(), allowed) else gloss.group()

    return _PARENTHESES.sub(kept, text) if mostly_latin(text) else text


def _foreign_names(text: str, allowed: set[str]) -> list[str]:
    """Return the Latin words of a text that are not allowed: evidence and question lack them, whole and in hyphened parts."""
    return [name for name in _LATIN_NAME.findall(text) if len(name) > 1 and fold(name) not in allowed]


def _sources(text: str, scores: np.ndarray, usable: Sequence[int], index: Index, least: float) -> tuple[int, ...]:
    """Return the best source sentence and, where it lacks a number or much of a claim, the next that adds it."""
    order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] >= least]
    if not order:
        return ()
    chosen = [order[0]]
    needed = written(text)
    words = set(terms(text)) if has_han(text) else set()
    for i in order[1:]:
        held = " ".join(index.sentences[usable[j]].text for j in chosen)
        other = index.sentences[usable[i]].text
        adds_number = bool((needed - values(held)) & values(other))
        new = (words - set(terms(held))) & set(terms(other))
        if len(chosen) < 3 and (adds_number or (words and len(new) >= 4 and len(new) / len(words) >= 0.3)):
            chosen.append(i)
    return tuple(usable[i] for i in chosen)


def compose(claims: Sequence[Claim], index: Index) -> tuple[str, tuple[Citation, ...]]:
    """Return claims as a text with `[1]`-style marks, and the citations behind them; one source sentence, one mark.

    A numbered list is counted anew, since claims may have been left out of it.
    """
    items = 0
    markers: dict[int, int] = {}
    citations: list[Citation] = []
    text = ""
    for number, claim in enumerate(claims):
        marks = ""
        for source in claim.sources:
            marker = markers.setdefault(source, len(markers) + 1)
            sentence = index.sentences[source]
            citations.append(
                Citation(
                    marker,
                    sentence.text,
                    sentence.source,
                    sentence.start,
                    sentence.end,
                    number,
                    round(claim.support, 3),
                )
            )
            marks += f"[{marker}]"
        before = claim.before if text else claim.before.lstrip()
        if _NUMBERED.search(before):
            items += 1
            before = _NUMBERED.sub(str(items), before)
        text += before + claim.text + marks
    return text, tuple(citations)
