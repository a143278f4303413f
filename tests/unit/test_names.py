"""Names in a text and their English forms, given by a table."""

from pathlib import Path

import pytest

from rag.english.names import Names, transliterated
from rag.errors import CorpusError

TABLE = (
    '[names]\n"六小龍" = ["Six Little Dragons", "Six Dragons"]\n"杭州六小龍" = ["Hangzhou\'s Six"]\n"深度求索" = ["DeepSeek"]\n'
)


@pytest.fixture
def names(tmp_path: Path) -> Names:
    (tmp_path / "a.names.toml").write_text(TABLE, encoding="utf-8")
    return Names.read(tmp_path)


def test_the_longest_original_comes_first(names: Names) -> None:
    assert [original for original, _ in names.forms] == ["杭州六小龍", "深度求索", "六小龍"]


def test_for_a_single_source_only_the_table_beside_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.names.toml").write_text(TABLE, encoding="utf-8")
    (tmp_path / "b.names.toml").write_text("broken", encoding="utf-8")
    (tmp_path / "a.txt").touch()
    assert len(Names.read(tmp_path / "a.txt").forms) == 3
    assert Names.read(tmp_path / "c.txt") == Names()


def test_without_a_table_no_names_are_added(tmp_path: Path) -> None:
    none = Names.read(tmp_path)
    assert none == Names()
    assert none.expand("Who are the Six Dragons?") == "Who are the Six Dragons?"
    assert none.annotate("六小龍。") == "六小龙。"


@pytest.mark.parametrize(
    ("question", "expanded"),
    [
        ("Who are the six dragons?", "Who are the six dragons (六小龙)?"),
        ("Who are the Six Little Dragons?", "Who are the Six Little Dragons (六小龙)?"),
        ("Is DeepSeek in Hangzhou? DeepSeek!", "Is DeepSeek (深度求索) in Hangzhou? DeepSeek!"),
        ("What is 深度求索 or DeepSeek?", "What is 深度求索 or DeepSeek?"),
        ("DeepSeekers are many", "DeepSeekers are many"),
        ("", ""),
    ],
)
def test_expand_adds_the_original_once_after_each_name_in_a_question(names: Names, question: str, expanded: str) -> None:
    assert names.expand(question) == expanded


@pytest.mark.parametrize(
    ("text", "glossed"),
    [
        (
            "DeepSeek is in Hangzhou. DeepSeek-R1 is DeepSeek's.",
            "DeepSeek (深度求索) is in Hangzhou. DeepSeek-R1 is DeepSeek's.",
        ),
        ("DeepSeek's six dragons", "DeepSeek's (深度求索) six dragons (六小龍)"),
        ("Hangzhou's six are six little dragons.", "Hangzhou's six (杭州六小龍) are six little dragons (六小龍)."),
        ("DeepSeek (深度求索)", "DeepSeek (深度求索)"),
        ("DeepSeek-R1 and DeepSeekers", "DeepSeek-R1 and DeepSeekers"),
        ("", ""),
    ],
)
def test_gloss_adds_the_original_after_the_first_mention_of_each_name_in_an_answer(
    names: Names, text: str, glossed: str
) -> None:
    assert names.gloss(text) == glossed
    assert Names().gloss(text) == text


@pytest.mark.parametrize("text", ["İstanbul is a city.", "ıstanbul is a city."])
def test_a_name_written_with_a_turkish_i_is_not_matched(text: str) -> None:
    assert Names((("伊斯坦布爾", ("Istanbul",)),)).gloss(text) == text


def test_a_shared_form_belongs_to_the_original_that_lists_it_earliest() -> None:
    names = Names((("杭州六小龍", ("Hangzhou's Six", "Six")), ("六小龍", ("Six",))))
    assert names.gloss("Six.") == "Six (六小龍)."


def test_annotate_writes_names_in_english_with_the_original_after_the_first_mention(names: Names) -> None:
    assert names.annotate("杭州六小龍有深度求索，深度求索很強。") == (
        " Hangzhou's Six (杭州六小龍)有 DeepSeek (深度求索)， DeepSeek 很强。"
    )


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("主作者是伊麗莎白·皮爾和費利斯‧弗萊。", {"白·皮", "斯·弗"}),
        ("埃隆・馬斯克就是埃隆•马斯克", {"隆·马"}),
        ("让·雅·克", {"让·雅", "雅·克"}),
        ("王興興（Wang Xingxing）在3·15說起一·二八", set()),
    ],
)
def test_transliterated_foreign_names_are_recognised_by_their_dots(text: str, letters: set[str]) -> None:
    assert transliterated(text) == letters


@pytest.mark.parametrize(
    "text",
    ["not toml", "[other]\n", 'names = "x"', '[names]\n"深圳" = "Shenzhen"', b"\xff\xfe".decode("latin-1") + "="],
    ids=["no TOML", "no names", "a text", "a form that is no list", "not UTF-8"],
)
def test_an_invalid_table_of_names_is_named_in_the_error_with_the_expected_form(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.names.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError) as error:
        Names.read(tmp_path)
    said = str(error.value)
    assert said.startswith(f"The names file {tmp_path / 'a.names.toml'} cannot be read (")
    assert said.endswith('); expected [names] "original" = ["English"].')
