"""Keep the keys and values of prompts that were read, so that a later prompt is read only from where it differs.

It knows nothing of what the tokens say, nor of the network that read them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

import torch


@dataclass(frozen=True)
class Block:
    """Hold the keys and values of the tokens from `first` to `last` of a prompt."""

    first: int
    last: int
    keys_values: torch.Tensor


class PrefixCache:
    """Keep what was read of prompts, in blocks that are found by all tokens up to their end.

    Prompts that begin alike share their blocks; the prompt that was asked for longest ago makes room, its last block first,
    since those before are found without it (prefix caching by blocks: Kwon et al. 2023, arXiv:2309.06180). most: bytes. They
    are asked for at once, so that no block lies between the pieces that come and go while prompts are read; what was never
    used of them takes no memory.
    """

    TOKENS = 16
    """Tokens of a block."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._room: torch.Tensor | None = None
        self._free: list[int] = []
        self._blocks: OrderedDict[tuple[int, ...], int] = OrderedDict()

    def after(self, tokens: Sequence[int], known: int) -> Iterator[Block]:
        """Yield the blocks that follow the first `known` tokens of a prompt, as far as they are kept."""
        kept = list(takewhile(self._blocks.__contains__, self._beginnings(tokens)))
        self._asked_for(kept)
        for beginning in kept:
            if len(beginning) > known and self._room is not None:
                yield Block(len(beginning) - self.TOKENS, len(beginning), self._room[self._blocks[beginning]])

    def keep(self, tokens: Sequence[int], keys_values: torch.Tensor) -> None:
        """Keep a prompt whose keys and values are these, (…, tokens, head), all of one kind."""
        if len(tokens) < self.TOKENS:
            return
        room = self._made_for(keys_values[..., : self.TOKENS, :])
        beginnings = list(islice(self._beginnings(tokens), len(room)))  # one more takes the first one's place
        for beginning in beginnings:
            if beginning not in self._blocks:
                self._blocks[beginning] = place = self._free.pop() if self._free else self._blocks.popitem(last=False)[1]
                room[place] = keys_values[..., len(beginning) - self.TOKENS : len(beginning), :]
        self._asked_for(beginnings)

    def forget(self) -> None:
        """Let go of all blocks."""
        self._blocks.clear()
        self._free.clear()
        self._room = None

    def _asked_for(self, beginnings: Sequence[tuple[int, ...]]) -> None:
        """Let these blocks make room last, the first of them last of all."""
        for beginning in reversed(beginnings):
            if beginning in self._blocks:
                self._blocks.move_to_end(beginning)

    def _made_for(self, block: torch.Tensor) -> torch.Tensor:
        """Return the room for all blocks like this one, (blocks, …)."""
        if self._room is None:
            places = self._most // (block.numel() * block.element_size())
            self._room = torch.empty(places, *block.shape, dtype=block.dtype)
            self._free = list(range(places))
        return self._room

    def _beginnings(self, tokens: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Yield all tokens up to the end of each block."""
        for last in range(self.TOKENS, len(tokens) + 1, self.TOKENS):
            yield tuple(tokens[:last])
