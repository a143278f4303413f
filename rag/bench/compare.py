"""Run this project and the plain pipeline side by side, question by question: a busy machine then slows both equally."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from rag.bench import KINDS
from rag.bench.environment import machine
from rag.bench.process import Process, import_s
from rag.bench.report import Samples
from rag.documents import read_corpus
from rag.evaluation import questions
from rag.evaluation.measures import Question
from rag.settings import Settings

IMPORTS = (
    ("import", "ours", "import rag"),
    ("import names", "ours", "from rag import answer"),
    (
        "import names",
        "plain",
        "from langchain_classic.chains import create_history_aware_retriever, create_retrieval_chain;"
        "from langchain_community.vectorstores import FAISS; from langchain_openai import ChatOpenAI",
    ),
)
"""The imports that are timed, as (figure, pipeline, statement)."""
READ = 600
"""Code points of each piece of the corpus with which engines are timed."""


def chosen(count: int) -> list[Question]:
    """Return a fixed selection of the project's answerable questions, balanced over split and language.

    Within a split and language they are evenly spaced over the file, which is ordered by type of question.
    """
    groups: dict[tuple[str, str], list[Question]] = defaultdict(list)
    for question in questions("all"):
        if question.answerable:
            groups[question.split, question.language].append(question)
    each = -(-count // len(groups))
    rows = [[group[place] for place in np.linspace(0, len(group) - 1, each).round().astype(int)] for group in groups.values()]
    return [question for round_ in zip(*rows, strict=True) for question in round_][:count]


def compare(settings: Settings, count: int = 24, starts: int = 3, kinds: Sequence[str] = KINDS) -> Samples:
    """Measure every figure of each pipeline and return the samples.

    count: number of questions, each asked twice. starts: number of times each pipeline is started. kinds: the pipelines.
    """
    asked = chosen(count)
    samples = Samples(kinds, [question.id for question in asked], machine())
    _say("warm-up start, not counted: builds the index and brings the weights into the operating system's cache")
    Process("ours").close()
    for figure, kind, statement in IMPORTS:
        for _ in range(5) if kind in kinds else ():
            samples.add(kind, figure, import_s(statement))
    for number in range(1, starts):
        for kind in _in_turn([kind for kind in kinds if kind != "ahead"], number):
            _say(f"start {number}: {kind}")
            with Process(kind) as process:
                samples.add(kind, "start", process.start_s)
    with ExitStack() as stack:
        opened = [stack.enter_context(_opened(kind, samples)) for kind in kinds]
        _measure(opened, asked, samples, settings)
    return samples


def _opened(kind: str, samples: Samples) -> Process:
    _say(f"starting {kind}")
    process = Process(kind)
    samples.add(kind, "start" if kind != "ahead" else "read ahead", process.start_s)
    return process


def _measure(opened: Sequence[Process], asked: Sequence[Question], samples: Samples, settings: Settings) -> None:
    for again in ("first", "again"):
        for number, question in enumerate(asked):
            for process in _in_turn(opened, number):
                _say(f"{number + 1}/{len(asked)} asked {again}: {process.kind}")
                spent = process.ask("ask", question=question.question, history=[dict(turn) for turn in question.history])
                samples.add_all(process.kind, spent, again)
    for process in opened:
        samples.add(process.kind, "peak", process.ask("peak")["mib"])
    alone = [process for process in opened if process.kind != "ahead"]
    for number, question in enumerate(asked):
        for process in _in_turn(alone, number):
            _say(f"{number + 1}/{len(asked)} searched: {process.kind}")
            samples.add_all(process.kind, process.ask("search", question=question.question))
    for number, text in enumerate(_texts(settings)):
        for process in _in_turn(alone, number):
            _say(f"engine: {process.kind}")
            pace = process.ask("speed", text=text)
            samples.add_all(process.kind, {"pace_read": pace["read"], "pace_written": pace["written"]})
    for process in alone:
        _say(f"rebuilding: {process.kind}")
        for kind, spent in process.ask("rebuilds").items():
            samples.add(process.kind, f"rebuild {kind}", spent["seconds"])
            samples.add(process.kind, f"embedded {kind}", spent["embedded"])


def _in_turn(items: Sequence[Any], number: int) -> list[Any]:
    """Return the items rotated by `number`: whichever runs second finds the processor's caches filled by the first."""
    first = number % len(items)
    return [*items[first:], *items[:first]]


def _texts(settings: Settings) -> Iterator[str]:
    """Yield pieces of the corpus, each with a beginning that no prompt shares, so no engine has it in its prefix cache."""
    text = "".join(document.text for document in read_corpus(settings.corpus))
    for number, start in enumerate(range(0, min(len(text), 4 * READ), READ)):
        yield f"{number}. {text[start : start + READ]}"


def _say(line: str) -> None:
    print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
