"""Show the progress of a long task on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tqdm import tqdm


def bar(name: str, unit: str) -> Callable[[int, int], None]:
    """Return a callback that draws a progress bar with the time left; call it with (done, total) until done is total."""
    shown: tqdm | None = None

    def report(done: int, total: int) -> None:
        nonlocal shown
        shown = shown or tqdm(desc=name, total=total, unit=unit, file=sys.stderr, mininterval=0.5)
        shown.update(done - shown.n)
        if done >= total:
            shown.close()

    return report
