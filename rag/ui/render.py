"""Turn values into the HTML that a reader sees. Everything from a question, a document or a model is escaped here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rag.documents import Document
from rag.results import Citation
from rag.text import script
from rag.ui.conversation import Turn, without_marks
from rag.ui.live import Live
from rag.ui.strings import say

_MARK = re.compile(r"\[(\d+)\]")
Span = tuple[str, int, int]


def span_id(source: str, start: int, end: int) -> str:
    """Return the page's id of a stretch of a source."""
    return f"s-{re.sub(r'[^A-Za-z0-9]', '-', source)}-{start}-{end}"


def title(language: str) -> str:
    """Return the page's name and the one sentence that says what it is for."""
    return f'<h1>{escape(say("title", language))}</h1><p id="lead">{escape(say("lead", language))}</p>'


def welcome(language: str) -> str:
    """Return what a newcomer sees in place of a conversation."""
    told = "".join(f"<li>{escape(say(f'welcome_{name}', language))}</li>" for name in ("evidence", "marks", "declined"))
    asked = escape(say("welcome", language))
    return f'<div class="welcome" data-language="{escape(language)}"><h2>{asked}</h2><ul>{told}</ul></div>'


def offer(language: str, offered: bool, begun: bool) -> str:
    """Return the line above the questions that are offered."""
    return f"<p>{escape(say('next' if begun else 'try', language))}</p>" if offered else ""


def turns(before: Sequence[Turn], language: str) -> str:
    """Return the turns of a conversation that are over."""
    return "".join(turn(each, number, language) for number, each in enumerate(before, start=1))


def turn(shown: Turn, number: int, language: str, live: Live | None = None) -> str:
    """Return one question and what became of it; `live` while it is being answered.

    `data-heard` is what a screen reader is told: `script.js` speaks it when it changes.
    """
    question = f'<div class="question" role="article" aria-label="{escape(say("question", language))} {number}">'
    heard, body = _reply(shown, language, live)
    state = escape(str(shown["state"]))
    attributes = f'class="reply {state}" data-turn="{number}" data-state="{state}" data-heard="{escape(heard)}"'
    name = f'role="article" aria-label="{escape(say("answer", language))} {number}"'
    busy = ' aria-busy="true"' if state == "asked" else ""
    return (
        f'<div class="turn" data-language="{escape(language)}">{question}<p>{_lines(str(shown["question"]))}</p></div>'
        f"<div {attributes} {name}{busy}>{body}</div></div>"
    )


def _reply(shown: Turn, language: str, live: Live | None) -> tuple[str, str]:
    """Return what a reader hears of a reply, and what a reader sees."""
    state = shown["state"]
    draft = f'<p class="draft">{_lines(str(shown["draft"]))}</p>' if shown.get("draft") else ""
    if state == "asked":
        progress, stage, likely = (live.progress, live.stage, live.likely) if live else ("", "", ())
        return stage, f'<p class="progress">{escape(progress)}</p>{_evidence(likely, language)}{draft}'
    if state == "stopped":
        told = say("stopped", language)
        return told, f'{draft}<p class="label">{escape(told)}</p>'
    if state == "broken":
        told, why = say("broken", language), str(shown.get("error", ""))
        return (
            f"{told}: {why}",
            f'<p class="label"><span aria-hidden="true">⚠ </span>{escape(told)}</p><p>{escape(why)}</p>'
            f"<p>{escape(say('broken_help', language))}</p><details><summary>{escape(say('details', language))}</summary>"
            f"<code>{escape(str(shown.get('kind', '')))}</code></details>",
        )
    answer = shown["answer"]
    label = say("declined", language) if state == "declined" else ""
    shape = f'<p class="label"><span aria-hidden="true">○ </span>{escape(label)}</p>' if label else ""
    copy = "".join(
        f'<button type="button" class="quiet" data-copy="{kind}" data-done="{escape(say("copied", language))}">'
        f"{escape(say(name, language))}</button>"
        for kind, name in (("marked", "copy"), ("plain", "copy_plain"))
    )
    return (
        f"{label} {without_marks(str(answer['text']))}".strip(),
        f'{shape}<p class="answer" lang="{escape(str(answer["language"]))}">{_marked(answer)}</p>'
        f'<div class="foot"><p class="meter">{escape(_meter(answer, language))}</p><p class="copies">{copy}</p></div>',
    )


def _evidence(likely: Sequence[Citation], language: str) -> str:
    """Return the sentences that may answer, each a way to its place in the article."""
    if not likely:
        return ""
    rows = "".join(
        f'<li><button type="button" class="evidence" data-target="{span_id(found.source, found.start, found.end)}">'
        f"{escape(found.quote)}</button></li>"
        for found in likely
    )
    return f'<p class="hint">{escape(say("likely", language))}</p><ol class="likely">{rows}</ol>'


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _marked(answer: Mapping[str, Any]) -> str:
    """Return an answer's text with its marks as buttons that lead to the source."""
    citations = {int(c["marker"]): c for c in answer["citations"]}

    def button(match: re.Match[str]) -> str:
        citation = citations.get(int(match.group(1)))
        if citation is None:
            return match.group()
        quote = escape(str(citation["quote"]), quote=True)
        target = span_id(str(citation["source"]), int(citation["start"]), int(citation["end"]))
        return (
            f'<button type="button" class="mark" data-target="{target}" data-quote="{quote}" '
            f'aria-label="[{match.group(1)}] {quote}">{match.group(1)}</button>'
        )

    return _MARK.sub(button, _lines(str(answer["text"])))


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


def article(documents: Sequence[Document], turns: Sequence[Turn], likely: Sequence[Citation], language: str) -> str:
    """Return the sources as text, with the cited sentences and those that likely answer marked.

    likely: sentences found for the question at hand, best first. A citation that no longer
    holds, because the article has changed since, is not marked.
    """
    texts = {document.source: document.text for document in documents}
    used: dict[Span, list[int]] = {}
    for number, turn in enumerate(turns, start=1):
        for c in (turn.get("answer") or {}).get("citations", ()):
            if texts.get(str(c["source"]), "")[int(c["start"]) : int(c["end"])] != c["quote"]:
                continue
            numbers = used.setdefault((str(c["source"]), int(c["start"]), int(c["end"])), [])
            if number not in numbers:
                numbers.append(number)
    fresh = [(c.source, c.start, c.end) for c in likely]
    parts = [_source(document, used, fresh, language) for document in documents]
    label, back = escape(say("article", language)), escape(say("back", language))
    return f'<div id="article" tabindex="0" role="region" aria-label="{label}" data-back="{back}">{"".join(parts)}</div>'


def _source(document: Document, used: Mapping[Span, list[int]], likely: Sequence[Span], language: str) -> str:
    spans = sorted(
        {s for s in [*used, *likely] if s[0] == document.source and 0 <= s[1] < s[2] <= len(document.text)}, key=lambda s: s[1:]
    )
    parts = [f"<h2>{escape(document.source)}</h2>"]
    position = 0
    for span in spans:
        _, start, end = span
        if start < position:
            continue
        parts.append(_paragraphs(document.text[position:start]))
        numbers = used.get(span, [])
        kind = " ".join(["cited"] * bool(numbers) + ["likely"] * (span in likely) + ["best"] * (span in likely[:1]))
        title = say("used_by", language, numbers=", ".join(map(str, numbers))) if numbers else ""
        parts.append(
            f'<mark id="{span_id(*span)}" class="{kind}" tabindex="0" data-turns="{" ".join(map(str, numbers))}" '
            f'title="{escape(title)}">{_paragraphs(document.text[start:end])}</mark>'
        )
        position = end
    parts.append(_paragraphs(document.text[position:]))
    written = script(document.text)
    attributes = f' lang="{written}"' if written else ""
    return f"<section{attributes}>{''.join(parts)}</section>"


def _paragraphs(text: str) -> str:
    return escape(text).replace("\n", '<span class="break"></span>')
