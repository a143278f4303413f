"""Queue the readers who share one engine, first come, first served.

The queue estimates the wait from how long turns took; what is done in a turn is up to the caller.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from rag.errors import Cancelled


@dataclass(frozen=True)
class Place:
    """A place in the queue: how many questions are ahead, and the expected wait in seconds."""

    ahead: int
    expected_s: float


class Turns:
    """A first-in, first-out queue of tickets; the first ticket has the turn."""

    POLL_S = 0.25

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._idle_tickets: set[object] = set()
        self._typical_s = 5.0
        self._since = 0.0

    @property
    def busy(self) -> bool:
        """Return whether a ticket has or awaits a turn."""
        return bool(self._line)

    @property
    def waiting_count(self) -> int:
        """Return how many tickets wait, without the one that has the turn."""
        return max(0, len(self._line) - 1)

    @property
    def waiting(self) -> bool:
        """Return whether a ticket waits for another one's turn to end."""
        return self.waiting_count > 0

    def wait(self, ticket: object, cancelled: Callable[[], bool], by_reader: bool = True) -> Iterator[Place]:
        """Yield the place in the queue whenever it changes, until the ticket has the turn; `leave` must follow.

        cancelled: polled; True raises Cancelled. by_reader: whether a reader asked for this turn. Idle work gives way at once,
        so it does not count as being ahead of others, and its duration does not count in the estimates.
        """
        with self._changed:
            self._line.append(ticket)
            if not by_reader:
                self._idle_tickets.add(ticket)
        last_reported = 0
        while True:
            with self._changed:
                if self._line[0] is ticket:
                    self._since = time.monotonic()
                    return
                place = self._place(ticket)
                news = place.ahead not in (0, last_reported)
                if not news:
                    self._changed.wait(self.POLL_S)
            if news:
                last_reported = place.ahead
                yield place
            if cancelled():
                raise Cancelled("The question was withdrawn while it waited.")

    def _place(self, ticket: object) -> Place:
        ahead = sum(other not in self._idle_tickets for other in islice(self._line, self._line.index(ticket)))
        spent = 0.0 if self._line[0] in self._idle_tickets else time.monotonic() - self._since
        return Place(ahead, max(1.0, ahead * self._typical_s - min(spent, self._typical_s)))

    def leave(self, ticket: object) -> None:
        """End a turn, or leave the queue."""
        with self._changed:
            if ticket not in self._idle_tickets and self._line and self._line[0] is ticket and self._since:
                self._typical_s = 0.7 * self._typical_s + 0.3 * (time.monotonic() - self._since)
            if ticket in self._line:
                self._line.remove(ticket)
            self._idle_tickets.discard(ticket)
            self._changed.notify_all()
