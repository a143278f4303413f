"""Render a conversation as HTML. Everything from a question or a model is escaped here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rag.results import MARK, Citation, without_marks
from rag.ui.article import sentence_id
from rag.ui.conversation import ASIDES, Turn
from rag.ui.live import Live
from rag.ui.strings import say, say_error

LONGEST_SHOWN = 60
"""Maximum number of characters of a question that a decline repeats."""
TALL = 300
"""Characters above which a question's bubble scrolls, and can take the focus."""


def title(language: str) -> str:
    """Return the page's title and the sentence below it that describes its purpose."""
    return f'<h1>{escape(say("title", language))}</h1><p id="lead">{escape(say("lead", language))}</p>'


def welcome(language: str) -> str:
    """Return the welcome that is shown before there is a conversation."""
    items = "".join(f"<li>{escape(say(f'welcome_{name}', language))}</li>" for name in ("evidence", "marks", "declined"))
    asked = escape(say("welcome", language))
    return f'<div class="welcome" data-language="{escape(language)}"><h2>{asked}</h2><ul>{items}</ul></div>'


def offer(language: str, offered: bool, begun: bool) -> str:
    """Return the line above the suggested questions, "" if there are none."""
    return f"<p>{escape(say('next' if begun else 'try', language))}</p>" if offered else ""


def turns(before: Sequence[Turn], language: str) -> str:
    """Return the finished turns of a conversation."""
    return "".join(turn(each, number, language) for number, each in enumerate(before, start=1))


def notice(text: str, language: str = "", details: str = "", urgent: bool = False) -> str:
    """Return a line above the question box, followed by details that the reader can unfold."""
    role = "alert" if urgent else "status"
    return f'<p role="{role}">{escape(text)}</p>{_fold(details, language) if details else ""}'


def _fold(details: str, language: str) -> str:
    """Return details that the reader can unfold: the text of an error, which is in English."""
    return f'<details><summary>{escape(say("details", language))}</summary><code lang="en">{escape(details)}</code></details>'


def turn(shown: Turn, number: int, language: str, live: Live | None = None) -> str:
    """Return one question and its reply.

    live: the turn's progress while it is being answered. `data-heard` is the text for screen readers, which `script.js`
    announces when it changes.
    """
    asked = str(shown["question"])
    tall = ' tabindex="0"' if len(asked) > TALL or asked.count("\n") > 5 else ""
    question = f'<div class="question" role="article" aria-label="{escape(say("question", language))} {number}"{tall}>'
    heard, body = _reply(shown, language, live)
    state = escape(str(shown["state"]))
    look = f"{state} aside" if _aside(shown) else state
    attributes = f'class="reply {look}" data-turn="{number}" data-state="{state}" data-heard="{escape(heard)}"'
    name = f'role="article" aria-label="{escape(say("answer", language))} {number}"'
    busy = ' aria-busy="true"' if state == "asked" else ""
    return (
        f'<div class="turn" data-language="{escape(language)}">{question}<p>{_lines(asked)}</p></div>'
        f"<div {attributes} {name}{busy}>{body}</div></div>"
    )


def _aside(shown: Turn) -> bool:
    """Return whether a turn was small talk or an instruction: nothing was asked about the article."""
    return (shown.get("answer") or {}).get("reason") in ASIDES


def _reply(shown: Turn, language: str, live: Live | None) -> tuple[str, str]:
    """Return the text of a reply for screen readers, and its HTML."""
    state = shown["state"]
    draft = f'<p class="draft answer">{_lines(str(shown["draft"]))}</p>' if shown.get("draft") else ""
    if state == "asked":
        progress, stage, likely = (live.progress, live.stage, live.likely) if live else ("", "", ())
        return stage, f'{draft}<p class="progress">{escape(progress)}</p>{_evidence(likely, language)}'
    if state == "stopped":
        label = say("stopped", language)
        return label, f'{draft}<p class="label">{escape(label)}</p>'
    if state == "broken":
        label, why = say("broken", language), say_error(str(shown.get("kind", "")), language)
        details = ": ".join(str(shown[name]) for name in ("kind", "error") if shown.get(name))
        return (
            f"{label}: {why}",
            f'<p class="label"><span aria-hidden="true">⚠ </span>{escape(label)}</p><p>{escape(why)}</p>'
            f"{_fold(details, language)}",
        )
    answer = shown["answer"]
    label = say("declined", language) if state == "declined" and not _aside(shown) else ""
    return f"{label} {without_marks(str(answer['text']))}".strip(), (
        f"{_looked_for(shown, label, language) if label else ''}"
        f'<p class="answer" lang="{escape(str(answer["language"]))}">{_marked(answer)}</p>'
        f'<div class="foot"><p class="meter">{escape(_meter(answer, language))}</p>{_copies(language)}</div>'
    )


def _looked_for(shown: Turn, label: str, language: str) -> str:
    """Return the head of a decline: its label, and what was searched for."""
    asked = " ".join(str(shown["question"]).split())
    asked = asked if len(asked) <= LONGEST_SHOWN else asked[: LONGEST_SHOWN - 1] + "…"
    found = say("looked_for", language, question=asked, passages=len(shown["answer"]["passages"]))
    return f'<p class="label"><span aria-hidden="true">○ </span>{escape(label)}</p><p class="hint">{escape(found)}</p>'


def _copies(language: str) -> str:
    done = escape(say("copied", language))
    buttons = (
        f'<button type="button" class="quiet" data-copy="{kind}" data-done="{done}">{escape(say(name, language))}</button>'
        for kind, name in (("marked", "copy"), ("plain", "copy_plain"))
    )
    return f'<p class="copies">{"".join(buttons)}</p>'


def _evidence(likely: Sequence[Citation], language: str) -> str:
    """Return the likely sentences, each as a button that leads to its place in the article."""
    if not likely:
        return ""
    rows = "".join(
        f'<li><button type="button" class="evidence" data-target="{sentence_id(found.source, found.start, found.end)}">'
        f"{escape(found.quote)}</button></li>"
        for found in likely
    )
    return f'<p class="hint">{escape(say("likely", language))}</p><ol class="likely">{rows}</ol>'


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _marked(answer: Mapping[str, Any]) -> str:
    """Return an answer's text with its citation marks as buttons that lead to the source."""
    citations = {int(c["marker"]): c for c in answer["citations"]}

    def button(match: re.Match[str]) -> str:
        citation = citations.get(int(match.group(1)))
        if citation is None:
            return match.group()
        quote = escape(str(citation["quote"]), quote=True)
        target = sentence_id(str(citation["source"]), int(citation["start"]), int(citation["end"]))
        return (
            f'<button type="button" class="mark" data-target="{target}" data-quote="{quote}" '
            f'aria-label="[{match.group(1)}] {quote}">{match.group(1)}</button>'
        )

    return MARK.sub(button, _lines(str(answer["text"])))


def _meter(answer: Mapping[str, Any], language: str) -> str:
    timings = answer["timings"]
    return say(
        "meter",
        language,
        passages=len(answer["passages"]),
        evidence=f"{timings['retrieve_s']:.2f}",
        first=f"{timings['first_token_s']:.1f}",
        total=f"{timings['total_s']:.1f}",
        tokens=timings["prompt_tokens"] + timings["completion_tokens"],
        engine=answer["engine"],
    )
