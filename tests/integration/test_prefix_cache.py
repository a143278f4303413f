"""Test that cached blocks are found by all tokens before their end, and that the least recently used are evicted first."""

from typing import Any

import pytest
import torch

from rag.generation.int8 import _repeated
from rag.generation.prefix_cache import PrefixCache
from rag.generation.tokens import common

SIZE = PrefixCache.TOKENS
BLOCK = 2 * SIZE * 4 * 2
"""Size in bytes of a block of the keys and values below."""


def read(tokens: list[int]) -> Any:
    """Return keys and values that consist of their token's number, float16 (2, tokens, 4)."""
    return torch.tensor(tokens, dtype=torch.float16).view(1, -1, 1).expand(2, -1, 4)


def held(kept: PrefixCache, tokens: list[int], known: int = 0) -> list[tuple[int, int, list[float]]]:
    return [(b.first, b.last, b.keys_values[0, :, 0].tolist()) for b in kept.after(tokens, known)]


A, B, C = ([letter] * SIZE for letter in (1, 2, 3))


def test_whole_blocks_of_a_common_prefix_are_found() -> None:
    kept = PrefixCache(1 << 20)
    kept.keep([*A, *B, 9], read([*A, *B, 9]))
    assert held(kept, [*A, *B, *C]) == [(0, SIZE, A), (SIZE, 2 * SIZE, B)]
    assert held(kept, [*A, *C]) == [(0, SIZE, A)]
    assert held(kept, [*A, *B, *C], known=SIZE + 3) == [(SIZE, 2 * SIZE, B)]
    assert held(kept, [*B, *A]) == []
    assert held(kept, A[:-1]) == []


def test_the_same_tokens_after_a_different_prefix_are_not_found() -> None:
    kept = PrefixCache(1 << 20)
    kept.keep([*A, *C], read([*A, *C]))
    assert held(kept, [*B, *C]) == []


def test_the_least_recently_used_prompt_is_evicted_first() -> None:
    kept = PrefixCache(2 * BLOCK)
    kept.keep(A, read(A))
    kept.keep(B, read(B))
    assert held(kept, A)
    kept.keep(C, read(C))
    assert [bool(held(kept, each)) for each in (A, B, C)] == [True, False, True]


def test_an_evicted_prompt_loses_its_last_blocks_first() -> None:
    kept = PrefixCache(4 * BLOCK)
    kept.keep([*A, *B, *C], read([*A, *B, *C]))
    kept.keep([*C, *B], read([*C, *B]))
    assert held(kept, [*A, *B, *C]) == [(0, SIZE, A), (SIZE, 2 * SIZE, B)]
    assert len(held(kept, [*C, *B])) == 2


@pytest.mark.parametrize("places", [1, 2, 5])
def test_the_beginning_of_a_prompt_larger_than_the_cache_is_stored(places: int) -> None:
    kept, prompt = PrefixCache(places * BLOCK), list(range(6 * SIZE))
    for _ in range(2):
        kept.keep(prompt, read(prompt))
        assert [block[:2] for block in held(kept, prompt)] == [(n * SIZE, (n + 1) * SIZE) for n in range(places)]


def test_prompts_repeated_in_turn_lose_only_the_blocks_that_exceed_the_capacity() -> None:
    kept, prompts = PrefixCache(11 * BLOCK), [[letter] * 4 * SIZE for letter in (1, 2, 3)]
    for prompt in prompts * 3:
        found = len(held(kept, prompt))
        kept.keep(prompt, read(prompt))
    assert found == 3


def test_nothing_is_found_without_capacity_or_after_forget() -> None:
    none = PrefixCache(0)
    none.keep(A, read(A))
    assert held(none, A) == []
    kept = PrefixCache(1 << 20)
    kept.keep(A, read(A))
    kept.forget()
    assert held(kept, A) == []


def test_cached_blocks_do_not_change_with_the_buffer_that_they_were_copied_from() -> None:
    kept, buffer = PrefixCache(1 << 20), read(A).clone()
    kept.keep(A, buffer)
    buffer.zero_()
    assert held(kept, A) == [(0, SIZE, A)]


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ([1, 2, 3, 4, 5, 6, 1, 2, 3], [4, 5]),
        ([7, 2, 3, 8, 9, 1, 2, 3], [8, 9]),
        ([5, 3, 6, 7, 1, 2, 3], [6, 7]),
        ([1, 3, 8, 1, 3, 9, 3, 1, 3], [9, 3]),
        ([1, 2, 3], []),
        ([], []),
        ([1, 1], [1]),
    ],
    ids=["three", "two", "one", "the latest of two places", "nothing repeats", "nothing", "itself"],
)
def test_a_guess_is_what_followed_the_same_tokens_before(text: list[int], guess: list[int]) -> None:
    assert _repeated(text, 3, 2) == guess


def test_common_returns_the_length_of_the_common_prefix() -> None:
    assert [common([1, 2, 3], other) for other in ([1, 2, 4], [1, 2], [1, 2, 3, 4], [4], [])] == [2, 2, 3, 0, 0]
