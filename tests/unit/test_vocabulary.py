"""The tokenizer that a GGUF file describes splits, spells and steers as the model learned it."""

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
def test_a_text_comes_back_as_it_was(vocabulary: Vocabulary, text: str) -> None:
    assert vocabulary.text(vocabulary.tokens(text)) == text


def test_each_token_tells_the_bytes_that_it_spells(vocabulary: Vocabulary) -> None:
    spelled = vocabulary.spelled()
    for text in TEXTS:
        assert b"".join(spelled[token] for token in vocabulary.tokens(text)).decode() == text
    assert [spelled[control] for control in vocabulary.controls] == [b"<|start|>", b"<|end|>", b"<|padding|>"]


def test_digits_are_split_one_by_one(vocabulary: Vocabulary) -> None:
    assert len(vocabulary.tokens("11662")) == 5


def test_a_chat_is_laid_out_by_the_files_own_template(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.chat([{"role": "user", "content": "Yes?"}])
    start, end, _ = vocabulary.controls
    assert tokens == [
        start, *vocabulary.tokens("user\nYes?"), end, *vocabulary.tokens("\n"), start, *vocabulary.tokens("assistant\n")
    ]  # fmt: skip
    assert vocabulary.text(tokens) == "user\nYes?\nassistant\n"


def test_a_text_may_end_with_padding_too(vocabulary: Vocabulary, metadata: dict[str, Any]) -> None:
    _, end, padding = vocabulary.controls
    assert (vocabulary.end, vocabulary.ends) == (end, {end, padding})
    without = {name: value for name, value in metadata.items() if name != "tokenizer.ggml.padding_token_id"}
    assert Vocabulary(without).ends == {end}


def with_tokens(metadata: dict[str, Any], added: dict[str, int], **more: Any) -> dict[str, Any]:
    """Return metadata with tokens added, by their kinds."""
    return metadata | {
        "tokenizer.ggml.tokens": metadata["tokenizer.ggml.tokens"] + list(added),
        "tokenizer.ggml.token_type": metadata["tokenizer.ggml.token_type"] + list(added.values()),
        **{f"tokenizer.ggml.{name}_token_id": number for name, number in more.items()},
    }


@pytest.mark.parametrize("name", ["<|im_end|>", "<|endoftext|>", "<｜end▁of▁sentence｜>"])
def test_a_text_ends_with_what_is_known_to_end_it_though_the_file_names_another_token(
    metadata: dict[str, Any], name: str
) -> None:
    first = len(metadata["tokenizer.ggml.tokens"])
    found = Vocabulary(with_tokens(metadata, {name: CONTROL}))
    assert found.ends == {found.end, found.controls[2], first}
    assert first not in Vocabulary(with_tokens(metadata, {name: USER_DEFINED})).ends


def test_a_text_ends_with_the_end_of_a_turn_too(metadata: dict[str, Any], vocabulary: Vocabulary) -> None:
    start, end, padding = vocabulary.controls
    assert Vocabulary(with_tokens(metadata, {}, eot=start)).ends == {start, end, padding}


def test_a_template_is_told_the_tokens_that_begin_and_end_a_text(metadata: dict[str, Any], vocabulary: Vocabulary) -> None:
    start, end, _ = vocabulary.controls
    bounded = metadata | {"tokenizer.chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}
    chat, said = [{"role": "user", "content": "Yes?"}], vocabulary.tokens("Yes?")
    assert Vocabulary(with_tokens(bounded, {}, bos=start)).chat(chat) == [start, *said, end]
    assert Vocabulary(bounded).chat(chat) == [*said, end]


def test_a_token_that_its_maker_defined_is_one_and_is_said(metadata: dict[str, Any]) -> None:
    first = len(metadata["tokenizer.ggml.tokens"])
    found = Vocabulary(with_tokens(metadata, {"<think>": USER_DEFINED}))
    assert found.tokens("<think>\nYes?") == [first, *found.tokens("\nYes?")]
    assert found.text([first]) == "<think>"
    assert first not in found.controls


def test_a_file_without_a_vocabulary_is_told() -> None:
    with pytest.raises(KeyError):
        Vocabulary({})


def test_a_voice_says_whole_characters_only(vocabulary: Vocabulary) -> None:
    told: list[Piece] = []
    voice = TextStream(vocabulary, told.append)
    for token in vocabulary.tokens("a🐉b"):
        voice.add([token])
    voice.end()
    assert "".join(piece.text for piece in told) == "a🐉b"
    assert all("�" not in piece.text for piece in told)


def test_each_token_ends_where_the_text_up_to_it_does(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.tokens("ab 杭州")
    found = ends(vocabulary, tokens)
    assert len(found) == len(tokens)
    assert list(found) == sorted(found)
    assert found[-1] == len("ab 杭州")
    assert ends(vocabulary, []) == ()


def test_a_word_is_spelled_by_single_tokens_alone(vocabulary: Vocabulary) -> None:
    assert {vocabulary.text([token]).strip() for token in spellings(vocabulary, "a")} == {"a"}
    assert spellings(vocabulary, "patience, money") == set()


def test_a_word_is_found_behind_the_sign_that_some_vocabularies_put_before_every_text() -> None:
    class Signed:
        words: ClassVar = ["▁", "能", "▁能", "\n", "▁a"]

        def tokens(self, text: str) -> list[int]:
            return [self.words.index(letter) for letter in f"▁{text}".replace(" ", "▁")]

        def text(self, tokens: list[int]) -> str:
            return "".join(self.words[token] for token in tokens).replace("▁", " ")

    assert spellings(Signed(), "能") == {1}
