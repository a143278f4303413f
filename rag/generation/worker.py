"""Run jobs in a worker thread and receive their items, checking often whether the caller wants to stop.

A thread puts its items into a queue, then None when it is done, or the exception that ended it.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from rag.errors import Cancelled, GenerationError
from rag.generation import Stop

_LOG = logging.getLogger("rag")
POLL_S = 0.05
"""Seconds between two checks of `stop`."""

Item = TypeVar("Item")
Emit = Callable[[Any], None]
"""Passes an item from the worker thread to the caller."""
Abandoned = Callable[[], bool]
"""Returns whether the caller has stopped waiting; called by the worker thread."""


def listen(
    items: queue.Queue[Item | BaseException | None], stop: Stop, explain: Callable[[BaseException], GenerationError]
) -> Iterator[Item]:
    """Yield the items of a worker thread until it is done.

    items: the queue into which the thread puts them. explain: converts the exception that ended the thread, unless it is a
    GenerationError or Cancelled already. Raises Cancelled if `stop` returns True.
    """
    while True:
        if stop():
            raise Cancelled("The answer was stopped.")
        try:
            item = items.get(timeout=POLL_S)
        except queue.Empty:
            continue
        if item is None:
            return
        if isinstance(item, (GenerationError, Cancelled)):
            raise item
        if isinstance(item, BaseException):
            raise explain(item) from item
        yield item


class Worker:
    """Run jobs one after another in a thread of its own: an engine's memory stays in one place, and its caller responsive.

    name: name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._between: Iterator[None] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        atexit.register(self.end)  # at exit Python kills a thread that is computing, and torch then aborts the process

    def run(self, job: Callable[[Emit, Abandoned], None], stop: Stop) -> Iterator[Any]:
        """Yield the items of a job.

        job: called with a function that passes on an item, and one that returns whether the caller has stopped waiting. Raises
        Cancelled if `stop` returns True, GenerationError if the job fails or the worker has ended.
        """
        if self._ended.is_set():
            raise GenerationError("The engine is closed; make a new one.")
        items: queue.Queue[Any] = queue.Queue()
        abandoned, done = threading.Event(), threading.Event()

        def guarded() -> None:
            try:
                job(items.put, lambda: abandoned.is_set() or self._ended.is_set())
                items.put(None)
            except BaseException as error:  # of any kind, such as a library's panic: `listen` raises it
                items.put(error)
            finally:
                done.set()

        self._jobs.put(guarded)
        try:
            yield from listen(items, stop, lambda error: GenerationError(f"The engine failed: {one_line(error)}."))
        finally:
            abandoned.set()
            done.wait(timeout=1)

    def between(self, steps: Iterator[None]) -> None:
        """Run steps one by one while there is no job; must be called from within a job."""
        self._between = steps

    def end(self) -> None:
        """End the thread, at the latest after its current step; wait for it for up to 2 s."""
        atexit.unregister(self.end)
        self._ended.set()
        self._jobs.put(None)
        self._thread.join(timeout=2)

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(block=self._between is None)
            except queue.Empty:
                self._step()
                continue
            if job is None:
                return
            job()
            del job  # it may reference the whole engine

    def _step(self) -> None:
        """Run the next step between jobs."""
        try:
            if self._between is None or next(self._between, self) is self:  # it yields None until it is done
                self._between = None
        except Exception as error:  # no caller waits for these steps, and all are optional
            _LOG.warning("The work between questions failed and was stopped: %s", one_line(error))
            self._between = None


def one_line(error: BaseException) -> str:
    """Return the message of an exception on one line of about 300 characters at most, without a full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return (text if len(text) <= 300 else text[:300] + "…").rstrip(" .")
