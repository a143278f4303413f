"""Load the models, queue the questions of several readers, enforce the time limit and shut down.

Answering one question is in `answering.py`, background work between questions in `serving/idle.py`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any, Literal

from rag.answering import Answering, Switches
from rag.clock import Clock
from rag.documents import Document, split_document
from rag.embedding import Embedder, Report
from rag.errors import Cancelled, GenerationError, PromptTooLongError, RagError
from rag.evidence import evidence, find
from rag.examples import embed_examples
from rag.generation import Generator, Stop
from rag.grounding.probe import shipped_probes
from rag.index import Index
from rag.library import Library
from rag.models import open_embedder, open_generator
from rag.question import checked_question, read_question
from rag.question.intents import IntentClassifier, intent_model
from rag.question.kinds import QuestionKinds
from rag.results import Answer, Event, Evidence, Final, Message, Progress
from rag.serving.counters import Counters
from rag.serving.idle import Idle
from rag.serving.suggestions import Suggestions
from rag.serving.turns import Turns
from rag.settings import Settings
from rag.store import Rebuilt
from rag.templates import Templates
from rag.tuned import Tuned, tuned

_LOG = logging.getLogger("rag")
Status = Literal["ready", "warming", "broken"]


class Rag:
    """Answer questions from one corpus.

    settings: read from the environment by default. embedder, generator: used instead of those that the settings name.
    parameters, switches: other tuned parameters and stages, for evaluations. documents: a corpus in memory, used instead of the
    folder in the settings; give it its own `store` in the settings, or the two corpora overwrite each other's index.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        generator: Generator | None = None,
        parameters: Tuned | None = None,
        switches: Switches | None = None,
        documents: Sequence[Document] | None = None,
    ) -> None:
        self.settings = settings or Settings.load()
        self._tuned = parameters or tuned()
        self._switches = switches or Switches()
        self._templates = Templates(self.settings.prompts)
        self._library = Library(self.settings, self._tuned.longest_passage, documents)
        self._embedder = embedder
        self._generator = generator
        self._examples: tuple[IntentClassifier, QuestionKinds] | None = None
        corpus = self.settings.corpus if documents is None else None
        self._suggestions = Suggestions(corpus, self.settings.store / "questions.jsonl")
        self._turns = Turns()
        self.counters = Counters()
        self._embedder_lock = threading.Lock()
        self._generator_lock = threading.Lock()
        self._closed = threading.Event()
        self._error = ""
        self._engine_failed = False
        self._idle = Idle(self.answering, self._turns, self._suggestions, self._library.translations)

    def answer(self, question: str, history: Sequence[Message] = (), cancelled: Stop | None = None) -> Answer:
        """Return the checked answer to a question; parameters and errors are those of `stream`."""
        for event in self.stream(question, history, cancelled):
            if isinstance(event, Final):
                return event.answer
        raise GenerationError("The answer ended before it was complete; ask again.")

    def stream(self, question: str, history: Sequence[Message] = (), cancelled: Stop | None = None) -> Iterator[Event]:
        """Yield the evidence, the progress, the draft's tokens as they are generated, and last the checked answer.

        history: earlier turns as {"role": "user" or "assistant", "content": text}. cancelled: polled often; True stops the
        engine. Raises QuestionError for an invalid question or history, Cancelled when stopped, GenerationError when the
        engine fails or takes longer than `timeout_s`, and other RagErrors when the models or the index cannot be loaded.
        """
        question, history = checked_question(question, history)
        return self._stream(question, history, cancelled or (lambda: False))

    def _stream(self, question: str, history: Sequence[Message], cancelled: Stop) -> Iterator[Event]:
        clock = Clock()
        ticket = object()
        request = uuid.uuid4().hex[:12]
        final: Final | None = None
        try:
            for place in self._turns.wait(ticket, cancelled):
                yield Progress(stage="waiting", place=place.ahead, expected_s=place.expected_s)
            answering = self.answering()
            deadline = time.monotonic() + self.settings.timeout_s
            query = answering.query(question, history)

            def stop() -> bool:
                return cancelled() or self._closed.is_set() or time.monotonic() > deadline

            for event in answering.stream(query, clock, stop):
                if isinstance(event, Final):
                    final = event
                    self._record_answer(request, question, event.answer)
                else:
                    yield event
            self._engine_failed = False
        except GeneratorExit:
            self._ended(request, "stopped")
            raise
        except Cancelled:
            if cancelled() or self._closed.is_set():
                self._ended(request, "stopped")
                raise
            self._ended(request, "broken", "timeout")
            limit = self.settings.timeout_s
            raise GenerationError(f"The answer took longer than {limit:g} s; ask again, or raise RAG_TIMEOUT_S.") from None
        except Exception as error:
            self._record_error(error)
            self._ended(request, "broken", type(error).__name__)
            raise
        finally:
            self._turns.leave(ticket)
        if final:  # after the turn: a reader who disconnects here has already been counted as answered
            yield final

    def _record_error(self, error: Exception) -> None:
        """Record an error for `status`; a GenerationError only the second time in a row, since an engine may recover."""
        if isinstance(error, PromptTooLongError) or not isinstance(error, RagError):
            return
        if self._engine_failed or not isinstance(error, GenerationError):
            self._error = str(error)
        self._engine_failed = isinstance(error, GenerationError)

    def _record_answer(self, request: str, question: str, answer: Answer) -> None:
        self.counters.observe("evidence", answer.timings.retrieve_s)
        self.counters.observe("first_token", answer.timings.first_token_s)
        self.counters.observe("answer", answer.timings.total_s)
        log_fields = {"language": answer.language, "reason": answer.reason, **asdict(answer.timings)}
        if self.settings.log_questions:
            log_fields["question"] = question
        self._ended(request, "answered" if answer.answerable else "declined", **log_fields)

    def _ended(self, request: str, outcome: str, error: str = "", **log_fields: object) -> None:
        """Count how a question ended and log it as one JSON object, with the question's text only if `log_questions` is set."""
        self.counters.outcome(outcome)
        _LOG.info(json.dumps({"request": request, "outcome": outcome, "error": error, **log_fields}, ensure_ascii=False))

    def metrics(self) -> str:
        """Return the counters in the Prometheus text format."""
        return self.counters.exposition(self._turns.waiting_count)

    def retrieve(self, question: str, history: Sequence[Message] = ()) -> Evidence:
        """Return the passages for a question and the sentences most likely to answer it, without generating."""
        started = time.monotonic()
        question, history = checked_question(question, history)
        index, embedder = self.search_index()
        query = read_question(question, history, index.script, self._library.english().names)
        _, kinds = self._open_examples(embedder)
        parts = find(query, index, embedder, kinds, self._tuned)
        return evidence(parts, index, time.monotonic() - started)

    def suggest(self, language: str, cited: Sequence[Sequence[Mapping[str, Any]]] = (), asked: Sequence[str] = ()) -> list[str]:
        """Return questions that the text answers: examples at first, then some near the last answer's citations.

        cited: the citations of each answer so far, as in `Answer.to_dict`. asked: the questions so far; without any, the
        examples are returned. No model is loaded and nothing is generated; until the models are loaded, only the examples are
        available.
        """
        if not asked:
            sentences = (sentence for document in self.documents for sentence in split_document(document))
            return self._suggestions.first(language, sentences)
        if self._examples is None:
            return []
        return self._suggestions.after(language, self.search_index()[0], cited, asked)

    def answering(self) -> Answering:
        """Return the components that answer questions, loading them if necessary, and start the idle work.

        There is no idle work if `read_ahead` is off or a server generates: others may be waiting or paying for the server.
        """
        try:
            answering = self._load()
        except Exception as error:
            unforeseen = f"The models or the index could not be loaded ({type(error).__name__}); see the log."
            self._error = str(error) if isinstance(error, RagError) else unforeseen
            raise
        self._error = ""
        if self.settings.read_ahead and not self.settings.remote:
            self._idle.start(answering.index)
        return answering

    def _load(self) -> Answering:
        if self._generator is None or self._examples is None:
            self._library.sources()  # report a faulty corpus before spending minutes on loading models
        opening = self._generator_future()
        index, embedder = self.search_index()
        intents, kinds = self._open_examples(embedder)
        generator = opening.result()
        probes, claim_probe = shipped_probes(self.settings.generator, self._templates)
        return Answering(
            index=index,
            embedder=embedder,
            generator=generator,
            templates=self._templates,
            english=self._library.english(),
            intents=intents,
            kinds=kinds,
            tuned=self._tuned,
            max_tokens=self.settings.max_tokens,
            probes=probes,
            claim_probe=claim_probe,
            switches=self._switches,
        )

    def _generator_future(self) -> Future[Generator]:
        """Return a future of the generator, opened in a daemon thread: other loading continues, and the program can exit."""
        future: Future[Generator] = Future()

        def work() -> None:
            try:
                future.set_result(self._open_generator())
            except BaseException as error:  # Future.result() raises it
                future.set_exception(error)

        if self._generator is None:
            threading.Thread(target=work, name="generator", daemon=True).start()
        else:
            work()
        return future

    def warm(self) -> Rag:
        """Load the models and the index in parallel, and return self; safe to repeat."""
        self.answering()
        return self

    def read_ahead(self) -> None:
        """Read likely prompts into the engine's prefix cache, giving way to questions; return when done."""
        self._idle.read_ahead()

    def translate(self, report: Report | None = None) -> int:
        """Translate the sentences that lack an English translation, giving way to questions; return how many there were.

        report: called with (done, total).
        """
        return self._idle.translate(report)

    def search_index(self) -> tuple[Index, Embedder]:
        """Return the current index and its embedder, without loading the generator."""
        embedder = self._open_embedder()
        return self._library.index(embedder, say=_say), embedder

    def rebuild(self, report: Report | None = None) -> Rebuilt:
        """Bring the stored index up to date and return what was done."""
        return self._library.rebuild(self._open_embedder(), report)

    @property
    def documents(self) -> tuple[Document, ...]:
        """Return the source documents; no model is loaded."""
        return tuple(self._library.sources())

    def status(self) -> tuple[Status, str]:
        """Return whether questions can be answered, and why not; an error is reported until a later question loads cleanly."""
        if self._error:
            return "broken", self._error
        try:
            self._library.sources()
        except RagError as error:
            return "broken", str(error)
        if self._generator is None or self._examples is None:
            return "warming", "The models are loading."
        return "ready", ""

    def close(self) -> None:
        """Cancel the work in progress and free the engine."""
        self._closed.set()
        self._idle.end()
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

    def _open_examples(self, embedder: Embedder) -> tuple[IntentClassifier, QuestionKinds]:
        with self._embedder_lock:
            if self._examples is None:
                examples = embed_examples(self._templates, embedder, self.settings.store / "examples.npz")
                model = intent_model(embedder, examples, self._tuned.intent_near)
                intents = IntentClassifier(model, self._tuned.intent_question, self._tuned.intent_follow_up)
                self._examples = intents, QuestionKinds.of(examples)
            return self._examples


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
