"""Multiply by 8-bit weights with the processor's instructions for this (AVX-512 VNNI), through oneDNN.

Inputs are divided into blocks. Each block of an input has one scale, and so has each row of the weights for that block; only
integers are multiplied. Their sums are exact, so the only errors are those of rounding to 8 bits (dynamic quantisation; Jacob
et al. 2018, arXiv:1712.05877), and the product of an input is the same to the last bit, alone or in a batch, before the weights
are packed or after. The network that is made of these layers is in `generation/qwen2.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import torch

from rag.machine import use_threads

BLOCK = 1536
"""Minimum length of a block; long inputs are divided because an outlier reduces the precision of all values with its scale."""


def supported() -> bool:
    """Return whether this processor multiplies 8-bit numbers fast, and this version of torch does so correctly."""
    with ThreadPoolExecutor(1, "int8", use_threads, (1,)) as alone:
        try:
            return bool(torch.cpu._is_vnni_supported()) and alone.submit(_computes_correctly).result()
        except (AttributeError, RuntimeError, TypeError):  # some releases of torch lack these functions
            return False


def _computes_correctly() -> bool:
    """Return whether a product is correct, both before and after its weights are packed."""
    linear, inputs = Int8Linear((16, 64), [torch.full((16, 64), 2.0)]), torch.full((1, 64), 3.0)
    products = [linear(inputs)]
    linear.pack()
    products.append(linear(inputs))
    return all(torch.allclose(product, torch.full((1, 16), 384.0), rtol=1e-3) for product in products)


class Int8Linear:
    """A linear layer whose weights are rounded to 8 bits.

    shape: (outputs, inputs). rows: float32 rows of the weight matrix, in pieces of any height, which are overwritten. bias:
    (outputs,), 0 by default.
    """

    def __init__(self, shape: tuple[int, int], rows: Iterable[torch.Tensor], bias: torch.Tensor | None = None) -> None:
        outputs, inputs = shape
        blocks = _blocks(inputs)
        self._weights = list(torch.empty(blocks, outputs, inputs // blocks, dtype=torch.int8))
        self._scales = torch.empty(blocks, outputs)
        self._sums = torch.empty(blocks, outputs, dtype=torch.int32)
        first = 0
        for piece in rows:
            last = first + len(piece)
            for block, part in enumerate(piece.chunk(blocks, -1)):
                scale = torch.maximum(part.amax(-1), -part.amin(-1)).clamp_(min=1e-12).div_(127)
                self._weights[block][first:last] = part.div_(scale.unsqueeze(-1)).round_()
                self._scales[block, first:last] = scale
                self._sums[block, first:last] = part.sum(-1)
            first = last
        self._shift = self._scales * self._sums
        self._bias = torch.zeros(outputs) if bias is None else bias
        self._zeros = torch.zeros(outputs, dtype=torch.int64)
        self.packed = False

    def pack(self) -> None:
        """Pack the weights for the processor; this takes a while, and makes products with few tokens three times as fast."""
        if not self.packed:
            prepack = torch.ops.onednn.qlinear_prepack
            self._weights = [prepack(weights, [1, weights.shape[1]]) for weights in self._weights]
            self._sums = torch.empty(0)
            self.packed = True

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the product with float32 inputs of shape (tokens, inputs), plus the bias: float32 (tokens, outputs)."""
        parts = inputs.unflatten(-1, (len(self._weights), -1)).transpose(0, 1)
        least = parts.amin(-1, keepdim=True)
        step = (parts.amax(-1, keepdim=True) - least).clamp_(min=1e-12) / 255
        numbers = ((parts - least) / step).round_().to(torch.uint8)
        total = self._bias
        for block, (part, low, by) in enumerate(zip(numbers, least, step, strict=True)):
            total = torch.addcmul(total, low, self._shift[block])
            total.addcmul_(self._product(part, block), by)
        return total

    def _product(self, numbers: torch.Tensor, block: int) -> torch.Tensor:
        """Return the product of a block's weights with integers from 0 to 255, float32 (tokens, outputs)."""
        weights, scale = self._weights[block], self._scales[block]
        if self.packed:
            return torch.ops.onednn.qlinear_pointwise(
                numbers, 1.0, 0, weights, scale, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
            )
        signed = numbers.bitwise_xor(128).view(torch.int8)  # numbers - 128
        return (torch._int_mm(weights, signed.T).T + 128 * self._sums[block]) * scale


def _blocks(inputs: int) -> int:
    """Return the number of equal blocks into which an input is divided."""
    return next(count for count in range(max(inputs // BLOCK, 1), 0, -1) if inputs % (count * 32) == 0 or count == 1)
