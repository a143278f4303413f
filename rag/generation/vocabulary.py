"""Build a tokenizer from the metadata of a GGUF file: byte-level BPE with Qwen2's pre-tokenisation.

The chat template is the file's own, rendered in a sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""The pattern by which Qwen2's tokenizer splits text before merging (from its tokenizer.json)."""
_CONTROL, _USER_DEFINED = 3, 4
"""The GGUF types of tokens that control the model and are not text, and of tokens that are text but never split."""
_ENDS = frozenset({"<|im_end|>", "<|endoftext|>", "<｜end▁of▁sentence｜>"})
"""Control tokens that end a text in any file that has them: many files declare the wrong one, or only one of several."""


class Vocabulary:
    """Convert text to tokens and back, as defined by the metadata of a GGUF file.

    `end` is the file's end-of-text token, `ends` are all tokens that end a text, `controls` are all control tokens. Raises
    KeyError if the metadata are incomplete.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        texts, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
        merges = [tuple(merge.split(" ", 1)) for merge in metadata["tokenizer.ggml.merges"]]
        self._tokenizer = Tokenizer(models.BPE(vocab={text: number for number, text in enumerate(texts)}, merges=merges))
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        self._tokenizer.decoder = decoders.ByteLevel()
        self.controls = [number for number, kind in enumerate(kinds) if kind == _CONTROL]
        self._tokenizer.add_special_tokens(_added(texts, kinds, _CONTROL))
        self._tokenizer.add_tokens(_added(texts, kinds, _USER_DEFINED))
        sandbox = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self._template = sandbox.from_string(metadata["tokenizer.chat_template"])
        self.end: int = metadata["tokenizer.ggml.eos_token_id"]
        self.ends = {metadata.get(f"tokenizer.ggml.{name}_token_id", self.end) for name in ("eos", "eot", "padding")}
        self.ends.update(number for number in self.controls if texts[number] in _ENDS)
        begin = metadata.get("tokenizer.ggml.bos_token_id")
        self._named = {"bos_token": "" if begin is None else texts[begin], "eos_token": texts[self.end]}

    def spelled(self) -> list[bytes]:
        """Return the bytes of each token; those of a control token are its name."""
        letters, controls = _letters(), set(self.controls)
        texts = [self._tokenizer.id_to_token(number) or "" for number in range(self._tokenizer.get_vocab_size())]
        return [
            text.encode() if number in controls or not set(text) <= letters.keys() else bytes(letters[each] for each in text)
            for number, text in enumerate(texts)
        ]

    def chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Return the tokens of a chat, up to where the engine's answer begins."""
        return self.tokens(self._template.render(messages=messages, add_generation_prompt=True, **self._named))

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text, without special tokens added."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without control tokens."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))


def _added(texts: Sequence[str], kinds: Sequence[int], kind: int) -> list[AddedToken]:
    """Return the tokens of a type; each is matched as a whole in a text."""
    special = kind == _CONTROL
    return [
        AddedToken(text, normalized=False, special=special) for text, each in zip(texts, kinds, strict=True) if each == kind
    ]


def _letters() -> dict[str, int]:
    """Return the byte for each letter of a byte-level vocabulary (the inverse of GPT-2's bytes_to_unicode)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}
