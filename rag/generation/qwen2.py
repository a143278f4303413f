"""Run the Qwen2 network (arXiv:2407.10671) on a CPU, with weights from a GGUF file quantised to 8 bits.

It turns tokens into logits and caches the keys and values of the tokens it has read. The state of a token does not depend on
how tokens are grouped into steps, so the generated text does not depend on what was cached before. The tokenizer is in
`vocabulary.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch.nn import functional

from rag.generation.gguf import GGUF
from rag.generation.int8_linear import Int8Linear

_PIECE = 1 << 19
"""Weights quantised at a time: few enough to stay in the processor's cache."""
_SLICE = 1 << 15
"""Rows of the output matrix, one per vocabulary entry, that are packed at a time."""
_STATE_DEPTH = 0.75
"""Fraction of the layers after which `Qwen2.state` is taken: the last layers mostly encode the next token."""
_TRACE_DEPTH = 0.65
"""Fraction of the layers after which `Qwen2.traced` is taken."""


def fits(model: GGUF) -> bool:
    """Return whether a file contains a Qwen2 chat model that can be run here.

    It must be unsplit, with a chat template, without RoPE scaling, and with every tensor in a format that `gguf.py` supports.
    """
    metadata = model.metadata
    whole = metadata.get("split.count", 1) <= 1
    plain = metadata.get("qwen2.rope.scaling.type", "none") == "none"
    chats = "tokenizer.chat_template" in metadata
    return metadata.get("general.architecture") == "qwen2" and whole and plain and chats and model.readable()


@dataclass(frozen=True)
class _Layer:
    before_attention: torch.Tensor
    attention: Int8Linear
    attention_output: Int8Linear
    before_gates: torch.Tensor
    gates: Int8Linear
    down: Int8Linear


class Qwen2:
    """The network, with the keys and values of the tokens read so far.

    model: an open GGUF file of this architecture. context: maximum number of cached tokens. `length` is the number of cached
    tokens; set it lower to drop the last ones. `keys_values` is float16 (layers, 2, KV heads, context, head dim). `state` is
    the hidden state of the last token read, after three quarters of the layers, float32 (hidden,); `traced` are those of all
    tokens of the last `read`, after 65 % of the layers, float32 (tokens, hidden).
    """

    def __init__(self, model: GGUF, context: int) -> None:
        metadata = {key.removeprefix("qwen2."): value for key, value in model.metadata.items() if key.startswith("qwen2.")}
        self._model = model
        self._heads, self._kv_heads = metadata["attention.head_count"], metadata["attention.head_count_kv"]
        self._hidden, self._epsilon = metadata["embedding_length"], metadata["attention.layer_norm_rms_epsilon"]
        self._head_dim = self._hidden // self._heads
        self._layers = [self._layer(f"blk.{number}.") for number in range(metadata["block_count"])]
        self._before_output = model.rows("output_norm.weight")
        self._output = self._slices("output.weight" if "output.weight" in model else "token_embd.weight")
        frequencies = 1 / metadata["rope.freq_base"] ** (torch.arange(0, self._head_dim, 2) / self._head_dim)
        angles = torch.outer(torch.arange(context), frequencies).repeat(1, 2).unsqueeze(1)
        self._cosines, self._sines = angles.cos(), angles.sin()
        self.context = context
        self.keys_values = torch.empty(len(self._layers), 2, self._kv_heads, context, self._head_dim, dtype=torch.float16)
        self.length = 0
        self.state = torch.empty(self._hidden)
        self.traced = torch.empty(0, self._hidden)

    def pack(self) -> Iterator[None]:
        """Repack one matrix after another for the processor, one per step; until this is done, generation is slower."""
        for layer in self._layers:
            for linear in (layer.attention, layer.attention_output, layer.gates, layer.down):
                linear.pack()
                yield
        for linear in self._output:
            linear.pack()
            yield

    @property
    def packed(self) -> bool:
        """Whether all matrices are packed."""
        return self._output[-1].packed

    def read(self, tokens: Sequence[int]) -> torch.Tensor:
        """Read tokens into the cache and return their final hidden states, after the output norm, float32 (tokens, hidden)."""
        first, last = self.length, self.length + len(tokens)
        mask = torch.ones(len(tokens), last, dtype=torch.bool).tril(first) if len(tokens) > 1 else None
        states = self._model.gather("token_embd.weight", tokens)
        state_layer, traced = (int(share * len(self._layers)) for share in (_STATE_DEPTH, _TRACE_DEPTH))
        for number, layer in enumerate(self._layers):
            if number == traced:
                self.traced = states
            if number == state_layer:
                self.state = states[-1]
            normed = functional.rms_norm(states, (self._hidden,), layer.before_attention, self._epsilon)
            states = states + layer.attention_output(self._attend(number, layer.attention(normed), first, last, mask))
            normed = functional.rms_norm(states, (self._hidden,), layer.before_gates, self._epsilon)
            gate, value = layer.gates(normed).chunk(2, -1)
            states = states + layer.down(functional.silu(gate).mul_(value))
        self.length = last
        return functional.rms_norm(states, (self._hidden,), self._before_output, self._epsilon)

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits of the next token for each final hidden state, float32 (tokens, vocabulary)."""
        return torch.cat([linear(states) for linear in self._output], -1)

    def _attend(self, layer: int, projected: torch.Tensor, first: int, last: int, mask: torch.Tensor | None) -> torch.Tensor:
        """Cache the keys and values of new tokens, and return their attention output before its projection, (tokens, hidden).

        Computed in float64: sums in float32 depend on how many tokens are read at once, and a single differing bit can change
        the rounding to 8 bits that follows, and with it a generated token.
        """
        turning, values = projected.unflatten(-1, (-1, self._head_dim)).split([self._heads + self._kv_heads, self._kv_heads], 1)
        left, right = turning.chunk(2, -1)
        turned = turning * self._cosines[first:last] + torch.cat([-right, left], -1) * self._sines[first:last]
        queries, keys = turned.split([self._heads, self._kv_heads], 1)
        cached = self.keys_values[layer]
        cached[0, :, first:last], cached[1, :, first:last] = keys.transpose(0, 1), values.transpose(0, 1)
        keys, values = cached[:, None, :, :last].double()
        taken = functional.scaled_dot_product_attention(
            queries.transpose(0, 1).unsqueeze(0).double(), keys, values, attn_mask=mask, enable_gqa=True
        )
        return taken[0].transpose(0, 1).flatten(1).float()

    def _layer(self, name: str) -> _Layer:
        bias = torch.cat([self._model.rows(f"{name}attn_{part}.bias") for part in "qkv"])
        return _Layer(
            self._model.rows(f"{name}attn_norm.weight"),
            self._linear(*(f"{name}attn_{part}.weight" for part in "qkv"), bias=bias),
            self._linear(f"{name}attn_output.weight"),
            self._model.rows(f"{name}ffn_norm.weight"),
            self._linear(f"{name}ffn_gate.weight", f"{name}ffn_up.weight"),
            self._linear(f"{name}ffn_down.weight"),
        )

    def _linear(self, *tensors: str, bias: torch.Tensor | None = None) -> Int8Linear:
        """Return one matrix of several stacked vertically."""
        heights, widths = zip(*(self._model.shape(tensor) for tensor in tensors), strict=True)
        return Int8Linear((sum(heights), widths[0]), self._pieces(tensors), bias)

    def _slices(self, tensor: str) -> list[Int8Linear]:
        """Return one matrix as several slices of rows, which are packed quickly and with little additional memory."""
        height, width = self._model.shape(tensor)
        bounds = [*range(0, height, _SLICE), height]
        return [Int8Linear((last - first, width), self._rows(tensor, first, last)) for first, last in pairwise(bounds)]

    def _pieces(self, tensors: Sequence[str]) -> Iterator[torch.Tensor]:
        for tensor in tensors:
            yield from self._rows(tensor, 0, self._model.shape(tensor)[0])

    def _rows(self, tensor: str, first: int, last: int) -> Iterator[torch.Tensor]:
        step = max(_PIECE // self._model.shape(tensor)[1], 1)
        for start in range(first, last, step):
            yield self._model.rows(tensor, start, min(start + step, last))
