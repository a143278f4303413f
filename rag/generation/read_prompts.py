"""Keep the keys and values of prompts that were read, so that a later prompt is read only from where it differs.

It knows nothing of what the tokens say, nor of the network that read them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Block:
    """Hold the keys and values of the tokens from `first` to `last` of a prompt."""

    first: int
    last: int
    keys_values: torch.Tensor


class ReadPrompts:
    """Keep what was read of prompts, in blocks that are found by all tokens up to their end.

    Prompts that begin alike share their blocks; the block that was asked for longest ago makes room (prefix caching by
    blocks: Kwon et al. 2023, arXiv:2309.06180). most: bytes.
    """

    TOKENS = 16
    """Tokens of a block."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._blocks: OrderedDict[tuple[int, ...], Block] = OrderedDict()

    def after(self, tokens: Sequence[int], known: int) -> Iterator[Block]:
        """Yield the blocks that follow the first `known` tokens of a prompt, as far as they are kept."""
        for beginning in self._beginnings(tokens):
            block = self._blocks.get(beginning)
            if block is None:
                return
            self._blocks.move_to_end(beginning)
            if block.last > known:
                yield block

    def keep(self, tokens: Sequence[int], keys_values: torch.Tensor) -> None:
        """Keep a prompt whose keys and values are these, (…, tokens, head)."""
        for beginning in self._beginnings(tokens):
            if beginning not in self._blocks:
                first, last = len(beginning) - self.TOKENS, len(beginning)
                self._blocks[beginning] = block = Block(first, last, keys_values[..., first:last, :].clone())
                self._bytes += block.keys_values.nbytes
        while self._bytes > self._most:
            _, oldest = self._blocks.popitem(last=False)
            self._bytes -= oldest.keys_values.nbytes

    def forget(self) -> None:
        """Let go of all blocks."""
        self._blocks.clear()
        self._bytes = 0

    def _beginnings(self, tokens: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Yield all tokens up to the end of each block."""
        for last in range(self.TOKENS, len(tokens) + 1, self.TOKENS):
            yield tuple(tokens[:last])
