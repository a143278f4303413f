"""Offer answers and retrieval to programs, as named Gradio endpoints; Gradio publishes the endpoints' docstrings."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from rag.errors import GenerationError, RagError
from rag.results import Final
from rag.ui.sessions import AnswerSessions

_LOG = logging.getLogger("rag.ui")


@contextmanager
def _told() -> Iterator[None]:
    """Raise gr.Error with a sentence for the caller; the text of an unexpected error goes to the log only."""
    try:
        yield
    except RagError as error:
        raise gr.Error(str(error), print_exception=False) from error
    except Exception as error:
        _LOG.exception("A call failed unexpectedly.")
        raise gr.Error("The call failed unexpectedly; see the log.", print_exception=False) from error


def offer_endpoints(sessions: AnswerSessions) -> None:
    """Register the endpoints `/answer` and `/retrieve`."""

    def answer(  # noqa: D417 - Gradio puts the request in
        question: str, history: list[dict[str, str]] | None = None, request: gr.Request | None = None
    ) -> dict[str, Any]:
        """Answer one question about the text, with citations of its exact words.

        Args:
            question: What to ask, in Chinese or English.
            history: Earlier turns, oldest first, each with a role (user or assistant) and its content.

        """
        session = str(request.session_hash) if request else ""
        with _told():
            for event in sessions.stream(session, question, history or []):
                if isinstance(event, Final):
                    return event.answer.to_dict()
            raise GenerationError("The answer ended before it was complete; ask again.")

    def retrieve(question: str) -> dict[str, Any]:
        """Find the passages and sentences of the text that most likely answer a question.

        Args:
            question: What to look for, in Chinese or English.

        """
        with _told():
            found = sessions.answerer.retrieve(question)
        return {"passages": [vars(p) for p in found.passages], "sentences": [vars(s) for s in found.sentences]}

    gr.api(answer, api_name="answer")
    gr.api(retrieve, api_name="retrieve")
