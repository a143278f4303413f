"""Threads that are asked for are those of the caller alone."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from rag.machine import use_threads


def test_only_the_caller_computes_with_fewer_threads() -> None:
    before = torch.get_num_threads()
    with ThreadPoolExecutor(1) as alone, ThreadPoolExecutor(1) as other:
        alone.submit(use_threads, 1).result()
        other.submit(use_threads, 0).result()
        assert alone.submit(torch.get_num_threads).result() == 1
        assert other.submit(torch.get_num_threads).result() == before
    assert torch.get_num_threads() == before


HELD = """
import numpy
from pathlib import Path
from rag.machine import give_back_at_once

def resident():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) >> 10

numpy.ones(24 << 17)  # by itself the library would now keep pieces of this size
give_back_at_once()
before = resident()
pieces = [numpy.ones(20 << 17) for _ in range(8)]
held = resident()
pieces.clear()
print(held - before, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="this processor's system is not Linux")
def test_large_memory_is_given_back_when_it_is_freed() -> None:
    told = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True).stdout
    held, left = map(int, told.split())
    assert held > 150
    assert left < 20
