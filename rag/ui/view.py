"""Determine what each component of the page shows, from the conversation so far; the HTML is made in `render.py`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from rag.documents import Document
from rag.errors import RagError
from rag.ui import render
from rag.ui.article import article, lights
from rag.ui.components import OFFERED, Components
from rag.ui.conversation import Turn
from rag.ui.live import Live
from rag.ui.sessions import Answerer
from rag.ui.strings import say

Shown = dict[Any, Any]
"""Changes of the page: new values by component."""


class View:
    """Turn conversations into new values of the page's components."""

    def __init__(self, answerer: Answerer, components: Components) -> None:
        self._answerer = answerer
        self._components = components

    def labels(self, language: str) -> Shown:
        """Return the page's labels in a language."""
        p = self._components
        return {
            p.title: render.title(language),
            p.box: gr.update(placeholder=say("placeholder", language), label=say("question", language)),
            p.reason: gr.update(label=say("reason", language)),
            **{button: gr.update(value=say(name, language)) for name, button in p.buttons.items()},
        }

    def shown(self, turns: list[Turn], language: str, drawn: int = 0, live: Live | None = None) -> Shown:
        """Return the whole page except its labels.

        drawn: version of the article on the page; the article is sent again only if its version differs. live: a turn after
        the others that is being answered.
        """
        p = self._components
        answering = live is not None and live.turn["state"] == "asked"
        every = [*turns, live.turn] if live else turns
        documents = self._documents()
        version = hash((language, documents))
        offered = [] if answering else self._offered(every, language)
        buttons = [gr.update(value=question, visible=True) for question in offered]
        buttons += [gr.update(visible=False)] * (OFFERED - len(buttons))
        judged = bool(every) and "answer" in every[-1]
        return {
            p.past: render.turns(every[:-1], language),
            p.current: self.current(every, language, live),
            p.offer: render.offer(language, bool(offered), bool(every)),
            **dict(zip(p.suggested, buttons, strict=True)),
            p.article: gr.skip() if version == drawn else article(documents, language),
            p.lights: lights(documents, every, live.likely if live else (), language),
            p.status: self.notice(language),
            p.choice: gr.update(value=language, label=say("language", language), interactive=not answering),
            p.send: gr.update(value=say("send", language), visible=not answering),
            p.stop: gr.update(value=say("stop", language), visible=answering),
            p.tools: gr.update(visible=bool(every) and not answering),
            p.turn_tools: gr.update(visible=bool(every) and not answering),
            p.helpful: gr.update(value=say("helpful", language), visible=judged),
            p.unhelpful: gr.update(value=say("unhelpful", language), visible=judged),
            p.why: gr.update(visible=False),
            p.turns: every,
            p.drawn: version,
        }

    def current(self, turns: list[Turn], language: str, live: Live | None) -> str:
        """Return the last turn as HTML, or the welcome if there is none."""
        return render.turn(turns[-1], len(turns), language, live) if turns else render.welcome(language)

    def _offered(self, turns: list[Turn], language: str) -> list[str]:
        """Return questions that the article answers: related to the last citations, or examples if there are none yet."""
        if turns and not turns[-1].get("answer"):
            return []
        asked = [str(turn["question"]) for turn in turns]
        cited = [turn["answer"]["citations"] for turn in turns if turn.get("answer") and turn["answer"]["citations"]]
        try:
            found = self._answerer.suggest(language, cited, asked) if cited else self._answerer.suggest(language)
        except RagError:  # shown by `notice`, which reads the answerer's status
            return []
        return [question for question in found if question not in asked][:OFFERED]

    def _documents(self) -> tuple[Document, ...]:
        try:
            return self._answerer.documents
        except RagError:  # as above
            return ()

    def notice(self, language: str) -> str:
        """Return a notice if the answerer is not ready, "" if it is."""
        state, why = self._answerer.status()
        if state == "ready":
            return ""
        if state == "warming":
            return render.notice(say("warming", language))
        return render.notice(say("unready", language), language, why, urgent=True)
