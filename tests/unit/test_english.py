"""The names and translations of a text: those that come with it, and those that the model makes."""

import codecs
import json
from pathlib import Path

import pytest
from fakes import SENTENCE, ScriptedGenerator, asked

from rag.documents import read_corpus, split_document
from rag.english import English, keep
from rag.errors import CorpusError, RagError
from rag.numbers import possible_numbers, stated_numbers
from rag.settings import Settings

ROWS = [
    {"sentence": "總部設在杭州。", "english": "Its seat is Hangzhou."},
    {"sentence": "房價更低。", "english": "Homes cost less."},
]

WRONG = [
    *('{"sentence": "乙。"}', "[1]", "null", "no JSON"),
    *('{"sentence": 1, "english": "A."}', '{"sentence": "乙。", "english": null}'),
]


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("總部設在杭州。房價更低。上海最大。", encoding="utf-8")
    (tmp_path / "a.english.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    (tmp_path / "a.names.toml").write_text('[names]\n"上海" = ["Shanghai"]\n', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("corpus_of", [lambda folder: folder, lambda folder: folder / "a.txt"], ids=["folder", "file"])
def test_the_translation_of_a_sentence_is_found_in_either_script(brought: Path, corpus_of) -> None:
    english = English.read(corpus_of(brought))
    assert english.translation_of("總部設在杭州。") == english.translation_of("总部设在杭州。") == "Its seat is Hangzhou."
    assert english.translation_of("總部") == ""


def test_the_texts_own_translations_override_the_models_and_are_distinguished_from_them(brought: Path, tmp_path: Path) -> None:
    written = tmp_path / "made.jsonl"
    for sentence, english in (("房價更低。", "Cheap house."), ("上海最大。", "Shanghai is largest."), ("乙。", "")):
        keep(written, sentence, english)
    english = English.read(brought, written)
    assert [english.translation_of(text) for text in ("房价更低。", "上海最大。")] == [
        "Homes cost less.",
        "Shanghai is largest.",
    ]
    assert [english.has_own_translation(text) for text in ("房价更低。", "上海最大。", "乙。", "丙。")] == [
        True,
        False,
        False,
        False,
    ]


def test_an_untranslated_sentence_stays_chinese_with_its_names_in_english(brought: Path) -> None:
    english = English.read(brought)
    assert english.render("房價更低。上海最大。") == "Homes cost less.  Shanghai (上海)最大。"
    assert English().render("房價更低。上海最大。") == "房价更低。上海最大。"


def test_amounts_in_an_untranslated_sentence_are_written_in_english() -> None:
    assert English().render("欠債三千八百萬元，一個人還。") == "欠债 38 million 元，一个人还。"


@pytest.mark.parametrize("row", WRONG)
def test_an_invalid_translations_file_raises_an_error_with_the_expected_form(brought: Path, row: str) -> None:
    (brought / "a.english.jsonl").write_text(row, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"a\.english\.jsonl cannot be read .*expected rows of"):
        English.read(brought)


def test_an_unreadable_translations_file_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "english.jsonl").mkdir()
    with pytest.raises(CorpusError, match=r"^The translations file .*english\.jsonl cannot be read \(IsADirectoryError"):
        English.read(None, tmp_path / "english.jsonl")


@pytest.mark.parametrize("row", WRONG)
def test_an_invalid_row_in_the_file_of_the_models_translations_is_skipped(tmp_path: Path, row: str) -> None:
    kept = tmp_path / "english.jsonl"
    kept.write_text(f"{row}\n{json.dumps({'sentence': '甲。', 'english': 'A.'})}\n", encoding="utf-8")
    english = English.read(None, kept)
    assert (english.translation_of("甲。"), english.needs_translation("乙。")) == ("A.", True)


def test_a_byte_order_mark_is_ignored_in_translations_and_names(brought: Path) -> None:
    for name in ("a.english.jsonl", "a.names.toml"):
        (brought / name).write_bytes(codecs.BOM_UTF8 + (brought / name).read_bytes())
    english = English.read(brought)
    assert english.render("總部設在杭州。上海最大。") == "Its seat is Hangzhou.  Shanghai (上海)最大。"


def test_each_sentence_is_translated_only_once(make_rag) -> None:
    generator = ScriptedGenerator(["It is so."])
    assert make_rag(generator).translate() == 10
    assert make_rag(generator).translate() == 0
    assert len({asked(prompt) for prompt in generator.prompts}) == len(generator.prompts) == 10


def test_translating_reports_its_progress(make_rag) -> None:
    done: list[tuple[int, int]] = []
    make_rag(ScriptedGenerator(["It is so."])).translate(lambda *step: done.append(step))
    assert done == [(number, 10) for number in range(1, 11)]


def test_a_translation_with_another_number_is_rejected(make_rag) -> None:
    generator = ScriptedGenerator([lambda prompt: "It has 99 seats." if "宇树" in asked(prompt) else "It is so."])
    rag = make_rag(generator)
    rag.translate()
    english = rag.answering().english
    assert english.translation_of("宇樹科技的機器人在春節晚會上跳了舞。") == ""
    assert english.translation_of(SENTENCE) == "It is so."


def test_a_translation_that_cannot_be_written_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RagError, match=r"The translations cannot be written to .*english\.jsonl"):
        keep(tmp_path / "file" / "english.jsonl", "甲。", "A.")


def test_every_sentence_of_the_shipped_article_has_a_translation_with_the_same_numbers() -> None:
    corpus = Settings().corpus
    english = English.read(corpus)
    for sentence in (sentence for document in read_corpus(corpus) for sentence in split_document(document)):
        translation = english.translation_of(sentence.text)
        assert translation, sentence.text
        assert stated_numbers(translation) <= possible_numbers(sentence.text)
        assert stated_numbers(sentence.text) <= possible_numbers(translation)
