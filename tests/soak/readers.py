"""Ask a served page over HTTP as a program does, and know an answer that belongs to another question."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

_DIGITS = "甲乙丙丁戊己庚辛壬癸"
_NUMBERS = itertools.count()


def code() -> str:
    """Return words that no other question of this run holds."""
    return "".join(_DIGITS[int(digit)] for digit in f"{next(_NUMBERS):06d}")


@contextmanager
def asking(client: httpx.Client, question: str, history: list[dict[str, str]] | None = None) -> Iterator[httpx.Response]:
    """Give the open response to a question; leaving it is leaving the answer."""
    url = "/gradio_api/call/answer"
    event = client.post(url, json={"data": [question, history]}).raise_for_status().json()["event_id"]
    with client.stream("GET", f"{url}/{event}") as response:
        yield response


def ask(client: httpx.Client, question: str, history: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return the answer to a question; raise AssertionError with what the server said instead."""
    with asking(client, question, history) as response:
        lines = [line for line in response.iter_lines() if line]
    events = list(zip(lines[::2], lines[1::2], strict=True))
    name, data = next(event for event in events if event[0] != "event: heartbeat")
    assert name == "event: complete", (name, data)
    (answer,) = json.loads(data.removeprefix("data: "))
    return dict(answer)


def question_and_history() -> tuple[str, list[dict[str, str]], list[str]]:
    """Return a question, the conversation before it, and the words that its answer must hold."""
    before, now = code(), code()
    earlier = [
        {"role": "user", "content": f"浙大校友創辦的企業超過3000家，總市值約1.8萬億元，第{before}次問"},
        {"role": "assistant", "content": "是。"},
    ]
    return f"深度求索成立於2023年7月17日，總部設在杭州，第{now}次問", earlier, [before, now]
