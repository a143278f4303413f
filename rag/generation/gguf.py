"""Read a GGUF file: the model's metadata, and its tensors dequantised to float32.

The layout follows llama.cpp's ggml/docs/gguf.md, the quantisation formats ggml-quants.c. No code from a file is run. The
network that uses the tensors is in `qwen2.py`.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rag.errors import GenerationError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9


@dataclass(frozen=True)
class _Stored:
    """A tensor in the file: its shape, rows first, its ggml type, and its offset in bytes within the tensor data."""

    shape: tuple[int, ...]
    kind: int
    start: int

    @property
    def packing(self) -> _Packing:
        return _PACKINGS[self.kind]


class GGUF:
    """An open GGUF file.

    `metadata` is the file's metadata by key. Raises GenerationError if the file is not GGUF.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._file)
            with mmap.mmap(self._file, 0, access=mmap.ACCESS_READ) as content:
                header = _Header(content)
                if header.taken(4) != b"GGUF" or header.scalar(4) not in (2, 3):
                    raise ValueError("its header is not that of GGUF version 2 or 3")
                tensors, entries = header.scalar(10), header.scalar(10)
                self.metadata = {header.text(): header.value(header.scalar(4)) for _ in range(entries)}
                self._tensors = dict(header.tensor() for _ in range(tensors))
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise GenerationError(f"{path} cannot be read as a GGUF file ({error}); fetch the model again.") from error
        alignment = self.metadata.get("general.alignment", 32)
        self._base = math.ceil(header.position / alignment) * alignment

    def __contains__(self, tensor: str) -> bool:
        return tensor in self._tensors

    def readable(self) -> bool:
        """Return whether every tensor is in a supported quantisation format."""
        return all(stored.kind in _PACKINGS for stored in self._tensors.values())

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Return the shape of a tensor, rows first."""
        return self._stored(tensor).shape

    def rows(self, tensor: str, first: int = 0, last: int | None = None) -> torch.Tensor:
        """Return rows `first` to `last` (exclusive) of a matrix, or a whole vector, as float32."""
        stored = self._stored(tensor)
        if len(stored.shape) == 1:
            return stored.packing.unpack(self._bytes(stored, 0, 1))[0]
        last = stored.shape[0] if last is None else min(last, stored.shape[0])
        return stored.packing.unpack(self._bytes(stored, first, last - first))

    def gather(self, tensor: str, rows: Sequence[int]) -> torch.Tensor:
        """Return the given rows of a matrix as float32, in the given order."""
        stored = self._stored(tensor)
        return stored.packing.unpack(torch.cat([self._bytes(stored, row, 1) for row in rows]))

    def _stored(self, tensor: str) -> _Stored:
        try:
            return self._tensors[tensor]
        except KeyError:
            raise GenerationError(f"{self._path} contains no tensor {tensor!r}; use engine='llama_cpp'.") from None

    def _bytes(self, stored: _Stored, first: int, count: int) -> torch.Tensor:
        """Return the bytes of `count` rows, uint8 of shape (count, bytes per row)."""
        width = stored.packing.bytes_of(stored.shape[-1])
        read = torch.empty(count, width, dtype=torch.uint8)
        if os.preadv(self._file, [read.numpy()], self._base + stored.start + first * width) < read.numel():
            raise GenerationError(f"{self._path} is truncated; fetch the model again.")
        return read


class _Header:
    """Read the values of a header one after another."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.position = 0

    def taken(self, count: int) -> bytes:
        self.position += count
        return self._data[self.position - count : self.position]

    def numbers(self, kind: int, count: int) -> tuple[Any, ...]:
        layout = f"<{count}{_SCALARS[kind]}"
        return struct.unpack(layout, self.taken(struct.calcsize(layout)))

    def scalar(self, kind: int) -> Any:
        return self.numbers(kind, 1)[0]

    def text(self) -> str:
        return self.taken(self.scalar(10)).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            return self.scalar(kind)
        inner, count = self.scalar(4), self.scalar(10)
        return [self.value(inner) for _ in range(count)] if inner in (_TEXT, _ARRAY) else list(self.numbers(inner, count))

    def tensor(self) -> tuple[str, _Stored]:
        name = self.text()
        shape = self.numbers(10, self.scalar(4))
        kind = self.scalar(4)
        return name, _Stored(tuple(reversed(shape)), kind, self.scalar(10))


@dataclass(frozen=True)
class _Packing:
    """A quantisation format: numbers per block, bytes per block, and the function that dequantises blocks to new floats."""

    numbers: int
    bytes: int
    numbers_of: Callable[[torch.Tensor], torch.Tensor]

    def bytes_of(self, numbers: int) -> int:
        return numbers // self.numbers * self.bytes

    def unpack(self, rows: torch.Tensor) -> torch.Tensor:
        """Dequantise uint8 of shape (rows, bytes) to float32 of shape (rows, numbers)."""
        return self.numbers_of(rows.view(len(rows), -1, self.bytes)).reshape(len(rows), -1)


def _f32(block: torch.Tensor) -> torch.Tensor:
    return block.contiguous().view(torch.float32)


def _q8_0(block: torch.Tensor) -> torch.Tensor:
    return block[..., 2:].contiguous().view(torch.int8) * _float16(block[..., :2])


def _q5_0(block: torch.Tensor) -> torch.Tensor:
    numbers = torch.empty(*block.shape[:-1], 2, 16)
    _halves(block[..., 6:], numbers[..., 0, :], numbers[..., 1, :])
    fifths = (block[..., 2:6].unsqueeze(-1) >> torch.arange(8, dtype=torch.uint8)) & 1
    return numbers.flatten(-2).add_(fifths.flatten(-2), alpha=16).sub_(16).mul_(_float16(block[..., :2]))


def _q4_k(block: torch.Tensor) -> torch.Tensor:
    scale, least = _float16(block[..., :4]).unsqueeze(-1).unbind(-2)
    first, second, third = block[..., 4:8], block[..., 8:12], block[..., 12:16]
    scales = torch.cat([first & 63, (third & 15) | ((first >> 6) << 4)], -1) * scale
    leasts = torch.cat([second & 63, (third >> 4) | ((second >> 6) << 4)], -1) * least
    numbers = torch.empty(*block.shape[:-1], 4, 2, 32)
    _halves(block[..., 16:].unflatten(-1, (4, 32)), numbers[..., 0, :], numbers[..., 1, :])
    return numbers.flatten(-3, -2).mul_(scales.unsqueeze(-1)).sub_(leasts.unsqueeze(-1))


def _q6_k(block: torch.Tensor) -> torch.Tensor:
    numbers = torch.empty(*block.shape[:-1], 2, 4, 32)
    _halves(block[..., :128].unflatten(-1, (2, 2, 32)), numbers[..., :2, :], numbers[..., 2:, :])
    upper = block[..., 128:192].unflatten(-1, (2, 32))
    for quarter in range(4):
        numbers[..., quarter, :].add_((upper >> (2 * quarter)) & 3, alpha=16)
    scales = block[..., 192:208].contiguous().view(torch.int8) * _float16(block[..., 208:])
    return numbers.flatten(-3).unflatten(-1, (16, 16)).sub_(32).mul_(scales.unsqueeze(-1))


def _float16(data: torch.Tensor) -> torch.Tensor:
    return data.contiguous().view(torch.float16).float()


def _halves(data: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor) -> None:
    """Split bytes into their lower and upper four bits."""
    lower.copy_(data & 15)
    upper.copy_(data >> 4)


_PACKINGS = {
    0: _Packing(1, 4, _f32),
    6: _Packing(32, 22, _q5_0),
    8: _Packing(32, 34, _q8_0),
    12: _Packing(256, 144, _q4_k),
    14: _Packing(256, 210, _q6_k),
}
