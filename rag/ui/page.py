"""Connect the components of the chat page to the answerer; what they show is determined in `view.py`.

The page depends on the Answerer protocol only, so tests can use a scripted one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.utils import LRUCache

from rag.errors import Cancelled, RagError
from rag.question import LONGEST_QUESTION
from rag.results import Evidence, Final
from rag.text import clean
from rag.ui import conversation, feedback, render
from rag.ui.components import Components
from rag.ui.conversation import Turn
from rag.ui.endpoints import offer_endpoints
from rag.ui.live import Live
from rag.ui.sessions import AnswerSessions
from rag.ui.strings import languages, preferred, say, say_error
from rag.ui.view import Shown, View

SESSIONS = 100
"""Sessions whose state Gradio keeps, 60 kB each. Every endpoint call is a session; keeping many more fragments memory."""
CALLS = 2_000
"""Limit of the sessions' pending events and of the calls' durations that Gradio keeps, equal to its limit for messages."""
_LOG = logging.getLogger("rag.ui")
_SAVE = "(text) => window.saveConversation(text, '{ending}')"
_ENDED = """() => {
  const until = Date.now() + 3000;
  const look = () => {
    if (!document.querySelector('#current [data-state=asked]')) return;
    if (Date.now() < until) setTimeout(look, 50);
    else location.reload();
  };
  look();
}"""
"""Reload the page if an answer has not ended 3 s after Stop: its connection was lost, and Gradio sends nothing more on it."""
_FOCUS = "() => setTimeout(() => document.querySelector('#{part} :is(input, textarea)')?.focus(), 50)"


def create_page(sessions: AnswerSessions) -> gr.Blocks:
    """Return the page with its endpoints; serving it is up to `server.py`."""
    with _Blocks(title="why-hangzhou", analytics_enabled=False, fill_width=True) as page:
        _Page(sessions, Components()).wire(page)
        offer_endpoints(sessions)
    page.queue(default_concurrency_limit=64, max_size=256, api_open=False)  # no call bypasses the queue and its limits
    page.state_session_capacity = SESSIONS
    page._queue.pending_event_ids_session = LRUCache(CALLS)  # Gradio's own has no limit
    page._queue.ANALYTICS_MAX_EVENTS = CALLS
    return page


class _Blocks(gr.Blocks):  # type: ignore[misc]
    """Reject calls with too few values with a one-sentence error; Gradio's own message lists internal components."""

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Raise gr.Error if values are missing."""
        if len(inputs) < len(block_fn.inputs):
            few = f"The call has too few values ({len(inputs)})"
            raise gr.Error(
                f"{few}; expected {len(block_fn.inputs)}, with null for each that is omitted.", print_exception=False
            )


class _Page:
    """Handle the reader's actions: each method takes values of components, and returns those that change."""

    def __init__(self, sessions: AnswerSessions, components: Components) -> None:
        self.sessions = sessions
        self.components = components
        self.view = View(sessions.answerer, components)

    def wire(self, page: gr.Blocks) -> None:
        """Connect the components' events to the methods."""
        p = self.components
        view = [p.turns, p.choice, p.drawn]
        quiet: dict[str, Any] = {"api_name": False, "show_progress": "hidden"}
        # One event at a time: Gradio's client may drop a request that is made while the stream of another event is closing.
        page.load(self.open, [p.turns, p.picked], [*p.changing, *p.labelled, p.linked], **quiet)
        p.linked.change(self.ask, [p.linked, *view], p.changing, **quiet)
        p.choice.input(self.switch, view, [*p.changing, *p.labelled], **quiet)
        typed = [*p.changing, p.box]
        gr.on([p.box.submit, p.send.click], self.ask_typed, [p.box, *view], typed, **quiet)  # one event: double clicks ask once
        for button in p.suggested:
            button.click(self.ask_alone, [button, *view], p.changing, **quiet)
        p.stop.click(self.halt, None, None, queue=False, **quiet).success(None, js=_ENDED, api_name=False)
        p.retry.click(self.ask_again, view, p.changing, **quiet)
        p.edit.click(self.take_back, view, typed, **quiet).then(None, js=_FOCUS.format(part="box"), api_name=False)
        p.undo.click(self.undo, view, p.changing, **quiet)
        p.new.click(self.begin_anew, view, p.changing, **quiet)
        for button, ending, write in (
            (p.markdown, "md", conversation.to_markdown),
            (p.json, "json", conversation.to_json),
        ):
            button.click(_written(write), p.turns, p.file, **quiet).then(
                None, p.file, None, js=_SAVE.format(ending=ending), api_name=False
            )
        judged = [p.status, p.why, p.reason]
        p.helpful.click(self._judge(True), [p.turns, p.choice, p.reason], judged, **quiet)
        p.unhelpful.click(lambda: gr.update(visible=True), None, p.why, **quiet).then(
            None, js=_FOCUS.format(part="reason"), api_name=False
        )
        gr.on([p.tell.click, p.reason.submit], self._judge(False), [p.turns, p.choice, p.reason], judged, **quiet)
        page.unload(self.halt)

    def open(self, turns: list[Turn], picked: str, request: gr.Request) -> Iterator[Shown]:
        """Yield the page in the reader's language with the stored conversation, then notices until the models are loaded."""
        known = {code for _, code in languages()}
        language = picked if picked in known else _preferred(request)
        asked = clean(str(request.query_params.get("q", ""))).strip()
        before = conversation.restored(turns)
        linked = "" if asked in (turn["question"] for turn in before) else asked
        yield {self.components.linked: linked, **self.view.labels(language), **self.view.shown(before, language)}
        warming = False
        while self.sessions.answerer.status()[0] == "warming":
            warming = True
            yield {self.components.status: self.view.notice(language)}
            time.sleep(0.5)
        if warming:
            yield {self.components.status: self.view.notice(language)}

    def switch(self, turns: list[Turn], language: str, drawn: int) -> Shown:
        """Return the page in another language, which the browser stores."""
        shown = self.view.shown(conversation.restored(turns), language, drawn)
        return {**self.view.labels(language), **shown, self.components.picked: language}

    def ask_again(self, turns: list[Turn], language: str, drawn: int, request: gr.Request) -> Iterator[Shown]:
        """Ask the last question again, and yield the page as it is answered."""
        before = conversation.restored(turns)
        if before:
            *others, last = before
            yield from self.ask(last["question"], others, language, drawn, request, alone=bool(last.get("alone")))
        else:
            yield {self.components.why: gr.skip()}

    def take_back(self, turns: list[Turn], language: str, drawn: int) -> Shown:
        """Return the page without the last question, which is put into the box for editing."""
        before = conversation.restored(turns)
        return {self.components.box: str(before[-1]["question"]) if before else "", **self.undo(turns, language, drawn)}

    def undo(self, turns: list[Turn], language: str, drawn: int) -> Shown:
        """Return the page without the last question."""
        return self.view.shown(conversation.restored(turns)[:-1], language, drawn)

    def begin_anew(self, turns: list[Turn], language: str, drawn: int) -> Shown:
        """Return the page with an empty conversation."""
        return self.view.shown([], language, drawn)

    def ask_alone(self, question: str, turns: list[Turn], language: str, drawn: int, request: gr.Request) -> Iterator[Shown]:
        """Ask a suggested question, without the earlier turns: it is complete in itself, and was tested without them."""
        yield from self.ask(question, turns, language, drawn, request, alone=True)

    def ask_typed(self, question: str, turns: list[Turn], language: str, drawn: int, request: gr.Request) -> Iterator[Shown]:
        """Ask the question in the box, and empty the box once the question is in the conversation."""
        emptied: Shown = {self.components.box: ""}
        for shown in self.ask(question, turns, language, drawn, request):
            if self.components.turns in shown:
                shown |= emptied
                emptied = {}  # text typed from here on belongs to the next question
            yield shown

    def ask(
        self, question: str, turns: list[Turn], language: str, drawn: int, request: gr.Request, alone: bool = False
    ) -> Iterator[Shown]:
        """Yield the page while a question is answered; the question is kept even if the answer fails.

        alone: ask without the earlier turns.
        """
        question = clean(question).strip()
        before = conversation.restored(turns)
        language = language or _preferred(request)
        if not question:
            yield {self.components.why: gr.skip()}
            return
        if len(question) > LONGEST_QUESTION:
            message = say("too_long", language, most=LONGEST_QUESTION, found=len(question))
            yield {self.components.status: render.notice(message, urgent=True)}
            return
        session = str(request.session_hash)
        self.sessions.stop(session)
        events = self.sessions.stream(session, question, [] if alone else conversation.history(before))
        live = Live.asked(question, language, alone)
        shown = self.view.shown(before, language, drawn, live)
        yield shown
        try:
            for event in events:
                live.hear(event)
                if isinstance(event, Evidence):
                    yield self.view.shown(before, language, shown[self.components.drawn], live)
                elif not isinstance(event, Final):
                    yield {self.components.current: self.view.current([*before, live.turn], language, live)}
        except Cancelled:
            live.stopped()
        except Exception as error:  # outermost handler: a reader must not wait forever
            if not isinstance(error, RagError):
                _LOG.exception("An answer failed unexpectedly.")
            live.broken(error)
        yield self.view.shown(before, language, shown[self.components.drawn], live)

    def halt(self, request: gr.Request) -> None:
        """Stop the answers of a reader who stops them or leaves."""
        self.sessions.stop(str(request.session_hash))

    def _judge(self, helpful: bool) -> Callable[[list[Turn], str, str], Shown]:
        def judge(turns: list[Turn], language: str, reason: str) -> Shown:
            p = self.components
            judged = conversation.restored(turns)[-1:]
            if not judged or not judged[0].get("answer"):
                return {p.why: gr.update(visible=False)}
            try:
                feedback.record(self.sessions.feedback_path, judged[0]["question"], judged[0]["answer"], helpful, reason)
            except RagError as error:
                message = say_error(type(error).__name__, language)
                return {p.status: render.notice(message, language, str(error), urgent=True)}
            return {p.status: render.notice(say("thanks", language)), p.reason: "", p.why: gr.update(visible=False)}

        return judge


def _preferred(request: gr.Request) -> str:
    return preferred(request.headers.get("accept-language", ""))


def _written(write: Callable[[Sequence[Turn]], str]) -> Callable[[list[Turn]], str]:
    """Return a function that exports the conversation stored by a browser."""
    return lambda turns: write(conversation.restored(turns))
