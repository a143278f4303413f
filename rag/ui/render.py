"""Turn values into the HTML that a reader sees. Everything from a question, a document or a model is escaped here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rag.documents import Document
from rag.ui.conversation import Turn
from rag.ui.strings import say

_MARK = re.compile(r"\[(\d+)\]")
Span = tuple[str, int, int]


def span_id(source: str, start: int, end: int) -> str:
    """Return the page's id of a stretch of a source."""
    return f"s-{re.sub(r'[^A-Za-z0-9]', '-', source)}-{start}-{end}"


def transcript(turns: Sequence[Turn], language: str, progress: str = "") -> str:
    """Return the conversation; `progress` tells what the last turn is waiting for."""
    parts = []
    for number, turn in enumerate(turns, start=1):
        last = number == len(turns)
        parts.append(f'<div class="question" role="article" aria-label="{escape(say("question", language))} {number}">')
        parts.append(f"<p>{escape(turn['question'])}</p></div>")
        parts.append(_reply(turn, number, language, progress if last else ""))
    return f'<div id="transcript" role="log" aria-live="polite">{"".join(parts)}</div>'


def _reply(turn: Turn, number: int, language: str, progress: str) -> str:
    state = str(turn["state"])
    attributes = f'class="reply {escape(state)}" data-turn="{number}" data-state="{escape(state)}"'
    if state == "asked":
        draft = f'<p class="draft">{_lines(str(turn.get("draft", "")))}</p>' if turn.get("draft") else ""
        return f'<div {attributes}>{draft}<p class="progress" role="status">{escape(progress)}</p></div>'
    if state == "stopped":
        draft = _lines(str(turn.get("draft", "")))
        return f'<div {attributes}><p class="draft">{draft}</p><p class="label">{escape(say("stopped", language))}</p></div>'
    if state == "broken":
        return (
            f'<div {attributes} role="alert"><p class="label">⚠ {escape(say("broken", language))}</p>'
            f"<p>{escape(str(turn.get('error', '')))}</p><p>{escape(say('broken_help', language))}</p>"
            f"<details><summary>{escape(say('details', language))}</summary><code>{escape(str(turn.get('kind', '')))}</code>"
            "</details></div>"
        )
    answer = turn["answer"]
    label = f'<p class="label">○ {escape(say("declined", language))}</p>' if state == "declined" else ""
    copy = "".join(
        f'<button type="button" class="quiet" data-copy="{kind}" data-done="{escape(say("copied", language))}">'
        f"{escape(say(name, language))}</button>"
        for kind, name in (("marked", "copy"), ("plain", "copy_plain"))
    )
    return (
        f'<div {attributes} lang="{escape(str(answer["language"]))}">{label}<p class="answer">{_marked(answer)}</p>'
        f'<p class="meter">{escape(_meter(answer, language))}</p><p class="tools">{copy}</p></div>'
    )


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


def article(documents: Sequence[Document], turns: Sequence[Turn], likely: Sequence[Span], language: str) -> str:
    """Return the sources as text, with the cited sentences and those that likely answer marked.

    likely: (source, start, end) of sentences found for the question at hand, best first. A citation that no longer
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
    fresh = [span for span in likely if len(turns) not in used.get(span, ())]
    parts = [_source(document, used, fresh, language) for document in documents]
    return (
        f'<div id="article" tabindex="0" role="region" aria-label="{escape(say("article", language))}">{"".join(parts)}</div>'
    )


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
    return "".join(parts)


def _paragraphs(text: str) -> str:
    return escape(text).replace("\n", '<span class="break"></span>')
