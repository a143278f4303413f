"""Offer the page's answers to programs, as named endpoints."""

from __future__ import annotations

from typing import Any

import gradio as gr

from rag.errors import RagError
from rag.results import Final
from rag.ui.desk import Desk


def offer_endpoints(desk: Desk) -> None:
    """Offer `/answer` and `/retrieve` to programs."""

    def answer(  # noqa: D417 - Gradio puts the request in
        question: str, history: list[dict[str, str]] | None = None, request: gr.Request | None = None
    ) -> dict[str, Any]:
        """Answer one question about the text, with citations of its exact words.

        Args:
            question: What to ask, in Chinese or English.
            history: Earlier turns, oldest first, each with a role (user or assistant) and its content.

        """
        session = str(request.session_hash) if request else ""
        try:
            for event in desk.stream(session, question, history or []):
                if isinstance(event, Final):
                    return event.answer.to_dict()
        except RagError as error:
            raise gr.Error(str(error), print_exception=False) from error
        raise gr.Error("The answer ended before it was complete; ask again.", print_exception=False)

    def retrieve(question: str) -> dict[str, Any]:
        """Find the passages and sentences of the text that most likely answer a question.

        Args:
            question: What to look for, in Chinese or English.

        """
        try:
            found = desk.answerer.retrieve(question)
        except RagError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return {"passages": [vars(p) for p in found.passages], "sentences": [vars(s) for s in found.sentences]}

    gr.api(answer, api_name="answer")
    gr.api(retrieve, api_name="retrieve")
