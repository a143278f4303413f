"""Answer a file of questions, one JSON object per line, and resume where an interrupted run stopped.

Each answer is written as soon as it is complete. A line that cannot be asked is reported and skipped.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from rag.answer_file import AnswerFile, Identity, is_identity, parsed
from rag.errors import GenerationError, PromptTooLongError, QuestionError, RagError
from rag.pipeline import Rag
from rag.question import checked_question
from rag.results import Message
from rag.settings import Settings

Tell = Callable[[str], None]

ENOUGH = 3
"""Number of consecutive questions at which the engine fails before the run is given up."""


@dataclass(frozen=True)
class Row:
    """A question of a file; `place` names the file and the line."""

    place: str
    id: Identity
    question: str
    history: Sequence[Message]


@dataclass(frozen=True)
class Done:
    """The result of a run: number of questions answered, and number of lines left without an answer."""

    answered: int
    failed: int


def answer_file(source: Path, target: Path, settings: Settings, rag: Rag | None = None, tell: Tell = lambda line: None) -> Done:
    """Append one row to `target` for each question of `source` whose id has none there yet.

    tell: called with one sentence for each line that cannot be asked, before any question is answered, and for each question
    at which the engine failed; the next run tries those again. Raises QuestionError if `source` cannot be read, or if it has
    invalid lines only; RagError if `target` is the same file, contains anything but answers or cannot be written; and
    GenerationError if the engine fails at ENOUGH consecutive questions.
    """
    rows, refused = read_questions(source)
    if os.path.exists(target) and source.samefile(target):
        raise RagError(f"The questions and the results are the same file, {source}; name another file for the results.")
    if refused and not rows:
        more = f" {len(refused) - 1} more lines are invalid too." if refused[1:] else ""
        raise QuestionError(refused[0] + more)
    with AnswerFile(target) as answers:
        for line in refused:
            tell(line)
        waiting = [row for row in rows if row.id not in answers.ids]
        failed = _answer(waiting, answers, rag or Rag(settings), tell) if waiting else 0
    return Done(len(waiting) - failed, len(refused) + failed)


def _answer(waiting: Sequence[Row], answers: AnswerFile, rag: Rag, tell: Tell) -> int:
    """Answer rows, and return the number of those at which the engine failed.

    When one more failure would end the run, the next row is drawn at random: otherwise ENOUGH consecutive rows at which the
    engine always fails would stop every run at the same place.
    """
    failed = in_a_row = 0
    left = list(waiting)
    try:
        rag.warm()
        for _ in tqdm(waiting, unit="question", disable=None):
            row = left.pop(random.randrange(len(left)) if in_a_row == ENOUGH - 1 else 0)
            try:
                answers.append(row.id, rag.answer(row.question, row.history))
                in_a_row = 0
            except GenerationError as error:
                in_a_row += not isinstance(error, PromptTooLongError)  # in which case the engine works
                if in_a_row == ENOUGH:
                    raise
                failed += 1
                tell(f"{row.place}: {error}")
    finally:
        rag.close()
    return failed


def read_questions(source: Path) -> tuple[list[Row], list[str]]:
    """Return the questions of a file, and one sentence for each line that cannot be asked.

    Raises QuestionError if the file cannot be read.
    """
    try:
        lines = source.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"The questions file {source} cannot be read: {error}.") from error
    rows: dict[Identity, Row] = {}
    refused = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = _row(f"{source}, line {number}", line)
            if row.id in rows:
                raise QuestionError(f"{row.place} has the same id as {rows[row.id].place}; give each question a unique id.")
            rows[row.id] = row
        except QuestionError as error:
            refused.append(str(error))
    return list(rows.values()), refused


def _row(place: str, line: str) -> Row:
    value = parsed(line)
    if not isinstance(value, dict) or "question" not in value or not is_identity(value.get("id")):
        raise QuestionError(f'{place} is not {{"id", "question", "history"?}} with a string or a number as id.')
    history = () if value.get("history") is None else value["history"]
    try:
        question, turns = checked_question(value["question"], history)
    except QuestionError as error:
        raise QuestionError(f"{place}: {error}") from error
    return Row(place, value["id"], question, turns)
