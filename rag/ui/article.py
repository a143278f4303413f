"""Render the sources as the HTML pane in which a reader checks answers.

The text is rendered once, with an id on every sentence. The highlighted sentences change with each question; they are a small
separate value that `script.js` applies. Everything from a document is escaped here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from rag.documents import Document, split_document
from rag.results import Citation
from rag.text.script import script
from rag.ui.conversation import Turn
from rag.ui.strings import say


def sentence_id(source: str, start: int, end: int) -> str:
    """Return the HTML id of a span of a source."""
    return f"s-{quote(source, safe='')}-{start}-{end}"


def article(documents: Sequence[Document], language: str) -> str:
    """Return the sources as HTML, after links to each of them if there are several."""
    label, back = escape(say("article", language)), escape(say("back", language))
    ways = "".join(f'<a href="#source-{n}">{escape(_title(document))}</a>' for n, document in enumerate(documents))
    several = f'<nav aria-label="{escape(say("sources", language))}">{ways}</nav>' if len(documents) > 1 else ""
    sections = "".join(_section(document, f"source-{number}") for number, document in enumerate(documents))
    return f'<div id="article" tabindex="0" role="region" aria-label="{label}" data-back="{back}">{several}{sections}</div>'


def _section(document: Document, name: str) -> str:
    written = script(document.text)
    language = f' lang="{written}"' if written else ""
    parts = []
    position = 0
    for sentence in split_document(document):
        own = sentence_id(sentence.source, sentence.start, sentence.end)
        parts += [_lines(document.text[position : sentence.start]), f'<span id="{own}">{_lines(sentence.text)}</span>']
        position = sentence.end
    parts.append(_lines(document.text[position:]))
    title = escape(_title(document))
    return f'<section id="{name}" data-title="{title}"{language}><h2>{title}</h2><div>{"".join(parts)}</div></section>'


def _title(document: Document) -> str:
    return document.title or document.source


def _lines(text: str) -> str:
    return escape(text).replace("\n", '<span class="break"></span>')


def lights(documents: Sequence[Document], turns: Sequence[Turn], likely: Sequence[Citation], language: str) -> str:
    """Return, as a hidden element, which sentences to highlight and why: cited by answers, or likely to answer.

    likely: sentences found for the current question, best first. A citation whose quote no longer matches, because the article
    has changed since, is left out.
    """
    texts = {document.source: document.text for document in documents}
    lit: dict[str, dict[str, Any]] = {}
    for number, turn in enumerate(turns, start=1):
        for c in (turn.get("answer") or {}).get("citations", ()):
            if texts.get(str(c["source"]), "")[int(c["start"]) : int(c["end"])] != c["quote"]:
                continue
            light = lit.setdefault(sentence_id(c["source"], c["start"], c["end"]), {"kind": ["cited"], "turns": []})
            if number not in light["turns"]:
                light["turns"].append(number)
    for light in lit.values():
        light["title"] = say("used_by", language, numbers=", ".join(map(str, light["turns"])))
    for rank, found in enumerate(likely):
        light = lit.setdefault(sentence_id(found.source, found.start, found.end), {"kind": [], "turns": [], "title": ""})
        light["kind"] += ["likely", "best"] if rank == 0 else ["likely"]
    return f'<div id="lights" hidden data-lights="{escape(json.dumps(lit, ensure_ascii=False))}"></div>'
