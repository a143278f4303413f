"""Show on standard error how far a long piece of work is."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tqdm import tqdm


def bar(name: str, unit: str) -> Callable[[int, int], None]:
    """Return what draws a bar with the time left, from the first call with (done, total) to the last."""
    shown: tqdm | None = None

    def report(done: int, total: int) -> None:
        nonlocal shown
        shown = shown or tqdm(desc=name, total=total, unit=unit, file=sys.stderr, mininterval=0.5)
        shown.update(done - shown.n)
        if done >= total:
            shown.close()

    return report
