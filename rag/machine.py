"""Share this machine's cores and memory between what computes in one process.

torch's helper threads (GNU OpenMP's) belong to the thread that calls it. Once there are more of them than cores they sleep
between two steps instead of waiting, and a generator reads and writes at two thirds of its speed. So whatever is short is
computed with one thread, and whatever is long in a thread of its own, with which its helpers end.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def cores() -> int:
    """Return how many cores this process may use, of which a container or a batch system may leave it few."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(count: int) -> None:
    """Let torch compute with so many threads where it is called from this one; 0 means its own choice."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.get_num_threads()  # torch sets a number of its own first
    if count:
        threadpool_limits(limits=count, user_api="openmp")


def give_back_at_once() -> None:
    """Let GNU's C library give large pieces of memory back to the system when they are freed (mallopt(3)).

    By itself it keeps pieces of up to 32 MiB for later: a model's weights, which are made in two forms, would stay beside
    each other. Smaller pieces, as every step needs them, are still kept.
    """
    if mallopt := _of_the_c_library("mallopt"):
        mallopt(_MMAP_THRESHOLD, 16 << 20)
        mallopt(_TRIM_THRESHOLD, 128 << 20)


def give_back() -> None:
    """Let GNU's C library give back what lies free between pieces that are held (malloc_trim(3)); it takes 0.04 s."""
    if trim := _of_the_c_library("malloc_trim"):
        trim(0)


def _of_the_c_library(name: str) -> Any:
    """Return a function of the C library, None where it has none of that name or the system is not Linux."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
