"""Tests for names that an English text writes in Latin letters, held to the characters of a Chinese one."""

from __future__ import annotations

import pytest

from rag.romanization import glossed, respelled, unread

SOURCE = "一九八一年，吹制工吴秀兰到上海看病；周晓满是她的外孙女。厂长顾延章、曾国藩、單雄信和吕绿都不信，他们的手风琴也响了。"


@pytest.mark.parametrize(
    ("drafted", "spelled"),
    [
        ("Wu Xiaolan went to Shanghai.", "Wu Xiulan went to Shanghai."),
        ("It was Wu Shuanglan's doll.", "It was Wu Xiulan's doll."),
        ("Director Gu Yan Zhong did not.", "Director Gu Yan Zhang did not."),
        ("Wu Xiu-lan and Zhou Xiaoman", "Wu Xiulan and Zhou Xiaoman"),
        ("Can Wu Xiaolan see? She Can Gu Yanzhong!", "Can Wu Xiulan see? She Can Gu Yanzhang!"),
    ],
)
def test_a_name_that_is_like_one_of_the_source_is_spelled_as_its_characters_are_read(drafted: str, spelled: str) -> None:
    assert respelled(drafted, SOURCE) == spelled


@pytest.mark.parametrize(
    "text",
    [
        "Zeng Guofan, Shan Xiongxin and Lu Lu",
        "Women in China Can Dance in Shanghai.",
        "Guanyang is a place.",
        "Ta Men Deshou said so",
        "the gu yanzhong of old",
        "",
    ],
)
def test_what_is_right_or_no_name_of_two_words_stays_as_it_is(text: str) -> None:
    assert respelled(text, SOURCE) == text


def test_a_name_that_two_of_the_source_are_like_stays_as_it_is() -> None:
    assert respelled("Wu Xiaolan", "吴秀兰和吴小红") == "Wu Xiaolan"


def test_a_name_is_spelled_as_the_question_spells_it() -> None:
    assert respelled("Wu Hsiulan and Wu Shulan", SOURCE, "Who is Wu Shulan?") == "Wu Hsiulan and Wu Shulan"
    assert glossed("Wu Shulan", SOURCE) == "Wu Shulan (吴秀兰)"


def test_a_source_without_chinese_spells_no_name() -> None:
    assert (respelled("Gong Shulan", "Gong Shulan"), unread("Gong Shulan", "No one.")) == ("Gong Shulan", [])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Gong Shulan mended it with Wu Xiulan.", ["Gong Shulan"]),
        ("Wu Xiulan met Sun Yat-sen and Mary Lin Smith.", []),
        ("Women of China, Wu Xiulan.", []),
    ],
)
def test_a_name_that_no_characters_of_the_source_are_read_as_is_told(text: str, names: list[str]) -> None:
    assert unread(text, SOURCE) == names


def test_the_original_stands_behind_the_first_mention_alone() -> None:
    text = "Zhou Xiaoman is Wu Xiulan's granddaughter; Wu Xiulan, a blower, and Gu Yanzhang (顾延章) knew Shan Xiongxin."
    assert glossed(text, SOURCE) == (
        "Zhou Xiaoman (周晓满) is Wu Xiulan (吴秀兰)'s granddaughter; Wu Xiulan, a blower, and Gu Yanzhang (顾延章) "
        "knew Shan Xiongxin (單雄信)."
    )
