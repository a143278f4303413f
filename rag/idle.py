"""Do while nobody asks what would otherwise be waited for: read prompts, translate sentences, find questions to suggest.

Every piece of work gives way to a reader at once, and is done again from its start. What is found is kept by others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from rag.answering import Answering
from rag.clock import Clock
from rag.embedding import Report
from rag.english import keep
from rag.errors import Cancelled, GenerationError, RagError
from rag.generation import Prompt, Stop
from rag.index import Index
from rag.prompting import LANGUAGES, beginning_prompt, judge_prompt
from rag.question import Query
from rag.retrieval import piece
from rag.suggestions import Suggestions, write_question
from rag.text.script import Language
from rag.turns import Turns

Value = TypeVar("Value")
_LOG = logging.getLogger("rag")
AHEAD = 30
"""Sentences whose beginnings are read ahead in each language: more than about so many do not stay in the engine's memory."""
LARGEST = 1_000
"""Sentences up to which a corpus is translated and gone through for questions: a book would take days."""


class Idle:
    """Work while nobody asks.

    answering: called for what answers are made with, as it is now. turns: where readers wait. translations: file to which
    sentences in English are appended.
    """

    def __init__(self, answering: Callable[[], Answering], turns: Turns, suggestions: Suggestions, translations: Path) -> None:
        self._answering = answering
        self._turns = turns
        self._suggestions = suggestions
        self._translations = translations
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._begun: Index | None = None

    def start(self, index: Index) -> None:
        """Begin to work in a thread, unless one is at work or the work on this index was begun; safe to repeat."""
        with self._starting:
            if index is self._begun or (self._thread is not None and self._thread.is_alive()):
                return
            self._begun = index
            self._thread = threading.Thread(target=self._work, name="idle", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stop working."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _work(self) -> None:
        try:
            self.read_ahead()
            if len(self._answering().index.sentences) > LARGEST:
                return
            translated, suggested = self.translate(), self._suggest()
            if translated or suggested:
                self.read_ahead()  # translations begin prompts, and what was read may have made room for others since
        except RagError as error:  # no reader waits for this: the next question tells one what is wrong, if it still is
            _LOG.warning("Work while nobody asks has ended: %s", error)

    def read_ahead(self) -> None:
        """Read what questions will need, and return when it is done.

        First the judge's examples, which every question needs; then the whole prompts of the questions that the page offers
        at first, and the prompt's beginning with each sentence, in both languages.
        """
        answering = self._answering()
        for prompt in self._likely_prompts(answering):

            def read(stop: Stop, prompt: Prompt = prompt) -> None:
                _or_nothing(lambda: answering.generator.read(prompt, stop))

            self._quietly(read)

    def _likely_prompts(self, answering: Answering) -> Iterator[Prompt]:
        templates, english, index = answering.templates, answering.english, answering.index
        queries = [Query("", "", language) for language in LANGUAGES]
        yield judge_prompt(templates, queries[0], ())
        for language in LANGUAGES:
            for question in self._suggestions.first(language, index.sentences):
                yield answering.prompt(answering.query(question))
        for query in queries:
            for number in np.flatnonzero(index.rows >= 0)[:AHEAD].tolist():
                yield beginning_prompt(templates, english, query, piece([number], index))

    def translate(self, report: Report | None = None) -> int:
        """Put the sentences that have no English yet into English, and return how many there were.

        report: called with (done, total).
        """
        answering = self._answering()
        index, english = answering.index, answering.english
        searched = np.flatnonzero(index.rows >= 0).tolist()
        missing = [text for number in searched if english.lacks(text := index.sentences[number].text)]
        for done, text in enumerate(missing, start=1):

            def put(stop: Stop, text: str = text) -> None:
                translator = answering.translator(Clock(), stop)
                keep(self._translations, text, _or_nothing(lambda: translator.carefully(text)) or "")

            self._quietly(put)
            if report:
                report(done, len(missing))
        return len(missing)

    def _suggest(self) -> bool:
        """Find a question for each sentence that has none yet; tell whether there was one to find."""
        answering = self._answering()
        missing = list(self._suggestions.missing(answering.index))
        for number, language in missing:

            def seek(stop: Stop, number: int = number, language: Language = language) -> None:
                question = _or_nothing(lambda: write_question(answering, number, language, stop)) or ""
                self._suggestions.keep(answering.index.sentences[number].text, language, question)

            self._quietly(seek)
        return bool(missing)

    def _quietly(self, work: Callable[[Stop], None]) -> None:
        """Do a piece of work as a reader of the lowest rank would: again from its start when a question came in between."""
        while not self._ended.is_set():
            if not self._turns.busy and self._done(work):
                return
            self._ended.wait(0.2)

    def _done(self, work: Callable[[Stop], None]) -> bool:
        ticket = object()
        try:
            for _ in self._turns.wait(ticket, lambda: True, asked=False):
                pass
            work(lambda: self._turns.waiting or self._ended.is_set())
            return True
        except Cancelled:
            return False
        finally:
            self._turns.leave(ticket)


def _or_nothing(work: Callable[[], Value]) -> Value | None:
    """Return what comes of one piece of work, None where the engine fails at it: the others are not at fault."""
    try:
        return work()
    except GenerationError as error:
        _LOG.warning("Nothing came of some work while nobody asked: %s", error)
        return None
