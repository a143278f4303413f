"""Hold a question as it is asked, with what was asked before it, and say which can be; how it is answered is not known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.english.names import Names
from rag.errors import QuestionError
from rag.results import MARK, Message
from rag.text import LATIN_LETTERS, clean
from rag.text.script import Language, Script, language, mostly_latin, script

LONGEST_QUESTION = 4_000
"""Characters of a question; of a turn of the history as many are kept."""
LONGEST_HISTORY = 200
"""Turns of a history that are looked at, the latest ones."""
REMEMBERED = 80
"""Chinese characters of an answer that are read with a question that leans on it, or as much English."""


@dataclass(frozen=True)
class Query:
    """Hold a question as it is searched and answered.

    text: the question; in an English one each known name is followed by its original in parentheses. previous: the question
    before it, "" where there is none or where, as `retrieve` found, it does not lean on it. language: that of the answer.
    earlier: the questions before the previous one, latest first. answered: how the answer to the previous one began, "" where
    it is not known. beside: whether the previous one is asked in the same breath.
    """

    text: str
    previous: str
    language: Language
    earlier: tuple[str, ...] = ()
    answered: str = ""
    beside: bool = False

    @property
    def together(self) -> str:
        """Return the question behind the one that it leans on."""
        return f"{self.previous} {self.text}"


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


def read_question(question: str, history: Sequence[Message], written: Script | None, names: Names) -> Query:
    """Return a question with the one before it.

    written: the corpus's script, which decides for a question that could be either. names: of the corpus.
    """
    asked = [turn["content"] for turn in history if turn["role"] == "user"]
    wanted: Language = language(question, script(" ".join(asked[-1:])) or written or "zh-Hans")
    said = [names.expand(text) if wanted == "en" else text for text in (question, *reversed(asked))]
    text, previous, *earlier = [*(text.strip() for text in said), *([] if asked else [""])]
    return Query(text, previous, wanted, tuple(earlier), _answered(history))


def _answered(history: Sequence[Message]) -> str:
    """Return how the last answer began, without marks."""
    said = " ".join(MARK.sub("", turn["content"]) for turn in history[-1:] if turn["role"] == "assistant")
    return " ".join(said.split())[: LATIN_LETTERS * REMEMBERED if mostly_latin(said) else REMEMBERED].strip()
