"""What was read is found again by all that stands before it, and only as long as there is room."""

from typing import Any

import pytest
import torch

from rag.generation.int8 import _repeated
from rag.generation.prefix_cache import PrefixCache
from rag.generation.tokens import common

SIZE = PrefixCache.TOKENS
BLOCK = 2 * SIZE * 4 * 2
"""Bytes of one block of the keys and values below."""


def read(tokens: list[int]) -> Any:
    """Return keys and values that tell which token they are of: (2, tokens, 4), in halves."""
    return torch.tensor(tokens, dtype=torch.float16).view(1, -1, 1).expand(2, -1, 4)


def held(kept: PrefixCache, tokens: list[int], known: int = 0) -> list[tuple[int, int, list[float]]]:
    return [(b.first, b.last, b.keys_values[0, :, 0].tolist()) for b in kept.after(tokens, known)]


A, B, C = ([letter] * SIZE for letter in (1, 2, 3))


def test_whole_blocks_that_begin_alike_are_found() -> None:
    kept = PrefixCache(1 << 20)
    kept.keep([*A, *B, 9], read([*A, *B, 9]))
    assert held(kept, [*A, *B, *C]) == [(0, SIZE, A), (SIZE, 2 * SIZE, B)]
    assert held(kept, [*A, *C]) == [(0, SIZE, A)]
    assert held(kept, [*A, *B, *C], known=SIZE + 3) == [(SIZE, 2 * SIZE, B)]
    assert held(kept, [*B, *A]) == []
    assert held(kept, A[:-1]) == []


def test_the_same_words_after_others_are_other_keys() -> None:
    kept = PrefixCache(1 << 20)
    kept.keep([*A, *C], read([*A, *C]))
    assert held(kept, [*B, *C]) == []


def test_what_was_asked_for_longest_ago_makes_room() -> None:
    kept = PrefixCache(2 * BLOCK)
    kept.keep(A, read(A))
    kept.keep(B, read(B))
    assert held(kept, A)
    kept.keep(C, read(C))
    assert [bool(held(kept, each)) for each in (A, B, C)] == [True, False, True]


def test_of_a_prompt_that_makes_room_the_end_goes_first() -> None:
    kept = PrefixCache(4 * BLOCK)
    kept.keep([*A, *B, *C], read([*A, *B, *C]))
    kept.keep([*C, *B], read([*C, *B]))
    assert held(kept, [*A, *B, *C]) == [(0, SIZE, A), (SIZE, 2 * SIZE, B)]
    assert len(held(kept, [*C, *B])) == 2


@pytest.mark.parametrize("places", [1, 2, 5])
def test_of_a_prompt_longer_than_all_room_the_beginning_is_kept(places: int) -> None:
    kept, prompt = PrefixCache(places * BLOCK), list(range(6 * SIZE))
    for _ in range(2):
        kept.keep(prompt, read(prompt))
        assert [block[:2] for block in held(kept, prompt)] == [(n * SIZE, (n + 1) * SIZE) for n in range(places)]


def test_prompts_that_come_again_in_turn_lose_no_more_than_there_is_no_room_for() -> None:
    kept, prompts = PrefixCache(11 * BLOCK), [[letter] * 4 * SIZE for letter in (1, 2, 3)]
    for prompt in prompts * 3:
        found = len(held(kept, prompt))
        kept.keep(prompt, read(prompt))
    assert found == 3


def test_nothing_is_kept_where_there_is_no_room_or_it_was_forgotten() -> None:
    none = PrefixCache(0)
    none.keep(A, read(A))
    assert held(none, A) == []
    kept = PrefixCache(1 << 20)
    kept.keep(A, read(A))
    kept.forget()
    assert held(kept, A) == []


def test_what_is_kept_does_not_change_with_what_is_read_next() -> None:
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
def test_a_guess_is_what_followed_the_same_words_before(text: list[int], guess: list[int]) -> None:
    assert _repeated(text, 3, 2) == guess


def test_texts_have_their_beginning_in_common() -> None:
    assert [common([1, 2, 3], other) for other in ([1, 2, 4], [1, 2], [1, 2, 3, 4], [4], [])] == [2, 2, 3, 0, 0]
