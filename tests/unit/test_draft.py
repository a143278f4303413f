"""A draft is taken apart into its sentences, however a model sets them out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.grounding.draft import split_draft


@pytest.mark.parametrize(
    ("draft", "pieces"),
    [
        ("甲很好。乙也好。", [("", "甲很好。"), ("", "乙也好。")]),
        ("One is good. Two is too.", [("", "One is good."), (" ", "Two is too.")]),
        ("1. 甲很好。\n2. 乙也好。", [("1. ", "甲很好。"), ("\n2. ", "乙也好。")]),
        ("- 甲\n- 乙", [("- ", "甲"), ("\n- ", "乙")]),
        ("（1）甲\n（2）乙", [("（1）", "甲"), ("\n（2）", "乙")]),
        ("## **甲**很好。", [("", "甲很好。")]),
        ("甲很好。\n”\n——", [("", "甲很好。")]),
        ("甲很好[1]。乙[12]也好。", [("", "甲很好。"), ("", "乙也好。")]),
        ("甲怎樣？甲很好。", [("", "甲怎樣？"), ("", "甲很好。")]),
        ("他說：“好。”她走了。", [("", "他說：“好。”"), ("", "她走了。")]),
        ("1.8萬億元。", [("", "1.8萬億元。")]),
        ("18、19世紀的絲綢。", [("", "18、19世紀的絲綢。")]),
        ("1、絲綢。", [("1、", "絲綢。")]),
        ("42.", [("", "42.")]),
        ("", []),
        ("\n \n", []),
    ],
)
def test_a_draft_is_split_into_sentences_without_marks_and_markup(draft: str, pieces: list[tuple[str, str]]) -> None:
    assert split_draft(draft) == pieces


def test_a_long_sentence_of_a_draft_stays_whole() -> None:
    long = "It has towns, " * 40 + "and a port."
    assert split_draft(f"{long} It is old.") == [("", long), (" ", "It is old.")]


@given(st.text(st.sampled_from("杭州的。！？1.-*#[]()（） \nabc"), max_size=120))
def test_any_draft_can_be_split(draft: str) -> None:
    assert all(text.strip() == text != "" for _, text in split_draft(draft))
