"""Own the models, let readers take turns, and read ahead while nobody asks.

How one question is answered is `answering.py`'s; this module loads, queues, times out and ends.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np

from rag.answering import Answering, Clock, Switches, evidence
from rag.asking import Asking
from rag.counters import Counters
from rag.documents import Document, split_document
from rag.embedding import Embedder, Report
from rag.english import keep
from rag.errors import Cancelled, GenerationError, RagError
from rag.generation import Generator, Prompt
from rag.index import Index
from rag.library import Library
from rag.models import open_embedder, open_generator
from rag.prompting import Templates, beginning_prompt, judge_prompt
from rag.question import checked_question
from rag.results import Answer, Event, Evidence, Final, Message, Progress
from rag.retrieval import Query, likely_sentences, piece, read_question, retrieve
from rag.settings import Settings
from rag.steering import Steering
from rag.store import Rebuilt
from rag.suggestions import Suggestions, write_question
from rag.text import Language
from rag.tuned import Tuned, tuned
from rag.turns import Turns

_LOG = logging.getLogger("rag")
AHEAD = 150
"""Sentences whose beginnings are read ahead in each language: more than about so many do not stay in the engine's memory."""
READ: tuple[Language, ...] = ("zh-Hans", "en")
"""Languages that prompts are in; Traditional ones are put in Simplified characters."""
LARGEST = 1_000
"""Sentences up to which a corpus is translated and gone through for questions while nobody asks: a book would take days."""
Status = Literal["ready", "warming", "broken"]
Stop = Callable[[], bool]


class Rag:
    """Answer questions from one corpus.

    settings: the choices; the environment's by default. embedder, generator: instead of those that the settings name.
    numbers, switches: other tuned numbers and stages, for evaluations. documents: a corpus in memory instead of the
    settings' folder.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        generator: Generator | None = None,
        numbers: Tuned | None = None,
        switches: Switches | None = None,
        documents: Sequence[Document] | None = None,
    ) -> None:
        self.settings = settings or Settings.load()
        self._tuned = numbers or tuned()
        self._switches = switches or Switches()
        self._templates = Templates(self.settings.prompts)
        self._library = Library(self.settings, self._tuned.longest_passage, documents)
        self._embedder = embedder
        self._generator = generator
        self._examples: tuple[Steering, Asking] | None = None
        self._suggestions = Suggestions(self.settings.corpus, self.settings.store / "questions.jsonl")
        self._turns = Turns()
        self.counters = Counters()
        self._embedder_lock = threading.Lock()
        self._generator_lock = threading.Lock()
        self._closed = threading.Event()
        self._trouble = ""
        self._ahead: threading.Thread | None = None

    def answer(self, question: str, history: Sequence[Message] = (), cancelled: Stop | None = None) -> Answer:
        """Return the checked answer to a question; `stream` says what is raised."""
        for event in self.stream(question, history, cancelled):
            if isinstance(event, Final):
                return event.answer
        raise GenerationError("The answer ended before it was complete; ask again.")

    def stream(self, question: str, history: Sequence[Message] = (), cancelled: Stop | None = None) -> Iterator[Event]:
        """Yield the evidence, the progress, the words as they are written, and last the checked answer.

        history: earlier turns as {"role": "user" or "assistant", "content": text}. cancelled: asked often; True stops the
        engine. Raises QuestionError for what cannot be asked, Cancelled when stopped, GenerationError when the engine
        fails or takes longer than `timeout_s`.
        """
        question, history = checked_question(question, history)
        return self._stream(question, history, cancelled or (lambda: False))

    def _stream(self, question: str, history: Sequence[Message], cancelled: Stop) -> Iterator[Event]:
        clock = Clock()
        ticket = object()
        request = uuid.uuid4().hex[:12]
        try:
            for place in self._turns.wait(ticket, cancelled):
                yield Progress(stage="waiting", place=place.ahead, expected_s=place.expected_s)
            answering = self.answering()
            self._trouble = ""
            deadline = time.monotonic() + self.settings.timeout_s
            query = answering.query(question, history)

            def stop() -> bool:
                return cancelled() or self._closed.is_set() or time.monotonic() > deadline

            for event in answering.stream(query, clock, stop):
                if isinstance(event, Final):
                    self._count(request, question, event.answer)
                yield event
        except Cancelled:
            if cancelled() or self._closed.is_set():
                self._ended(request, "stopped")
                raise
            self._ended(request, "broken", "timeout")
            limit = self.settings.timeout_s
            raise GenerationError(f"The answer took longer than {limit:g} s; ask again, or raise RAG_TIMEOUT_S.") from None
        except RagError as error:
            self._ended(request, "broken", type(error).__name__)
            raise
        finally:
            self._turns.leave(ticket)

    def _count(self, request: str, question: str, answer: Answer) -> None:
        self.counters.observe("evidence", answer.timings.retrieve_s)
        self.counters.observe("first_token", answer.timings.first_token_s)
        self.counters.observe("answer", answer.timings.total_s)
        told = {"language": answer.language, "reason": answer.reason, **asdict(answer.timings)}
        if self.settings.log_questions:
            told["question"] = question
        self._ended(request, "answered" if answer.answerable else "declined", **told)

    def _ended(self, request: str, outcome: str, error: str = "", **told: object) -> None:
        """Count how a question ended and log it as one JSON object, without its words unless `log_questions` asks for them."""
        self.counters.outcome(outcome)
        _LOG.info(json.dumps({"request": request, "outcome": outcome, "error": error, **told}, ensure_ascii=False))

    def metrics(self) -> str:
        """Return the counts so far in Prometheus' text format."""
        return self.counters.exposition(self._turns.length)

    def retrieve(self, question: str, history: Sequence[Message] = ()) -> Evidence:
        """Return the passages and the likely sentences for a question, without generating."""
        started = time.monotonic()
        question, history = checked_question(question, history)
        index, embedder = self.search_index()
        query = read_question(question, history, index.documents[0].text, self._library.english().names)
        found = retrieve(query, index, embedder, self._tuned)
        return evidence(found, likely_sentences(found, index), index, time.monotonic() - started)

    def suggest(
        self, language: str, cited: Sequence[Sequence[Mapping[str, Any]]] = (), asked: Sequence[str] = (), limit: int = 3
    ) -> list[str]:
        """Return questions that the text answers: examples at first, then what lies near the last answer's citations.

        cited: the citations of each answer so far, as `Answer.to_dict` has them. asked: the questions so far. Nothing is
        loaded or generated for it.
        """
        if not asked:
            sentences = (sentence for document in self.documents for sentence in split_document(document))
            return self._suggestions.first(language, sentences)
        if self._examples is None:
            return []
        return self._suggestions.after(language, self.search_index()[0], cited, asked, limit)

    def answering(self) -> Answering:
        """Return what answers are made with, loading what is not loaded yet."""
        if self._generator is None or self._examples is None:
            self._library.sources()  # what is wrong with them is told before models are loaded for minutes
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(self._open_generator)
            index, embedder = self.search_index()
            steering, asking = self._open_examples(embedder)
            generator = opening.result()
        templates = replace(self._templates, english=self._library.english())
        limit = self.settings.max_tokens
        return Answering(index, embedder, generator, templates, steering, asking, self._tuned, limit, self._switches)

    def warm(self) -> Rag:
        """Load the models and the index, side by side, and start to read ahead; safe to repeat."""
        try:
            self.answering()
        except RagError as error:
            self._trouble = str(error)
            raise
        self._trouble = ""
        if self.settings.read_ahead and self._ahead is None:
            self._ahead = threading.Thread(target=self._work_ahead, name="read-ahead", daemon=True)
            self._ahead.start()
        return self

    def read_ahead(self) -> None:
        """Read what questions will need, giving way to readers; return when it is done.

        First the judge's examples, which every question needs; then the whole prompts of the questions that the page offers
        at first, and the prompt's beginning with each sentence, in both languages.
        """
        answering = self.answering()
        for prompt in self._likely_prompts(answering):
            self._quietly(lambda stop, prompt=prompt: answering.generator.read(prompt, stop))  # type: ignore[misc]

    def _likely_prompts(self, answering: Answering) -> Iterator[Prompt]:
        """Yield the judge's, those of the questions that are offered first, and those that questions' prompts begin with."""
        templates, index = answering.templates, answering.index
        queries = [Query("", "", language) for language in READ]
        yield judge_prompt(templates, queries[0], ())
        for language in READ:
            for question in self.suggest(language):
                yield answering.prompt(answering.query(question))
        for query in queries:
            for number in np.flatnonzero(index.rows >= 0)[:AHEAD].tolist():
                yield beginning_prompt(templates, query, piece([number], index))

    def search_index(self) -> tuple[Index, Embedder]:
        """Return the index in use and the embedder of its queries, without the generator."""
        embedder = self._open_embedder()
        return self._library.index(embedder, say=_say), embedder

    def rebuild(self, report: Report | None = None) -> Rebuilt:
        """Bring the stored index up to date, and tell what was done."""
        return self._library.rebuild(self._open_embedder(), report)

    @property
    def documents(self) -> tuple[Document, ...]:
        """Return the sources; no model has to be loaded for them."""
        return tuple(self._library.sources())

    def status(self) -> tuple[Status, str]:
        """Return whether questions can be answered, and why not."""
        if self._trouble:
            return "broken", self._trouble
        if self._generator is None or self._examples is None:
            return "warming", "The models are loading."
        return "ready", ""

    def close(self) -> None:
        """End the work in progress and free the engine."""
        self._closed.set()
        if self._ahead is not None:
            self._ahead.join(timeout=5)
        if self._generator is not None:
            self._generator.close()

    def _open_generator(self) -> Generator:
        with self._generator_lock:
            if self._generator is None:
                self._generator = open_generator(self.settings)
            return self._generator

    def _open_embedder(self) -> Embedder:
        with self._embedder_lock:
            if self._embedder is None:
                self._embedder = open_embedder(self.settings)
            return self._embedder

    def _open_examples(self, embedder: Embedder) -> tuple[Steering, Asking]:
        with self._embedder_lock:
            if self._examples is None:
                steering = Steering.load(self._templates, embedder, self._tuned.steering)
                self._examples = steering, Asking.load(self._templates, embedder)
            return self._examples

    def _work_ahead(self) -> None:
        """Read prompts and find questions to suggest while nobody asks."""
        try:
            self.read_ahead()
            if len(self.search_index()[0].sentences) > LARGEST:
                return
            translated, suggested = self.translate(), self._suggest_ahead()
            if translated or suggested:
                self.read_ahead()  # translations begin prompts, and what was read may have made room for others since
        except RagError as error:  # no reader waits for this: the next question tells one what is wrong, if it still is
            _LOG.warning("Work while nobody asks has ended: %s", error)

    def translate(self, report: Report | None = None) -> int:
        """Put the sentences that have no English yet into English, giving way to readers; return how many there were.

        report: called with (done, total).
        """
        answering = self.answering()
        index, english = answering.index, answering.templates.english
        searched = np.flatnonzero(index.rows >= 0).tolist()
        missing = [text for number in searched if english.lacks(text := index.sentences[number].text)]
        for done, text in enumerate(missing, start=1):

            def put(stop: Stop, text: str = text) -> None:
                keep(self._library.translations, text, answering.translated(text, Clock(), stop))

            self._quietly(put)
            if report:
                report(done, len(missing))
        return len(missing)

    def _suggest_ahead(self) -> bool:
        """Find a question for each sentence that has none yet; tell whether there was one to find."""
        answering = self.answering()
        missing = list(self._suggestions.missing(answering.index))
        for number, language in missing:

            def seek(stop: Stop, number: int = number, language: Language = language) -> None:
                question = write_question(answering, number, language, stop)
                self._suggestions.keep(answering.index.sentences[number].text, language, question)

            self._quietly(seek)
        return bool(missing)

    def _quietly(self, work: Callable[[Stop], None]) -> None:
        """Do a piece of work as a reader of the lowest rank would: again from its start when a question came in between."""
        while not self._closed.is_set():
            if not self._turns.busy and self._done(work):
                return
            self._closed.wait(0.2)

    def _done(self, work: Callable[[Stop], None]) -> bool:
        ticket = object()
        try:
            for _ in self._turns.wait(ticket, lambda: True):
                pass
            work(lambda: self._turns.waiting or self._closed.is_set())
            return True
        except Cancelled:
            return False
        finally:
            self._turns.leave(ticket)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
