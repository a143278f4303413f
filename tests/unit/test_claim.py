"""Composing claims into a text: no repeated claims, and one citation mark per source sentence."""

import pytest
from fakes import FakeEmbedder

from rag.composition import compose
from rag.documents import Document
from rag.grounding.claim import Claim, without_repeats
from rag.index import Index, build

FOUNDED = "深度求索成立於2023年7月17日，總部設在杭州。"
FOUNDER = "王興興是宇樹科技的創始人。"


@pytest.fixture(scope="module")
def index() -> Index:
    return build([Document("a", FOUNDED + FOUNDER)], FakeEmbedder(), longest=100)[0]


def quote(before: str, text: str) -> Claim:
    return Claim(before, text, (0,), (1.0,), quoted=True)


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ([Claim("", "甲。"), Claim("", "乙。"), Claim("", "甲。")], "甲。乙。"),
        (
            [quote("", "甲。"), Claim("\n\n", "乙。"), quote("\n文中說：", "甲。"), quote("", "丙。")],
            "甲。\n\n乙。\n文中說：丙。",
        ),
        ([quote("", "甲。"), quote("\n\n", "甲。"), quote("\n文中說：", "丙。")], "甲。\n文中說：丙。"),
    ],
)
def test_repeated_claims_are_removed_and_the_words_before_a_removed_quote_introduce_the_next_one(
    claims: list[Claim], text: str
) -> None:
    assert "".join(claim.before + claim.text for claim in without_repeats(claims)) == text


def test_all_citations_of_a_source_sentence_have_the_same_mark(index: Index) -> None:
    first, second = 1, 0
    made = [
        Claim("", "甲。", (second,), (0.9,)),
        Claim("", "乙。", (first, second), (0.8, 0.6)),
        Claim("\n", "丙。"),
        Claim("\n", "丁。", (first,), (0.71234,)),
    ]
    sentences, citations = compose(made, index)
    assert sentences == ("甲。[1]", "乙。[2][1]", "\n丙。", "\n丁。[2]")
    assert [(c.marker, c.sentence, c.quote, c.support) for c in citations] == [
        (1, 0, FOUNDED, 0.9),
        (2, 1, FOUNDER, 0.8),
        (1, 1, FOUNDED, 0.6),
        (2, 3, FOUNDER, 0.712),
    ]


def test_a_numbered_list_from_which_items_were_dropped_is_renumbered(index: Index) -> None:
    made = [Claim("\n2. ", "甲。", (0,), (0.9,)), Claim("\n5. ", "乙。", (1,), (0.9,)), Claim("\n- ", "丙。")]
    assert compose(made, index)[0] == ("1. 甲。[1]", "\n2. 乙。[2]", "\n- 丙。")


def test_footnote_marks_of_the_source_are_removed_but_other_numbers_in_brackets_stay(index: Index) -> None:
    assert compose([Claim("", "甲在1931年[2]燒毀。[3]", (0,), (1.0,), quoted=True)], index)[0] == ("甲在1931年燒毀。[1]",)
    assert compose([Claim("", "國發[2023]5號。", (0,), (1.0,), quoted=True)], index)[0] == ("國發[2023]5號。[1]",)


def test_composing_no_claims_returns_no_sentences_and_no_citations(index: Index) -> None:
    assert compose([], index) == ((), ())
