"""Say which questions can be asked, and which histories go with them; it knows nothing of how they are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.errors import QuestionError
from rag.results import Message
from rag.text import clean

LONGEST_QUESTION = 4_000
"""Characters of a question; of a turn of the history as many are kept."""
LONGEST_HISTORY = 200
"""Turns of a history that are looked at, the latest ones."""


def checked_question(question: str, history: Sequence[Message]) -> tuple[str, tuple[Message, ...]]:
    """Return a question and its history as they can be asked: clean, and the latest turns.

    Raises QuestionError for what is no text, empty or too long, and for a history of another form.
    """
    if not isinstance(question, str):
        raise QuestionError(f"The question is a {type(question).__name__}; expected a text.")
    text = clean(question).strip()
    if not text:
        raise QuestionError("The question is empty; write what you want to know.")
    if len(text) > LONGEST_QUESTION:
        raise QuestionError(f"The question has {len(text):,} characters; the most is {LONGEST_QUESTION:,}. Shorten it.")
    turns = []
    if isinstance(history, (str, bytes)) or not isinstance(history, Sequence):
        raise QuestionError('The history has the wrong form; expected a list of {"role": …, "content": …}.')
    for turn in list(history)[-LONGEST_HISTORY:]:
        role = turn.get("role") if isinstance(turn, Mapping) else None
        content = turn.get("content") if isinstance(turn, Mapping) else None
        if role not in ("user", "assistant") or not isinstance(content, str):
            raise QuestionError(
                'A turn of the history has the wrong form; expected {"role": "user" or "assistant", "content": text}.'
            )
        turns.append({"role": role, "content": clean(content)[:LONGEST_QUESTION]})
    return text, tuple(turns)
