"""Share this machine's cores and memory between the computations in one process.

torch's helper threads (GNU OpenMP) belong to the thread that calls it. Once there are more of them than cores, they sleep
between two steps instead of busy-waiting, and a generator runs at two thirds of its speed. Short computations therefore use one
thread, and each long one has a thread of its own, so that its helper threads end with it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def cores() -> int:
    """Return how many cores this process may use, which can be fewer than the machine has in a container or batch job."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(count: int) -> None:
    """Set how many threads torch uses when called from the current thread; 0 keeps torch's default."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.get_num_threads()  # torch sets its default on first use; later it would override the limit
    if count:
        threadpool_limits(limits=count, user_api="openmp")


def free_large_blocks_at_once() -> None:
    """Make glibc return large blocks of memory to the system when they are freed (mallopt(3)).

    By default it keeps blocks of up to 32 MiB for reuse: a model's weights are laid out in two forms, and the first would stay
    in memory beside the second. Smaller blocks, which every step needs, are still kept.
    """
    if mallopt := _of_the_c_library("mallopt"):
        mallopt(_MMAP_THRESHOLD, 16 << 20)
        mallopt(_TRIM_THRESHOLD, 128 << 20)


def trim_heap() -> None:
    """Make glibc return the free memory between blocks in use to the system (malloc_trim(3)); takes 0.04 s."""
    if trim := _of_the_c_library("malloc_trim"):
        trim(0)


def _of_the_c_library(name: str) -> Any:
    """Return a function of the C library, or None if it has no function of that name or the system is not Linux."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
