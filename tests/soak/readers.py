"""Ask a served page over HTTP as a program does, and detect an answer that belongs to another question."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

_DIGITS = "甲乙丙丁戊己庚辛壬癸子寅卯辰巳午未申酉戌亥"
_NUMBERS = itertools.count()


def code() -> str:
    """Return characters that no other question of this run contains."""
    number = next(_NUMBERS)
    return "".join(_DIGITS[number // len(_DIGITS) ** place % len(_DIGITS)] for place in range(4))


@contextmanager
def asking(client: httpx.Client, question: str, history: list[dict[str, str]] | None = None) -> Iterator[httpx.Response]:
    """Yield the open response to a question; leaving the context disconnects."""
    url = "/gradio_api/call/answer"
    event = client.post(url, json={"data": [question, history]}).raise_for_status().json()["event_id"]
    with client.stream("GET", f"{url}/{event}") as response:
        yield response


def ask(client: httpx.Client, question: str, history: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return the answer to a question; raise AssertionError with the server's response if it is something else."""
    with asking(client, question, history) as response:
        lines = [line for line in response.iter_lines() if line]
    events = list(zip(lines[::2], lines[1::2], strict=True))
    name, data = next(event for event in events if event[0] != "event: heartbeat")
    assert name == "event: complete", (name, data)
    (answer,) = json.loads(data.removeprefix("data: "))
    return dict(answer)


QuestionCost = tuple[str, list[dict[str, str]], list[str]]
"""A question, the conversation before it, and the words that its answer must contain."""


def question_and_history() -> QuestionCost:
    """Return a question that depends on the one before it, that conversation, and the words that its answer must contain."""
    before, now = code(), code()
    earlier = [
        {"role": "user", "content": f"浙大校友創辦的企業超過3000家，總市值約1.8萬億元，第{before}次問"},
        {"role": "assistant", "content": "是。"},
    ]
    return f"那它總部設在杭州呢，{now}", earlier, [before, now]


@dataclass(frozen=True)
class Load:
    """The results of many readers: answers per reader, seconds per answer, and seconds of /healthz once all were warm.

    before, after: results of `settled` when every reader was warm and none was asking, and at the end.
    """

    counts: Sequence[int]
    waits: Sequence[float]
    health: Sequence[float]
    before: Any
    after: Any


def load(
    url: str,
    readers: int,
    make: Callable[[], QuestionCost],
    warm: Callable[[int], bool],
    done: Callable[[int], bool],
    settled: Callable[[], Any],
) -> Load:
    """Let readers ask concurrently, each again as soon as it is answered, and check every answer.

    make: returns the next question. warm, done: return whether a reader with this number of answers is warm, or has finished.
    settled: returns what is compared before and after.
    """
    counts = [0] * readers
    waits: list[float] = []
    pause = threading.Barrier(readers + 1)

    def ask_once(client: httpx.Client, number: int) -> None:
        question, history, expected = make()
        started = time.monotonic()
        answer = ask(client, question, history)
        waits.append(time.monotonic() - started)
        assert all(word in answer["text"] for word in expected), (question, answer["text"])
        assert answer["citations"]
        counts[number] += 1

    def reader(number: int) -> None:
        try:
            with httpx.Client(base_url=url, timeout=300) as client:
                while not warm(counts[number]):
                    ask_once(client, number)
                pause.wait(300)
                pause.wait(300)
                while not done(counts[number]):
                    ask_once(client, number)
        except BaseException:
            pause.abort()
            raise

    before, health = None, []
    with ThreadPoolExecutor(readers) as pool:
        running = [pool.submit(reader, number) for number in range(readers)]
        with suppress(threading.BrokenBarrierError):  # a reader failed: its error is raised below
            pause.wait(300)
            before = settled()
            with probing(url) as health:
                pause.wait(300)
                wait(running, return_when=FIRST_EXCEPTION)
        for each in running:
            each.result()
    return Load(counts, waits, health, before, settled())


@contextmanager
def probing(url: str) -> Iterator[list[float]]:
    """Measure /healthz until the context ends; only then is the list filled."""
    took: list[float] = []
    command = [sys.executable, str(Path(__file__).parent / "probe.py"), url]
    probe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield took
    finally:
        printed, _ = probe.communicate("", timeout=60)
    assert probe.returncode == 0
    took += json.loads(printed)
