"""Hear what a working thread tells, without ever waiting so long that a reader who stops is not heard.

A thread puts its items into a queue, then None when it is done, or the exception that ended it.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import TypeVar

from rag.errors import Cancelled, GenerationError
from rag.generation import Stop

POLL_S = 0.05
"""Seconds between two looks at whether to stop."""

Item = TypeVar("Item")


def listen(
    told: queue.Queue[Item | Exception | None], stop: Stop, explain: Callable[[Exception], GenerationError]
) -> Iterator[Item]:
    """Yield the items of a working thread until it is done.

    explain: says in one sentence what ended the thread. Raises Cancelled when `stop` says so.
    """
    while True:
        if stop():
            raise Cancelled("The answer was stopped.")
        try:
            item = told.get(timeout=POLL_S)
        except queue.Empty:
            continue
        if item is None:
            return
        if isinstance(item, GenerationError):
            raise item
        if isinstance(item, Exception):
            raise explain(item) from item
        yield item
