"""Multiply by 8-bit weights with the processor's own instructions for it (AVX-512 VNNI), through oneDNN.

A row of weights and a stretch of an input each have one scale; what is multiplied are whole numbers. Their sums are exact, so
the only errors are those of rounding to 8 bits (dynamic quantisation; Jacob et al. 2018, arXiv:1712.05877), and an input has
the same product, to the last bit, alone or among others, before its weights are packed or after. It knows nothing of what a
model does with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import torch

from rag.machine import use_threads

STRETCH = 1536
"""Fewest inputs that share a scale; long inputs hold outliers, beside which the others would lose their digits."""


def supported() -> bool:
    """Tell whether this processor multiplies 8-bit numbers fast, and this torch rightly."""
    with ThreadPoolExecutor(1, "int8", use_threads, (1,)) as alone:
        try:
            return bool(torch.cpu._is_vnni_supported()) and alone.submit(_right).result()
        except (AttributeError, RuntimeError, TypeError):  # what is asked for here is younger than some releases of torch
            return False


def _right() -> bool:
    """Tell whether a product is right before and after its weights are packed."""
    linear, inputs = Int8Linear((16, 64), [torch.full((16, 64), 2.0)]), torch.full((1, 64), 3.0)
    products = [linear(inputs)]
    linear.pack()
    products.append(linear(inputs))
    return all(torch.allclose(product, torch.full((1, 16), 384.0), rtol=1e-3) for product in products)


class Int8Linear:
    """Hold one matrix, rounded, and the numbers to add to its product.

    shape: (outputs, inputs). rows: float32 rows of the matrix, in pieces of any height, which are rounded where they lie. bias:
    (outputs,).
    """

    def __init__(self, shape: tuple[int, int], rows: Iterable[torch.Tensor], bias: torch.Tensor | None = None) -> None:
        outputs, inputs = shape
        stretches = _stretches(inputs)
        self._weights = list(torch.empty(stretches, outputs, inputs // stretches, dtype=torch.int8))
        self._scales = torch.empty(stretches, outputs)
        self._sums = torch.empty(stretches, outputs, dtype=torch.int32)
        first = 0
        for piece in rows:
            last = first + len(piece)
            for stretch, part in enumerate(piece.chunk(stretches, -1)):
                scale = torch.maximum(part.amax(-1), -part.amin(-1)).clamp_(min=1e-12).div_(127)
                self._weights[stretch][first:last] = part.div_(scale.unsqueeze(-1)).round_()
                self._scales[stretch, first:last] = scale
                self._sums[stretch, first:last] = part.sum(-1)
            first = last
        self._shift = self._scales * self._sums
        self._bias = torch.zeros(outputs) if bias is None else bias
        self._zeros = torch.zeros(outputs, dtype=torch.int64)
        self.packed = False

    def pack(self) -> None:
        """Lay the weights out for the processor: it takes a while, and makes products with few tokens three times as fast."""
        if not self.packed:
            prepack = torch.ops.onednn.qlinear_prepack
            self._weights = [prepack(weights, [1, weights.shape[1]]) for weights in self._weights]
            self._sums = torch.empty(0)
            self.packed = True

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the product for float32 of shape (tokens, inputs): (tokens, outputs)."""
        parts = inputs.unflatten(-1, (len(self._weights), -1)).transpose(0, 1)
        least = parts.amin(-1, keepdim=True)
        step = (parts.amax(-1, keepdim=True) - least).clamp_(min=1e-12) / 255
        numbers = ((parts - least) / step).round_().to(torch.uint8)
        total = self._bias
        for stretch, (part, low, by) in enumerate(zip(numbers, least, step, strict=True)):
            total = torch.addcmul(total, low, self._shift[stretch])
            total.addcmul_(self._product(part, stretch), by)
        return total

    def _product(self, numbers: torch.Tensor, stretch: int) -> torch.Tensor:
        """Return the product of a stretch's weights, float32 (tokens, outputs), with whole numbers from 0 to 255."""
        weights, scale = self._weights[stretch], self._scales[stretch]
        if self.packed:
            return torch.ops.onednn.qlinear_pointwise(
                numbers, 1.0, 0, weights, scale, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
            )
        signed = numbers.bitwise_xor(128).view(torch.int8)  # 128 less than the numbers
        return (torch._int_mm(weights, signed.T).T + 128 * self._sums[stretch]) * scale


def _stretches(inputs: int) -> int:
    """Return into how many equal stretches an input is cut."""
    return next(count for count in range(max(inputs // STRETCH, 1), 0, -1) if inputs % (count * 32) == 0 or count == 1)
