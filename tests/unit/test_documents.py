import errno
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents import Document, companion_files, group, pull_quotes, read_corpus, split_document
from rag.errors import CorpusError
from rag.text import han_length

PROSE = st.text(st.sampled_from("杭州的說国。！？“”《》（）a .3\n，；\t"), max_size=300) | st.text(max_size=200)


@given(PROSE, st.integers(1, 120))
def test_offsets_are_exact_for_any_text(text: str, longest: int) -> None:
    document = Document("any.txt", text)
    sentences = split_document(document)
    for piece in (*sentences, *group(document, sentences, longest)):
        assert text[piece.start : piece.end] == piece.text
        assert piece.text.strip() == piece.text != ""
        assert piece.source == "any.txt"


@given(PROSE, st.integers(1, 120))
def test_passages_are_whole_sentences_of_one_paragraph_within_the_maximum_length(text: str, longest: int) -> None:
    document = Document("any.txt", text)
    sentences = split_document(document)
    left_out = pull_quotes(sentences)
    inside: list[int] = []
    for passage in group(document, sentences, longest):
        own = [i for i, s in enumerate(sentences) if passage.start <= s.start and s.end <= passage.end]
        assert passage.start == sentences[own[0]].start
        assert passage.end == sentences[own[-1]].end
        assert len({sentences[i].paragraph for i in own}) == 1
        assert len(own) == 1 or han_length(passage.text) <= longest
        inside += own
    assert inside == [i for i in range(len(sentences)) if i not in left_out]


def test_neighbouring_sentences_share_a_passage_until_it_is_full() -> None:
    document = Document("a", "一二三。四五六。七八九。\n十。")
    sentences = split_document(document)
    assert [p.text for p in group(document, sentences, 8)] == ["一二三。四五六。", "七八九。", "十。"]
    assert [p.text for p in group(document, sentences, 3)] == ["一二三。", "四五六。", "七八九。", "十。"]
    assert [s.paragraph for s in sentences] == [0, 0, 0, 1]


def test_passage_lengths_count_three_english_letters_as_one_chinese_character() -> None:
    document = Document("a", "It rained. It was cold. They went home.")
    assert [p.text for p in group(document, split_document(document), 8)] == ["It rained. It was cold.", "They went home."]


SAID = "憑什麼是杭州養出了深度求索這樣的公司"


def test_a_pull_quote_that_repeats_the_running_text_is_left_out_of_the_passages() -> None:
    document = Document("a", f"大家都在問，{SAID}。答案很長。\n{SAID}\n完。")
    sentences = split_document(document)
    assert [sentences[i].text for i in pull_quotes(sentences)] == [SAID]
    assert [p.text for p in group(document, sentences, 100, pull_quotes(sentences))] == [
        f"大家都在問，{SAID}。答案很長。",
        "完。",
    ]


def test_a_pull_quote_in_the_other_chinese_script_is_recognised() -> None:
    document = Document("a", f"{SAID}？這是個好問題。\n凭什么是杭州养出了深度求索这样的公司\n")
    assert pull_quotes(split_document(document)) == {2}


def test_the_first_of_several_identical_lines_is_not_a_pull_quote() -> None:
    document = Document("a", f"{SAID}。\n別的。\n{SAID}。\n{SAID}。")
    assert pull_quotes(split_document(document)) == {2, 3}


def test_a_short_line_that_repeats_another_is_not_a_pull_quote() -> None:
    assert pull_quotes(split_document(Document("a", "杭州很好。\n杭州很好。"))) == frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("一號倉庫的電話分機號碼是8", "一號倉庫的電話分機號碼是86"),
        ("一號倉庫去年全年的租金是八", "一號倉庫去年全年的租金是八十萬元"),
        ("五個倉庫去年的租金是八萬元", "十五個倉庫去年的租金是八萬元"),
        ("2024年的營業收入為5.0億元人民幣", "2024年的營業收入為50億元人民幣（含稅）"),
        ("基金A在2022年的年化收益率為-3.2%", "基金A在2022年的年化收益率為3.2%（扣除匯率影響後）"),
        ("Growth of the firm in 2020 was −5 percent", "Growth of the firm in 2020 was 5 percent of sales"),
        ("The share of clause seven is 1/2", "The share of clause seven is 12"),
    ],
)
def test_lines_with_different_numbers_are_not_pull_quotes_of_each_other(one: str, other: str) -> None:
    assert pull_quotes(split_document(Document("a", f"{one}\n{other}"))) == frozenset()


def test_a_last_line_that_shares_only_its_beginning_with_a_longer_line_is_not_a_pull_quote() -> None:
    document = Document("a", "第三章寫杭州的人工智能產業的政策與發展\n第三章寫杭州的人工智能產業很早")
    assert pull_quotes(split_document(document)) == frozenset()


def test_a_pull_quote_with_numbers_is_recognised_despite_other_punctuation() -> None:
    quote = "In 2023 it grew by -3.2% to 1,800 people"
    document = Document("a", f"“In 2023, it grew by -3.2% to 1800 people,” she said.\n{quote}")
    assert pull_quotes(split_document(document)) == {1}


def test_a_pull_quote_is_found_quickly_among_many_lines_with_the_same_beginning() -> None:
    lines = [f"第一千零一號的會議記錄{number:05}號" for number in range(20_000)]
    sentences = split_document(Document("a", "\n".join([*lines, lines[0]])))
    began = time.monotonic()
    assert pull_quotes(sentences) == {20_000}
    assert time.monotonic() - began < 5


def test_hidden_files_are_not_read_as_sources_or_companion_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("甲。", encoding="utf-8")
    (tmp_path / "._a.txt").write_bytes(b"\0\1\2")
    (tmp_path / ".#a.names.toml").write_text("x", encoding="utf-8")
    assert [document.source for document in read_corpus(tmp_path)] == ["a.txt"]
    assert companion_files(tmp_path, "names.toml") == []


def test_a_corpus_is_read_in_name_order_without_byte_order_marks_and_with_normalised_line_ends(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes("乙\r\n丙\r丁".encode())
    (tmp_path / "a.txt").write_bytes("\ufeff甲".encode())
    (tmp_path / "c.toml").write_text("not a source", encoding="utf-8")
    assert read_corpus(tmp_path) == (Document("a.txt", "甲"), Document("b.txt", "乙\n丙\n丁"))
    assert read_corpus(tmp_path / "a.txt") == (Document("a.txt", "甲"),)


def test_several_corpora_are_merged_in_name_order_and_a_repeated_file_is_read_once(tmp_path: Path) -> None:
    for name in ("b.txt", "one/c.txt", "one/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    found = read_corpus(tmp_path / "b.txt", tmp_path / "one", tmp_path / "link" / "a.txt")
    assert [document.source for document in found] == ["a.txt", "b.txt", "c.txt"]


def test_two_sources_with_the_same_name_raise_an_error(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(folder, encoding="utf-8")
    said = failure(tmp_path / "one", tmp_path / "two")
    assert said == (
        f"Two sources have the name a.txt: {tmp_path / 'one' / 'a.txt'} and {tmp_path / 'two' / 'a.txt'}; rename one of them."
    )


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "a byte order mark"])
def test_the_toml_file_of_a_source_gives_its_title(tmp_path: Path, mark: str) -> None:
    (tmp_path / "a.txt").write_text("甲", encoding="utf-8")
    (tmp_path / "a.toml").write_text(f'{mark}title = "甲的故事"', encoding="utf-8")
    assert read_corpus(tmp_path) == (Document("a.txt", "甲", "甲的故事"),)


def test_an_invalid_toml_file_of_a_source_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("甲", encoding="utf-8")
    (tmp_path / "a.toml").write_text("title =", encoding="utf-8")
    assert failure(tmp_path).startswith(f"The title file {tmp_path / 'a.toml'} cannot be read (")


def failure(*corpora: Path) -> str:
    with pytest.raises(CorpusError) as error:
        read_corpus(*corpora)
    return str(error.value)


def test_a_missing_corpus_raises_an_error_with_advice(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert failure(gone) == f"The corpus {gone} does not exist; put a UTF-8 text file there, or set RAG_CORPUS."


def test_an_impossible_corpus_path_raises_a_corpus_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    assert "does not exist" in failure(tmp_path / "a.txt" / "b.txt")
    assert failure(Path("x" * 5000)).endswith("x cannot be read: File name too long.")


def test_a_folder_that_cannot_be_listed_raises_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> list[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(os, "listdir", refuse)
    assert failure(tmp_path) == f"The corpus {tmp_path} cannot be read: Permission denied."
    with pytest.raises(CorpusError, match="cannot be read: Permission denied"):
        companion_files(tmp_path, "names.toml")


def test_a_missing_corpus_has_no_companion_files(tmp_path: Path) -> None:
    assert companion_files(tmp_path / "gone", "names.toml") == companion_files(tmp_path / "gone.txt", "names.toml") == []


def test_a_corpus_without_a_text_file_raises_an_error_with_advice(tmp_path: Path) -> None:
    assert failure(tmp_path) == f"The corpus {tmp_path} contains no .txt file; put a UTF-8 text file there."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty; expected some text."),
        (b" \n\t\r\n", "is empty; expected some text."),
        ("\ufeff".encode(), "is empty; expected some text."),
        ("---\n\u200b\n***。".encode(), "is empty; expected some text."),
        (b"a\0b", "contains binary data; expected a text file."),
        ("杭州".encode("gbk"), "is not UTF-8 (byte 0); save it as UTF-8 text."),
        ("杭州".encode()[:4], "is not UTF-8 (byte 3); save it as UTF-8 text."),
        (b"\x89PNG\r\n\x1a\n", "is not UTF-8 (byte 0); save it as UTF-8 text."),
    ],
)
def test_an_empty_binary_or_wrongly_encoded_source_is_named_in_the_error(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(data)
    (tmp_path / "good.txt").write_text("好。", encoding="utf-8")
    assert failure(tmp_path) == f"The source {path} {said}"


def test_a_folder_with_the_name_of_a_source_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    assert failure(tmp_path) == f"The source {tmp_path / 'folder.txt'} cannot be read: Is a directory."


def test_a_source_name_that_is_not_valid_unicode_is_escaped_in_the_error() -> None:
    with pytest.raises(CorpusError) as error:
        Document("a\udcff.txt", "杭州很好。")
    assert str(error.value) == r"The name of the source 'a\udcff.txt' is not valid Unicode; rename it."
