"""Use idle time to read prompts into the prefix cache, translate sentences and write questions to suggest.

Each piece of work stops as soon as a reader asks, and later starts again from its beginning. Results are kept in the
engine's cache, in the translations file and by `serving/suggestions.py`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from rag.answering import Answering
from rag.clock import Clock
from rag.embedding import Report
from rag.english import keep
from rag.errors import Cancelled, GenerationError, RagError
from rag.generation import Prompt, Stop
from rag.index import Index
from rag.prompting import LANGUAGES, beginning_prompt, judge_prompt
from rag.question import Query
from rag.retrieval import joined_passage
from rag.serving.suggestions import Suggestions, write_question
from rag.serving.turns import Turns
from rag.text.script import Language

Value = TypeVar("Value")
_LOG = logging.getLogger("rag")
AHEAD = 30
"""Sentences for which the beginning of a prompt is read ahead, in each language; the engine's cache keeps about so many."""
LARGEST = 1_000
"""Sentences of the largest corpus that is translated and given suggested questions: a book would take days."""


class Idle:
    """Do the idle work in a background thread.

    answering: returns the current components. turns: the queue in which readers wait. suggestions: where questions are stored.
    translations: file to which English translations are appended.
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
        """Start the thread, unless it is running or was already started for this index; safe to repeat."""
        with self._starting:
            if index is self._begun or (self._thread is not None and self._thread.is_alive()):
                return
            self._begun = index
            self._thread = threading.Thread(target=self._work, name="idle", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stop the work and wait up to 5 s for the thread to end."""
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
                self.read_ahead()  # translations change prompts, and cached ones may have been evicted
        except RagError as error:  # only logged: if the error persists, the next question reports it
            _LOG.warning("The idle work failed and was stopped: %s", error)

    def read_ahead(self) -> None:
        """Read prompts that questions will need into the engine's prefix cache; return when done.

        First the judge's worked examples, which every question needs; then, in both languages, the whole prompts of the
        questions that the page suggests first; then the beginning of the prompt with each of the first AHEAD sentences.
        """
        answering = self._answering()
        for prompt in self._likely_prompts(answering):

            def read(stop: Stop, prompt: Prompt = prompt) -> None:
                _or_none(lambda: answering.generator.read(prompt, stop))

            self._when_idle(read)

    def _likely_prompts(self, answering: Answering) -> Iterator[Prompt]:
        templates, english, index = answering.templates, answering.english, answering.index
        queries = [Query("", "", language) for language in LANGUAGES]
        yield judge_prompt(templates, queries[0], ())
        for language in LANGUAGES:
            for question in self._suggestions.first(language, index.sentences):
                yield answering.prompt(answering.query(question))
        for query in queries:
            for number in index.searched[:AHEAD].tolist():
                yield beginning_prompt(templates, english, query, joined_passage([number], index))

    def translate(self, report: Report | None = None) -> int:
        """Translate the sentences that lack an English translation, and return how many there were.

        report: called with (done, total).
        """
        answering = self._answering()
        index, english = answering.index, answering.english
        missing = [
            text for number in index.searched.tolist() if english.needs_translation(text := index.sentences[number].text)
        ]
        for done, text in enumerate(missing, start=1):

            def put(stop: Stop, text: str = text) -> None:
                translator = answering.translator(Clock(), stop)
                keep(self._translations, text, _or_none(lambda: translator.sentence_with_names(text)) or "")

            self._when_idle(put)
            if report:
                report(done, len(missing))
        return len(missing)

    def _suggest(self) -> bool:
        """Write a question for each sentence for which none was tried yet; return whether there was any."""
        answering = self._answering()
        missing = list(self._suggestions.missing(answering.index))
        for number, language in missing:

            def seek(stop: Stop, number: int = number, language: Language = language) -> None:
                question = _or_none(lambda: write_question(answering, number, language, stop)) or ""
                self._suggestions.keep(answering.index.sentences[number].text, language, question)

            self._when_idle(seek)
        return bool(missing)

    def _when_idle(self, work: Callable[[Stop], None]) -> None:
        """Do a piece of work when no reader waits; start it again if a question interrupts it."""
        while not self._ended.is_set():
            if not self._turns.busy and self._done(work):
                return
            self._ended.wait(0.2)

    def _done(self, work: Callable[[Stop], None]) -> bool:
        ticket = object()
        try:
            for _ in self._turns.wait(ticket, lambda: True, by_reader=False):
                pass
            work(lambda: self._turns.waiting or self._ended.is_set())
            return True
        except Cancelled:
            return False
        finally:
            self._turns.leave(ticket)


def _or_none(work: Callable[[], Value]) -> Value | None:
    """Return the result of a piece of work, or None if the engine fails at it, so that the others still run."""
    try:
        return work()
    except GenerationError as error:
        _LOG.warning("A piece of idle work failed and was skipped: %s", error)
        return None
