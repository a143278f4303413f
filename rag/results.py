"""Hold what a reader gets: answers, their citations and timings, and the events that lead to them.

These are values only; they know nothing of how they were made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rag.documents import Passage

Reason = Literal["", "not in the text", "small talk", "instruction"]


MARK = re.compile(r"\[(\d+)\]")
"""A citation's mark in an answer."""


@dataclass(frozen=True)
class Citation:
    """Tie one sentence of an answer to the exact words of the source that support it.

    `marker` is the number shown as `[1]`; `quote == source_text[start:end]`; `sentence` is a place in the answer's `sentences`,
    from 0; `support` is between 0 and 1.
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
    """Hold the seconds from the question's arrival, and the tokens it cost.

    `prompt_tokens` counts the whole prompt; `read_tokens` those that were not found in the cache of read prompts.
    """

    retrieve_s: float = 0.0
    first_token_s: float = 0.0
    total_s: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    read_tokens: int = 0


@dataclass(frozen=True)
class Answer:
    """Hold one checked answer.

    text: in the question's language and script, with `[1]`-style marks. answerable: False when it declined; `reason` then says
    why. citations: the source sentences behind the marks. passages: what was retrieved, best first. timings: seconds and
    tokens. language: "zh-Hant", "zh-Hans" or "en". engine: the name of the generator that wrote it. sentences: the text once
    more, cut where one sentence ends and what introduces the next begins.
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
        """Return the answer as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Evidence:
    """Hold what was found before a word is generated.

    passages: best first. sentences: those that most likely answer the question. seconds: from the question to them.
    """

    type: Literal["evidence"] = field(default="evidence", init=False)
    passages: tuple[Passage, ...] = ()
    sentences: tuple[Citation, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """Tell how far the work is: `stage` is "waiting", "reading" or "checking"; `fraction` is between 0 and 1.

    While waiting, `place` counts the questions ahead and `expected_s` estimates the wait in seconds.
    """

    type: Literal["progress"] = field(default="progress", init=False)
    stage: Literal["waiting", "reading", "checking"] = "reading"
    fraction: float = 0.0
    place: int = 0
    expected_s: float = 0.0


@dataclass(frozen=True)
class Token:
    """Hold a piece of the draft as it is written; the checked answer replaces the draft."""

    type: Literal["token"] = field(default="token", init=False)
    text: str = ""


@dataclass(frozen=True)
class Final:
    """Hold the checked answer; always the last event."""

    answer: Answer
    type: Literal["answer"] = field(default="answer", init=False)


Event = Evidence | Progress | Token | Final
Message = Mapping[str, str]
