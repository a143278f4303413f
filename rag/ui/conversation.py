"""Represent a conversation as plain values that a browser can store, and export it to Markdown and JSON.

A turn is {"question", "state", "alone"?, "answer"?, "kind"?, "error"?, "draft"?}. state: "asked", "answered", "declined",
"broken" or "stopped". alone: whether it was asked without the earlier turns. answer: `Answer.to_dict()`. kind, error: class
and text of an error. draft: the text generated so far.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from rag.results import without_marks

Turn = dict[str, Any]
LONGEST_KEPT = 50
ASIDES = ("small talk", "instruction")
"""Reasons of declines of messages that ask nothing about the article; these turns are left out of the history."""


def history(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Return the questions about the article and the answers, without citation marks, as a history of chat messages.

    Declined questions are included, since the next one may refer to something they named. Small talk and instructions are not.
    """
    messages = []
    for turn in turns:
        answer = turn.get("answer")
        if answer and answer.get("reason") not in ASIDES:
            messages.append({"role": "user", "content": str(turn["question"])})
            messages.append({"role": "assistant", "content": without_marks(str(answer["text"]))})
    return messages


def restored(value: object) -> list[Turn]:
    """Return the valid turns of a value that the browser stored, at most the last LONGEST_KEPT.

    Values of another form, which an older version of the page may have stored, are left out. A turn that was still being
    answered counts as stopped.
    """
    if not isinstance(value, list):
        return []
    turns = [turn for turn in value if isinstance(turn, dict) and isinstance(turn.get("question"), str) and _whole(turn)]
    for turn in turns:
        if turn["state"] == "asked":
            turn["state"] = "stopped"
    return turns[-LONGEST_KEPT:]


def _whole(turn: Turn) -> bool:
    """Return whether a turn has every field that its state requires."""
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
    """Return a conversation as Markdown, with every quote as a footnote."""
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
    """Return escaped text with a turn's citation marks as footnote references; other numbers in brackets are kept."""
    for marker in markers:
        text = text.replace(rf"\[{marker}\]", f"[^{number}-{marker}]")
    return text


def _plain(text: str) -> str:
    """Return text with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_<>#|~&\[\]])", r"\\\1", str(text))


def to_json(turns: Sequence[Turn]) -> str:
    """Return a conversation as JSON."""
    return json.dumps(list(turns), ensure_ascii=False, indent=1)
