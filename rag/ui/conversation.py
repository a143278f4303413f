"""Hold a conversation as plain values that a browser can keep, and turn it into files.

A turn is {"question", "state", "answer"?, "error"?, "draft"?}: state is "asked", "answered", "declined", "broken" or
"stopped"; answer is `Answer.to_dict()`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

Turn = dict[str, Any]
_MARK = re.compile(r"\[\d+\]")
LONGEST_KEPT = 50


def without_marks(text: str) -> str:
    """Return an answer's text without its `[1]`-style marks."""
    return _MARK.sub("", text)


def history(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Return the answered turns as a generator's history, without marks."""
    messages = []
    for turn in turns:
        if turn.get("answer"):
            messages.append({"role": "user", "content": str(turn["question"])})
            messages.append({"role": "assistant", "content": without_marks(str(turn["answer"]["text"]))})
    return messages


def kept(value: object) -> list[Turn]:
    """Return the turns that a browser kept, leaving out what does not look like one."""
    if not isinstance(value, list):
        return []
    turns = [turn for turn in value if isinstance(turn, dict) and isinstance(turn.get("question"), str) and "state" in turn]
    for turn in turns:
        if turn["state"] == "asked":
            turn["state"] = "stopped"
    return turns[-LONGEST_KEPT:]


def to_markdown(turns: Sequence[Turn]) -> str:
    """Return a conversation with every quote as a footnote."""
    lines: list[str] = []
    notes: list[str] = []
    for number, turn in enumerate(turns, start=1):
        answer = turn.get("answer")
        lines.append(f"## {_plain(turn['question'])}\n")
        if not answer:
            lines.append(f"*{turn['state']}*\n")
            continue
        lines.append(_MARK.sub(lambda m, n=number: f"[^{n}-{m.group()[1:-1]}]", _plain(answer["text"])) + "\n")  # type: ignore[misc]
        quotes = {c["marker"]: c for c in answer["citations"]}
        notes += [
            f"[^{number}-{marker}]: “{_plain(c['quote'])}” ({_plain(c['source'])}, {c['start']}–{c['end']})"
            for marker, c in sorted(quotes.items())
        ]
    return "\n".join([*lines, *notes]) + "\n"


def _plain(text: str) -> str:
    """Return text that Markdown does not read as markup of its own."""
    return re.sub(r"([\\`*_<>#|])", r"\\\1", str(text))


def to_json(turns: Sequence[Turn]) -> str:
    """Return a conversation as JSON."""
    return json.dumps(list(turns), ensure_ascii=False, indent=1)
