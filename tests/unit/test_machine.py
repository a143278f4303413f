"""Threads that are asked for are those of the caller alone."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from rag.machine import give_back_at_once, use_threads


def test_only_the_caller_computes_with_fewer_threads() -> None:
    before = torch.get_num_threads()
    with ThreadPoolExecutor(1) as alone, ThreadPoolExecutor(1) as other:
        alone.submit(use_threads, 1).result()
        other.submit(use_threads, 0).result()
        assert alone.submit(torch.get_num_threads).result() == 1
        assert other.submit(torch.get_num_threads).result() == before
    assert torch.get_num_threads() == before


@pytest.mark.skipif(sys.platform != "linux", reason="this processor's system is not Linux")
def test_large_memory_is_given_back_when_it_is_freed() -> None:
    give_back_at_once()
    before = resident()
    pieces = [torch.ones(20 << 18) for _ in range(8)]
    assert resident() - before > 150
    pieces.clear()
    assert resident() - before < 20


def resident() -> int:
    """Return the MiB that this process holds."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) >> 10
