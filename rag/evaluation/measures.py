"""Measure answers against labelled questions: pure functions, no models.

Strings are compared after folding (NFKC, lower case, Traditional to Simplified); facts also without citation marks and
thousands separators, and with runs of white space collapsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rag.numbers import possible_numbers, stated_numbers
from rag.replies import own_words
from rag.results import Answer, Citation, without_marks
from rag.text import content_terms, fold, han_length, has_letters, term_recall
from rag.text.script import IN_PARENTHESES, has_han, script
from rag.text.sentences import split_sentences

_ASIDE = re.compile(rf"{IN_PARENTHESES.pattern}|“[^”]*”|《[^》]*》")
_LATIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]+")
_LATER_NAME = re.compile(r"(?<![.!?:“”\"•-] )(?<!^)\b[A-Z][A-Za-z0-9-]+", re.MULTILINE)
"""A name in an English text: a capitalised word that is not the first of its sentence."""
_ASSENT = re.compile(r"^\W*(?:yes\b|right\b|correct\b|是的|对[，,。]|没错|的确)")
_ENGLISH = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")
_NUMERAL = "〇零一二三四五六七八九十百千万亿两"

HALF = 0.5
"""Minimum share of a sentence's terms, without those of the question, that its quotes must contain."""
SIMILAR_ACROSS_LANGUAGES = 0.5
"""Minimum similarity of a sentence and a quote in another language."""
RANKING = ("recall@1", "recall@3", "recall@5", "MRR@10", "nDCG@10")


@dataclass(frozen=True)
class Question:
    """A labelled question; `tests/data/README.md` describes the fields."""

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
    text: str = ""
    leans: bool = False
    corrects: bool = False

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Question:
        """Return the question that a JSON row describes."""
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
            text=row.get("text", ""),
            leans=bool(row.get("leans", False)),
            corrects=bool(row.get("corrects", False)),
        )


@dataclass(frozen=True)
class Scores:
    """The measures of one question by name; None if a measure does not apply."""

    question: Question
    values: Mapping[str, float | None] = field(default_factory=dict)


def plain(text: str) -> str:
    """Return a text normalised for matching facts: folded, without citation marks and thousands separators."""
    return re.sub(r"(?<=\d),(?=\d{3})", "", re.sub(r"\s+", " ", fold(without_marks(text))))


def contains_fact(text: str, wordings: Sequence[str]) -> bool:
    """Return whether a text contains one of the wordings of a fact.

    A number matches whole numbers only; a wording in Latin letters matches only from the beginning of a word.
    """
    body = plain(text)
    return any(re.search(_bounded(plain(wording)), body) for wording in wordings)


def _bounded(wording: str) -> str:
    """Return a pattern for a wording that matches neither part of a longer number nor from the middle of a word."""
    before = after = ""
    if wording[:1].isdigit():
        before = r"(?<![\d.])"
    elif wording[:1] in _NUMERAL:
        before = f"(?<![{_NUMERAL}])"
    elif wording[:1].isascii() and wording[:1].isalpha():
        before = "(?<![a-z])"
    if wording[-1:].isdigit():
        after = r"0*(?!\d)" if "." in wording else r"(?!\d)"
    elif wording[-1:] in _NUMERAL:
        after = f"(?![{_NUMERAL}])"
    return before + re.escape(wording) + after


def ranking(orders: Sequence[Sequence[str]], relevant: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return recall@k, MRR@10 and nDCG@10 of ranked documents, averaged over queries (ir-measures; MacAvaney et al. 2022).

    orders: for each query, the names of its documents, best first. relevant: for each query, the names of the relevant ones.
    """
    import ir_measures

    measures = {name: ir_measures.parse_measure(name.replace("recall", "R").replace("MRR", "RR")) for name in RANKING}
    found = {str(q): {name: 1 / rank for rank, name in enumerate(order, start=1)} for q, order in enumerate(orders)}
    wanted = {str(q): dict.fromkeys(names, 1) for q, names in enumerate(relevant)}
    figures = ir_measures.calc_aggregate(list(measures.values()), wanted, found)
    return {name: float(figures[measure]) for name, measure in measures.items()}


def ranks(question: Question, texts: Sequence[str]) -> list[int | None]:
    """Return, for each required place of evidence, the rank from 1 of the first text that contains it; None if none does."""
    folded = [fold(text) for text in texts]
    return [
        next((rank for rank, text in enumerate(folded, start=1) if any(_overlaps(fold(place), text) for place in places)), None)
        for places in question.evidence
    ]


def _overlaps(place: str, text: str) -> bool:
    """Return whether a text contains a place, or one whole sentence (12 characters or more) of a place of several."""
    return place in text or any(
        len(place[a:b]) >= 12 and place[a:b] in text for a, b in split_sentences(place) if b - a < len(place)
    )


def score(question: Question, answer: Answer, read: Sequence[str]) -> Scores:
    """Return every measure of one answer.

    read: the texts that the generator was shown, best first. A decline scores 0 for facts and for cited evidence, even if it
    quotes the nearest sentence.
    """
    found: dict[str, float | None] = dict.fromkeys(MEASURES)
    found["declined rightly"] = None if question.answerable else float(not answer.answerable)
    found["false decline"] = float(not answer.answerable) if question.answerable else None
    if question.evidence:
        places = ranks(question, [passage.text for passage in answer.passages])
        found["evidence recall"] = float(np.mean([rank is not None for rank in places]))
        found["evidence MRR@10"] = max(1 / rank if rank and rank <= 10 else 0.0 for rank in places)
        found["evidence read"] = float(np.mean([rank is not None for rank in ranks(question, read)]))
        quotes = [citation.quote for citation in answer.citations]
        cited = [any(touches(wordings, quote) for quote in quotes) for wordings in question.evidence]
        found["evidence cited"] = float(np.mean(cited)) * answer.answerable
    if question.answerable and question.facts:
        right = [contains_fact(answer.text, wordings) for wordings in question.facts]
        found["fact recall"] = float(np.mean(right)) * answer.answerable
        found["all facts right"] = float(answer.answerable and all(right) and not wrong(question, answer.text))
    if answer.answerable:
        supported = [_supported(place, question, answer) for place in range(len(answer.sentences))]
        precise = [supported[citation.sentence] and _contributes(citation, question, answer) for citation in answer.citations]
        found["citation precision"] = float(np.mean(precise)) if precise else None
        found["sentences supported"] = float(np.mean(supported)) if supported else 0.0
        found["characters"] = han_length(without_marks(answer.text))
    found["foreign numbers"] = float(bool(foreign_numbers(question, answer)))
    found["foreign names"] = float(bool(foreign_names(question, answer)))
    found["language right"] = float(language_right(answer.text, question.language))
    found["first token s"] = answer.timings.first_token_s
    found["total s"] = answer.timings.total_s
    found["evidence s"] = answer.timings.retrieve_s
    found["read tokens"] = float(answer.timings.read_tokens)
    return Scores(question, found)


def wrong(question: Question, text: str) -> bool:
    """Return whether an answer contains a wording that marks it as wrong, or affirms a false premise."""
    return any(contains_fact(text, [wording]) for wording in question.wrong) or (
        question.corrects and _ASSENT.search(plain(text)) is not None
    )


def touches(places: Sequence[str], quote: str) -> bool:
    """Return whether a quote contains one of these places, or a whole sentence of it, or is part of it."""
    folded = fold(quote)
    return any(fold(p) in folded or folded in fold(p) or _overlaps(fold(p), folded) for p in places)


def _supported(place: int, question: Question, answer: Answer) -> bool:
    """Return whether a sentence's quotes together contain its numbers and half of the terms that it adds to the question.

    The chatbot's own phrases, for example "the text says", are ignored. If sentence and quotes are in different languages, the
    similarity of the best quote decides instead of the terms. A sentence that adds no term must cite the labelled evidence.
    """
    sentence = without_marks(answer.sentences[place])
    cited = [citation for citation in answer.citations if citation.sentence == place]
    words = _added(sentence, question)
    if not cited:
        return not words and not stated_numbers(sentence)  # the chatbot's own words
    quotes = " ".join(citation.quote for citation in cited)
    if not stated_numbers(sentence) <= possible_numbers(quotes):
        return False
    if has_han(_ASIDE.sub("", sentence)) != has_han(quotes):
        return max(citation.support for citation in cited) >= SIMILAR_ACROSS_LANGUAGES
    if not words:
        return any(touches(places, citation.quote) for places in question.evidence for citation in cited)
    return term_recall(words, quotes) >= HALF


def _contributes(citation: Citation, question: Question, answer: Answer) -> bool:
    """Return whether a quote helps to support its sentence: it shares a term or a number, or is similar across languages."""
    sentence = without_marks(answer.sentences[citation.sentence])
    if has_han(_ASIDE.sub("", sentence)) != has_han(citation.quote):
        return citation.support >= SIMILAR_ACROSS_LANGUAGES
    words = _added(sentence, question)
    return (
        not words or term_recall(words, citation.quote) > 0 or bool(stated_numbers(sentence) & possible_numbers(citation.quote))
    )


def _added(sentence: str, question: Question) -> set[str]:
    return content_terms(sentence) - content_terms(question.question) - own_words()


def foreign_numbers(question: Question, answer: Answer) -> set[Any]:
    """Return the numbers of an answer that occur neither in what it cites nor in the question and its history."""
    return stated_numbers(without_marks(answer.text)) - possible_numbers(_cited(answer)) - possible_numbers(_asked(question))


def foreign_names(question: Question, answer: Answer) -> set[str]:
    """Return the names in Latin letters that occur neither in what an answer cites nor in the question and its history.

    In a Chinese answer every word in Latin letters counts as a name; in an English one, every capitalised word within a
    sentence. The result is empty for an English answer that cites Chinese.
    """
    text = _ASIDE.sub("", without_marks(answer.text))
    if question.language == "en" and has_han(_cited(answer)):
        return set()
    names = (_LATER_NAME if question.language == "en" else _LATIN_NAME).findall(text)
    known = fold(f"{_cited(answer)} {_asked(question)}")
    return {name for name in names if fold(name) not in known and not own_words().issuperset(content_terms(name))}


def _cited(answer: Answer) -> str:
    """Return the quotes of an answer, or its passages if it cites nothing."""
    return " ".join([citation.quote for citation in answer.citations] or [passage.text for passage in answer.passages])


def _asked(question: Question) -> str:
    return " ".join([question.question, *(turn["content"] for turn in question.history)])


def language_right(text: str, language: str) -> bool:
    """Return whether every sentence of an answer is in a language and script.

    In an English answer, parentheses and quotations may be Chinese.
    """
    body = without_marks(text)
    if language == "en":
        return has_letters(body) and not has_han(_ASIDE.sub("", body))
    scripts = {script(body[start:end]) for start, end in split_sentences(body)}
    return has_letters(body) and scripts <= {language, None} and (has_han(body) or not _ENGLISH.search(body))


MEASURES: tuple[str, ...] = (
    "evidence recall",
    "evidence MRR@10",
    "evidence read",
    "fact recall",
    "all facts right",
    "declined rightly",
    "false decline",
    "evidence cited",
    "citation precision",
    "sentences supported",
    "foreign numbers",
    "foreign names",
    "language right",
    "characters",
    "evidence s",
    "first token s",
    "total s",
    "read tokens",
)


def interval(numbers: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean (percentile method, 2,000 resamples).

    If all numbers are 0, or all are 1, resampling does not vary; the exact binomial interval is returned instead (Clopper &
    Pearson 1934).
    """
    values_ = np.asarray(numbers, dtype=float)
    if np.all(values_ == 0.0) or np.all(values_ == 1.0):
        beyond = 1.0 - 0.025 ** (1.0 / len(values_))
        return (0.0, beyond) if values_[0] == 0.0 else (1.0 - beyond, 1.0)
    draws = np.random.default_rng(seed).integers(0, len(values_), size=(2_000, len(values_)))
    low, high = np.percentile(values_[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
