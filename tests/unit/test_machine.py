"""Threads that are asked for are those of the caller alone."""

from concurrent.futures import ThreadPoolExecutor

import torch

from rag.machine import give_back, use_threads


def test_only_the_caller_computes_with_fewer_threads() -> None:
    before = torch.get_num_threads()
    with ThreadPoolExecutor(1) as alone, ThreadPoolExecutor(1) as other:
        alone.submit(use_threads, 1).result()
        other.submit(use_threads, 0).result()
        assert alone.submit(torch.get_num_threads).result() == 1
        assert other.submit(torch.get_num_threads).result() == before
    assert torch.get_num_threads() == before


def test_giving_memory_back_leaves_what_is_in_use() -> None:
    held = torch.arange(1000)
    give_back()
    assert int(held.sum()) == 499_500
