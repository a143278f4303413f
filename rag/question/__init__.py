"""Validate a question and its history, and build the query that is searched and answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.english.names import Names
from rag.errors import QuestionError
from rag.results import Message, without_marks
from rag.text import LATIN_LETTERS, clean
from rag.text.script import Language, Script, language, mostly_latin, script

LONGEST_QUESTION = 4_000
"""Most characters of a question; turns of the history are cut to as many."""
LONGEST_HISTORY = 200
"""Latest turns of a history that are considered."""
REMEMBERED = 80
"""Chinese characters, or as much English, from the beginning of an answer that are read with a follow-up question."""


@dataclass(frozen=True)
class Query:
    """A question as it is searched and answered.

    text: the question; in an English one each known name is followed by its original in parentheses. previous: the question
    before it; after `retrieve`, the preceding questions that it depends on, joined, oldest first; "" for none. language: of the
    answer. earlier: the questions before the previous one, latest first. previous_answer: the beginning of the answer to the
    previous one, "" where it is unknown. same_message: whether the previous one is asked in the same message.
    """

    text: str
    previous: str
    language: Language
    earlier: tuple[str, ...] = ()
    previous_answer: str = ""
    same_message: bool = False

    @property
    def with_previous(self) -> str:
        """Return the previous question followed by this one."""
        return f"{self.previous} {self.text}"


def checked_question(question: str, history: Sequence[Message]) -> tuple[str, tuple[Message, ...]]:
    """Return a question and the latest turns of its history, both cleaned.

    Raises QuestionError for a question that is not a string, empty or too long, and for a malformed history.
    """
    if not isinstance(question, str):
        raise QuestionError(f"The question is of type {type(question).__name__}; expected a string.")
    text = clean(question).strip()
    if not text:
        raise QuestionError("The question is empty; write what you want to know.")
    if len(text) > LONGEST_QUESTION:
        raise QuestionError(f"The question has {len(text):,} characters; the maximum is {LONGEST_QUESTION:,}. Shorten it.")
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


def read_question(question: str, history: Sequence[Message], written: Script | None, names: Names) -> Query:
    """Return the query for a question with its history.

    written: the script of the corpus, which decides for a question where neither it nor the one before shows its own. names:
    of the corpus.
    """
    asked = [turn["content"] for turn in history if turn["role"] == "user"]
    wanted: Language = language(question, script(" ".join(asked[-1:])) or written or "zh-Hans")
    said = [names.expand(text) if wanted == "en" else text for text in (question, *reversed(asked))]
    text, previous, *earlier = [*(text.strip() for text in said), *([] if asked else [""])]
    return Query(text, previous, wanted, tuple(earlier), _previous_answer(history))


def _previous_answer(history: Sequence[Message]) -> str:
    """Return the beginning of the last answer, without citation marks."""
    said = " ".join(without_marks(turn["content"]) for turn in history[-1:] if turn["role"] == "assistant")
    return " ".join(said.split())[: LATIN_LETTERS * REMEMBERED if mostly_latin(said) else REMEMBERED].strip()
