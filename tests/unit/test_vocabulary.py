"""The tokenizer built from the metadata of a GGUF file, and decoding its tokens as they are generated."""

import json
from typing import Any, ClassVar

import pytest
from tokenizers import ByteLevelBPETokenizer

from rag.generation import Piece
from rag.generation.tokens import TextStream, ends, spellings
from rag.generation.vocabulary import Vocabulary

TEXTS = ["杭州有人才、資金和耐心。", "Hangzhou has people, money and patience. Yes? No!", "In 2024 it had 11662 yuan."]
CONTROL, USER_DEFINED = 3, 4
TEMPLATE = "{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"  # fmt: skip  # noqa: E501


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(TEXTS * 3, vocab_size=420, show_progress=False)
    model = json.loads(trained._tokenizer.to_str())["model"]
    words = sorted(model["vocab"], key=model["vocab"].__getitem__)
    controls = ["<|start|>", "<|end|>", "<|padding|>"]
    return {
        "tokenizer.ggml.tokens": words + controls,
        "tokenizer.ggml.token_type": [1] * len(words) + [3, 3, 3],
        "tokenizer.ggml.merges": [" ".join(merge) for merge in model["merges"]],
        "tokenizer.ggml.eos_token_id": len(words) + 1,
        "tokenizer.ggml.padding_token_id": len(words) + 2,
        "tokenizer.chat_template": TEMPLATE,
    }


@pytest.fixture(scope="module")
def vocabulary(metadata: dict[str, Any]) -> Vocabulary:
    return Vocabulary(metadata)


@pytest.mark.parametrize("text", [*TEXTS, "", "  two  spaces\n\nand lines\n", "未見過的字🐉"])
def test_decoding_the_tokens_of_a_text_returns_the_text(vocabulary: Vocabulary, text: str) -> None:
    assert vocabulary.text(vocabulary.tokens(text)) == text


def test_spelled_returns_the_bytes_of_each_token(vocabulary: Vocabulary) -> None:
    spelled = vocabulary.spelled()
    for text in TEXTS:
        assert b"".join(spelled[token] for token in vocabulary.tokens(text)).decode() == text
    assert [spelled[control] for control in vocabulary.controls] == [b"<|start|>", b"<|end|>", b"<|padding|>"]


def test_a_number_is_split_into_single_digits(vocabulary: Vocabulary) -> None:
    assert len(vocabulary.tokens("11662")) == 5


def test_a_chat_is_formatted_with_the_template_of_the_file(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.chat([{"role": "user", "content": "Yes?"}])
    start, end, _ = vocabulary.controls
    assert tokens == [
        start, *vocabulary.tokens("user\nYes?"), end, *vocabulary.tokens("\n"), start, *vocabulary.tokens("assistant\n")
    ]  # fmt: skip
    assert vocabulary.text(tokens) == "user\nYes?\nassistant\n"


def test_the_padding_token_also_ends_a_text(vocabulary: Vocabulary, metadata: dict[str, Any]) -> None:
    _, end, padding = vocabulary.controls
    assert (vocabulary.end, vocabulary.ends) == (end, {end, padding})
    without = {name: value for name, value in metadata.items() if name != "tokenizer.ggml.padding_token_id"}
    assert Vocabulary(without).ends == {end}


def with_tokens(metadata: dict[str, Any], added: dict[str, int], **more: Any) -> dict[str, Any]:
    """Return metadata with added tokens, given with their types; `more` are the ids of special tokens by name."""
    return metadata | {
        "tokenizer.ggml.tokens": metadata["tokenizer.ggml.tokens"] + list(added),
        "tokenizer.ggml.token_type": metadata["tokenizer.ggml.token_type"] + list(added.values()),
        **{f"tokenizer.ggml.{name}_token_id": number for name, number in more.items()},
    }


@pytest.mark.parametrize("name", ["<|im_end|>", "<|endoftext|>", "<｜end▁of▁sentence｜>"])
def test_well_known_control_tokens_end_a_text_even_if_the_file_declares_another(metadata: dict[str, Any], name: str) -> None:
    first = len(metadata["tokenizer.ggml.tokens"])
    found = Vocabulary(with_tokens(metadata, {name: CONTROL}))
    assert found.ends == {found.end, found.controls[2], first}
    assert first not in Vocabulary(with_tokens(metadata, {name: USER_DEFINED})).ends


def test_the_end_of_turn_token_also_ends_a_text(metadata: dict[str, Any], vocabulary: Vocabulary) -> None:
    start, end, padding = vocabulary.controls
    assert Vocabulary(with_tokens(metadata, {}, eot=start)).ends == {start, end, padding}


def test_the_chat_template_receives_the_begin_and_end_tokens(metadata: dict[str, Any], vocabulary: Vocabulary) -> None:
    start, end, _ = vocabulary.controls
    bounded = metadata | {"tokenizer.chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}
    chat, said = [{"role": "user", "content": "Yes?"}], vocabulary.tokens("Yes?")
    assert Vocabulary(with_tokens(bounded, {}, bos=start)).chat(chat) == [start, *said, end]
    assert Vocabulary(bounded).chat(chat) == [*said, end]


def test_a_user_defined_token_is_not_split_and_is_part_of_the_text(metadata: dict[str, Any]) -> None:
    first = len(metadata["tokenizer.ggml.tokens"])
    found = Vocabulary(with_tokens(metadata, {"<think>": USER_DEFINED}))
    assert found.tokens("<think>\nYes?") == [first, *found.tokens("\nYes?")]
    assert found.text([first]) == "<think>"
    assert first not in found.controls


def test_metadata_without_a_vocabulary_raises_a_key_error() -> None:
    with pytest.raises(KeyError):
        Vocabulary({})


def test_a_text_stream_emits_only_complete_characters(vocabulary: Vocabulary) -> None:
    told: list[Piece] = []
    voice = TextStream(vocabulary, told.append)
    for token in vocabulary.tokens("a🐉b"):
        voice.add([token])
    voice.end()
    assert "".join(piece.text for piece in told) == "a🐉b"
    assert all("�" not in piece.text for piece in told)


def test_ends_returns_the_offset_in_the_text_at_which_each_token_ends(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.tokens("ab 杭州")
    found = ends(vocabulary, tokens)
    assert len(found) == len(tokens)
    assert list(found) == sorted(found)
    assert found[-1] == len("ab 杭州")
    assert ends(vocabulary, []) == ()


def test_spellings_are_only_single_tokens_that_spell_the_word(vocabulary: Vocabulary) -> None:
    assert {vocabulary.text([token]).strip() for token in spellings(vocabulary, "a")} == {"a"}
    assert spellings(vocabulary, "patience, money") == set()


def test_spellings_are_found_in_a_vocabulary_that_puts_a_marker_before_every_text() -> None:
    class Signed:
        words: ClassVar = ["▁", "能", "▁能", "\n", "▁a"]

        def tokens(self, text: str) -> list[int]:
            return [self.words.index(letter) for letter in f"▁{text}".replace(" ", "▁")]

        def text(self, tokens: list[int]) -> str:
            return "".join(self.words[token] for token in tokens).replace("▁", " ")

    assert spellings(Signed(), "能") == {1}
