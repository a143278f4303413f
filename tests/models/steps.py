"""Read the steps of an engine, and measure how soon it stops."""

import threading
import time
from collections.abc import Callable

import pytest

from rag.errors import Cancelled
from rag.generation import Generator, Piece, Prompt, Reading, Step, Usage


def never() -> bool:
    return False


def text(steps: list[Step]) -> str:
    return "".join(step.text for step in steps if isinstance(step, Piece))


def usage(steps: list[Step]) -> Usage:
    assert isinstance(steps[-1], Usage)
    return steps[-1]


def seconds_to_stop(engine: Generator, prompt: Prompt, until: Callable[[Step], bool] | float, max_tokens: int = 300) -> float:
    """Return for how many seconds a stream continues after it was asked to stop.

    until: when to ask it to stop: at the first step for which this returns True, or after this many seconds.
    """
    stopped: list[float] = []

    def stop() -> bool:
        return bool(stopped)

    if isinstance(until, float):
        threading.Timer(until, lambda: stopped.append(time.monotonic())).start()
    with pytest.raises(Cancelled):
        for step in engine.stream(prompt, max_tokens, stop):
            if callable(until) and until(step) and not stopped:
                stopped.append(time.monotonic())
    return time.monotonic() - stopped[0]


def is_piece(step: Step) -> bool:
    return isinstance(step, Piece)


def is_reading(step: Step) -> bool:
    return isinstance(step, Reading)
