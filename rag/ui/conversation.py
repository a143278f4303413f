"""Hold a conversation as plain values that a browser can keep, and turn it into files.

A turn is {"question", "state", "alone"?, "answer"?, "kind"?, "error"?, "draft"?}: state is "asked", "answered", "declined",
"broken" or "stopped"; alone tells whether it was asked without what came before it; answer is `Answer.to_dict()`; kind and
error are an error's class and words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from rag.results import MARK

Turn = dict[str, Any]
LONGEST_KEPT = 50
ASIDES = ("small talk", "instruction")
"""Reasons of declines that ask nothing of the article: neither they nor the replies to them are followed up."""


def without_marks(text: str) -> str:
    """Return an answer's text without its `[1]`-style marks."""
    return MARK.sub("", text)


def history(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Return the questions that the article was asked, and its answers, as a generator's history: without marks.

    A declined question is among them, since the next one may lean on what it named; small talk is not.
    """
    messages = []
    for turn in turns:
        answer = turn.get("answer")
        if answer and answer.get("reason") not in ASIDES:
            messages.append({"role": "user", "content": str(turn["question"])})
            messages.append({"role": "assistant", "content": without_marks(str(answer["text"]))})
    return messages


def kept(value: object) -> list[Turn]:
    """Return the turns that a browser kept, leaving out what does not look like one; an older page may have kept it."""
    if not isinstance(value, list):
        return []
    turns = [turn for turn in value if isinstance(turn, dict) and isinstance(turn.get("question"), str) and _whole(turn)]
    for turn in turns:
        if turn["state"] == "asked":
            turn["state"] = "stopped"
    return turns[-LONGEST_KEPT:]


def _whole(turn: Turn) -> bool:
    """Tell whether a turn has what its state needs."""
    state, answer = turn.get("state"), turn.get("answer")
    if answer is None:
        return state in ("asked", "stopped", "broken")
    if state not in ("answered", "declined") or not isinstance(answer, dict):
        return False
    kinds = {"text": str, "language": str, "engine": str, "passages": list, "citations": list, "timings": dict}
    if not all(isinstance(answer.get(name), kind) for name, kind in kinds.items()):
        return False
    numbers = ("retrieve_s", "first_token_s", "total_s", "prompt_tokens", "completion_tokens")
    return all(isinstance(answer["timings"].get(name), (int, float)) for name in numbers) and all(
        isinstance(c, dict)
        and all(isinstance(c.get(name), int) for name in ("marker", "start", "end"))
        and all(isinstance(c.get(name), str) for name in ("quote", "source"))
        for c in answer["citations"]
    )


def to_markdown(turns: Sequence[Turn]) -> str:
    """Return a conversation with every quote as a footnote."""
    lines: list[str] = []
    notes: list[str] = []
    for number, turn in enumerate(turns, start=1):
        answer = turn.get("answer")
        lines.append(f"## {_plain(' '.join(turn['question'].split()))}\n")
        if not answer:
            lines.append(f"*{turn['state']}*\n")
            continue
        quotes = {c["marker"]: c for c in answer["citations"]}
        lines.append(_noted(_plain(answer["text"]), number, quotes) + "\n")
        notes += [
            f"[^{number}-{marker}]: “{_plain(c['quote'])}” ({_plain(c['source'])}, {c['start']}–{c['end']})"
            for marker, c in sorted(quotes.items())
        ]
    return "\n".join([*lines, *notes]) + "\n"


def _noted(text: str, number: int, markers: Collection[int]) -> str:
    """Return plain text with a turn's marks as references to its footnotes; a number in brackets may be none of them."""
    for marker in markers:
        text = text.replace(rf"\[{marker}\]", f"[^{number}-{marker}]")
    return text


def _plain(text: str) -> str:
    """Return text that Markdown does not read as markup of its own."""
    return re.sub(r"([\\`*_<>#|~&\[\]])", r"\\\1", str(text))


def to_json(turns: Sequence[Turn]) -> str:
    """Return a conversation as JSON."""
    return json.dumps(list(turns), ensure_ascii=False, indent=1)
