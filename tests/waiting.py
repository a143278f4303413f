"""Wait in a test until another thread or process has done something."""

import time
from collections.abc import Callable


def wait_for(done: Callable[[], object], seconds: float = 5) -> float:
    """Wait until `done()` is true, and return the seconds it took; fail after `seconds`."""
    started = time.monotonic()
    while not done():
        assert time.monotonic() - started < seconds, f"it did not happen within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - started
