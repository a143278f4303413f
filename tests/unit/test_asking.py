"""What kind of thing a question asks for."""

import pytest

from rag.asking import asks_summary, asks_summary_of_all


@pytest.mark.parametrize(
    ("question", "summary", "of_all"),
    [
        ("Could you boil the whole thing down to a few sentences for me?", True, True),
        ("tl;dr of the entire report pls", True, True),
        ("用兩三句話交代一下整篇的重點", True, True),
        ("Sum up what the mayor did.", True, False),
        ("几句话概括杭州的政策", True, False),
        ("Did the whole town come?", False, False),
        ("全文有多少字？", False, False),
    ],
)
def test_a_summary_is_asked_for_in_so_many_words(question: str, summary: bool, of_all: bool) -> None:
    assert (asks_summary(question), asks_summary_of_all(question)) == (summary, of_all)
