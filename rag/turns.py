"""Let many readers share one engine, first come first served.

It knows who waits and how long turns took; it knows nothing of what is done in a turn.
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
    """Tell how many are ahead, and the seconds that they will likely take."""

    ahead: int
    expected_s: float


class Turns:
    """Give out turns in the order of arrival."""

    POLL_S = 0.25

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._unasked: set[object] = set()
        self._typical_s = 5.0
        self._since = 0.0

    @property
    def busy(self) -> bool:
        """Tell whether someone has or awaits a turn."""
        return bool(self._line)

    @property
    def length(self) -> int:
        """Return how many await a turn behind the one who has it."""
        return max(0, len(self._line) - 1)

    @property
    def waiting(self) -> bool:
        """Tell whether someone awaits a turn that another has."""
        return self.length > 0

    def wait(self, ticket: object, cancelled: Callable[[], bool], asked: bool = True) -> Iterator[Place]:
        """Yield the place in line until the ticket's turn has come; `leave` must follow.

        asked: whether a reader asked for it. What nobody asked for gives way at once, so it is ahead of no one, and says
        nothing of how long others will take. Raises Cancelled when the reader gave up waiting.
        """
        with self._changed:
            self._line.append(ticket)
            if not asked:
                self._unasked.add(ticket)
        told = 0
        while True:
            with self._changed:
                if self._line[0] is ticket:
                    self._since = time.monotonic()
                    return
                place = self._place(ticket)
                news = place.ahead not in (0, told)
                if not news:
                    self._changed.wait(self.POLL_S)
            if news:
                told = place.ahead
                yield place
            if cancelled():
                raise Cancelled("The question was withdrawn while it waited.")

    def _place(self, ticket: object) -> Place:
        ahead = sum(other not in self._unasked for other in islice(self._line, self._line.index(ticket)))
        spent = 0.0 if self._line[0] in self._unasked else time.monotonic() - self._since
        return Place(ahead, max(1.0, ahead * self._typical_s - min(spent, self._typical_s)))

    def leave(self, ticket: object) -> None:
        """End a turn, or give up a place in line."""
        with self._changed:
            if ticket not in self._unasked and self._line and self._line[0] is ticket and self._since:
                self._typical_s = 0.7 * self._typical_s + 0.3 * (time.monotonic() - self._since)
            if ticket in self._line:
                self._line.remove(ticket)
            self._unasked.discard(ticket)
            self._changed.notify_all()
