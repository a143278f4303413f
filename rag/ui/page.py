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
from rag.results import Event, Evidence, Final, Progress, Token
from rag.ui import conversation, feedback, render
from rag.ui.conversation import Turn
from rag.ui.desk import Desk
from rag.ui.endpoints import offer_endpoints
from rag.ui.strings import DEFAULT, examples, languages, preferred, say

LONGEST_QUESTION = 2_000
SESSIONS = 512
"""Readers that Gradio remembers; every single call of an endpoint is one, and each takes some 60 kB."""
_FOLDER = Path(__file__).parent
_FONTS = ["system-ui", "Noto Sans CJK TC", "PingFang TC", "Microsoft JhengHei", "sans-serif"]
_LOG = logging.getLogger("rag.ui")
THEME = gr.themes.Soft(primary_hue="emerald", font=_FONTS, font_mono=["ui-monospace", "monospace"])
CSS = (_FOLDER / "style.css").read_text(encoding="utf-8")
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
        self.language = gr.State(DEFAULT)
        self.linked = gr.State("")
        self.picked = gr.BrowserState("", storage_key="why-hangzhou-language", secret="why-hangzhou")
        with gr.Row():
            self.title = gr.Markdown(f"# {say('title', DEFAULT)}", elem_id="title")
            self.choice = gr.Radio(
                languages(), value=DEFAULT, label=say("language", DEFAULT), elem_id="language", min_width=320
            )
        self.lead = gr.HTML(f'<p id="lead">{say("lead", DEFAULT)}</p>')
        with gr.Row(elem_id="panes"):
            with gr.Column(scale=5, min_width=320):
                self._chat()
            with gr.Column(scale=4, min_width=320):
                self.article = gr.HTML("", elem_id="article-pane")
        self._wire(page)

    def _chat(self) -> None:
        self.status = gr.HTML("", elem_id="status")
        self.transcript = gr.HTML("", elem_id="transcript-pane")
        with gr.Row(elem_id="suggestions"):
            self.suggested = [gr.Button("", size="sm", elem_classes="suggestion", min_width=140) for _ in range(4)]
        with gr.Row():
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
            self.send = gr.Button(say("send", DEFAULT), variant="primary", scale=1, min_width=90, elem_id="send")
            self.stop = gr.Button(say("stop", DEFAULT), variant="stop", scale=1, min_width=90, elem_id="stop")
        with gr.Row(elem_id="tools"):
            names = ("retry", "edit", "undo", "new")
            self.tools = {name: gr.Button(say(name, DEFAULT), size="sm", min_width=80, elem_id=name) for name in names}
            self.files = {n: gr.Button(say(n, DEFAULT), size="sm", min_width=90, elem_id=n) for n in ("markdown", "json")}
            self.file = gr.Textbox(visible="hidden", elem_id="file")
        with gr.Row(elem_id="feedback"):
            self.reason = gr.Textbox(label=say("reason", DEFAULT), lines=1, scale=4, elem_id="reason")
            thumbs = ("helpful", "unhelpful")
            self.thumbs = {name: gr.Button(say(name, DEFAULT), size="sm", min_width=90, elem_id=name) for name in thumbs}

    def _wire(self, page: gr.Blocks) -> None:
        shown = [self.transcript, self.article, self.status, self.turns, *self.suggested]
        view = [self.turns, self.language]
        # The box is left alone: a reader may be typing in it already.
        opened = [self.language, self.choice, self.linked, *self._labelled(), *shown]
        page.load(self.open, [self.turns, self.picked], opened, api_name=False).then(
            self.ask_linked, [self.linked, *view], [self.box, *shown], api_name=False
        )
        page.load(self.await_ready, self.language, self.status, api_name=False)
        switched = [self.picked, self.language, *self._labelled(), *shown]
        self.choice.input(self.switch, [self.turns, self.choice], switched, api_name=False)
        for trigger in (self.box.submit, self.send.click):
            trigger(self.ask, [self.box, *view], [self.box, *shown], api_name=False)
        for button in self.suggested:
            button.click(self.ask, [button, *view], [self.box, *shown], api_name=False)
        self.stop.click(self.halt, None, None, api_name=False, queue=False)
        self.tools["retry"].click(self.ask_again, view, [self.box, *shown], api_name=False)
        self.tools["edit"].click(self.take_back, self.turns, [self.box, self.turns], api_name=False).then(
            self.redraw, view, shown, api_name=False
        )
        self.tools["undo"].click(lambda turns: conversation.kept(turns)[:-1], self.turns, self.turns, api_name=False).then(
            self.redraw, view, shown, api_name=False
        )
        self.tools["new"].click(list, None, self.turns, api_name=False).then(self.redraw, view, shown, api_name=False)
        for name, ending, write in (("markdown", "md", conversation.to_markdown), ("json", "json", conversation.to_json)):
            self.files[name].click(_written(write), self.turns, self.file, api_name=False).then(
                None, self.file, None, js=_SAVE.format(ending=ending), api_name=False
            )
        for name, button in self.thumbs.items():
            button.click(self._judge(name == "helpful"), [*view, self.reason], [self.status, self.reason], api_name=False)
        page.unload(self.halt)

    def _labelled(self) -> list[Any]:
        fixed = [self.title, self.choice, self.lead, self.box, self.send, self.stop, self.reason]
        return [*fixed, *self.tools.values(), *self.files.values(), *self.thumbs.values()]

    def open(self, turns: list[Turn], picked: str, request: gr.Request) -> list[Any]:
        """Return the page in the reader's language, with its kept conversation and the question that its link asks."""
        known = {code for _, code in languages()}
        language = picked if picked in known else preferred(request.headers.get("accept-language", ""))
        asked = str(request.query_params.get("q", "")).strip()
        before = conversation.kept(turns)
        linked = "" if before and before[-1]["question"] == asked else asked
        return [language, language, linked, *self.relabel(language), *self._shown(before, language)]

    def switch(self, turns: list[Turn], language: str) -> list[Any]:
        """Return the page in another language, which the browser keeps."""
        return [language, language, *self.relabel(language), *self._shown(conversation.kept(turns), language)]

    def relabel(self, language: str) -> list[Any]:
        """Return every label in a language."""

        def button(name: str) -> Any:
            return gr.update(value=say(name, language))

        return [
            f"# {say('title', language)}",
            gr.update(label=say("language", language)),
            f'<p id="lead">{say("lead", language)}</p>',
            gr.update(placeholder=say("placeholder", language), label=say("question", language)),
            *(button(name) for name in ("send", "stop")),
            gr.update(label=say("reason", language)),
            *(button(name) for name in (*self.tools, *self.files, *self.thumbs)),
        ]

    def redraw(self, turns: list[Turn], language: str) -> list[Any]:
        """Return the whole page for a conversation."""
        return self._shown(conversation.kept(turns), language)

    def _shown(self, turns: list[Turn], language: str, progress: str = "", likely: Sequence[render.Span] = ()) -> list[Any]:
        offered = [] if turns else examples(language)
        buttons = [gr.update(value=q, visible=True) for q in offered[:4]]
        buttons += [gr.update(visible=False)] * (4 - len(buttons))
        return [
            render.transcript(turns, language, progress),
            render.article(self._documents(), turns, likely, language),
            self._notice(language),
            turns,
            *buttons,
        ]

    def _documents(self) -> tuple[Document, ...]:
        try:
            return self.desk.answerer.documents
        except RagError:  # told by the notice, which asks the same answerer for its state
            return ()

    def _notice(self, language: str) -> str:
        """Return what a reader should know before asking, as long as it is so."""
        state, why = self.desk.answerer.status()
        if state == "ready":
            return ""
        return f'<p role="status">{escape(say("warming", language) if state == "warming" else why)}</p>'

    def await_ready(self, language: str) -> Iterator[str]:
        """Yield the notice until the models are loaded."""
        while self.desk.answerer.status()[0] == "warming":
            yield self._notice(language)
            time.sleep(0.5)
        yield self._notice(language)

    def ask_linked(self, asked: str, turns: list[Turn], language: str, request: gr.Request) -> Iterator[list[Any]]:
        """Ask at once what a link asks."""
        if asked.strip():
            yield from self.ask(asked, turns, language, request)
        else:
            yield [gr.skip()] * 9

    def ask_again(self, turns: list[Turn], language: str, request: gr.Request) -> Iterator[list[Any]]:
        """Ask the last question again."""
        before = conversation.kept(turns)
        if before:
            yield from self.ask(str(before[-1]["question"]), before[:-1], language, request)

    def take_back(self, turns: list[Turn]) -> tuple[str, list[Turn]]:
        """Return the last question for editing, and the conversation before it."""
        before = conversation.kept(turns)
        return (str(before[-1]["question"]), before[:-1]) if before else ("", [])

    def ask(self, question: str, turns: list[Turn], language: str, request: gr.Request) -> Iterator[list[Any]]:
        """Yield the page as a question is answered; the question is never lost."""
        question = question.strip()
        before = conversation.kept(turns)
        if not question:
            yield ["", *self._shown(before, language)]
            return
        if len(question) > LONGEST_QUESTION:
            page = self._shown(before, language)
            page[2] = f'<p role="alert">{say("too_long", language, most=LONGEST_QUESTION, found=len(question))}</p>'
            yield [question, *page]
            return
        session = str(request.session_hash)
        self.desk.stop(session)
        events = self.desk.stream(session, question, conversation.history(before))
        turn: Turn = {"question": question, "state": "asked", "draft": ""}
        likely: list[render.Span] = []
        progress = say("searching", language)
        yield ["", *self._shown([*before, turn], language, progress)]
        try:
            for event in events:
                progress = self._heard(event, turn, likely, language) or progress
                if not isinstance(event, Final):
                    page = self._shown([*before, turn], language, progress, likely)
                    if not isinstance(event, Evidence):
                        page[1] = gr.skip()  # the article changes with the evidence and with the answer only
                    yield ["", *page]
        except Cancelled:
            turn["state"] = "stopped"
        except RagError as error:
            turn.update(state="broken", error=str(error), kind=type(error).__name__)
        except Exception as error:  # the page is the outermost edge: a reader must not wait for ever
            _LOG.exception("An answer failed in a way that was not foreseen.")
            turn.update(state="broken", error=say("unforeseen", language), kind=type(error).__name__)
        yield ["", *self._shown([*before, turn], language, "", likely if turn["state"] != "answered" else ())]

    @staticmethod
    def _heard(event: Event, turn: Turn, likely: list[render.Span], language: str) -> str:
        """Take one event into a turn, and return what to tell of the progress."""
        if isinstance(event, Evidence):
            likely[:] = [(c.source, c.start, c.end) for c in event.sentences]
            return say("reading", language, percent=0)
        if isinstance(event, Progress):
            if event.stage == "waiting":
                return say("waiting", language, place=event.place, seconds=round(event.expected_s))
            return (
                say("reading", language, percent=round(100 * event.fraction))
                if event.stage == "reading"
                else say("checking", language)
            )
        if isinstance(event, Token):
            turn["draft"] += event.text
            return say("writing", language)
        turn.update(state="answered" if event.answer.answerable else "declined", answer=event.answer.to_dict())
        turn.pop("draft", None)
        return ""

    def halt(self, request: gr.Request) -> None:
        """End the answer of a reader who stops or leaves."""
        self.desk.stop(str(request.session_hash))

    def _judge(self, helpful: bool) -> Callable[[list[Turn], str, str], tuple[str, str]]:
        def judge(turns: list[Turn], language: str, reason: str) -> tuple[str, str]:
            answered = [turn for turn in conversation.kept(turns) if turn.get("answer")]
            if not answered:
                return "", reason
            try:
                feedback.record(self.desk.feedback_path, answered[-1]["question"], answered[-1]["answer"], helpful, reason)
            except RagError as error:
                return f'<p role="alert">{escape(str(error))}</p>', reason
            return f'<p role="status">{say("thanks", language)}</p>', ""

        return judge


def _written(write: Callable[[Sequence[Turn]], str]) -> Callable[[list[Turn]], str]:
    """Return a writer of the conversation that a browser kept."""
    return lambda turns: write(conversation.kept(turns))
