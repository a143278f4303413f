"""Answer a file of questions, one JSON object a line, and go on where an interrupted run stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import QuestionError, RagError
from rag.pipeline import Rag
from rag.results import Answer
from rag.settings import Settings


def answer_file(source: Path, target: Path, settings: Settings, rag: Rag | None = None) -> int:
    """Append one row to `target` for each question of `source` that has none yet, and return how many were added.

    Raises QuestionError for a row that is not {"id", "question", "history"?}; rows before it are answered first.
    """
    done = _answered(target)
    waiting = [row for row in _rows(source) if row["id"] not in done]
    if not waiting:
        target.touch()
        return 0
    rag = rag or Rag(settings)
    try:
        rag.warm()
        with target.open("a", encoding="utf-8") as file:
            for row in waiting:
                answer = rag.answer(row["question"], row.get("history") or ())
                file.write(json.dumps(_result(row["id"], answer), ensure_ascii=False) + "\n")
                file.flush()
    finally:
        rag.close()
    return len(waiting)


def _rows(source: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = source.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"The questions {source} cannot be read: {error}.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("question"), str):
            raise QuestionError(f'{source}, line {number} is not {{"id", "question", "history"?}}.')
        yield row


def _answered(target: Path) -> set[Any]:
    """Return the ids in a result file; a line cut short by an interruption is removed."""
    if not target.exists():
        return set()
    done: set[Any] = set()
    whole: list[str] = []
    try:
        lines = target.read_bytes().decode("utf-8", "replace").split("\n")
    except OSError as error:
        raise RagError(f"The results {target} cannot be read: {error.strerror}.") from error
    for line in lines:
        try:
            done.add(json.loads(line)["id"])
        except (ValueError, KeyError, TypeError):
            continue  # an empty line, or the last one of an interrupted run
        whole.append(line)
    try:
        target.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
    except OSError as error:
        raise RagError(f"The results {target} cannot be written: {error.strerror}.") from error
    return done


def _result(identity: Any, answer: Answer) -> dict[str, Any]:
    values = answer.to_dict()
    return {
        "id": identity,
        "text": answer.text,
        "answerable": answer.answerable,
        "reason": answer.reason,
        "passages": [passage.text for passage in answer.passages],
        "citations": values["citations"],
        "ttft": round(answer.timings.first_token_s, 3),
        "total": round(answer.timings.total_s, 3),
    }
