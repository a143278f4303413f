"""Measure answers against labelled questions: pure functions, no models.

Strings are compared folded (NFKC, lower case, Simplified) and without white space or punctuation inside numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rag.documents import Passage
from rag.numbers import stated, values
from rag.results import MARK, Answer, Citation
from rag.text import IN_PARENTHESES, content, fold, has_han, script, share_held, split_sentences

_MARKS = re.compile(r"(?:\[\d+\])+")
_ASIDE = re.compile(rf"{IN_PARENTHESES.pattern}|“[^”]*”|《[^》]*》")

HALF = 0.5
"""Share of the terms that a sentence adds to the question, which the quotes behind it must hold."""
NEAR = 0.5
"""Similarity that a quote in another language must have."""
ALL = 100
"""A rank below every passage that an answer shows."""
RANKING = ("recall@1", "recall@3", "recall@5", f"recall@{ALL}", "MRR@10", "nDCG@10")


@dataclass(frozen=True)
class Question:
    """Hold one labelled question; `tests/data/README.md` says what each field means."""

    id: str
    split: str
    language: str
    type: str
    question: str
    answerable: bool
    evidence: tuple[tuple[str, ...], ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()
    wrong: tuple[str, ...] = ()
    history: tuple[Mapping[str, str], ...] = ()
    near: tuple[str, ...] = ()
    text: str = ""
    leans: bool = False

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Question:
        """Return the question that a row of JSON describes."""
        return cls(
            id=row["id"],
            split=row.get("split", "other"),
            language=row["language"],
            type=row["type"],
            question=row["question"],
            answerable=row["answerable"],
            evidence=tuple(tuple(places) for places in row.get("evidence", ())),
            facts=tuple(tuple(wordings) for wordings in row.get("facts", ())),
            wrong=tuple(row.get("wrong", ())),
            history=tuple(row.get("history") or ()),
            near=tuple(row.get("near", ())),
            text=row.get("text", ""),
            leans=bool(row.get("leans", False)),
        )


@dataclass(frozen=True)
class Scores:
    """Hold one question's measures; None where a measure does not apply."""

    question: Question
    values: Mapping[str, float | None] = field(default_factory=dict)


def plain(text: str) -> str:
    """Return a text as facts are looked up in it."""
    return re.sub(r"(?<=\d),(?=\d{3})", "", re.sub(r"\s+", " ", fold(MARK.sub("", text))))


def holds(text: str, wordings: Sequence[str]) -> bool:
    """Tell whether a text holds one of the wordings of a fact; digits match whole numbers only."""
    body = plain(text)
    for wording in wordings:
        pattern = re.escape(plain(wording))
        if wording[:1].isdigit():
            pattern = r"(?<![\d.])" + pattern
        if wording[-1:].isdigit():
            pattern += r"(?!\d)"
        if re.search(pattern, body):
            return True
    return False


def ranking(orders: Sequence[Sequence[str]], relevant: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return recall@k, MRR@10 and nDCG@10 of ranked documents, means over queries (ir-measures; MacAvaney et al. 2022).

    orders: names of documents, best first, a row for each query. relevant: the names of those that should be found.
    """
    import ir_measures

    measures = {name: ir_measures.parse_measure(name.replace("recall", "R").replace("MRR", "RR")) for name in RANKING}
    found = {str(q): {name: 1 / rank for rank, name in enumerate(order, start=1)} for q, order in enumerate(orders)}
    wanted = {str(q): dict.fromkeys(names, 1) for q, names in enumerate(relevant)}
    figures = ir_measures.calc_aggregate(list(measures.values()), wanted, found)
    return {name: float(figures[measure]) for name, measure in measures.items()}


def evidence_order(question: Question, passages: Sequence[Passage]) -> list[str]:
    """Return the needed places, by their numbers, in the order in which passages hold them, other passages between them."""
    order: list[str] = []
    for rank, passage in enumerate(passages, start=1):
        text = fold(passage.text)
        held = [str(n) for n, places in enumerate(question.evidence) if any(_overlaps(fold(p), text) for p in places)]
        order += [place for place in held if place not in order] or [f"passage {rank}"]
    return order


def _overlaps(place: str, text: str) -> bool:
    """Tell whether a text holds a place, or one whole sentence of a place that spans several."""
    return place in text or any(
        len(place[a:b]) >= 12 and place[a:b] in text for a, b in split_sentences(place) if b - a < len(place)
    )


def score(question: Question, answer: Answer) -> Scores:
    """Return every measure of one answer."""
    found: dict[str, float | None] = dict.fromkeys(MEASURES)
    found["declined rightly"] = None if question.answerable else float(not answer.answerable)
    found["false decline"] = float(not answer.answerable) if question.answerable else None
    if question.evidence:
        places = [str(number) for number in range(len(question.evidence))]
        ranked = ranking([evidence_order(question, answer.passages)], [places])
        found["evidence recall"], found["evidence MRR@10"] = ranked[f"recall@{ALL}"], ranked["MRR@10"]
        cited = [c.quote for c in answer.citations]
        found["evidence cited"] = float(
            np.mean([any(touches(wordings, quote) for quote in cited) for wordings in question.evidence])
        )
    if question.answerable and question.facts:
        right = [holds(answer.text, wordings) for wordings in question.facts]
        found["fact recall"] = float(np.mean(right))
        wrong = any(holds(answer.text, [text]) for text in question.wrong)
        found["all facts right"] = float(answer.answerable and all(right) and not wrong)
    if answer.answerable and answer.citations:
        found["citation precision"] = float(np.mean([_supports(c, answer, question.question) for c in answer.citations]))
    found["foreign numbers"] = float(bool(foreign_numbers(question, answer)))
    found["language right"] = float(language_right(answer.text, question.language))
    found["first token s"] = answer.timings.first_token_s
    found["total s"] = answer.timings.total_s
    found["evidence s"] = answer.timings.retrieve_s
    found["read tokens"] = float(answer.timings.read_tokens)
    return Scores(question, found)


def touches(places: Sequence[str], quote: str) -> bool:
    """Tell whether a quote holds one of these places or lies in it, whole or by a sentence."""
    folded = fold(quote)
    return any(fold(p) in folded or folded in fold(p) or _overlaps(fold(p), folded) for p in places)


def _supports(citation: Citation, answer: Answer, asked: str) -> bool:
    """Tell whether the quotes behind a sentence hold its numbers, and half of what it adds to the question in its words.

    Across languages, its meaning counts instead of its words.
    """
    sentence = answer_sentences(answer.text)[citation.sentence]
    quotes = " ".join(c.quote for c in answer.citations if c.sentence == citation.sentence)
    if not stated(sentence) <= values(quotes):
        return False
    if has_han(_ASIDE.sub("", sentence)) != has_han(quotes):
        return citation.support >= NEAR
    words = content(sentence) - content(asked)
    return not words or share_held(words, quotes) >= HALF


def answer_sentences(text: str) -> list[str]:
    """Return what stands before each group of marks: the sentences that citations count from 0."""
    return _MARKS.split(text)


def foreign_numbers(question: Question, answer: Answer) -> set[Any]:
    """Return the numbers of an answer that neither its passages nor its question hold."""
    evidence = " ".join(p.text for p in answer.passages) + " ".join(c.quote for c in answer.citations)
    asked = question.question + " ".join(turn["content"] for turn in question.history)
    return stated(MARK.sub("", answer.text)) - values(evidence) - values(asked)


def language_right(text: str, language: str) -> bool:
    """Tell whether an answer is in a language and script; originals in parentheses and quotations do not count."""
    body = MARK.sub("", text)
    if language == "en":
        return not has_han(_ASIDE.sub("", body))
    return script(body) in (language, None) and (has_han(body) or not re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", body))


MEASURES: tuple[str, ...] = (
    "evidence recall",
    "evidence MRR@10",
    "fact recall",
    "all facts right",
    "declined rightly",
    "false decline",
    "evidence cited",
    "citation precision",
    "foreign numbers",
    "language right",
    "evidence s",
    "first token s",
    "total s",
    "read tokens",
)


def interval(numbers: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean (percentile method, 2,000 resamples)."""
    values_ = np.asarray(numbers, dtype=float)
    draws = np.random.default_rng(seed).integers(0, len(values_), size=(2_000, len(values_)))
    low, high = np.percentile(values_[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
