"""Share this machine's cores and memory between what computes in one process.

torch's helper threads (GNU OpenMP's) belong to the thread that calls it. Once there are more of them than cores they sleep
between two steps instead of waiting, and a generator reads and writes at two thirds of its speed. So whatever is short is
computed with one thread, and whatever is long in a thread of its own, with which its helpers end.
"""

from __future__ import annotations

import ctypes


def use_threads(count: int) -> None:
    """Let torch compute with so many threads where it is called from this one; 0 means its own choice."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.get_num_threads()  # torch sets a number of its own first
    if count:
        threadpool_limits(limits=count, user_api="openmp")


def give_back() -> None:
    """Give the system back the memory that was freed but kept for later, where the C library is GNU's."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
