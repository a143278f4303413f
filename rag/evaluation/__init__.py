"""Measure retrieval and answers on the project's own questions, with the same stages that answer a reader.

The measures themselves are in `measures.py`; evaluation on files in SQuAD's format is in `squad.py`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rag.errors import RagError, SettingsError
from rag.evaluation import variants
from rag.evaluation.measures import MEASURES, Question, Scores, interval, score
from rag.evaluation.variants import OTHER, CachingGenerator, Chatbots, Variant
from rag.pipeline import Rag
from rag.progress import bar
from rag.results import Answer, Message
from rag.retrieval import context_passages
from rag.settings import Settings

QUESTIONS = OTHER.parent / "questions.jsonl"
MESSAGES = QUESTIONS.parent / "messages.jsonl"
CLAIMS = QUESTIONS.parent / "claims.jsonl"
BASELINE = QUESTIONS.parent / "baseline.json"
BASELINE_SPLIT = "test"
ELSEWHERE = ("other", "premises", "unseen")
"""Splits with questions about texts other than the article; nothing is fitted to the last one, "unseen"."""
LOWER_IS_BETTER = frozenset(
    {"false decline", "foreign numbers", "foreign names", "evidence s", "first token s", "total s", "read tokens"}
)
UNJUDGED = frozenset({"characters"})
"""Measures that are reported, but for which neither direction is better."""
Figures = dict[str, Any]


def questions(split: str) -> list[Question]:
    """Return the project's own questions of a split.

    split: "tune" or "test" for one half, "all" for both, or one of ELSEWHERE for questions about other texts.
    """
    path = OTHER / "questions.jsonl" if split in ELSEWHERE else QUESTIONS
    return [row for row in map(Question.of, rows(path)) if split in ("all", row.split)]


def messages(split: str) -> list[dict[str, Any]]:
    """Return the labelled messages (questions, small talk, instructions or mixed) of the split "tune" or "test"."""
    return [row for row in rows(MESSAGES) if row["split"] == split]


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON-lines file; raise RagError if it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RagError(f"The questions file {path} cannot be read; run this in a checkout of the project.") from error
    return [json.loads(line) for line in lines if line.strip()]


class Chatbot(Protocol):
    """A pipeline that answers questions, such as `Rag` or `PlainRag`."""

    def answer(self, question: str, history: Sequence[Message]) -> Answer:
        """Return the answer."""


def _read(chatbot: Chatbot, question: Question, answer: Answer) -> list[str]:
    """Return the texts that the generator was shown, best first: chosen sentences, or all chunks in the plain pipeline."""
    if not isinstance(chatbot, Rag):
        return [passage.text for passage in answer.passages]
    answering = chatbot.answering()
    parts = answering.find(answering.query(question.question, question.history))
    return [piece.text for found in parts for piece in context_passages(found, answering.index)]


def evaluate(settings: Settings, split: str, limit: int | None, seed: int, ablations: bool) -> Figures:
    """Return the measures of the pipeline on the project's own questions.

    split: as for `questions`. limit: number of questions to sample, with `seed`; None for all. ablations: also measure the
    pipeline with stages turned off, and the plain pipeline; this raises SettingsError for a split of ELSEWHERE, or if the
    `bench` extra is missing.
    """
    if ablations and split in ELSEWHERE:
        raise SettingsError(
            "Ablations compare with the plain pipeline, which reads only the article; use --split tune, test or all."
        )
    asked = questions(split)
    if limit and limit < len(asked):
        asked = random.Random(seed).sample(asked, limit)
    shared = Rag(settings).warm()
    try:
        models = shared.answering()
        generator = CachingGenerator(models.generator) if ablations else models.generator
        figures: Figures = {"questions": len(asked), "split": split, "variants": {}}
        for name, variant in (variants.ablations() if ablations else {"as it is": Variant()}).items():
            chatbots = Chatbots(settings, models.embedder, generator, variant)
            figures["variants"][name] = summary(_scores(name, asked, chatbots.of))
        if ablations:
            figures["variants"]["plain pipeline"] = summary(_plain_scores(shared, asked))
        return figures
    finally:
        shared.close()


def _plain_scores(shared: Rag, asked: Sequence[Question]) -> list[Scores]:
    """Return the scores of the plain LangChain pipeline with the same models."""
    from rag.evaluation.plain import PlainRag

    plain = PlainRag(shared.settings, shared.answering().embedder)
    try:
        return _scores("plain pipeline", asked, lambda question: plain)
    finally:
        plain.close()


def _scores(name: str, asked: Sequence[Question], chatbot: Callable[[Question], Chatbot]) -> list[Scores]:
    """Return the scores of the questions, each answered by the chatbot that `chatbot` returns for it; show a progress bar."""
    report = bar(name, "question")
    scores = []
    for done, question in enumerate(asked, start=1):
        asking = chatbot(question)
        answer = asking.answer(question.question, question.history)
        scores.append(score(question, answer, _read(asking, question, answer)))
        report(done, len(asked))
    return scores


def summary(scores: Sequence[Scores]) -> Figures:
    """Return each measure's mean and 95 % interval, over all questions, by type and by language.

    Times and token counts also have p50 and p95. "declining" contains precision, recall and F1 of declining.
    """

    def part(some: Sequence[Scores]) -> Figures:
        rows: Figures = {}
        for measure in MEASURES:
            known = [value for s in some if (value := s.values.get(measure)) is not None]
            if known:
                low, high = interval(known)
                rows[measure] = {"mean": float(np.mean(known)), "low": low, "high": high, "n": len(known)}
                if measure.endswith((" s", "tokens")):
                    rows[measure]["p50"], rows[measure]["p95"] = (float(x) for x in np.percentile(known, [50, 95]))
        return rows

    def groups(key: Callable[[Question], str]) -> Figures:
        names = sorted({key(s.question) for s in scores})
        return {name: part([s for s in scores if key(s.question) == name]) for name in names}

    return {
        "all": part(scores),
        "declining": _declining(scores),
        "by type": groups(lambda q: q.type),
        "by language": groups(lambda q: q.language),
    }


def _declining(scores: Sequence[Scores]) -> Figures:
    """Return precision, recall and F1 of declining, over all questions."""
    declined = sum(s.values["declined rightly"] == 1.0 or s.values["false decline"] == 1.0 for s in scores)
    right = sum(s.values["declined rightly"] == 1.0 for s in scores)
    wanted = sum(not s.question.answerable for s in scores)
    return {
        "precision": right / declined if declined else 0.0,
        "recall": right / wanted if wanted else 0.0,
        "f1": 2 * right / (declined + wanted) if declined + wanted else 0.0,
    }


def regressions(figures: Figures) -> list[str]:
    """Return a line for each measure that is missing, or that is worse than the stored baseline's interval.

    If the baseline has another split or number of questions, the only line says so. Raises RagError if there is no baseline.
    """
    try:
        stored = json.loads(BASELINE.read_text(encoding="utf-8"))
    except OSError as error:
        raise RagError(f"There is no baseline at {BASELINE}; create one with eval --output {BASELINE}.") from error
    old, new = stored["variants"]["as it is"], figures["variants"]["as it is"]
    if (stored["split"], stored["questions"]) != (figures["split"], figures["questions"]):
        had, have = (f"{told['questions']} ({told['split']})" for told in (stored, figures))
        return [
            f"The number of questions is {had} in the baseline and {have} in this run; leave out --limit and use "
            f"--split {BASELINE_SPLIT}."
        ]
    lines = list(_worse("", old["all"], new["all"]))
    for kind in ("by type", "by language"):
        for name, rows in old[kind].items():
            lines += _worse(f"{name}: ", rows, new[kind].get(name, {}))
    return lines


def _worse(of: str, old: Figures, new: Figures) -> Iterator[str]:
    """Yield a line for each measure that is missing or worse than its old interval, except times (they vary) and UNJUDGED."""
    for measure, row in old.items():
        if measure.endswith(" s") or measure in UNJUDGED:
            continue
        if measure not in new:
            yield f"{of}{measure} was not measured"
            continue
        mean = new[measure]["mean"]
        if mean > row["high"] if measure in LOWER_IS_BETTER else mean < row["low"]:
            yield f"{of}{measure} is {mean:.3f}; the baseline's interval is {row['low']:.3f} to {row['high']:.3f}"


def table(figures: Figures) -> str:
    """Return the figures as a plain-text table."""
    if "variants" not in figures:
        return "\n".join(f"{name:24} {_shown(value)}" for name, value in figures.items())
    names = list(figures["variants"])
    lines = [f"{figures['questions']} questions ({figures['split']})", f"{'':20}" + "".join(f"{n:>28}" for n in names)]
    for measure in MEASURES:
        cells = [_cell(figures["variants"][name]["all"].get(measure)) for name in names]
        lines.append(f"{measure:20}" + "".join(f"{cell:>28}" for cell in cells))
    for figure in ("precision", "recall", "f1"):
        cells = [f"{figures['variants'][name]['declining'][figure]:.3f}" for name in names]
        lines.append(f"{f'declining, {figure}':20}" + "".join(f"{cell:>28}" for cell in cells))
    lines += ["", *_breakdown(figures["variants"][names[0]])]
    return "\n".join(lines)


def _breakdown(variant: Figures) -> Iterable[str]:
    shown = ("evidence recall", "fact recall", "all facts right", "declined rightly", "false decline", "language right")
    yield f"{'':20}" + "".join(f"{measure:>18}" for measure in shown)
    for kind in ("by type", "by language"):
        for name, rows in variant[kind].items():
            yield f"{name:20}" + "".join(f"{rows[m]['mean']:>18.3f}" if m in rows else f"{'':>18}" for m in shown)


def _cell(row: Figures | None) -> str:
    if row is None:
        return ""
    if "p50" in row:
        return f"p50 {row['p50']:.2f}, p95 {row['p95']:.2f}"
    return f"{row['mean']:.3f} ({row['low']:.2f}–{row['high']:.2f}, n {row['n']})"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {_shown(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "–".join(_shown(item) for item in value)
    return str(value)
