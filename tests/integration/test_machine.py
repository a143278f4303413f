"""Test that a thread limit affects only the thread that sets it, and that freed memory is returned to the system."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from rag.machine import use_threads


def test_a_thread_limit_affects_only_the_thread_that_sets_it() -> None:
    before = torch.get_num_threads()
    with ThreadPoolExecutor(1) as alone, ThreadPoolExecutor(1) as other:
        alone.submit(use_threads, 1).result()
        other.submit(use_threads, 0).result()
        assert alone.submit(torch.get_num_threads).result() == 1
        assert other.submit(torch.get_num_threads).result() == before
    assert torch.get_num_threads() == before


RESIDENT = """
import numpy
from pathlib import Path
from rag.machine import free_large_blocks_at_once, trim_heap

def resident():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) >> 10

"""
LARGE = """
numpy.ones(24 << 17)  # by itself the library would now keep pieces of this size
free_large_blocks_at_once()
before = resident()
pieces = [numpy.ones(20 << 17) for _ in range(8)]
held = resident()
pieces.clear()
print(held - before, resident() - before)
"""
BETWEEN = """
before = resident()
pieces = [numpy.ones(8 << 10) for _ in range(2_500)]
held = resident()
last = pieces.pop()  # the library itself gives back only what lies behind the last piece that is held
pieces.clear()
kept = resident()
trim_heap()
print(held - before, kept - before, resident() - before)
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="this processor's system is not Linux")


def run(program: str) -> list[int]:
    """Return the numbers of MiB that a program prints."""
    told = subprocess.run([sys.executable, "-c", RESIDENT + program], capture_output=True, text=True, check=True).stdout
    return [int(number) for number in told.split()]


@LINUX
def test_large_blocks_are_returned_to_the_system_when_they_are_freed() -> None:
    held, left = run(LARGE)
    assert held > 150
    assert left < 20


@LINUX
def test_trimming_returns_the_free_memory_between_blocks_in_use() -> None:
    held, kept, left = run(BETWEEN)
    assert min(held, kept) > 120
    assert left < 30
