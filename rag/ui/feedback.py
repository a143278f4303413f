"""Store readers' feedback in a local file, one JSON object per line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rag import journal

LONGEST_REASON = 2_000


def record(path: Path, question: str, answer: dict[str, Any], helpful: bool, reason: str = "") -> None:
    """Append a reader's judgement of an answer; it is on disk when this returns.

    reason: the reader's comment, cut to LONGEST_REASON characters. Raises RagError if the judgement cannot be stored.
    """
    row = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "version": _version(),
        "question": question,
        "helpful": helpful,
        "reason": reason[:LONGEST_REASON],
        "answer": answer,
    }
    journal.keep(path, row, "feedback", "free space there")


def export(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the stored feedback as evaluation rows; lines cut short by a crash are left out."""
    for number, row in journal.rows(path):
        try:
            answer = row["answer"]
            yield {
                "id": f"feedback-{number}",
                "type": "feedback",
                "question": row["question"],
                "language": answer.get("language", ""),
                "answerable": answer.get("answerable"),
                "evidence": [[citation["quote"]] for citation in answer.get("citations", ())],
                "helpful": row["helpful"],
                "reason": row["reason"],
                "answer": answer.get("text", ""),
            }
        except (KeyError, TypeError, AttributeError):
            continue


def _version() -> str:
    try:
        return version("why-hangzhou")
    except PackageNotFoundError:
        return "checkout"
