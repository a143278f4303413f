"""Lay out the parts of the chat page, empty; `page.py` fills and connects them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from rag.ui.render import title
from rag.ui.strings import DEFAULT, languages, say

OFFERED = 4
"""Maximum number of suggested questions shown at once."""
_FOLDER = Path(__file__).parent
_FONTS = ["system-ui", "sans-serif"]
"""Fonts of the Gradio theme; `style.css` sets those of each script."""


def look() -> dict[str, Any]:
    """Return the theme, style sheet and script of the page, as arguments of `gr.mount_gradio_app`."""
    theme = gr.themes.Base(
        primary_hue="emerald", neutral_hue="stone", radius_size="lg", font=_FONTS, font_mono=["ui-monospace", "monospace"]
    )
    script = (_FOLDER / "script.js").read_text(encoding="utf-8")
    style = (_FOLDER / "style.css").read_text(encoding="utf-8")
    return {"theme": theme, "css": style, "head": f"<script>{script}</script>"}


class Components:
    """The components of the page.

    The browser stores `turns`, the conversation, and `picked`, the language that the reader chose. `linked` is a question from
    the page's URL, and `drawn` the version of the article that the page shows.
    """

    def __init__(self) -> None:
        self.turns = gr.BrowserState([], storage_key="why-hangzhou-turns", secret="why-hangzhou")
        self.picked = gr.BrowserState("", storage_key="why-hangzhou-language", secret="why-hangzhou")
        self.linked = gr.State("")
        self.drawn = gr.State(0)
        with gr.Row(elem_id="header"):
            self.title = gr.HTML(title(DEFAULT), elem_id="title")
            self.choice = gr.Radio(languages(), value=None, label=say("language", DEFAULT), elem_id="language")
        with gr.Row(elem_id="panes"):
            with gr.Column(scale=5, min_width=320, elem_id="chat"):
                self._conversation()
                self._composer()
            with gr.Column(scale=5, min_width=320, elem_id="source"):
                self.article = gr.HTML("", elem_id="article-pane")
                self.lights = gr.HTML("", elem_id="lights-pane")

    def _conversation(self) -> None:
        with gr.Column(elem_id="conversation"):
            self.past = gr.HTML("", elem_id="past")
            self.current = gr.HTML("", elem_id="current")
            with gr.Row(elem_id="turn-tools", visible=False) as self.turn_tools:
                self.helpful, self.unhelpful = _quiet("helpful"), _quiet("unhelpful")
                self.retry, self.edit, self.undo = map(_quiet, ("retry", "edit", "undo"))
            with gr.Row(elem_id="why", visible=False) as self.why:
                self.reason = gr.Textbox(label=say("reason", DEFAULT), lines=1, scale=6, elem_id="reason")
                self.tell = gr.Button(say("tell", DEFAULT), size="sm", scale=1, min_width=84, elem_id="tell")
            self.offer = gr.HTML("", elem_id="offer")
            with gr.Row(elem_id="suggestions"):
                self.suggested = [gr.Button("", size="sm", elem_classes="suggestion", visible=False) for _ in range(OFFERED)]

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
        with gr.Row(elem_id="tools", visible=False) as self.tools:
            self.new, self.markdown, self.json = map(_quiet, ("new", "markdown", "json"))
            self.file = gr.Textbox(visible="hidden", elem_id="file")

    @property
    def changing(self) -> list[Any]:
        """Return the components that change when questions are asked."""
        shown = [self.past, self.current, self.offer, *self.suggested, self.article, self.lights, self.status]
        tools = [self.send, self.stop, self.tools, self.turn_tools, self.helpful, self.unhelpful, self.why, self.choice]
        return [*shown, *tools, self.turns, self.drawn]

    @property
    def labelled(self) -> list[Any]:
        """Return the components that change only with the language."""
        return [self.title, self.box, self.reason, self.picked, *self.buttons.values()]

    @property
    def buttons(self) -> dict[str, Any]:
        """Return, by name, the buttons of which only the label changes."""
        names = ("tell", "retry", "edit", "undo", "new", "markdown", "json")
        return {name: getattr(self, name) for name in names}


def _quiet(name: str) -> gr.Button:
    """Return a small button; its label and its element id follow from its name."""
    return gr.Button(say(name, DEFAULT), size="sm", min_width=40, elem_id=name, elem_classes="tool")
