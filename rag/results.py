"""Define the values that a reader receives: answers with their citations and timings, and the events before an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rag.documents import Passage

Reason = Literal["", "not in the text", "small talk", "instruction"]

MARK = re.compile(r"\[(\d+)\]")
"""A citation mark in an answer, such as `[1]`."""


def without_marks(text: str) -> str:
    """Return an answer's text without its citation marks."""
    return MARK.sub("", text)


@dataclass(frozen=True)
class Citation:
    """A link from one sentence of an answer to the exact text in the source that supports it.

    `marker` is the number shown as `[1]`; `quote == source_text[start:end]`; `sentence` is an index, from 0, into the
    answer's `sentences`; `support` is between 0 and 1.
    """

    marker: int
    quote: str
    source: str
    start: int
    end: int
    sentence: int
    support: float


@dataclass(frozen=True)
class Timings:
    """The seconds from the question's arrival to each stage, and the tokens that the answer took.

    `prompt_tokens` counts the whole prompts; `read_tokens` only those tokens that were not found in the prefix cache.
    """

    retrieve_s: float = 0.0
    first_token_s: float = 0.0
    total_s: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    read_tokens: int = 0


@dataclass(frozen=True)
class Answer:
    """A checked answer.

    text: in the question's language and script, with `[1]`-style marks. answerable: False for a decline, with its `reason`.
    citations: the source sentences to which the marks refer. passages: the retrieved ones, best first. timings: seconds and
    tokens. language: "zh-Hant", "zh-Hans" or "en". engine: name of the generator. sentences: the text split into sentences,
    each including the white space or words that introduce it; joined, they are the text.
    """

    text: str
    answerable: bool
    reason: Reason = ""
    citations: tuple[Citation, ...] = ()
    passages: tuple[Passage, ...] = ()
    timings: Timings = field(default_factory=Timings)
    language: str = "en"
    engine: str = ""
    sentences: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as a dictionary of JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Evidence:
    """The result of retrieval, before anything is generated.

    passages: best first. sentences: those most likely to answer the question. seconds: from the question's arrival to this.
    """

    type: Literal["evidence"] = field(default="evidence", init=False)
    passages: tuple[Passage, ...] = ()
    sentences: tuple[Citation, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """The progress of an answer: `stage` is "waiting", "reading" or "checking"; `fraction` is between 0 and 1.

    While waiting, `place` is the number of questions ahead and `expected_s` the estimated wait in seconds.
    """

    type: Literal["progress"] = field(default="progress", init=False)
    stage: Literal["waiting", "reading", "checking"] = "reading"
    fraction: float = 0.0
    place: int = 0
    expected_s: float = 0.0


@dataclass(frozen=True)
class Token:
    """A piece of the draft as it is generated; the checked answer replaces the draft."""

    type: Literal["token"] = field(default="token", init=False)
    text: str = ""


@dataclass(frozen=True)
class Final:
    """The checked answer; always the last event."""

    answer: Answer
    type: Literal["answer"] = field(default="answer", init=False)


Event = Evidence | Progress | Token | Final
Message = Mapping[str, str]
