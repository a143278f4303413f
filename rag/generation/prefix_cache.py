"""Cache the attention keys and values of prompts: a later prompt is read only from where it differs.

The cache is independent of the tokenizer and of the network.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

import torch


@dataclass(frozen=True)
class Block:
    """The keys and values of tokens `first` to `last` (exclusive) of a prompt, (…, tokens, head)."""

    first: int
    last: int
    keys_values: torch.Tensor


class PrefixCache:
    """Cache keys and values in blocks, each found by all tokens of its prompt up to its end.

    Prompts with a common prefix share its blocks. The least recently used prompt is evicted first, beginning with its last
    block, since the blocks before can be used without it (prefix caching by blocks: Kwon et al. 2023, arXiv:2309.06180). most:
    capacity in bytes. It is allocated in one piece, to keep the blocks from fragmenting the memory in which prompts are read;
    the part that was never used takes no physical memory.
    """

    TOKENS = 16
    """Tokens per block."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._room: torch.Tensor | None = None
        self._free: list[int] = []
        self._blocks: OrderedDict[tuple[int, ...], int] = OrderedDict()

    def after(self, tokens: Sequence[int], known: int) -> Iterator[Block]:
        """Yield the consecutive cached blocks of a prompt that end after its first `known` tokens."""
        kept = list(takewhile(self._blocks.__contains__, self._beginnings(tokens)))
        self._touch(kept)
        for beginning in kept:
            if len(beginning) > known and self._room is not None:
                yield Block(len(beginning) - self.TOKENS, len(beginning), self._room[self._blocks[beginning]])

    def keep(self, tokens: Sequence[int], keys_values: torch.Tensor) -> None:
        """Cache the whole blocks of a prompt.

        keys_values: (…, tokens, head); all dimensions but `tokens`, and the dtype, must be the same in each call.
        """
        if len(tokens) < self.TOKENS:
            return
        room = self._storage_for(keys_values[..., : self.TOKENS, :])
        beginnings = list(islice(self._beginnings(tokens), len(room)))  # one more would evict the first one
        for beginning in beginnings:
            if beginning not in self._blocks:
                self._blocks[beginning] = place = self._free.pop() if self._free else self._blocks.popitem(last=False)[1]
                room[place] = keys_values[..., len(beginning) - self.TOKENS : len(beginning), :]
        self._touch(beginnings)

    def forget(self) -> None:
        """Free all blocks."""
        self._blocks.clear()
        self._free.clear()
        self._room = None

    def _touch(self, beginnings: Sequence[tuple[int, ...]]) -> None:
        """Mark blocks as most recently used, the first of them the most recent."""
        for beginning in reversed(beginnings):
            if beginning in self._blocks:
                self._blocks.move_to_end(beginning)

    def _storage_for(self, block: torch.Tensor) -> torch.Tensor:
        """Return the storage for all blocks, (blocks, …); allocate it for blocks of this shape if there is none yet."""
        if self._room is None:
            places = self._most // (block.numel() * block.element_size())
            self._room = torch.empty(places, *block.shape, dtype=block.dtype)
            self._free = list(range(places))
        return self._room

    def _beginnings(self, tokens: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Yield the key of each whole block: all tokens up to its end."""
        for last in range(self.TOKENS, len(tokens) + 1, self.TOKENS):
            yield tuple(tokens[:last])
