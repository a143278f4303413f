"""The items of a list that spans several sentences are found from each of them and from the sentence that introduces it."""

import pytest
from fakes import FakeEmbedder

from rag.documents import Document
from rag.grounding.enumeration import items
from rag.index import Index, build


def index_of(*sentences: str) -> Index:
    return build([Document("a", "\n".join(sentences))], FakeEmbedder(), longest=100)[0]


CHINESE = (
    "今天講作坊。",
    "小作坊眼下有三道坎。",
    "第一道是豆價。",
    "本地黃豆貴了一倍。",
    "第二道是人手。",
    "第三道是天氣。",
    "說完了。",
)
ENGLISH = ("Users voiced two complaints.", "The first is refusals.", "The second is delay.", "In the first year all was well.")


@pytest.mark.parametrize("number", [1, 2, 4, 5])
def test_items_are_found_from_the_sentence_that_introduces_them_and_from_each_other(number: int) -> None:
    assert items(number, index_of(*CHINESE)) == (2, 4, 5)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_items_of_an_english_list_are_found(number: int) -> None:
    assert items(number, index_of(*ENGLISH)) == (1, 2)


@pytest.mark.parametrize("number", [0, 6])
def test_sentences_outside_a_list_have_no_items(number: int) -> None:
    assert items(number, index_of(*CHINESE)) == ()


@pytest.mark.parametrize("marks", [("一，", "二，"), ("一、", "二、"), ("（一）", "（二）"), ("1. ", "2. "), ("1）", "2）")])
def test_items_may_begin_with_only_a_list_number(marks: tuple[str, str]) -> None:
    first, second = marks
    lines = ("我們做了兩件很土的事。", f"{first}電極片每天換。", f"{second}門檻由兩人一起訂。")

    assert items(1, index_of(*lines)) == (1, 2)


@pytest.mark.parametrize("line", ["1.5公里外有一口井。", "三百人來過。", "一口井就夠了。", "12:30開飯。"])
def test_a_sentence_that_begins_with_an_amount_is_not_an_item(line: str) -> None:
    assert items(0, index_of("第一是錢。", line, "店關了。", "人走了。")) == ()


def test_a_list_does_not_extend_into_another_source() -> None:
    documents = [Document("a", "第一是錢。\n他說了兩件事。"), Document("b", "一、船在這裡。\n二、船在那裡。")]
    index = build(documents, FakeEmbedder(), longest=100)[0]

    assert [items(number, index) for number in range(4)] == [(), (), (2, 3), (2, 3)]


def test_a_single_item_is_not_a_list() -> None:
    assert items(0, index_of("他說了兩件事。", "第一是錢。", "後來他走了。", "店也關了。")) == ()


def test_a_list_ends_after_several_sentences_without_an_item() -> None:
    assert items(0, index_of("第一是錢。", "第二是人。", "甲。", "乙。", "丙。", "丁。", "第三屆開幕了。", "第三是地。")) == (
        0,
        1,
    )
