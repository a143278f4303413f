"""Lay out the chat page and wire its parts; what they show is made in `render.py`.

The page knows an Answerer, not models: tests give it a scripted one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from rag.documents import Document
from rag.errors import Cancelled, RagError
from rag.results import Evidence, Final
from rag.ui import conversation, feedback, render
from rag.ui.conversation import Turn
from rag.ui.desk import Desk
from rag.ui.endpoints import offer_endpoints
from rag.ui.live import Live
from rag.ui.strings import DEFAULT, languages, preferred, say

LONGEST_QUESTION = 2_000
SESSIONS = 512
"""Readers that Gradio remembers; every single call of an endpoint is one, and each takes some 60 kB."""
_FOLDER = Path(__file__).parent
OFFERED = 4
"""Questions that are offered at once, at most."""
_FONTS = ["system-ui", "PingFang TC", "Microsoft JhengHei", "Noto Sans CJK TC", "sans-serif"]
_LOG = logging.getLogger("rag.ui")
THEME = gr.themes.Base(
    primary_hue="emerald", neutral_hue="stone", radius_size="lg", font=_FONTS, font_mono=["ui-monospace", "monospace"]
)
CSS = (_FOLDER / "style.css").read_text(encoding="utf-8")
Shown = dict[Any, Any]
"""What changes on the page: new values by component."""
_SAVE = "(text) => window.saveConversation(text, '{ending}')"
HEAD = f"<script>{(_FOLDER / 'script.js').read_text(encoding='utf-8')}</script>"


def create_app(desk: Desk) -> gr.Blocks:
    """Return the page; nothing is served yet."""
    with gr.Blocks(title="why-hangzhou", analytics_enabled=False, fill_width=True) as page:
        _Page(desk).build(page)
        offer_endpoints(desk)
    page.queue(default_concurrency_limit=64, max_size=256)
    page.state_session_capacity = SESSIONS
    return page


class _Page:
    """Hold the page's parts while they are wired."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def build(self, page: gr.Blocks) -> None:
        """Lay out the parts and connect them."""
        self.turns = gr.BrowserState([], storage_key="why-hangzhou-turns", secret="why-hangzhou")
        self.picked = gr.BrowserState("", storage_key="why-hangzhou-language", secret="why-hangzhou")
        self.language = gr.State("")
        self.linked = gr.State("")
        with gr.Row(elem_id="header"):
            self.title = gr.HTML(render.title(DEFAULT), elem_id="title")
            self.choice = gr.Radio(languages(), value=DEFAULT, label=say("language", DEFAULT), elem_id="language")
        with gr.Row(elem_id="panes"):
            with gr.Column(scale=5, min_width=320, elem_id="chat"):
                self._conversation()
                self._composer()
            with gr.Column(scale=5, min_width=320, elem_id="source"):
                self.article = gr.HTML("", elem_id="article-pane")
        self._wire(page)

    def _conversation(self) -> None:
        with gr.Column(elem_id="conversation"):
            self.past = gr.HTML("", elem_id="past")
            self.current = gr.HTML("", elem_id="current")
            self.offer = gr.HTML("", elem_id="offer")
            with gr.Row(elem_id="suggestions"):
                self.suggested = [gr.Button("", size="sm", elem_classes="suggestion") for _ in range(OFFERED)]

    def _composer(self) -> None:
        self.status = gr.HTML("", elem_id="status")
        with gr.Row(elem_id="composer"):
            self.box = gr.Textbox(
                placeholder=say("placeholder", DEFAULT),
                label=say("question", DEFAULT),
                lines=1,
                max_lines=6,
                scale=6,
                elem_id="box",
                max_length=20_000,
                autofocus=True,
            )
            self.send = gr.Button(say("send", DEFAULT), variant="primary", scale=1, min_width=84, elem_id="send")
            self.stop = gr.Button(say("stop", DEFAULT), variant="stop", scale=1, min_width=84, elem_id="stop", visible=False)
        with gr.Row(elem_id="why", visible=False) as self.why:
            self.reason = gr.Textbox(label=say("reason", DEFAULT), lines=1, scale=6, elem_id="reason")
            self.tell = gr.Button(say("tell", DEFAULT), size="sm", scale=1, min_width=84, elem_id="tell")
        with gr.Row(elem_id="tools", visible=False) as self.tools:
            self.helpful, self.unhelpful = _quiet("helpful"), _quiet("unhelpful")
            self.retry, self.edit, self.undo, self.new = map(_quiet, ("retry", "edit", "undo", "new"))
            self.markdown, self.json = _quiet("markdown"), _quiet("json")
            self.file = gr.Textbox(visible="hidden", elem_id="file")

    def _wire(self, page: gr.Blocks) -> None:
        changing = [self.past, self.current, self.offer, *self.suggested, self.article, self.status, self.turns]
        changing += [self.box, self.send, self.stop, self.tools, self.why, self.reason]
        labelled = [self.title, self.choice, *self._buttons().values(), self.language, self.picked, self.linked]
        view = [self.turns, self.language]
        quiet: dict[str, Any] = {"api_name": False, "show_progress": "hidden"}
        # The box is left alone: a reader may be typing in it already.
        opened = [part for part in (*changing, *labelled) if part is not self.box]
        page.load(self.open, [self.turns, self.picked], [*opened, self.box], **quiet).then(
            self.ask_linked, [self.linked, *view], changing, **quiet
        )
        page.load(self.await_ready, self.language, self.status, **quiet)
        self.choice.input(self.switch, [self.turns, self.choice], [*changing, *labelled], **quiet)
        for trigger in (self.box.submit, self.send.click):
            trigger(self.ask, [self.box, *view], changing, **quiet)
        for button in self.suggested:
            button.click(self.ask_alone, [button, *view], changing, **quiet)
        self.stop.click(self.halt, None, None, queue=False, **quiet)
        self.retry.click(self.ask_again, view, changing, **quiet)
        self.edit.click(self.take_back, view, changing, **quiet)
        self.undo.click(lambda *view: self._shown(conversation.kept(view[0])[:-1], view[1]), view, changing, **quiet)
        self.new.click(lambda language: self._shown([], language), self.language, changing, **quiet)
        for button, ending, write in (
            (self.markdown, "md", conversation.to_markdown),
            (self.json, "json", conversation.to_json),
        ):
            button.click(_written(write), self.turns, self.file, **quiet).then(
                None, self.file, None, js=_SAVE.format(ending=ending), api_name=False
            )
        self.helpful.click(self._judge(True), [*view, self.reason], changing, **quiet)
        self.unhelpful.click(lambda: gr.update(visible=True), None, self.why, **quiet)
        for trigger in (self.tell.click, self.reason.submit):
            trigger(self._judge(False), [*view, self.reason], changing, **quiet)
        page.unload(self.halt)

    def _buttons(self) -> dict[str, Any]:
        """Return the buttons whose label only changes with the language."""
        names = ("tell", "helpful", "unhelpful", "retry", "edit", "undo", "new", "markdown", "json")
        return {name: getattr(self, name) for name in names}

    def open(self, turns: list[Turn], picked: str, request: gr.Request) -> Shown:
        """Return the page in the reader's language, with its kept conversation and the question that its link asks."""
        known = {code for _, code in languages()}
        language = picked if picked in known else _preferred(request)
        asked = str(request.query_params.get("q", "")).strip()
        before = conversation.kept(turns)
        linked = "" if before and before[-1]["question"] == asked else asked
        return {self.linked: linked, **self._labels(language), **self._shown(before, language)}

    def switch(self, turns: list[Turn], language: str) -> Shown:
        """Return the page in another language, which the browser keeps."""
        return {self.picked: language, **self._labels(language), **self._shown(conversation.kept(turns), language)}

    def _labels(self, language: str) -> Shown:
        return {
            self.language: language,
            self.title: render.title(language),
            self.choice: gr.update(value=language, label=say("language", language)),
            self.box: gr.update(placeholder=say("placeholder", language), label=say("question", language)),
            self.reason: gr.update(label=say("reason", language)),
            **{button: gr.update(value=say(name, language)) for name, button in self._buttons().items()},
        }

    def _shown(self, turns: list[Turn], language: str, live: Live | None = None) -> Shown:
        """Return the whole page but for its labels; `live` is a turn behind the others that is being answered."""
        answering = live is not None and live.turn["state"] == "asked"
        every = [*turns, live.turn] if live else turns
        offered = [] if answering else self._offered(every, language)
        buttons = [gr.update(value=question, visible=True) for question in offered]
        buttons += [gr.update(visible=False)] * (OFFERED - len(buttons))
        return {
            self.past: render.turns(every[:-1], language),
            self.current: self._current(every, language, live),
            self.offer: render.offer(language, bool(offered), bool(every)),
            **dict(zip(self.suggested, buttons, strict=True)),
            self.article: render.article(self._documents(), every, live.likely if live else (), language),
            self.status: self._notice(language),
            self.turns: every,
            self.send: gr.update(value=say("send", language), visible=not answering),
            self.stop: gr.update(value=say("stop", language), visible=answering),
            self.tools: gr.update(visible=bool(every) and not answering),
            self.why: gr.update(visible=False),
        }

    def _current(self, turns: list[Turn], language: str, live: Live | None) -> str:
        return render.turn(turns[-1], len(turns), language, live) if turns else render.welcome(language)

    def _offered(self, turns: list[Turn], language: str) -> list[str]:
        """Return questions that the article answers: examples at first, then what lies near the last answer."""
        asked = [str(turn["question"]) for turn in turns]
        answers = [turn["answer"] for turn in turns if turn.get("answer")]
        if turns and not turns[-1].get("answer"):
            return []
        try:
            return self.desk.answerer.suggest(language, [a["citations"] for a in answers], asked)[:OFFERED]
        except RagError:  # told by the notice, which asks the same answerer for its state
            return []

    def _documents(self) -> tuple[Document, ...]:
        try:
            return self.desk.answerer.documents
        except RagError:  # as above
            return ()

    def _notice(self, language: str) -> str:
        """Return what a reader should know before asking, as long as it is so."""
        state, why = self.desk.answerer.status()
        if state == "ready":
            return ""
        return f'<p role="status">{escape(say("warming", language) if state == "warming" else why)}</p>'

    def await_ready(self, language: str, request: gr.Request) -> Iterator[str]:
        """Yield the notice until the models are loaded."""
        language = language or _preferred(request)
        while self.desk.answerer.status()[0] == "warming":
            yield self._notice(language)
            time.sleep(0.5)
        yield self._notice(language)

    def ask_linked(self, asked: str, turns: list[Turn], language: str, request: gr.Request) -> Iterator[Shown]:
        """Ask at once what a link asks."""
        if asked.strip():
            yield from self.ask(asked, turns, language, request)
        else:
            yield {self.why: gr.skip()}

    def ask_again(self, turns: list[Turn], language: str, request: gr.Request) -> Iterator[Shown]:
        """Ask the last question again."""
        before = conversation.kept(turns)
        if before:
            yield from self.ask(str(before[-1]["question"]), before[:-1], language, request)
        else:
            yield {self.why: gr.skip()}

    def take_back(self, turns: list[Turn], language: str) -> Shown:
        """Return the page with the last question in the box, for editing."""
        before = conversation.kept(turns)
        return {self.box: str(before[-1]["question"]) if before else "", **self._shown(before[:-1], language)}

    def ask_alone(self, question: str, turns: list[Turn], language: str, request: gr.Request) -> Iterator[Shown]:
        """Ask an offered question: it says all that it asks, and was found to be answered without what came before."""
        yield from self.ask(question, turns, language, request, alone=True)

    def ask(self, question: str, turns: list[Turn], language: str, request: gr.Request, alone: bool = False) -> Iterator[Shown]:
        """Yield the page as a question is answered; the question is never lost."""
        question = question.strip()
        before = conversation.kept(turns)
        language = language or _preferred(request)
        if not question:
            yield {self.box: ""}
            return
        if len(question) > LONGEST_QUESTION:
            told = say("too_long", language, most=LONGEST_QUESTION, found=len(question))
            yield {self.status: f'<p role="alert">{told}</p>'}
            return
        session = str(request.session_hash)
        self.desk.stop(session)
        events = self.desk.stream(session, question, [] if alone else conversation.history(before))
        live = Live.asked(question, language)
        yield {self.box: "", **self._shown(before, language, live)}
        try:
            for event in events:
                live.hear(event)
                if isinstance(event, Evidence):
                    yield self._shown(before, language, live)
                elif not isinstance(event, Final):
                    yield {self.current: self._current([*before, live.turn], language, live)}
        except Cancelled:
            live.stopped()
        except Exception as error:  # the page is the outermost edge: a reader must not wait for ever
            if not isinstance(error, RagError):
                _LOG.exception("An answer failed in a way that was not foreseen.")
            live.broken(error)
        yield self._shown(before, language, live)

    def halt(self, request: gr.Request) -> None:
        """End the answer of a reader who stops or leaves."""
        self.desk.stop(str(request.session_hash))

    def _judge(self, helpful: bool) -> Callable[[list[Turn], str, str], Shown]:
        def judge(turns: list[Turn], language: str, reason: str) -> Shown:
            answered = [turn for turn in conversation.kept(turns) if turn.get("answer")]
            if not answered:
                return {self.why: gr.update(visible=False)}
            try:
                feedback.record(self.desk.feedback_path, answered[-1]["question"], answered[-1]["answer"], helpful, reason)
            except RagError as error:
                return {self.status: f'<p role="alert">{escape(str(error))}</p>'}
            thanks = f'<p role="status">{escape(say("thanks", language))}</p>'
            return {self.status: thanks, self.reason: "", self.why: gr.update(visible=False)}

        return judge


def _quiet(name: str) -> gr.Button:
    """Return a small button that bears its own name."""
    return gr.Button(say(name, DEFAULT), size="sm", min_width=40, elem_id=name, elem_classes="tool")


def _preferred(request: gr.Request) -> str:
    return preferred(request.headers.get("accept-language", ""))


def _written(write: Callable[[Sequence[Turn]], str]) -> Callable[[list[Turn]], str]:
    """Return a writer of the conversation that a browser kept."""
    return lambda turns: write(conversation.kept(turns))
