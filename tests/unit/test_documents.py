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
def test_passages_are_whole_sentences_of_one_paragraph_no_longer_than_asked(text: str, longest: int) -> None:
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


def test_an_english_passage_may_have_three_letters_for_each_chinese_character() -> None:
    document = Document("a", "It rained. It was cold. They went home.")
    assert [p.text for p in group(document, split_document(document), 8)] == ["It rained. It was cold.", "They went home."]


SAID = "憑什麼是杭州養出了深度求索這樣的公司"


def test_a_pull_quote_of_the_running_text_is_dropped() -> None:
    document = Document("a", f"大家都在問，{SAID}。答案很長。\n{SAID}\n完。")
    sentences = split_document(document)
    assert [sentences[i].text for i in pull_quotes(sentences)] == [SAID]
    assert [p.text for p in group(document, sentences, 100, pull_quotes(sentences))] == [
        f"大家都在問，{SAID}。答案很長。",
        "完。",
    ]


def test_a_pull_quote_in_the_other_script_is_dropped() -> None:
    document = Document("a", f"{SAID}？這是個好問題。\n凭什么是杭州养出了深度求索这样的公司\n")
    assert pull_quotes(split_document(document)) == {2}


def test_of_lines_that_only_repeat_each_other_the_first_stays() -> None:
    document = Document("a", f"{SAID}。\n別的。\n{SAID}。\n{SAID}。")
    assert pull_quotes(split_document(document)) == {2, 3}


def test_short_or_unrepeated_lines_and_other_sources_are_no_pull_quotes() -> None:
    first = split_document(Document("a", f"{SAID}。\n杭州很好。\n杭州很好。"))
    second = split_document(Document("b", f"{SAID}。\n"))
    assert pull_quotes((*first, *second)) == frozenset()


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
def test_lines_whose_figures_differ_are_no_quotes_of_each_other(one: str, other: str) -> None:
    assert pull_quotes(split_document(Document("a", f"{one}\n{other}"))) == frozenset()


def test_a_last_line_is_no_quote_of_itself_where_a_longer_one_begins_like_it() -> None:
    document = Document("a", "第三章寫杭州的人工智能產業的政策與發展\n第三章寫杭州的人工智能產業很早")
    assert pull_quotes(split_document(document)) == frozenset()


def test_a_pull_quote_with_figures_is_dropped_however_its_marks_are_set() -> None:
    quote = "In 2023 it grew by -3.2% to 1,800 people"
    document = Document("a", f"“In 2023, it grew by -3.2% to 1800 people,” she said.\n{quote}")
    assert pull_quotes(split_document(document)) == {1}


def test_many_lines_that_begin_alike_are_gone_through_once() -> None:
    lines = [f"第一千零一號的會議記錄{number:05}號" for number in range(20_000)]
    sentences = split_document(Document("a", "\n".join([*lines, lines[0]])))
    began = time.monotonic()
    assert pull_quotes(sentences) == {20_000}
    assert time.monotonic() - began < 5


def test_files_that_editors_and_file_managers_hide_are_no_sources(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("甲。", encoding="utf-8")
    (tmp_path / "._a.txt").write_bytes(b"\0\1\2")
    (tmp_path / ".#a.names.toml").write_text("x", encoding="utf-8")
    assert [document.source for document in read_corpus(tmp_path)] == ["a.txt"]
    assert companion_files(tmp_path, "names.toml") == []


def test_a_corpus_is_read_in_the_order_of_names_with_plain_line_ends(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes("乙\r\n丙\r丁".encode())
    (tmp_path / "a.txt").write_bytes("\ufeff甲".encode())
    (tmp_path / "c.toml").write_text("not a source", encoding="utf-8")
    assert read_corpus(tmp_path) == (Document("a.txt", "甲"), Document("b.txt", "乙\n丙\n丁"))
    assert read_corpus(tmp_path / "a.txt") == (Document("a.txt", "甲"),)


def test_several_corpora_are_one_in_the_order_of_names_and_a_file_counts_once(tmp_path: Path) -> None:
    for name in ("b.txt", "one/c.txt", "one/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    found = read_corpus(tmp_path / "b.txt", tmp_path / "one", tmp_path / "link" / "a.txt")
    assert [document.source for document in found] == ["a.txt", "b.txt", "c.txt"]


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(folder, encoding="utf-8")
    said = failure(tmp_path / "one", tmp_path / "two")
    assert said == (
        f"Two sources have the name a.txt: {tmp_path / 'one' / 'a.txt'} and {tmp_path / 'two' / 'a.txt'}; rename one of them."
    )


def test_a_record_beside_a_source_says_its_title(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("甲", encoding="utf-8")
    (tmp_path / "a.toml").write_text('title = "甲的故事"', encoding="utf-8")
    assert read_corpus(tmp_path) == (Document("a.txt", "甲", "甲的故事"),)
    (tmp_path / "a.toml").write_text('\ufefftitle = "甲的事"', encoding="utf-8")
    assert read_corpus(tmp_path) == (Document("a.txt", "甲", "甲的事"),)
    (tmp_path / "a.toml").write_text("title =", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"a\.toml cannot be read"):
        read_corpus(tmp_path)


def failure(*corpora: Path) -> str:
    with pytest.raises(CorpusError) as error:
        read_corpus(*corpora)
    return str(error.value)


def test_a_missing_corpus_says_so(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert failure(gone) == f"The corpus {gone} does not exist; put a UTF-8 text file there, or set RAG_CORPUS."


def test_a_path_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    assert "does not exist" in failure(tmp_path / "a.txt" / "b.txt")
    assert failure(Path("x" * 5000)).endswith("x cannot be read: File name too long.")


def test_a_folder_that_may_not_be_listed_is_not_taken_for_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> list[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(os, "listdir", refuse)
    assert failure(tmp_path) == f"The corpus {tmp_path} cannot be read: Permission denied."
    with pytest.raises(CorpusError, match="cannot be read: Permission denied"):
        companion_files(tmp_path, "names.toml")


def test_what_a_corpus_that_is_not_there_would_bring_is_nothing(tmp_path: Path) -> None:
    assert companion_files(tmp_path / "gone", "names.toml") == companion_files(tmp_path / "gone.txt", "names.toml") == []


def test_a_corpus_without_a_text_says_so(tmp_path: Path) -> None:
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
def test_a_source_that_is_no_text_is_named_with_what_is_wrong(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(data)
    (tmp_path / "good.txt").write_text("好。", encoding="utf-8")
    assert failure(tmp_path) == f"The source {path} {said}"


def test_a_source_that_is_a_folder_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    assert failure(tmp_path) == f"The source {tmp_path / 'folder.txt'} cannot be read: Is a directory."


def test_a_source_whose_name_is_no_unicode_text_is_told_in_words_that_can_be_shown() -> None:
    with pytest.raises(CorpusError) as error:
        Document("a\udcff.txt", "杭州很好。")
    assert str(error.value) == r"The name of the source 'a\udcff.txt' is not valid Unicode; rename it."
