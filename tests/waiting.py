"""Wait in a test for what another thread or process does, no longer than it takes."""

import time
from collections.abc import Callable


def wait_for(done: Callable[[], object], seconds: float = 5) -> float:
    """Wait until something is so, and return the seconds that it took."""
    started = time.monotonic()
    while not done():
        assert time.monotonic() - started < seconds, f"it did not happen within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - started
