"""Measure retrieval and answers on a file in SQuAD's format, with the same stages that answer a reader."""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rag.documents import Document
from rag.english.names import Names
from rag.errors import CorpusError
from rag.evaluation import Figures
from rag.evaluation.measures import interval, ranking
from rag.pipeline import Rag
from rag.progress import bar
from rag.question import read_question
from rag.results import Answer
from rag.retrieval import retrieve
from rag.settings import Settings, cache_folder
from rag.text import fold
from rag.tuned import tuned

DEPTH = 10
"""Passages retrieved for a question: as many as the ranking measures use."""


@dataclass(frozen=True)
class SquadQuestion:
    """A question of a SQuAD-format file, with the name of the paragraph that answers it and the accepted answers."""

    id: str
    text: str
    paragraph: str
    answers: tuple[str, ...]


def read_squad(path: Path) -> tuple[list[Document], list[SquadQuestion]]:
    """Return the paragraphs and questions of a file in SQuAD's format (Rajpurkar et al. 2016); raise CorpusError for others."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))["data"]
        documents, asked = [], []
        for a, article in enumerate(data):
            for p, paragraph in enumerate(article["paragraphs"]):
                name = f"{a:03d}-{p:03d}"
                documents.append(Document(name, paragraph["context"]))
                for qa in paragraph["qas"]:
                    accepted = tuple(dict.fromkeys(str(answer["text"]) for answer in qa["answers"]))
                    if not isinstance(qa["question"], str):
                        raise TypeError(f"the question {qa['question']!r} is not a string")
                    asked.append(SquadQuestion(qa["id"], qa["question"], name, accepted))
        return documents, asked
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path} is not a SQuAD-format file: {type(error).__name__} {error}.") from error


def squad(settings: Settings, path: Path, parallel: Path | None, limit: int | None, seed: int, answers: int) -> Figures:
    """Return the ranking measures of a SQuAD file's paragraphs, and the measures of sampled answers.

    parallel: file from which the questions' wording is taken, by id; None for `path` itself. limit: number of questions to
    sample; None for all. answers: number of the questions to answer as well. Raises CorpusError if there is no question.
    """
    documents, asked = read_squad(path)
    if parallel is not None:
        wording = {q.id: q.text for q in read_squad(parallel)[1]}
        asked = [replace(q, text=wording[q.id]) for q in asked if q.id in wording]
    if not asked:
        raise CorpusError(f"{path} contains no usable question; expected at least one.")
    if limit and limit < len(asked):
        asked = random.Random(seed).sample(asked, limit)
    key = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    rag = Rag(replace(settings, store=cache_folder() / f"squad-{key}"), documents=documents)
    try:
        started = time.monotonic()
        index, embedder = rag.search_index()
        indexed_s = time.monotonic() - started
        deep = replace(tuned(), passages=DEPTH)
        orders = []
        for question in asked:
            found = retrieve(read_question(question.text, (), index.script, Names()), index, embedder, deep)
            orders.append(list(dict.fromkeys(passage.source for passage in found.passages)))
        figures: Figures = {"paragraphs": len(documents), "questions": len(asked), "index_s": indexed_s}
        figures |= ranking(orders, [[question.paragraph] for question in asked])
        first = [float(order[:1] == [question.paragraph]) for order, question in zip(orders, asked, strict=True)]
        figures["recall@1 interval"] = list(interval(first))
        if answers:
            chosen = random.Random(seed).sample(asked, min(answers, len(asked)))
            figures["answers"] = _answers(rag, chosen)
        return figures
    finally:
        rag.close()


def _answers(rag: Rag, chosen: Sequence[SquadQuestion]) -> Figures:
    rag.warm()
    given: list[tuple[SquadQuestion, Answer]] = []
    report = bar("answers", "question")
    for done, question in enumerate(chosen, start=1):
        given.append((question, rag.answer(question.text)))
        report(done, len(chosen))
    contained = [float(a.answerable and contains(a.text, q.answers)) for q, a in given]
    low, high = interval(contained)
    return {
        "n": len(given),
        "gold contained": float(np.mean(contained)),
        "gold contained interval": [low, high],
        "character F1": float(np.mean([_best_f1(a.text, q.answers) for q, a in given])),
        "declined": float(np.mean([not a.answerable for _, a in given])),
    }


def _best_f1(text: str, accepted: Sequence[str]) -> float:
    return max((character_f1(text, gold) for gold in accepted), default=0.0)


def contains(text: str, accepted: Sequence[str]) -> bool:
    """Return whether an answer contains one of the gold strings; a gold number must match a whole number."""
    squeezed = _squeeze(text)
    return any(
        re.search(rf"(?<!\d){gold}(?!\d)" if gold.isdigit() else re.escape(gold), squeezed) for gold in map(_squeeze, accepted)
    )


def _squeeze(text: str) -> str:
    return re.sub(r"\[\d+\]|[\s,，。、·•]", "", fold(text))


def character_f1(text: str, gold: str) -> float:
    """Return the F1 of two texts as bags of characters: folded, without citation marks, white space and most punctuation."""
    have, want = Counter(_squeeze(text)), Counter(_squeeze(gold))
    common = sum((have & want).values())
    return 2 * common / (have.total() + want.total()) if common else 0.0
