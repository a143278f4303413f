"""Make a tokenizer of what a GGUF file says of its vocabulary: byte-level BPE, split as Qwen2 splits.

The chat template is the file's own, run in a sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""Where Qwen2's tokenizer splits before it merges (its tokenizer.json)."""
_CONTROL = 3
"""The kind of a token in a GGUF file that steers and is never said."""


class Vocabulary:
    """Turn text into tokens and back, as a GGUF file's metadata say.

    `ends` are the tokens that end a text. `json` is the tokenizer in the form of tokenizer.json, without its chat template.
    Raises KeyError where the file brings no such vocabulary.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        texts, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
        merges = [tuple(merge.split(" ", 1)) for merge in metadata["tokenizer.ggml.merges"]]
        self._tokenizer = Tokenizer(models.BPE(vocab={text: number for number, text in enumerate(texts)}, merges=merges))
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        self._tokenizer.decoder = decoders.ByteLevel()
        controls = [text for text, kind in zip(texts, kinds, strict=True) if kind == _CONTROL]
        self._tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in controls])
        sandbox = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self._template = sandbox.from_string(metadata["tokenizer.chat_template"])
        ends = ("tokenizer.ggml.eos_token_id", "tokenizer.ggml.padding_token_id")
        self.ends = {metadata[end] for end in ends if end in metadata}

    @property
    def json(self) -> str:
        """Return the tokenizer as tokenizer.json."""
        return str(self._tokenizer.to_str())

    def chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Return the tokens of a chat, ending where an engine goes on."""
        return self.tokens(self._template.render(messages=messages, add_generation_prompt=True))

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text by itself."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def text(self, tokens: Sequence[int]) -> str:
        """Return what tokens spell."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))
